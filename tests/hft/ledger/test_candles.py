"""One-minute candles: exact, whole or marked, kept once for each venue."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.clock import wall_ms
from hft.events import MarketKind
from hft.ledger.candle_desk import CandleDesk
from hft.ledger.candle_fold import CandleFold
from hft.ledger.candle_store import first_missing, store_heard, store_listed
from hft.ledger.courier import Courier
from hft.ledger.database import open_database
from hft.ledger.inserting import Row
from hft.ledger.schema import FROM_FEED, FROM_VENUE
from hft.ledger.venues import venue_of
from hft.state.blocks import CANDLES, MINUTES_KEPT, Mode
from hft.state.candles import MINUTE_MS, Columns, newest_candles
from hft.state.tape import written
from hft.units import E8
from tests.hft.ledger.databases import ask, ask_rows
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.market import GAP, MINUTE_0, SOLD, a_trade, publish
from tests.hft.ledger.world import ACCOUNT_EPOCH, LOT_E8, TICK_E8, World, drain, turn_until

TICKS = np.array([TICK_E8, 1_000_000], np.int64)
LOTS = np.array([LOT_E8, 100_000], np.int64)


def columns_of(*batches: list[Any]) -> Columns:
    columns = Columns(np.zeros(1, CANDLES))
    fold = CandleFold(columns, TICKS, LOTS)
    for batch in batches:
        fold.add(np.concatenate(batch))
    return columns


trades = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 4 * 60_000),
        st.integers(1, 900_000),
        st.integers(1, 5_000),
        st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(st.lists(trades, min_size=1, max_size=5))
def test_every_candle_is_the_exact_sum_of_its_trades(batches: list[Any]) -> None:
    columns = columns_of(
        *(
            [
                a_trade(ms, ticks * int(TICKS[symbol]) / E8, lots * int(LOTS[symbol]) / E8,
                        symbol=symbol, flags=SOLD * sold)
                for symbol, ms, ticks, lots, sold in batch
            ]
            for batch in batches
        )
    )  # fmt: skip
    slow: dict[tuple[int, int], list[Any]] = {}
    for batch in batches:
        for symbol, ms, ticks, lots, sold in batch:
            price, qty = ticks * int(TICKS[symbol]), lots * int(LOTS[symbol])
            key = (symbol, MINUTE_0 + ms // MINUTE_MS * MINUTE_MS)
            bar = slow.setdefault(key, [price, price, price, price, 0, 0, 0, 0])
            bar[1], bar[2], bar[3] = max(bar[1], price), min(bar[2], price), price
            bar[4] += qty
            bar[5] += price * qty
            bar[6] += 0 if sold else qty
            bar[7] += 1
    found = {
        (symbol, each.minute_ms): [*each[1:6], each.quote_e8, each.buy_e8, each.trades]
        for symbol in (0, 1)
        for each in columns.candles(symbol, int(TICKS[symbol]), int(LOTS[symbol]))
    }
    late = int(columns.value[0]["late"])
    assert late == 0
    for bar in slow.values():
        assert bar[5] % E8 == 0
        bar[5] //= E8
    assert found == slow


def test_the_first_minute_and_both_sides_of_a_hole_are_not_whole() -> None:
    columns = columns_of(
        [a_trade(0, 1.0), a_trade(60_000, 1.0), a_trade(120_000, 1.0), a_trade(180_000, 1.0)],
        [a_trade(240_000, 1.0, flags=GAP), a_trade(300_000, 1.0)],
        [a_trade(300_500, 1.0), a_trade(301_000, 1.0, flags=GAP), a_trade(360_000, 1.0)],
    )
    whole = [each.whole for each in columns.candles(0, TICK_E8, LOT_E8)]
    assert whole == [0, 1, 1, 0, 0, 0, 1]


def test_a_late_trade_is_added_to_its_minute_and_a_much_too_late_one_is_counted() -> None:
    later = [a_trade(minute * MINUTE_MS, 2.0) for minute in range(1, 1 + MINUTES_KEPT)]
    columns = columns_of(later, [a_trade(MINUTE_MS + 5, 3.0)], [a_trade(5, 1.0)])
    candles = columns.candles(0, TICK_E8, LOT_E8)
    assert [each.trades for each in candles] == [2] + [1] * (MINUTES_KEPT - 1)
    assert (candles[0].high_e8, candles[0].close_e8) == (3 * E8, 3 * E8)
    assert int(columns.value[0]["late"]) == 1


def a_row(minute: int, **fields: Any) -> Row:
    names = ("open_e8", "high_e8", "low_e8", "close_e8", "volume_e8", "quote_e8", "buy_e8")
    row: Row = dict.fromkeys(names, 5 * E8)
    row |= {"venue": "v", "symbol": "BTCUSDT", "minute_ms": MINUTE_0 + minute * MINUTE_MS}
    return row | {"trades": 10, "whole": 1, "source": FROM_FEED} | fields


def test_the_venue_has_the_last_word_and_more_trades_win_over_fewer(place: str) -> None:
    engine = open_database(place)
    store_heard(engine, [a_row(0, whole=0), a_row(1), a_row(2, whole=0)])
    store_heard(engine, [a_row(0, trades=3), a_row(1, trades=12), a_row(2, trades=11)])
    listed = {"source": FROM_VENUE, "trades": 2}
    store_listed(engine, [a_row(0, **listed), a_row(1, **listed), a_row(3, **listed)])
    store_heard(engine, [a_row(0, trades=99), a_row(3, trades=99)])
    told = ask(place, "SELECT trades, whole, source FROM candles ORDER BY minute_ms")
    assert told == [(2, 1, "venue"), (12, 1, "feed"), (11, 1, "feed"), (2, 1, "venue")]
    assert first_missing(engine, "v", "BTCUSDT", MINUTE_0, MINUTE_0 + 4 * MINUTE_MS) is None
    missing = first_missing(engine, "v", "BTCUSDT", MINUTE_0, MINUTE_0 + 6 * MINUTE_MS)
    assert missing == MINUTE_0 + 4 * MINUTE_MS
    assert first_missing(engine, "w", "BTCUSDT", MINUTE_0, MINUTE_0 + 60_000) == MINUTE_0
    engine.dispose()


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        (Mode.LIVE, "fapi.binance.com"),
        (Mode.TESTNET, "fapi.binance.com"),
        (Mode.DEMO, ACCOUNT_EPOCH),
        (Mode.DRY_RUN, ACCOUNT_EPOCH),
        (Mode.CUSTOM, ACCOUNT_EPOCH),
    ],
)
def test_no_two_venues_share_a_name(world: World, mode: Mode, name: str) -> None:
    run: Any = world.house.run[0]
    run["mode"] = mode
    assert venue_of(world.house, "https://fapi.binance.com") == name


def three_minutes(world: World) -> None:
    publish(
        world.house.market,
        *(a_trade(second * 1_000, 60_000.0 + second) for second in range(0, 150, 10)),
    )


def kept(world: World) -> list[tuple[Any, ...]]:
    query = "SELECT minute_ms, trades, whole, close_e8 FROM candles ORDER BY minute_ms"
    return ask(world.place, query)


def test_minutes_that_are_over_are_stored_and_the_rest_when_the_house_ends(world: World) -> None:
    with world.ledger() as ledger:
        three_minutes(world)
        turn_until(ledger, lambda: len(kept(world)) == 2)
        assert kept(world) == [
            (MINUTE_0, 6, 0, 60_050 * E8),
            (MINUTE_0 + MINUTE_MS, 6, 1, 60_110 * E8),
        ]
        drain(ledger)
    assert kept(world)[2] == (MINUTE_0 + 2 * MINUTE_MS, 3, 0, 60_140 * E8)
    (first, *_) = ask_rows(world.place, "SELECT * FROM candles ORDER BY minute_ms")
    assert (first["venue"], first["symbol"], first["source"]) == (ACCOUNT_EPOCH, "BTCUSDT", "feed")
    assert first["quote_e8"] == sum((60_000 + s) * E8 // 100 for s in range(0, 60, 10))


@pytest.mark.parametrize(("kind", "whole"), [(MarketKind.BOOK_TOP, 0), (MarketKind.MARK_PRICE, 1)])
def test_a_minute_is_over_once_the_connection_of_the_trades_has_told_of_a_later_one(
    world: World, kind: MarketKind, whole: int
) -> None:
    """Books come over another one, and go on while trades are being missed."""
    with world.ledger() as ledger:
        three_minutes(world)
        turn_until(ledger, lambda: len(kept(world)) == 2)
        publish(world.house.market, a_trade(10 * MINUTE_MS, 60_000.0, kind=kind))
        turn_until(ledger, lambda: written(world.house) == 16)
        drain(ledger)
    assert kept(world)[2] == (MINUTE_0 + 2 * MINUTE_MS, 3, whole, 60_140 * E8)


def test_a_killed_ledger_is_followed_by_one_that_counts_every_trade_once(world: World) -> None:
    with world.ledger() as ledger:
        three_minutes(world)
        turn_until(ledger, lambda: ledger.tape.written == 15)
    # As if it had been killed between the tape and the candles.
    before = world.house.candles.read()
    assert before is not None
    with world.ledger() as ledger:
        publish(world.house.market, a_trade(151_000, 61_000.0), a_trade(190_000, 62_000.0))
        turn_until(ledger, lambda: ledger.tape.written == 17)
    world.house.candles.write_bytes(before.tobytes())
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(kept(world)) == 3)
    assert kept(world)[2] == (MINUTE_0 + 2 * MINUTE_MS, 4, 1, 61_000 * E8)
    venue, candles = newest_candles(world.house, 0)
    assert venue == ACCOUNT_EPOCH
    assert [each.trades for each in candles] == [6, 6, 4, 1]


def test_the_prices_of_another_venue_are_forgotten(world: World) -> None:
    with world.ledger() as ledger:
        three_minutes(world)
        turn_until(ledger, lambda: len(kept(world)) == 2)
        world.know_account("demo-2")
        publish(world.house.market, a_trade(181_000, 5.0))
        turn_until(ledger, lambda: newest_candles(world.house, 0) == ("demo-2", []))


def test_before_the_sizes_are_known_nothing_is_taken(world: World) -> None:
    spec: Any = world.house.spec[1]
    spec["tick_e8"] = 0
    engine = open_database(world.place)
    courier = Courier("commits", (OSError,), lambda: None)
    desk = CandleDesk(world.house, engine, courier, "")
    assert not desk.ready()
    spec["tick_e8"] = TICK_E8
    assert desk.ready()
    courier.close()
    engine.dispose()


def test_a_chart_has_a_past_at_the_first_start(world: World, venue: LocalVenue) -> None:
    newest = wall_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS
    for back in range(30):
        minute = newest - back * MINUTE_MS
        text = f"{60_000 + back}.5"
        sums = ["1.5", minute + 59_999, "90000.75", 7, "0.5", "1", "0"]
        venue.candles.setdefault("BTCUSDT", []).insert(0, [minute, *[text] * 4, *sums])
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(kept(world)) >= 29)
    row = ask_rows(world.place, "SELECT * FROM candles ORDER BY minute_ms LIMIT 1")[0]
    assert (row["open_e8"], row["volume_e8"], row["quote_e8"]) == (
        6_002_950_000_000,
        150_000_000,
        9_000_075_000_000,
    )
    assert (row["trades"], row["buy_e8"], row["whole"], row["source"]) == (7, E8 // 2, 1, "venue")
    asked = [params for path, params in venue.asked if path.endswith("/klines")]
    assert {params["symbol"] for params in asked} == {"BTCUSDT", "ETHUSDT"}
    assert asked[0]["limit"] == "1000"
