"""The checks an order passes before it may match, in the order the venue makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hft.simulator.account import TAKER_PPM, fee_e8
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import max_notional, symbol_margin
from hft.simulator.orders import AmendRequest, OrderRequest, VenueOrder
from hft.simulator.refusals import refusal
from hft.units import E8, trim_e8

if TYPE_CHECKING:
    from hft.simulator.exchange import Exchange

BAND_UNIT = 10_000
AMENDMENTS_MAX = 10_000


def admit(exchange: Exchange, desk: Desk, listing: Listing, request: OrderRequest) -> OrderRequest:
    """Check a request against book, orders, position and margin; cut it if it only reduces.

    Raises:
        Refusal: the first rule that it breaks.
    """
    _check_price_band(listing, request)
    _check_notional(listing, request)
    known = desk.by_client.get((request.symbol.name, request.client_id))
    if known is not None and known.order_id in desk.open:
        raise refusal(-4116)
    if len(desk.open_of(request.symbol)) >= request.symbol.orders_max:
        raise refusal(-2025)
    request = _cut_reducing(desk, request)
    if not request.reduce_only:
        _check_exposure(exchange, desk, listing, request)
    _check_fillable(desk, listing, request)
    return request


def check_amendable(desk: Desk, order: VenueOrder, wish: AmendRequest) -> None:
    """Check that an order may get other terms at all.

    Raises:
        Refusal: -2013, -5025, -1117, -5047, -5026 or -5027.
    """
    if order.order_id not in desk.open:
        raise refusal(-2013)
    if order.kind != "LIMIT":
        raise refusal(-5025)
    if wish.side != order.side:
        raise refusal(-1117)
    if wish.reduce_only and not order.reduce_only:
        raise refusal(-5047)
    if len(order.amendments) >= AMENDMENTS_MAX:
        raise refusal(-5026)
    _check_changes(order, wish)


def admit_amendment(
    exchange: Exchange, desk: Desk, listing: Listing, order: VenueOrder, wish: AmendRequest
) -> AmendRequest:
    """Check new terms against book, position and margin; cut them if the order only reduces.

    Raises:
        Refusal: the first rule that they break.
    """
    request = OrderRequest(
        symbol=order.symbol,
        side=order.side,
        kind=order.kind,
        time_in_force=order.time_in_force,
        price_ticks=wish.price_ticks,
        lots=wish.lots,
        client_id=order.client_id,
        reduce_only=order.reduce_only,
    )
    _check_price_band(listing, request)
    _check_notional(listing, request, code=-5029)
    rest = msgspec.structs.replace(request, lots=wish.lots - order.filled_lots)
    rest = _cut_reducing(desk, rest)
    if not rest.reduce_only:
        replaced_e8 = order.symbol.notional_e8(order.price_ticks, order.left_lots)
        _check_exposure(exchange, desk, listing, rest, replaced_e8=replaced_e8)
    wish = msgspec.structs.replace(wish, lots=order.filled_lots + rest.lots)
    _check_changes(order, wish)
    return wish


def _check_changes(order: VenueOrder, wish: AmendRequest) -> None:
    if (wish.price_ticks, wish.lots) == (order.limit_ticks, order.lots):
        raise refusal(-5027)


def limit_of(listing: Listing, request: OrderRequest) -> int:
    """Worst price a request may trade at: its own, or the market order's bound around the mark."""
    if request.kind == "LIMIT":
        return request.price_ticks
    return _bound_ticks(listing, request.side)


def check_leverage(exchange: Exchange, desk: Desk, listing: Listing, leverage: int) -> None:
    """Check that a symbol may have a leverage now.

    Raises:
        Refusal: -4028, -2027 or -2028.
    """
    symbol = listing.symbol
    if not 1 <= leverage <= symbol.brackets[0].leverage:
        raise refusal(-4028, leverage)
    position = desk.account.position(symbol.name)
    orders = desk.open_of(symbol)
    mark_e8 = listing.mark_or_mid_e8()
    now = symbol_margin(symbol, position, mark_e8, orders)
    if abs(now.notional_e8) > max_notional(symbol, leverage) * E8:
        raise refusal(-2027)
    wished = msgspec.structs.replace(position, leverage=leverage)
    then = symbol_margin(symbol, wished, mark_e8, orders)
    more_e8 = then.position_e8 + then.orders_e8 - now.position_e8 - now.orders_e8
    if more_e8 > exchange.account_margin(desk).available_e8:
        raise refusal(-2028)


def _bound_ticks(listing: Listing, side: int) -> int:
    """Furthest price from the mark that the band allows; buys round down, sells round up."""
    symbol = listing.symbol
    mark_e8 = listing.mark_or_mid_e8()
    edge = mark_e8 * (BAND_UNIT + side * symbol.band_e4)
    unit = symbol.tick_e8 * BAND_UNIT
    return edge // unit if side > 0 else -(-edge // unit)


def _check_price_band(listing: Listing, request: OrderRequest) -> None:
    if not listing.mark_or_mid_e8():
        raise refusal(-1112)
    bound = _bound_ticks(listing, request.side)
    if request.kind == "MARKET":
        best = listing.book.side(-request.side).best()
        if not best or (best - bound) * request.side > 0:
            raise refusal(-4131)
    elif (request.price_ticks - bound) * request.side > 0:
        code = -4016 if request.side > 0 else -4024
        raise refusal(code, request.symbol.price_text(bound))


def _check_notional(listing: Listing, request: OrderRequest, *, code: int = -4164) -> None:
    if request.reduce_only:
        return
    symbol = request.symbol
    if request.kind == "LIMIT":
        worth_e8 = symbol.notional_e8(request.price_ticks, request.lots)
    else:
        worth_e8 = request.lots * symbol.lot_e8 * listing.mark_or_mid_e8() // E8
    if worth_e8 < symbol.min_notional_e8:
        raise refusal(code, trim_e8(symbol.min_notional_e8))


def _cut_reducing(desk: Desk, request: OrderRequest) -> OrderRequest:
    """Refuse a reduce-only order that would not reduce; cut one that asks for too much."""
    if not request.reduce_only:
        return request
    reducible = -desk.account.position(request.symbol.name).lots * request.side
    if reducible <= 0:
        raise refusal(-2022)
    return msgspec.structs.replace(request, lots=min(request.lots, reducible))


def _check_exposure(
    exchange: Exchange,
    desk: Desk,
    listing: Listing,
    request: OrderRequest,
    *,
    replaced_e8: int = 0,
) -> None:
    """Refuse a position above the tier of the leverage, or margin that is not there.

    `replaced_e8` is the worth of the open order whose place the request takes.
    """
    symbol = request.symbol
    position = desk.account.position(symbol.name)
    after_lots = position.lots + request.side * request.lots
    if abs(after_lots) <= abs(position.lots):
        return
    mark_e8 = listing.mark_or_mid_e8()
    price_e8 = _assumed_price_e8(listing, request, mark_e8)
    worth_e8 = request.lots * symbol.lot_e8 * price_e8 // E8
    if abs(after_lots) * symbol.lot_e8 * mark_e8 // E8 > (
        max_notional(symbol, position.leverage) * E8
    ):
        raise refusal(-2027)
    now = symbol_margin(symbol, position, mark_e8, desk.open_of(symbol))
    added_e8 = worth_e8 - replaced_e8
    bids_e8 = now.bids_e8 + (added_e8 if request.side > 0 else 0)
    asks_e8 = now.asks_e8 + (added_e8 if request.side < 0 else 0)
    exposed = max(abs(now.notional_e8 + bids_e8), abs(now.notional_e8 - asks_e8))
    more_e8 = exposed // position.leverage - now.position_e8 - now.orders_e8
    open_loss_e8 = max(0, request.side * (price_e8 - mark_e8)) * request.lots * symbol.lot_e8 // E8
    needed_e8 = max(0, more_e8) + open_loss_e8 + fee_e8(max(0, added_e8), TAKER_PPM)
    if needed_e8 > exchange.account_margin(desk).available_e8:
        raise refusal(-2019)


def _assumed_price_e8(listing: Listing, request: OrderRequest, mark_e8: int) -> int:
    """Price the margin check reckons with; a market order is assumed to slip a little."""
    if request.kind == "LIMIT":
        return request.price_ticks * request.symbol.tick_e8
    bid, _, ask, _ = listing.book.top()
    if request.side > 0:
        return ask * request.symbol.tick_e8 * 10_005 // 10_000
    return max(bid * request.symbol.tick_e8, mark_e8)


def _check_fillable(desk: Desk, listing: Listing, request: OrderRequest) -> None:
    side, limit_ticks, book = request.side, request.price_ticks, listing.book
    if request.time_in_force == "FOK":
        # Nobody trades with himself, so his own resting orders cannot fill him.
        own = sum(
            order.left_lots
            for order in desk.open_of(request.symbol)
            if order.side == -side and (order.price_ticks - limit_ticks) * side <= 0
        )
        if book.crossing_lots(side, limit_ticks, request.lots + own) < request.lots + own:
            raise refusal(-5021)
    elif request.time_in_force == "GTX" and book.crossing(side, limit_ticks) is not None:
        raise refusal(-5022)
