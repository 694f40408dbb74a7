"""The claim: the core of the local exchange carries out 100,000 order operations a second.

An operation is a checked request placed through every rule of the venue (bands, notional, exposure,
margin) and matched, or an order cancelled; fills are booked to both accounts, and what happened is
drained as the doors drain it.  The baseline matches the same flow in a plain list without accounts
or rules, and says what must come out: who traded how much, and what rests at the end.
"""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np

from benches.report import Metrics, Row, expect
from hft.clock import monotonic_ns
from hft.simulator.exchange import Exchange
from hft.simulator.orders import OPEN, OrderRequest, VenueOrder
from hft.simulator.outcomes import Trade
from hft.simulator.symbols import BTCUSDT
from hft.simulator.tuning import collect_seldom
from hft.units import E8, NS_PER_S

MARK_TICKS = 600_000
ACCOUNTS = 10
RESTING_MAX = 300
TAKERS = 0.12
DRAIN_EVERY = 16
ROUNDS, QUICK_ROUNDS = 9, 3
ORDERS, QUICK_ORDERS = 40_000, 10_000
SEED = 11


class Wish(msgspec.Struct, frozen=True):
    """One order of the flow, before either side has seen it."""

    account_id: int
    request: OrderRequest


def flow(orders: int) -> list[Wish]:
    """Makers near the touch, some takers across it: the same flow for the same length."""
    dice = Random(SEED)
    wishes = []
    for number in range(orders):
        side = 1 if dice.random() < 0.5 else -1
        takes = dice.random() < TAKERS
        price = MARK_TICKS + side * 100 if takes else MARK_TICKS - side * dice.randrange(1, 60)
        request = OrderRequest(
            symbol=BTCUSDT,
            side=side,
            kind="LIMIT",
            time_in_force="IOC" if takes else "GTC",
            price_ticks=price,
            lots=dice.randrange(1, 20),
            client_id=f"c{number}",
        )
        # Makers and takers are different people: nobody meets an order of his own.
        account_id = 1 + number % ACCOUNTS + (ACCOUNTS if takes else 0)
        wishes.append(Wish(account_id, request))
    return wishes


def carry_out(wishes: list[Wish]) -> tuple[float, int, Exchange]:
    """Time the flow through the core; gives operations a second, lots traded, the core."""
    exchange = Exchange([BTCUSDT])
    listing = exchange.listings["BTCUSDT"]
    listing.mark_e8 = MARK_TICKS * BTCUSDT.tick_e8
    for account_id in range(1, 2 * ACCOUNTS + 1):
        exchange.open_desk(account_id).account.wallet_e8 = 10**7 * E8
    resting: list[VenueOrder] = []
    oldest = done = traded = 0
    started_ns = monotonic_ns()
    for number, wish in enumerate(wishes):
        order = exchange.place(wish.account_id, wish.request, number)
        done += 1
        if order.status in OPEN:
            resting.append(order)
        if len(resting) - oldest > RESTING_MAX:
            order = resting[oldest]
            oldest += 1
            if order.status in OPEN:
                exchange.cancel(order.owner, order, number)
                done += 1
        if number % DRAIN_EVERY == 0:
            traded += _lots(exchange)
    took_ns = monotonic_ns() - started_ns
    return done * NS_PER_S / took_ns, traded + _lots(exchange), exchange


def _lots(exchange: Exchange) -> int:
    return sum(outcome.lots for outcome in exchange.drain() if isinstance(outcome, Trade))


def carry_out_plainly(wishes: list[Wish]) -> tuple[float, int, dict[int, int]]:
    """The same flow in a plain list: operations a second, lots traded, lots resting by side."""
    book: list[list[int]] = []
    queue: list[list[int]] = []
    oldest = done = traded = 0
    started_ns = monotonic_ns()
    for wish in wishes:
        request = wish.request
        side, left = request.side, request.lots
        while left:
            best = None
            for order in book:
                crosses = order[0] != side and (order[1] - request.price_ticks) * side <= 0
                if crosses and (best is None or (order[1] - best[1]) * side < 0):
                    best = order
            if best is None:
                break
            lots = min(left, best[2])
            left -= lots
            best[2] -= lots
            traded += lots
            if not best[2]:
                book.remove(best)
        done += 1
        if left and request.time_in_force == "GTC":
            order = [side, request.price_ticks, left]
            book.append(order)
            queue.append(order)
        if len(queue) - oldest > RESTING_MAX:
            order = queue[oldest]
            oldest += 1
            if order[2]:
                book.remove(order)
                done += 1
    took_ns = monotonic_ns() - started_ns
    rest = {1: 0, -1: 0}
    for side, _, lots in book:
        rest[side] += lots
    return done * NS_PER_S / took_ns, traded, rest


def core(quick: bool) -> tuple[list[Row], Metrics]:
    """Measure the core alone; wrong lots or money end the bench.

    Raises:
        WrongAnswer: the core did not do what the plain list did.
    """
    collect_seldom()
    wishes = flow(QUICK_ORDERS if quick else ORDERS)
    rates, plain = [], []
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        rate, traded, exchange = carry_out(wishes)
        rates.append(rate)
        expect("money that appeared", exchange.treasury.total_e16("USDT"), _paid_in_e16())
        plain_rate, plain_traded, rest = carry_out_plainly(wishes)
        plain.append(plain_rate)
        expect("lots traded", traded, plain_traded)
        book = exchange.listings["BTCUSDT"].book
        for side, lots in rest.items():
            shown = sum(lots for _, lots in book.side(side).depth(RESTING_MAX + 1))
            expect(f"lots resting on side {side}", shown, lots)
    ours, theirs = float(np.median(rates)), float(np.median(plain))
    metrics: Metrics = {
        "core_ops_per_s": round(ours),
        "core_best_ops_per_s": round(max(rates)),
        "plain_ops_per_s": round(theirs),
    }
    rows = [
        Row("core, median round", round(ours), "order operations/s"),
        Row("core, best round", round(max(rates)), "order operations/s"),
        Row("a plain list, no accounts, no rules", round(theirs), "order operations/s", True),
    ]
    return rows, metrics


def _paid_in_e16() -> int:
    """What all wallets hold at the start: the users' and the fund's."""
    fund_e8 = Exchange([BTCUSDT]).treasury.fund.account.wallets["USDT"]
    return (2 * ACCOUNTS * 10**7 * E8 + fund_e8) * E8
