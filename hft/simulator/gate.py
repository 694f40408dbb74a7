"""The checks an order passes before it may match, in the order the venue makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hft.simulator.account import fee_e8
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import orders_margin_e8
from hft.simulator.order_entry import check_position_side
from hft.simulator.orders import AmendRequest, OrderRequest, VenueOrder
from hft.simulator.refusals import refusal
from hft.units import E8, trim_e8

if TYPE_CHECKING:
    from hft.simulator.exchange import Exchange

BAND_UNIT = 10_000


def admit(exchange: Exchange, desk: Desk, listing: Listing, request: OrderRequest) -> OrderRequest:
    """Check a request against book, orders, position and margin; cut it if it only reduces.

    Raises:
        Refusal: the first rule that it breaks.
    """
    check_position_side(
        request.position_side, hedge=desk.account.hedge, reduce_only=request.reduce_only
    )
    if request.price_match != "NONE":
        ticks = matched_price(listing, request.side, request.price_match)
        request = msgspec.structs.replace(request, price_ticks=ticks)
    mark_e8 = listing.mark_e8 or listing.mark_or_mid_e8()
    _check_price_band(listing, request, mark_e8)
    _check_notional(request, mark_e8)
    name = request.symbol.name
    known = desk.by_client.get((name, request.client_id))
    if known is not None and known.order_id in desk.open:
        raise refusal(-4116)
    orders = desk.by_symbol.get(name)
    if orders is not None and len(orders) >= request.symbol.orders_max:
        raise refusal(-2025)
    if request.reduces:
        request = _cut_reducing(desk, request)
    else:
        _check_exposure(exchange, desk, listing, request, mark_e8=mark_e8)
    if request.time_in_force in ("FOK", "GTX"):
        _check_fillable(exchange, desk, listing, request)
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
    if len(order.amendments) >= order.symbol.move_max:
        raise refusal(-5026)
    _check_changes(order, wish)


def admit_amendment(
    exchange: Exchange, desk: Desk, listing: Listing, order: VenueOrder, wish: AmendRequest
) -> AmendRequest:
    """Check new terms against book, position and margin; cut them if the order only reduces.

    Raises:
        Refusal: the first rule that they break.
    """
    request = msgspec.structs.replace(
        order.request, price_ticks=wish.price_ticks, lots=wish.lots, price_match="NONE"
    )
    mark_e8 = listing.mark_or_mid_e8()
    _check_price_band(listing, request, mark_e8)
    _check_notional(request, mark_e8, code=-5029)
    rest = msgspec.structs.replace(request, lots=wish.lots - order.filled_lots)
    if rest.reduces:
        rest = _cut_reducing(desk, rest)
    else:
        replaced_e8 = order.symbol.notional_e8(order.price_ticks, order.left_lots)
        _check_exposure(exchange, desk, listing, rest, mark_e8=mark_e8, replaced_e8=replaced_e8)
    wish = msgspec.structs.replace(wish, lots=order.filled_lots + rest.lots)
    _check_changes(order, wish)
    return wish


def _check_changes(order: VenueOrder, wish: AmendRequest) -> None:
    if (wish.price_ticks, wish.lots) == (order.limit_ticks, order.lots):
        raise refusal(-5027)


def matched_price(listing: Listing, side: int, price_match: str) -> int:
    """Give the price a best-bid-offer order takes from the book: its own side or the other's.

    Raises:
        Refusal: -5041, the book is not that deep.
    """
    word, _, depth = price_match.partition("_")
    level = int(depth or "1")
    ladder = listing.book.side(-side if word == "OPPONENT" else side)
    levels = ladder.depth(level)
    if len(levels) < level:
        raise refusal(-5041)
    return levels[-1][0]


def limit_of(listing: Listing, request: OrderRequest) -> int:
    """Worst price a request may trade at: its own, or the market order's bound around the mark."""
    if request.kind == "LIMIT":
        return request.price_ticks
    return bound_ticks(listing, request.side, request.symbol.take_bound_e4)


def bound_ticks(listing: Listing, side: int, band_e4: int) -> int:
    """Furthest price from the mark that a band allows; buys round down, sells round up."""
    edge = listing.mark_or_mid_e8() * (BAND_UNIT + side * band_e4)
    unit = listing.symbol.tick_e8 * BAND_UNIT
    return edge // unit if side > 0 else -(-edge // unit)


def _check_price_band(listing: Listing, request: OrderRequest, mark_e8: int) -> None:
    if not mark_e8:
        raise refusal(-1112)
    symbol, side = request.symbol, request.side
    if request.kind == "MARKET":
        best = listing.book.side(-side).best()
        bound = bound_ticks(listing, side, symbol.take_bound_e4)
        if not best or (best - bound) * side > 0:
            raise refusal(-4131)
        return
    edge = mark_e8 * (BAND_UNIT + side * symbol.band_e4)
    if (request.price_ticks * symbol.tick_e8 * BAND_UNIT - edge) * side > 0:
        bound = bound_ticks(listing, side, symbol.band_e4)
        raise refusal(-4016 if side > 0 else -4024, symbol.price_text(bound))


def _check_notional(request: OrderRequest, mark_e8: int, *, code: int = -4164) -> None:
    symbol = request.symbol
    if request.kind == "LIMIT":
        worth_e8 = request.price_ticks * request.lots * symbol.unit_e8
    else:
        worth_e8 = request.lots * symbol.lot_e8 * mark_e8 // E8
    if worth_e8 < symbol.min_notional_e8 and not (request.reduces or request.close_position):
        raise refusal(code, trim_e8(symbol.min_notional_e8))


def _cut_reducing(desk: Desk, request: OrderRequest) -> OrderRequest:
    """Refuse what would not reduce; cut a reduce-only order that asks for too much.

    In hedge mode more than the leg holds is refused.
    """
    position = desk.account.position(request.symbol.name, request.position_side)
    reducible = -position.lots * request.side
    hedge = request.position_side != "BOTH"
    if reducible <= 0 or (hedge and request.lots > reducible and not request.close_position):
        raise refusal(-2022)
    if request.lots <= reducible:
        return request
    return msgspec.structs.replace(request, lots=reducible)


def _check_exposure(
    exchange: Exchange,
    desk: Desk,
    listing: Listing,
    request: OrderRequest,
    *,
    mark_e8: int,
    replaced_e8: int = 0,
) -> None:
    """Refuse a position above the tier of the leverage, or margin that is not there.

    `replaced_e8` is the worth of the open order whose place the request takes.
    """
    symbol, side, account = request.symbol, request.side, desk.account
    holding = account.holding(symbol.name)
    position = holding.legs[request.position_side]
    shrinks = abs(position.lots + side * request.lots) <= abs(position.lots)
    if shrinks and not (holding.bids_e8 if side > 0 else holding.asks_e8):
        return
    leverage = holding.leverage
    price_e8 = _assumed_price_e8(listing, request, mark_e8)
    size_e8 = request.lots * symbol.lot_e8
    worth_e8 = size_e8 * price_e8 // E8
    added_e8 = worth_e8 - replaced_e8
    bids_e8 = holding.bids_e8 + (added_e8 if side > 0 else 0)
    asks_e8 = holding.asks_e8 + (added_e8 if side < 0 else 0)
    net_e8 = position.notional_e8(mark_e8, symbol.lot_e8)
    exposed = max(abs(net_e8 + bids_e8), abs(net_e8 - asks_e8))
    then_e8 = abs(net_e8 + bids_e8) if side > 0 else abs(net_e8 - asks_e8)
    if account.hedge:
        more_e8 = added_e8 // leverage
    else:
        tied_e8 = orders_margin_e8(holding, net_e8, hedge=False)
        more_e8 = exposed // leverage - abs(net_e8) // leverage - tied_e8
    if shrinks and more_e8 <= 0:
        return
    if then_e8 > listing.cap_e8(leverage):
        raise refusal(-2027)
    open_loss_e8 = max(0, side * (price_e8 - mark_e8)) * size_e8 // E8
    fees_e8 = fee_e8(max(0, added_e8), account.taker_ppm)
    if max(0, more_e8) + open_loss_e8 + fees_e8 > exchange.free_e8(account, symbol.quote):
        raise refusal(-2019)


def _assumed_price_e8(listing: Listing, request: OrderRequest, mark_e8: int) -> int:
    """Price the margin check reckons with; a market order is assumed to slip a little."""
    tick_e8 = request.symbol.tick_e8
    if request.kind == "LIMIT":
        return request.price_ticks * tick_e8
    if request.side > 0:
        return listing.book.asks.best() * tick_e8 * 10_005 // 10_000
    return max(listing.book.bids.best() * tick_e8, mark_e8)


def _check_fillable(
    exchange: Exchange, desk: Desk, listing: Listing, request: OrderRequest
) -> None:
    side, limit_ticks, book = request.side, request.price_ticks, listing.book
    if request.time_in_force == "FOK":
        # Nobody trades with himself, so his own resting orders cannot fill him.
        own = sum(
            order.left_lots
            for order in desk.open_of(request.symbol)
            if order.side == -side and (order.price_ticks - limit_ticks) * side <= 0
        )
        wanted = request.lots + own + _idle_lots(exchange, desk, request)
        if book.crossing_lots(side, limit_ticks, wanted) < wanted:
            raise refusal(-5021)
    elif book.crossing(side, limit_ticks) is not None:
        raise refusal(-5022)


def _idle_lots(exchange: Exchange, desk: Desk, request: OrderRequest) -> int:
    """Lots in reach of other users' reducing orders that their positions no longer allow."""
    symbol, side, lots = request.symbol, request.side, 0
    for other in exchange.desks.values():
        holding = other.account.holdings.get(symbol.name)
        if other is desk or holding is None or not holding.reducers:
            continue
        for leg in holding.legs.values():
            resting = sum(
                order.left_lots
                for order in other.open_of(symbol)
                if order.reduces
                and (order.leg, order.side) == (leg.leg, -side)
                and (order.price_ticks - request.price_ticks) * side <= 0
            )
            lots += max(0, resting - max(0, leg.lots * side))
    return lots
