"""Reads a conditional order from request parameters: which of them a type needs, and may have.

What is true of the order that will be placed (side, quantity, price, time in force and the rest)
is read by the same reader as any order's; here is what the condition adds.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hft.simulator.algo import (
    CONTRACT_PRICE,
    GTE_GTC,
    LIMITS,
    MARK_PRICE,
    TRAILING,
)
from hft.simulator.order_entry import ALGO_TYPES, Params, decimal_e8, flag, need, read_order
from hft.simulator.orders import OrderRequest
from hft.simulator.refusals import refusal
from hft.simulator.symbols import Symbol
from hft.units import E8

CALLBACK_MIN_E4 = 10
CALLBACK_MAX_E4 = 2_000
CALLBACK_STEP_E8 = E8 // 10
"""Callback rates are percent with one decimal, 0.1 to 20."""

CANONICAL = {
    name.lower(): name
    for name in ("algoId", "clientAlgoId", "algoType", "triggerPrice", "activatePrice")
}
"""Names that documents and libraries of the venue also write in lower case."""
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "STOP": ("activatePrice", "callbackRate"),
    "TAKE_PROFIT": ("activatePrice", "callbackRate"),
    "STOP_MARKET": ("price", "activatePrice", "callbackRate"),
    "TAKE_PROFIT_MARKET": ("price", "activatePrice", "callbackRate"),
    TRAILING: ("price", "triggerPrice"),
}
TIMES = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD", GTE_GTC})


def spelled(params: Params) -> dict[str, str]:
    """Give the parameters with their names as the venue spells them."""
    return {CANONICAL.get(name.lower(), name): value for name, value in params.items()}


def read_algo(
    params: Params, symbol: Symbol, now_ms: int, *, hedge: bool
) -> tuple[OrderRequest, str]:
    """Read a conditional order: the order it may become, and its time in force.

    Raises:
        Refusal: the first thing that is missing, malformed, not allowed or outside the filters.
    """
    if need(params, "algoType") != "CONDITIONAL":
        raise refusal(-1130, "algoType")
    kind = _kind(params)
    closes = flag(params, "closePosition")
    for name in FORBIDDEN[kind]:
        if params.get(name):
            raise refusal(-1106, name)
    if closes:
        _check_closing(params, kind)
    tif = params.get("timeInForce") or "GTC"
    if tif not in TIMES or (tif == "GTD" and kind not in LIMITS):
        raise refusal(-1115)
    working_type = params.get("workingType") or CONTRACT_PRICE
    if working_type not in (CONTRACT_PRICE, MARK_PRICE):
        raise refusal(-1130, "workingType")
    request = read_order(_plain(params, symbol, kind, tif), symbol, now_ms, hedge=hedge)
    return msgspec.structs.replace(
        request,
        lots=0 if closes else request.lots,
        reduce_only=request.reduce_only or (closes and not hedge),
        orig_kind=kind,
        stop_ticks=0 if kind == TRAILING else _trigger_ticks(params, symbol),
        working_type=working_type,
        close_position=closes,
        price_protect=flag(params, "priceProtect"),
        activation_ticks=_activation_ticks(params, symbol),
        callback_e4=_callback_e4(params) if kind == TRAILING else 0,
    ), tif


def _kind(params: Params) -> str:
    kind = need(params, "type")
    if kind in ("LIMIT", "MARKET"):
        raise refusal(
            -4120,
            text="Order type not supported for this endpoint. "
            "Please use the Order API endpoints instead.",
        )
    if kind not in ALGO_TYPES:
        raise refusal(-1116)
    return kind


def _check_closing(params: Params, kind: str) -> None:
    """Check what may go with closePosition: neither a quantity nor a say in reduceOnly."""
    if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
        raise refusal(-4136, kind, "true")
    if params.get("quantity") and decimal_e8(params, "quantity"):
        raise refusal(-4137)
    if params.get("reduceOnly"):
        if not flag(params, "reduceOnly"):
            raise refusal(-4138)
        raise refusal(-1106, "reduceonly")


def _plain(params: Params, symbol: Symbol, kind: str, tif: str) -> Mapping[str, str]:
    """Word the order that will be placed as an ordinary one."""
    plain = {name: value for name, value in params.items() if value}
    plain.pop("closePosition", None)
    plain["type"] = "LIMIT" if kind in LIMITS else "MARKET"
    plain["timeInForce"] = "GTC" if tif == GTE_GTC else tif
    plain["newClientOrderId"] = params.get("clientAlgoId", "")
    if flag(params, "closePosition"):
        # How much it will be is known when it fires.
        plain["quantity"] = symbol.qty_text(1)
    return plain


def _trigger_ticks(params: Params, symbol: Symbol) -> int:
    ticks = _ticks(params, "triggerPrice", symbol, -4006)
    if ticks > symbol.max_ticks:
        raise refusal(-4007)
    return ticks


def _activation_ticks(params: Params, symbol: Symbol) -> int:
    if not params.get("activatePrice"):
        return 0
    ticks = _ticks(params, "activatePrice", symbol, -4135)
    if not symbol.min_ticks <= ticks <= symbol.max_ticks:
        raise refusal(-4135)
    return ticks


def _ticks(params: Params, name: str, symbol: Symbol, below_code: int) -> int:
    """Read a price of the condition; `below_code` refuses one that is not above zero."""
    price_e8 = decimal_e8(params, name)
    if price_e8 <= 0:
        raise refusal(below_code)
    if price_e8 % 10 ** (8 - symbol.price_precision):
        raise refusal(-1111)
    ticks, rest = divmod(price_e8, symbol.tick_e8)
    if rest:
        raise refusal(-4014)
    return ticks


def _callback_e4(params: Params) -> int:
    percent_e8 = decimal_e8(params, "callbackRate")
    rate_e4 = percent_e8 * 100 // E8
    if percent_e8 % CALLBACK_STEP_E8 or not CALLBACK_MIN_E4 <= rate_e4 <= CALLBACK_MAX_E4:
        raise refusal(-2007)
    return rate_e4
