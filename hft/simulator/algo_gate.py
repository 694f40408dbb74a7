"""The checks a conditional order passes before it waits, in the order the venue makes them.

Margin is not among them: the venue looks at it when the order fires.
"""

from __future__ import annotations

from hft.simulator.algo import (
    E4,
    GTE_GTC,
    LIMITS,
    NEW,
    WAITING_MAX,
    AlgoOrder,
    Prices,
)
from hft.simulator.desk import Desk, Listing
from hft.simulator.orders import OrderRequest
from hft.simulator.refusals import refusal
from hft.units import E8, trim_e8


def admit(desk: Desk, request: OrderRequest, tif: str, prices: Prices) -> None:
    """Check a request against the prices and the orders that wait already.

    Raises:
        Refusal: the first rule that it breaks.
    """
    _check_limit(request)
    _check_notional(request, prices)
    known = desk.algos.by_client.get(request.client_id)
    if known is not None and known.status == NEW:
        raise refusal(-4116)
    if len(desk.algos.waiting) >= WAITING_MAX:
        raise refusal(-4045)
    if request.close_position:
        _check_closing(desk, request)
    if tif == GTE_GTC and not closable_lots(desk, request):
        raise refusal(-4509)
    _check_untriggered(request, prices)


def prices_of(listing: Listing) -> Prices:
    """Give the prices that conditions of a symbol are judged by."""
    return Prices(listing.last_ticks * listing.symbol.tick_e8, listing.mark_or_mid_e8())


def closable_lots(desk: Desk, request: OrderRequest) -> int:
    """Lots of the position that an order of this side and leg would close."""
    held = desk.account.position(request.symbol.name, request.position_side).lots
    return max(0, -held * request.side)


def _check_limit(request: OrderRequest) -> None:
    """Keep the limit price of a stop-limit order within the band around its trigger price."""
    if request.orig_kind not in LIMITS or not request.price_ticks:
        return
    symbol, side = request.symbol, request.side
    edge = request.stop_ticks * (E4 + side * symbol.band_e4)
    bound = edge // E4 if side > 0 else -(-edge // E4)
    if (request.price_ticks - bound) * side > 0:
        raise refusal(-4183 if side > 0 else -4184, symbol.price_text(bound))


def _check_notional(request: OrderRequest, prices: Prices) -> None:
    if request.reduces or request.close_position:
        return
    symbol = request.symbol
    ticks = request.price_ticks or request.stop_ticks or request.activation_ticks
    price_e8 = ticks * symbol.tick_e8 or prices.of(request.working_type)
    worth_e8 = request.lots * symbol.lot_e8 * price_e8 // E8
    if worth_e8 < symbol.min_notional_e8:
        raise refusal(-4164, trim_e8(symbol.min_notional_e8))


def _check_closing(desk: Desk, request: OrderRequest) -> None:
    """Refuse a closing order that would open, or a second of its kind in its direction."""
    if request.position_side != "BOTH" and not request.reduces:
        raise refusal(-2022)
    terms = (request.side, request.position_side, request.orig_kind)
    for algo in desk.algos.waiting_of(request.symbol):
        other = algo.request
        if other.close_position and terms == (other.side, other.position_side, other.orig_kind):
            raise refusal(-4130)


def _check_untriggered(request: OrderRequest, prices: Prices) -> None:
    """Refuse what would fire at once, or a trailing order that is past its activation."""
    if not request.callback_e4:
        if AlgoOrder(0, 0, request, "", 0).holds(prices.of(request.working_type)):
            raise refusal(-2021)
        return
    wanted_e8 = request.activation_ticks * request.symbol.tick_e8
    passed = (wanted_e8 - prices.last_e8) * request.side >= 0
    if wanted_e8 and prices.last_e8 and passed:
        raise refusal(-2021)
