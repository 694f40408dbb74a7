from __future__ import annotations

from collections.abc import Iterator

import pytest

from hft.simulator.characters import LIVELY, TEMPERS, Temper, character_of
from hft.simulator.exchange import Exchange
from hft.simulator.market import STEP_MS, STEPS_PER_S, SyntheticMarket
from hft.simulator.matching import BUY
from hft.simulator.outcomes import ForcedOrder, Trade
from hft.simulator.symbols import BTCUSDT, ETHUSDT, KNOWN, Symbol

from .core import place, request

TAKER_FEE = 0.0005


def play(
    symbol: Symbol, seed: int, seconds: int, *, interfere: bool = False
) -> Iterator[tuple[int, Exchange, object]]:
    """Run a market alone; yields (time, exchange, outcome) for everything that happens."""
    exchange = Exchange([symbol])
    exchange.open_desk(1)
    listing = exchange.listings[symbol.name]
    market = SyntheticMarket(exchange, listing, character_of(symbol), seed)
    for step in range(seconds * STEPS_PER_S):
        now_ms = step * STEP_MS
        for _ in market.step(now_ms):
            bid, _, ask, _ = listing.book.top()
            assert 0 < bid < ask
            for outcome in exchange.drain():
                yield now_ms, exchange, outcome
        if interfere and step % 300 == 0:
            place(exchange, request(BUY, 300, symbol=symbol), now_ms=now_ms)


def prints(seed: int, seconds: int) -> list[tuple[int, float, int]]:
    """Give (time, price, lots) of every aggregate trade."""
    rows: list[tuple[int, float, int]] = []
    last: tuple[int, int, bool] | None = None
    for now_ms, _, outcome in play(BTCUSDT, seed, seconds):
        if not isinstance(outcome, Trade):
            continue
        key = (now_ms, outcome.price_ticks, outcome.buyer_is_maker)
        price = outcome.price_ticks / 10
        if key == last:
            rows[-1] = (now_ms, price, rows[-1][2] + outcome.lots)
        else:
            rows.append((now_ms, price, outcome.lots))
        last = key
    return rows


def momentum_signals(rows: list[tuple[int, float, int]], window: int = 100) -> list[int]:
    """Times at which the momentum rule enters or leaves, as its description states it."""
    held, last_ms, signals = 0, -1_000, []
    for index in range(window - 1, len(rows)):
        now_ms, price, _ = rows[index]
        velocity = price - rows[index - window + 1][1]
        threshold = 2.0 + price * 2 * TAKER_FEE
        if now_ms - last_ms < 1_000:
            continue
        if not held and abs(velocity) > threshold:
            held = 1 if velocity > 0 else -1
        elif held * velocity < 0:
            held = 0
        else:
            continue
        last_ms = now_ms
        signals.append(now_ms)
    return signals


def liquidation_signals(rows: list[tuple[int, float, int]]) -> list[int]:
    """Times at which the liquidation rule enters or leaves, as its description states it."""
    held, last_ms, signals = False, -1_000, []
    for index in range(49, len(rows)):
        now_ms = rows[index][0]
        if now_ms - last_ms < 1_000:
            continue
        window = rows[index - 49 : index + 1]
        velocity = window[-1][1] - window[0][1]
        burst = sum(lots for _, _, lots in window[-5:])
        average = sum(lots for _, _, lots in window) / 50
        if not held and abs(velocity) > 10 and burst > 3 * average:
            held = True
        elif held and burst / 5 <= average:
            held = False
        else:
            continue
        last_ms = now_ms
        signals.append(now_ms)
    return signals


@pytest.mark.parametrize("seed", range(10))
def test_every_seed_gives_momentum_and_liquidation_their_work(seed: int) -> None:
    rows = prints(seed, 60)
    for signals in (momentum_signals(rows), liquidation_signals(rows)):
        assert len(signals) >= 12
        assert signals[0] < 10_000
    assert 50 <= len(rows) / 60 <= 150
    assert min(price for _, price, _ in rows) > 55_000


@pytest.mark.parametrize("temper", TEMPERS.values(), ids=TEMPERS)
@pytest.mark.parametrize("name", KNOWN)
def test_every_known_contract_has_a_market_of_its_own(name: str, temper: Temper) -> None:
    symbol = KNOWN[name]
    exchange = Exchange([symbol])
    listing = exchange.listings[name]
    market = SyntheticMarket(exchange, listing, character_of(symbol, temper), 1)
    trades = 0
    span_ms = 20_000 if temper is LIVELY else 90_000
    for step in range(span_ms // market.step_ms):
        for _ in market.step(step * market.step_ms):
            bid, _, ask, _ = listing.book.top()
            assert symbol.min_ticks <= bid < ask <= symbol.max_ticks
            trades += sum(isinstance(outcome, Trade) for outcome in exchange.drain())
    assert trades >= (10 if temper is LIVELY else 1)
    start_e8 = symbol.start_ticks * symbol.tick_e8
    assert abs(listing.index_e8 - start_e8) < start_e8 // 20


def test_forced_orders_quicken_a_cascade() -> None:
    """Pushes with many forced orders are over sooner than those with few."""
    pushes: list[tuple[int, int]] = []
    for seed in range(8):
        exchange = Exchange([BTCUSDT])
        listing = exchange.listings["BTCUSDT"]
        market = SyntheticMarket(exchange, listing, character_of(BTCUSDT), seed)
        steps = forced = 0
        for step in range(60 * STEPS_PER_S):
            for _ in market.step(step * STEP_MS):
                forced += sum(isinstance(outcome, ForcedOrder) for outcome in exchange.drain())
            if market.phase == "push":
                steps += 1
            elif steps:
                pushes.append((forced, steps))
                steps = forced = 0
    pushes.sort()
    half = len(pushes) // 2
    assert half >= 15
    few, many = pushes[:half], pushes[-half:]
    assert sum(steps for _, steps in many) < sum(steps for _, steps in few)


def test_the_same_seed_makes_the_same_market_and_another_one_does_not() -> None:
    def run(seed: int) -> list[str]:
        return [
            repr(o)
            for _, _, o in play(BTCUSDT, seed, 8, interfere=True)
            if isinstance(o, Trade | ForcedOrder)
        ]

    first = run(4)
    assert first == run(4)
    assert first != run(5)


def test_the_market_stays_two_sided_when_a_user_takes_everything() -> None:
    exchange = Exchange([ETHUSDT])
    exchange.open_desk(1).account.wallet_e8 *= 1_000_000
    listing = exchange.listings["ETHUSDT"]
    market = SyntheticMarket(exchange, listing, character_of(ETHUSDT), 1)
    while len(listing.book.asks):
        place(exchange, request(BUY, 2_000_000, symbol=ETHUSDT))
    assert not len(listing.book.asks)
    next(market.step(10))
    bid, _, ask, _ = listing.book.top()
    assert 0 < bid < ask
    assert len(listing.book.asks) >= 20


def test_cascades_bring_forced_orders_and_the_index_follows() -> None:
    forced = 0
    indexes = set()
    for _, exchange, outcome in play(BTCUSDT, 2, 30):
        forced += isinstance(outcome, ForcedOrder)
        indexes.add(exchange.listings["BTCUSDT"].index_e8)
    assert forced > 3
    assert len(indexes) > 20
