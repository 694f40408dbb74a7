from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.recorded_book import RecordedBook, Scale
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .core import MARK_TICKS, exchange_with, place, request

_offset = st.integers(-5, 5)
_lots = st.integers(0, 30)
_event = st.one_of(
    st.tuples(st.just("ticker"), _offset, st.integers(1, 4), st.integers(1, 30)),
    st.tuples(st.just("depth"), _offset, st.sampled_from([BUY, SELL]), _lots),
    st.tuples(st.just("trade"), _offset, st.sampled_from([BUY, SELL]), st.integers(1, 30)),
    st.tuples(st.just("market"), _offset, st.sampled_from([BUY, SELL]), st.integers(1, 40)),
    st.tuples(st.just("limit"), _offset, st.sampled_from([BUY, SELL]), st.integers(1, 40)),
)


def _price(ticks: int) -> str:
    return BTCUSDT.price_text(ticks)


class _World:
    """A recorded book and what it is known to show."""

    def __init__(self) -> None:
        self.exchange: Exchange
        self.listing: Listing
        self.exchange, self.listing = exchange_with(1)
        self.book = RecordedBook(self.exchange, self.listing)
        self.touch = {BUY: 0, SELL: 0}
        self.taken: dict[tuple[int, int], int] = {}
        self.shown: dict[tuple[int, int], int] = {}
        self.update_id = 1

    def act(self, kind: str, offset: int, side_or_spread: int, lots: int) -> None:
        ticks = MARK_TICKS + offset
        self.update_id += 1
        if kind == "ticker":
            self._ticker(ticks, ticks + side_or_spread, lots)
        elif kind == "depth":
            rows = [(_price(ticks), BTCUSDT.qty_text(lots))]
            both: tuple[list[tuple[str, str]], list[tuple[str, str]]] = (rows, [])
            bids, asks = both if side_or_spread == BUY else both[::-1]
            self.book.on_depth(bids, asks, self.update_id, (self.update_id, 1))
        elif kind == "trade":
            self.book.on_trade(
                ticks, lots, (self.update_id, 1), buyer_is_maker=side_or_spread == BUY
            )
        else:
            self._order(kind, side_or_spread, ticks, lots)

    def _ticker(self, bid: int, ask: int, lots: int) -> None:
        quantity = BTCUSDT.qty_text(lots)
        times_ms = self.update_id, 1
        self.book.on_ticker(
            (_price(bid), quantity), (_price(ask), quantity), self.update_id, times_ms
        )
        self.touch = {BUY: bid, SELL: ask}

    def _order(self, kind: str, side: int, ticks: int, lots: int) -> None:
        ladder = self.listing.book.side(-side)
        standing = dict(ladder.depth(100))
        before = len(self.exchange.desks[1].fills)
        price = ticks if kind == "limit" else 0
        try:
            place(self.exchange, request(side, lots, price))
        except Refusal:
            return
        for fill in self.exchange.desks[1].fills[before:]:
            standing[fill.price_ticks] -= fill.lots
            assert standing[fill.price_ticks] >= 0, "more than stood there"
            if self.touch[-side]:
                assert (fill.price_ticks - self.touch[-side]) * side >= 0, "better than the touch"


@settings(max_examples=200, deadline=None)
@given(st.lists(_event, max_size=60))
def test_users_only_get_what_stands_in_the_recorded_book(
    events: list[tuple[str, int, int, int]],
) -> None:
    world = _World()
    for event in events:
        world.act(*event)
        bid, _, ask, _ = world.listing.book.top()
        assert not (bid and ask) or bid < ask
    desk = world.exchange.desks[1]
    for order in desk.orders.values():
        assert world.listing.book.holds(order) == (order.order_id in desk.open)


def test_what_was_taken_stays_taken_until_another_quantity_is_shown() -> None:
    world = _World()
    world.act("ticker", 0, 1, 10)
    place(world.exchange, request(BUY, 10))
    assert world.listing.book.asks.best() == 0
    world.act("ticker", 0, 1, 10)
    assert world.listing.book.asks.best() == 0
    world.act("ticker", 0, 1, 11)
    assert world.listing.book.asks.depth(1) == [(MARK_TICKS + 1, 11)]


def test_texts_become_steps_exactly() -> None:
    scale = Scale(BTCUSDT.tick_e8)
    assert [scale.steps(text) for text in ("60000.10", "60000.1", "0")] == [600_001, 600_001, 0]
