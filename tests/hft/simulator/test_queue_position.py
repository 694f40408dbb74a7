from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import OPEN, AmendRequest, VenueOrder
from hft.simulator.queues import ahead_of, users_at
from hft.simulator.recorded_book import RecordedBook
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .core import MARK_TICKS, exchange_with, place, request
from .tape import Tape
from .test_replay import listening
from .wire import eventually, running, until

BID = MARK_TICKS - 1
ASK = MARK_TICKS + 1


class Scene:
    """A recorded book of one price on either side, and users who join its queue."""

    def __init__(self, bid_lots: int) -> None:
        self.exchange: Exchange
        self.listing: Listing
        self.exchange, self.listing = exchange_with(1, 2)
        self.book = RecordedBook(self.exchange, self.listing)
        self.now_ms = 1_000
        self.shown = 0
        self.show(bid_lots)

    def show(self, lots: int, later_ms: int = 1) -> None:
        self.now_ms += later_ms
        self.shown += 1
        bid = BTCUSDT.price_text(BID), BTCUSDT.qty_text(lots)
        ask = BTCUSDT.price_text(ASK), "5.000"
        self.book.on_ticker(bid, ask, self.shown, (self.now_ms, 1))

    def trade(self, lots: int, ticks: int = BID, later_ms: int = 1) -> None:
        self.now_ms += later_ms
        self.book.on_trade(ticks, lots, (self.now_ms, 1), buyer_is_maker=True)

    def join(self, lots: int, account_id: int = 1, ticks: int = BID) -> VenueOrder:
        return place(self.exchange, request(BUY, lots, ticks), account_id)

    def ahead(self, order: VenueOrder) -> int:
        return ahead_of(self.listing, order)


def test_trades_eat_the_queue_ahead_before_they_fill_the_user() -> None:
    scene = Scene(60)
    order = scene.join(10)
    scene.trade(25)
    assert (scene.ahead(order), order.filled_lots) == (35, 0)
    scene.show(35)
    assert scene.ahead(order) == 35
    scene.trade(38)
    assert (order.filled_lots, order.left_lots) == (3, 7)
    assert scene.ahead(order) == 0
    scene.trade(100)
    assert order.status == "FILLED"


def test_what_leaves_without_a_trade_moves_the_user_up_by_the_share_ahead() -> None:
    scene = Scene(60)
    order = scene.join(10)
    scene.show(100)
    assert scene.ahead(order) == 60
    scene.show(50)
    assert scene.ahead(order) == 30
    assert scene.listing.book.bids.depth(1) == [(BID, 50 + 10)]


def test_what_is_new_stands_behind_the_user() -> None:
    scene = Scene(20)
    order = scene.join(10)
    scene.trade(20)
    scene.show(90)
    assert scene.ahead(order) == 0
    scene.trade(4)
    assert order.filled_lots == 4


def test_a_trade_that_is_told_late_counts_as_a_trade_and_not_as_a_cancellation() -> None:
    scene = Scene(60)
    order = scene.join(10)
    scene.show(100)
    scene.show(80)
    assert scene.ahead(order) == 48
    scene.trade(20, later_ms=0)
    assert scene.ahead(order) == 40
    assert scene.listing.book.bids.depth(1) == [(BID, 80 + 10)]


def test_a_trade_through_the_price_fills_at_once_up_to_its_own_lots() -> None:
    scene = Scene(60)
    first, second = scene.join(10), scene.join(10, account_id=2)
    scene.trade(14, ticks=BID - 3)
    assert (first.status, second.filled_lots) == ("FILLED", 4)


def test_users_of_one_price_are_filled_in_the_order_they_came() -> None:
    scene = Scene(5)
    orders = [scene.join(10, account_id=account_id) for account_id in (2, 1, 2)]
    scene.trade(5 + 13)
    assert [order.filled_lots for order in orders] == [10, 3, 0]


def test_an_amended_order_queues_anew() -> None:
    scene = Scene(5)
    first, second = scene.join(10), scene.join(10, account_id=2)
    wish = AmendRequest(side=BUY, lots=12, price_ticks=BID)
    scene.exchange.amend(1, first, wish, 2)
    scene.trade(5 + 10)
    assert (first.filled_lots, second.filled_lots) == (0, 10)


def test_what_was_never_shown_is_taken_for_older_than_the_user() -> None:
    scene = Scene(60)
    order = scene.join(10, ticks=BID - 7)
    rows = [(BTCUSDT.price_text(BID - 7), "0.030")]
    scene.book.on_depth(rows, [], scene.shown + 1, (scene.now_ms, 1))
    assert scene.ahead(order) == 30


def test_a_price_that_was_seen_empty_is_the_users_own() -> None:
    scene = Scene(60)
    for lots in ("0.030", "0.000"):
        rows = [(BTCUSDT.price_text(BID - 7), lots)]
        scene.shown += 1
        scene.book.on_depth(rows, [], scene.shown, (scene.now_ms, 1))
    order = scene.join(10, ticks=BID - 7)
    rows = [(BTCUSDT.price_text(BID - 7), "0.050")]
    scene.book.on_depth(rows, [], scene.shown + 1, (scene.now_ms, 1))
    assert scene.ahead(order) == 0


_lots = st.integers(1, 40)
_event = st.one_of(
    st.tuples(st.just("ticker"), st.integers(-3, 3), st.integers(1, 3), _lots),
    st.tuples(
        st.just("depth"), st.integers(-5, 5), st.sampled_from([BUY, SELL]), st.integers(0, 40)
    ),
    st.tuples(st.just("trade"), st.integers(-5, 5), st.sampled_from([BUY, SELL]), _lots),
    st.tuples(st.just("late"), st.integers(-5, 5), st.sampled_from([BUY, SELL]), _lots),
    st.tuples(st.just("join"), st.integers(-5, 5), st.sampled_from([BUY, SELL]), _lots),
    st.tuples(st.just("take"), st.integers(-5, 5), st.sampled_from([BUY, SELL]), _lots),
)


class _Random:
    """A recorded book under random events, and what it showed."""

    def __init__(self) -> None:
        self.exchange, self.listing = exchange_with(1, 2)
        self.book = RecordedBook(self.exchange, self.listing)
        self.update_id = self.now_ms = 1
        self.shown: dict[tuple[int, int], int] = {}

    def filled(self) -> int:
        return sum(fill.lots for desk in self.exchange.desks.values() for fill in desk.fills)

    def queues(self) -> dict[int, int]:
        return {
            order.order_id: ahead_of(self.listing, order)
            for desk in self.exchange.desks.values()
            for order in desk.open.values()
        }

    def act(self, kind: str, offset: int, extra: int, lots: int) -> None:
        ticks = MARK_TICKS + offset
        self.update_id += 1
        self.now_ms += kind != "late"
        before = self.filled()
        if kind == "ticker":
            self._ticker(ticks, ticks + extra, lots)
            assert self.filled() - before <= 2 * lots, "more filled than shown"
        elif kind == "depth":
            rows = [(BTCUSDT.price_text(ticks), BTCUSDT.qty_text(lots))]
            sides: tuple[list[Any], list[Any]] = (rows, []) if extra == BUY else ([], rows)
            self.book.on_depth(*sides, self.update_id, (self.now_ms, 1))
            assert self.filled() - before <= lots, "more filled than shown"
            self.shown[extra, ticks] = lots
        elif kind in ("trade", "late"):
            times_ms = self.now_ms - 2 * (kind == "late"), 1
            self.book.on_trade(ticks, lots, times_ms, buyer_is_maker=extra == BUY)
            assert self.filled() - before <= lots, "more filled than traded"
        else:
            self._order(kind, extra, ticks, lots)

    def _ticker(self, bid: int, ask: int, lots: int) -> None:
        quantity = BTCUSDT.qty_text(lots)
        rows = [(BTCUSDT.price_text(each), quantity) for each in (bid, ask)]
        self.book.on_ticker(rows[0], rows[1], self.update_id, (self.now_ms, 1))
        self.shown[BUY, bid] = self.shown[SELL, ask] = lots

    def _order(self, kind: str, side: int, ticks: int, lots: int) -> None:
        wish = request(side, lots, ticks, "GTC" if kind == "join" else "IOC")
        try:
            place(self.exchange, wish, 1 + self.update_id % 2)
        except Refusal:
            return

    def check(self) -> None:
        bid, _, ask, _ = self.listing.book.top()
        assert not (bid and ask) or bid < ask
        for side in (BUY, SELL):
            for ticks, lots in self.listing.book.side(side).depth(100):
                users = users_at(self.listing, side, ticks)
                own = sum(order.left_lots for order in users)
                assert 0 <= lots - own <= self.shown.get((side, ticks), 0), "more than was shown"

    def lines(self) -> list[list[tuple[VenueOrder, int]]]:
        """The users' orders of every price, first in the queue first, and what each has got."""
        return [
            [(order, order.filled_lots) for order in users_at(self.listing, side, ticks)]
            for side in (BUY, SELL)
            for ticks, _ in self.listing.book.side(side).depth(100)
        ]


@settings(max_examples=300, deadline=None)
@given(st.lists(_event, max_size=80))
def test_a_queue_never_grows_ahead_and_nobody_gets_more_than_was_traded_or_shown(
    events: list[tuple[str, int, int, int]],
) -> None:
    world = _Random()
    for event in events:
        before, lines = world.queues(), world.lines()
        standing = {
            (side, ticks)
            for side in (BUY, SELL)
            for ticks, lots in world.listing.book.side(side).depth(100)
            if lots > sum(o.left_lots for o in users_at(world.listing, side, ticks))
        }
        world.act(*event)
        world.check()
        for line in lines:
            for (first, _), (later, had) in itertools.pairwise(line):
                assert later.filled_lots == had or not first.left_lots or first.status not in OPEN
        after = world.queues()
        for desk in world.exchange.desks.values():
            for order in desk.open.values():
                place_ = order.side, order.price_ticks
                if order.order_id in before and place_ in standing:
                    assert 0 <= after[order.order_id] <= before[order.order_id]


LIMIT = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}


def test_a_client_waits_in_the_recorded_queue_and_sees_where(tmp_path: Path) -> None:
    tape = Tape()
    tape.ticker("60000.00", "0.030", "60000.10", "9.000")
    for step in range(120):
        tape.ticker("60000.00", "0.030", "60000.10", f"1.{step:03d}")
    tape.trade("60000.00", "0.020", maker=True)
    tape.ticker("60000.00", "0.010", "60000.10", "9.000")
    for step in range(60):
        tape.ticker("60000.00", "0.010", "60000.10", f"2.{step:03d}")
    tape.trade("60000.00", "0.015", maker=True)
    for step in range(60):
        tape.ticker("60000.00", "0.001", "60000.10", f"3.{step:03d}")
    path = tape.write(tmp_path / "own.txt")
    with (
        running("--replay", str(path)) as simulator,
        simulator.user_stream() as user,
        listening(simulator, "/public/ws/btcusdt@bookTicker") as public,
    ):
        eventually(lambda: len(public.messages) > 3)
        order = simulator.order(**LIMIT, side="BUY", price="60000.00", quantity="0.010")

        def queue() -> dict[str, Any]:
            rows = simulator.get("/sim/state")["market"]["queues"]
            return rows[0] if rows else {}

        assert queue() == {
            "symbol": "BTCUSDT",
            "orderId": order["orderId"],
            "price": "60000.00",
            "left": "0.010",
            "ahead": "0.030",
        }
        eventually(lambda: queue()["ahead"] == "0.010")
        fill = until(user, lambda event: event.get("o", {}).get("x") == "TRADE")
        assert (fill["o"]["l"], fill["o"]["X"], fill["o"]["m"]) == (
            "0.005",
            "PARTIALLY_FILLED",
            True,
        )
        assert simulator.get("/sim/state")["market"]["recorded_time_ms"] < tape.now_ms + 1
