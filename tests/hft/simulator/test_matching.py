from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, HOUSE, SELL, Book, Order
from hft.simulator.orders import OPEN, TERMINAL, AmendRequest
from hft.simulator.outcomes import Trade
from hft.simulator.refusals import Refusal

from .core import MARK_TICKS, exchange_with, place, request

ACCOUNTS = (1, 2, 3)


def test_the_earliest_order_at_the_best_price_trades_first() -> None:
    book = Book()
    late_but_better = Order(3, HOUSE, SELL, (100, 5))
    for order in (
        Order(1, HOUSE, SELL, (101, 5)),
        Order(2, HOUSE, SELL, (101, 5)),
        late_but_better,
    ):
        book.rest(order)
    seen = []
    while (maker := book.crossing(BUY, 101)) is not None:
        seen.append(maker.order_id)
        book.take(maker, maker.left_lots)
    assert seen == [3, 1, 2]


def test_a_cancelled_order_leaves_the_queue_of_its_level_in_order() -> None:
    book = Book()
    orders = [Order(number, HOUSE, BUY, (100, 2)) for number in range(5)]
    for order in orders:
        book.rest(order)
    book.cancel(orders[0])
    book.cancel(orders[2])
    assert book.bids.depth(5) == [(100, 6)]
    maker = book.crossing(SELL, 100)
    assert maker is orders[1]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_depth_lists_best_first_on_both_sides(side: int) -> None:
    book = Book()
    for number, ticks in enumerate((5, 9, 7, 9)):
        book.rest(Order(number, HOUSE, side, (ticks, 1)))
    expected = [(9, 2), (7, 1), (5, 1)] if side == BUY else [(5, 1), (7, 1), (9, 2)]
    assert book.side(side).depth(10) == expected
    assert book.side(side).depth(1) == expected[:1]


_action = st.tuples(
    st.sampled_from(
        ["limit", "limit", "limit", "limit", "market", "cancel", "amend", "amend", "mark"]
    ),
    st.sampled_from(ACCOUNTS),
    st.sampled_from([BUY, SELL]),
    st.integers(-6, 6),
    st.integers(1, 40),
    st.sampled_from(["GTC", "GTC", "GTC", "GTC", "IOC", "FOK", "GTX"]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"]),
)


def _act(exchange: Exchange, listing: Listing, action: tuple[object, ...]) -> None:
    kind, account_id, side, offset, lots, tif, reduce_only, self_trade = action
    assert isinstance(account_id, int)
    assert isinstance(side, int)
    assert isinstance(offset, int)
    assert isinstance(lots, int)
    assert isinstance(tif, str)
    if kind == "mark":
        listing.mark_e8 += offset * 7 * listing.symbol.tick_e8
    elif kind in ("cancel", "amend"):
        orders = [order for desk in exchange.desks.values() for order in desk.open.values()]
        if not orders:
            return
        order = orders[lots % len(orders)]
        if kind == "cancel":
            exchange.cancel(order.owner, order, 5)
            return
        wish = AmendRequest(side=order.side, price_ticks=MARK_TICKS + offset, lots=lots)
        exchange.amend(order.owner, order, wish, 5)
    else:
        price = MARK_TICKS + offset if kind == "limit" else 0
        more = {"reduce_only": reduce_only, "self_trade": self_trade}
        place(exchange, request(side, lots, price, tif if price else "GTC", **more), account_id)


@settings(max_examples=100, deadline=None)
@given(st.lists(_action, min_size=20, max_size=60))
def test_whatever_users_do_the_book_is_uncrossed_and_nothing_is_lost(
    actions: list[tuple[object, ...]],
) -> None:
    exchange, listing = exchange_with(*ACCOUNTS)
    start_e16 = exchange.treasury.total_e16("USDT")
    traded = 0
    for action in actions:
        try:
            _act(exchange, listing, action)
        except Refusal:
            continue
        finally:
            traded += sum(o.lots for o in exchange.drain() if isinstance(o, Trade))
        bid, bid_lots, ask, ask_lots = listing.book.top()
        assert not (bid and ask) or bid < ask
        assert (bid_lots > 0) == (bid > 0)
        assert (ask_lots > 0) == (ask > 0)
    _check_quantities(exchange, listing, traded)
    assert exchange.treasury.total_e16("USDT") == start_e16


def _check_quantities(exchange: Exchange, listing: Listing, traded: int) -> None:
    orders = [order for desk in exchange.desks.values() for order in desk.orders.values()]
    filled = {BUY: 0, SELL: 0}
    for order in orders:
        filled[order.side] += order.filled_lots
        assert 0 <= order.filled_lots <= order.lots
        assert order.status in OPEN | TERMINAL
        resting = listing.book.holds(order)
        assert resting == (order.status in OPEN)
        if resting:
            assert order.left_lots == order.lots - order.filled_lots
        assert (order.status == "FILLED") == (order.filled_lots == order.lots)
    assert filled == {BUY: traded, SELL: traded}
    parties: dict[int, list[int]] = {}
    for account_id, desk in exchange.desks.items():
        for fill in desk.fills:
            parties.setdefault(fill.trade_id, []).append(account_id)
    assert all(len(set(owners)) == len(owners) == 2 for owners in parties.values())
    resting_lots = sum(order.left_lots for order in orders if order.status in OPEN)
    shown = sum(lots for side in (BUY, SELL) for _, lots in listing.book.side(side).depth(1000))
    assert shown == resting_lots
    assert sum(desk.account.position("BTCUSDT").lots for desk in exchange.desks.values()) == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(_action, min_size=20, max_size=60))
def test_the_same_requests_give_the_same_events(actions: list[tuple[object, ...]]) -> None:
    def run() -> list[str]:
        exchange, listing = exchange_with(*ACCOUNTS)
        said = []
        for action in actions:
            try:
                _act(exchange, listing, action)
            except Refusal as refused:
                said.append(str(refused))
            said += [
                f"{type(o).__name__} {getattr(o, 'status', '')} {getattr(o, 'fill', '')}"
                f" {getattr(o, 'wallet_e8', '')} {getattr(o, 'trade_id', '')}"
                for o in exchange.drain()
            ]
        return said

    assert run() == run()
