"""Whatever happens, no unit of money and no lot appears or disappears."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hft.simulator import settings as account_settings
from hft.simulator.account import LEGS
from hft.simulator.desk import Desk, Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import OPEN, TERMINAL, AmendRequest, VenueOrder
from hft.simulator.outcomes import OrderUpdate, Outcome, TradeLite
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT
from hft.simulator.treasury import FUND_ID
from hft.units import E8

from .core import exchange_with, place, request

ONE_WAY, HEDGED, ISOLATED, RICH = 1, 2, 3, 4

_action = st.tuples(
    st.sampled_from(
        ["limit"] * 6 + ["market"] * 3 + ["house"] * 4
        + ["cancel", "amend", "mark", "mark", "crash", "funding", "deposit", "leverage", "margin"]
    ),
    st.sampled_from([ONE_WAY, HEDGED, ISOLATED, RICH]),
    st.sampled_from([BUY, SELL]),
    st.integers(-6, 6),
    st.integers(1, 3_000),
    st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX", "GTD"]),
    st.sampled_from(["OPEN", "OPEN", "CLOSE"]),
)  # fmt: skip
Action = tuple[str, int, int, int, int, str, str]


def _world() -> tuple[Exchange, Listing]:
    exchange, listing = exchange_with(ONE_WAY, HEDGED, ISOLATED, RICH)
    account_settings.set_hedge(exchange.desks[HEDGED], on=True)
    account_settings.set_margin_type(exchange.desks[ISOLATED], listing, isolated=True)
    exchange.treasury.deposit(RICH, "USDT", 10**6 * E8, 1)
    for desk in (exchange.desks[ONE_WAY], exchange.desks[ISOLATED]):
        account_settings.set_leverage(exchange, desk, listing, 100, 1)
    exchange.treasury.fund.account.wallets["USDT"] = 100 * E8
    return exchange, listing


def _leg(account_id: int, side: int, wish: str) -> str:
    if account_id != HEDGED:
        return "BOTH"
    return "LONG" if (side > 0) == (wish == "OPEN") else "SHORT"


def _act(exchange: Exchange, listing: Listing, action: Action, now_ms: int) -> None:
    kind, account_id, side, offset, lots, tif, wish = action
    mid = listing.mark_e8 // BTCUSDT.tick_e8
    desk = exchange.desks[account_id]
    if kind == "house":
        exchange.house_order(listing, side, (mid - side * offset, lots), now_ms)
    elif kind == "mark":
        listing.mark_e8 += offset * 300 * BTCUSDT.tick_e8
        exchange.on_time(now_ms)
    elif kind == "crash":
        listing.mark_e8 += offset * listing.mark_e8 // 60
        exchange.on_time(now_ms)
    elif kind == "funding":
        exchange.treasury.settle_funding(listing, offset * 10_000, now_ms)
    elif kind == "deposit":
        exchange.treasury.deposit(account_id, "USDT", offset * lots * E8 // 10, now_ms)
    elif kind == "leverage":
        leverage = 1 + lots % 150
        account_settings.set_leverage(exchange, desk, listing, leverage, now_ms)
    elif kind == "margin":
        leg = _leg(account_id, side, wish)
        account_settings.move_margin(exchange, desk, listing, leg, offset * E8, now_ms)
    elif kind in ("cancel", "amend"):
        orders = list(desk.open.values())
        if orders:
            _change(exchange, orders[lots % len(orders)], kind, (mid + offset, lots), now_ms)
    else:
        price = mid + offset if kind == "limit" else 0
        more = {
            "position_side": _leg(account_id, side, wish),
            "reduce_only": wish == "CLOSE" and account_id != HEDGED,
            "good_till_ms": now_ms + 20 if tif == "GTD" and price else 0,
        }
        wished = request(side, lots, price, tif if price else "GTC", **more)
        place(exchange, wished, account_id, now_ms)


def _change(
    exchange: Exchange, order: VenueOrder, kind: str, terms: tuple[int, int], now_ms: int
) -> None:
    if kind == "cancel":
        exchange.cancel(order.owner, order, now_ms)
        return
    wish = AmendRequest(side=order.side, price_ticks=terms[0], lots=terms[1])
    exchange.amend(order.owner, order, wish, now_ms)


def _check_desk(exchange: Exchange, listing: Listing, desk: Desk) -> None:
    holding = desk.account.holding("BTCUSDT")
    worth = {BUY: 0, SELL: 0}
    for order in desk.open.values():
        assert order.status in OPEN
        assert listing.book.holds(order)
        if not order.reduces:
            worth[order.side] += BTCUSDT.notional_e8(order.price_ticks, order.left_lots)
    assert worth == {BUY: holding.bids_e8, SELL: holding.asks_e8}
    assert holding.open_orders == len(desk.open) == len(desk.open_of(BTCUSDT))
    assert holding.legs["LONG"].lots >= 0 >= holding.legs["SHORT"].lots
    for leg in holding.legs.values():
        assert leg.lots or not (leg.isolated_e8 or leg.cost_e16)
    margin = exchange.account_margin(desk)
    assert exchange.free_e8(desk.account, "USDT") == margin.free_e8
    for order in desk.orders.values():
        assert order.status in OPEN | TERMINAL
        assert (order.status in OPEN) == (order.order_id in desk.open)


def _lots(exchange: Exchange, listing: Listing) -> int:
    held = sum(
        desk.account.position("BTCUSDT", leg).lots
        for desk in exchange.desks.values()
        for leg in LEGS
    )
    return held + listing.house_lots


@settings(max_examples=150, deadline=None)
@given(st.lists(_action, min_size=30, max_size=90))
def test_money_and_lots_are_conserved_through_orders_funding_liquidation_and_deposits(
    actions: list[Action],
) -> None:
    exchange, listing = _world()
    start_e16 = exchange.treasury.total_e16("USDT")
    for now_ms, action in enumerate(actions, start=10):
        try:
            _act(exchange, listing, action, now_ms * 100)
        except Refusal:
            # A refused call has changed nothing: the sums below say so.
            exchange.drain()
        exchange.on_time(now_ms * 100)
        assert exchange.treasury.total_e16("USDT") == start_e16
        assert _lots(exchange, listing) == 0
        bid, _, ask, _ = listing.book.top()
        assert not (bid and ask) or bid < ask
        for desk in exchange.desks.values():
            _check_desk(exchange, listing, desk)


@settings(max_examples=30, deadline=None)
@given(st.lists(_action, min_size=30, max_size=90))
def test_the_same_calls_give_the_same_outcomes_bit_for_bit(actions: list[Action]) -> None:
    def run() -> list[str]:
        exchange, listing = _world()
        said: list[str] = []
        for now_ms, action in enumerate(actions, start=10):
            try:
                _act(exchange, listing, action, now_ms * 100)
            except Refusal as refused:
                said.append(str(refused))
            said += [_told(outcome) for outcome in exchange.drain()]
        return said

    def _told(outcome: Outcome) -> str:
        # Objects are told by their ids; the names of orders are numbered on through both runs.
        if isinstance(outcome, OrderUpdate):
            return f"{outcome.order.order_id} {outcome.execution} {outcome.status} {outcome.fill}"
        if isinstance(outcome, TradeLite):
            return f"{outcome.fill}"
        return f"{outcome}"

    assert run() == run()


def test_the_fund_is_an_account_like_any_other_and_pays_no_fees() -> None:
    exchange, _ = _world()
    fund = exchange.desks[FUND_ID].account
    assert (fund.maker_ppm, fund.taker_ppm) == (0, 0)
    assert fund.wallets["USDT"] == 100 * E8
