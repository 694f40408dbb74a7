"""Reads an order from request parameters and checks what can be checked without a book."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping

from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import AmendRequest, OrderRequest
from hft.simulator.refusals import refusal
from hft.simulator.symbols import Symbol
from hft.units import parse_e8

Params = Mapping[str, str]

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]*)?|-?\.[0-9]+")
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
ALGO_TYPES = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
TIMES_IN_FORCE = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD"})
SELF_TRADES = frozenset({"EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"})
POSITION_SIDES = frozenset({"BOTH", "LONG", "SHORT"})
PRICE_MATCHES = frozenset(
    {f"{word}{depth}" for word in ("OPPONENT", "QUEUE") for depth in ("", "_5", "_10", "_20")}
)
GOOD_TILL_LEAST_MS = 600_000
GOOD_TILL_MOST_MS = 253_402_300_799_000
SECOND_MS = 1_000
SIDES = {"BUY": BUY, "SELL": SELL}
_ID_LETTERS = string.ascii_letters + string.digits


def need(params: Params, name: str) -> str:
    """Give a parameter that must be there.

    Raises:
        Refusal: -1102, it is missing or empty.
    """
    value = params.get(name, "")
    if not value:
        raise refusal(-1102, name)
    return value


def need_int(params: Params, name: str) -> int:
    """Give a whole number that must be there.

    Raises:
        Refusal: -1102, it is missing or no whole number.
    """
    value = need(params, name)
    if not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise refusal(-1102, name)
    return int(value)


def optional_int(params: Params, name: str) -> int | None:
    """Give a whole number if it was sent."""
    return need_int(params, name) if params.get(name) else None


def decimal_e8(params: Params, name: str) -> int:
    """Give a decimal that must be there, in units of 1e-8.

    Raises:
        Refusal: -1102 missing, -1100 not a number, -1111 finer than 1e-8.
    """
    value = need(params, name)
    if not DECIMAL.fullmatch(value):
        raise refusal(-1100, name, DECIMAL_RANGE)
    try:
        return parse_e8(value)
    except ValueError:
        raise refusal(-1111) from None


def flag(params: Params, name: str) -> bool:
    """Give a boolean parameter, false when absent; libraries write it in any case."""
    value = params.get(name, "").lower()
    if value not in ("", "true", "false"):
        raise refusal(-1130, name)
    return value == "true"


def read_order(params: Params, symbol: Symbol, now_ms: int, *, hedge: bool) -> OrderRequest:
    """Read a new order of an account in hedge mode or not: words first, then the filters.

    The filters are those that concern price and quantity alone.

    Raises:
        Refusal: the first thing that is missing, malformed or outside the filters.
    """
    side = _side(params)
    kind = need(params, "type")
    if kind in ALGO_TYPES:
        raise refusal(-4120)
    if kind not in ("LIMIT", "MARKET"):
        raise refusal(-1116)
    if flag(params, "closePosition"):
        raise refusal(-4136, kind, "true")
    price_match = read_price_match(params, kind)
    if params.get("newOrderRespType", "ACK") not in ("ACK", "RESULT"):
        raise refusal(-1136)
    time_in_force = _time_in_force(params, kind)
    good_till_ms = read_good_till(params, time_in_force, now_ms)
    self_trade = read_self_trade(params)
    reduce_only = flag(params, "reduceOnly")
    position_side = read_position_side(params)
    check_position_side(position_side, hedge=hedge, reduce_only=reduce_only)
    client_id = _client_id(params)
    return OrderRequest(
        symbol=symbol,
        side=side,
        kind=kind,
        time_in_force=time_in_force,
        price_ticks=_price_ticks(params, symbol) if kind == "LIMIT" and not price_match else 0,
        lots=_lots(params, symbol, kind),
        client_id=client_id,
        reduce_only=reduce_only,
        self_trade=self_trade,
        position_side=position_side,
        price_match=price_match or "NONE",
        good_till_ms=good_till_ms,
    )


def check_position_side(position_side: str, *, hedge: bool, reduce_only: bool) -> None:
    """Check a leg against the account's mode.

    Raises:
        Refusal: -4061 it does not match, -1106 reduce-only in hedge mode.
    """
    if hedge == (position_side == "BOTH"):
        raise refusal(-4061)
    if hedge and reduce_only:
        raise refusal(-1106, "reduceonly")


def read_self_trade(params: Params) -> str:
    """Read the mode of self-trade prevention; NONE is the default one.

    Raises:
        Refusal: -5039, no such mode.
    """
    mode = params.get("selfTradePreventionMode") or "EXPIRE_MAKER"
    if mode == "NONE":
        return "EXPIRE_MAKER"
    if mode not in SELF_TRADES:
        raise refusal(-5039)
    return mode


def read_position_side(params: Params) -> str:
    """Read the leg of a position; BOTH when none is named.

    Raises:
        Refusal: -4060, no such leg.
    """
    leg = params.get("positionSide") or "BOTH"
    if leg not in POSITION_SIDES:
        raise refusal(-4060)
    return leg


def read_price_match(params: Params, kind: str) -> str:
    """Read which price of the book a limit order takes; empty when it has its own.

    Raises:
        Refusal: -5037 no such word, -5038 not for this type, -1106 a price was sent too.
    """
    word = params.get("priceMatch") or "NONE"
    if word == "NONE":
        return ""
    if word not in PRICE_MATCHES:
        raise refusal(-5037)
    if kind not in ("LIMIT", "STOP", "TAKE_PROFIT"):
        raise refusal(-5038)
    if params.get("price"):
        raise refusal(-1106, "price")
    return word


def read_good_till(params: Params, time_in_force: str, now_ms: int) -> int:
    """Read when a GTD order expires, to the second; 0 for others.

    Raises:
        Refusal: -1102 it is missing, -5040 out of range, -1106 sent for another time in force.
    """
    if time_in_force != "GTD":
        if params.get("goodTillDate", "0") not in ("", "0"):
            raise refusal(-1106, "goodTillDate")
        return 0
    till_ms = need_int(params, "goodTillDate")
    if not now_ms + GOOD_TILL_LEAST_MS < till_ms < GOOD_TILL_MOST_MS:
        raise refusal(-5040)
    return till_ms // SECOND_MS * SECOND_MS


def read_amendment(params: Params, symbol: Symbol) -> AmendRequest:
    """Read the new terms of an order, with the filters that concern price and quantity alone.

    Raises:
        Refusal: the first thing that is missing, malformed or outside the filters.
    """
    side = _side(params)
    price_match = read_price_match(params, "LIMIT")
    modify_id = params.get("modifyId", "")
    if modify_id and not CLIENT_ID.fullmatch(modify_id):
        raise refusal(-1130, "modifyId")
    need(params, "quantity")
    if not price_match:
        need(params, "price")
    return AmendRequest(
        side=side,
        price_ticks=0 if price_match else _price_ticks(params, symbol),
        lots=_lots(params, symbol, "LIMIT"),
        price_match=price_match or "NONE",
        reduce_only=flag(params, "reduceOnly"),
        modify_id=modify_id,
    )


def _side(params: Params) -> int:
    side = SIDES.get(need(params, "side"))
    if side is None:
        raise refusal(-1117)
    return side


def _time_in_force(params: Params, kind: str) -> str:
    if kind == "MARKET":
        return "GTC"
    value = need(params, "timeInForce")
    if value not in TIMES_IN_FORCE:
        raise refusal(-1115)
    return value


def _price_ticks(params: Params, symbol: Symbol) -> int:
    price_e8 = decimal_e8(params, "price")
    if price_e8 % 10 ** (8 - symbol.price_precision):
        raise refusal(-1111)
    if price_e8 <= 0:
        raise refusal(-4001)
    if price_e8 < symbol.min_ticks * symbol.tick_e8:
        raise refusal(-4013)
    if price_e8 > symbol.max_ticks * symbol.tick_e8:
        raise refusal(-4002)
    ticks, rest = divmod(price_e8, symbol.tick_e8)
    if rest:
        raise refusal(-4014)
    return ticks


def _lots(params: Params, symbol: Symbol, kind: str) -> int:
    quantity_e8 = decimal_e8(params, "quantity")
    if quantity_e8 <= 0:
        raise refusal(-4003)
    if quantity_e8 % 10 ** (8 - symbol.qty_precision):
        raise refusal(-1111)
    least = symbol.market_min_lots if kind == "MARKET" else symbol.min_lots
    if quantity_e8 < least * symbol.lot_e8:
        raise refusal(-4004)
    most = symbol.market_max_lots if kind == "MARKET" else symbol.max_lots
    if quantity_e8 > most * symbol.lot_e8:
        raise refusal(-4005)
    lots, rest = divmod(quantity_e8, symbol.lot_e8)
    if rest:
        raise refusal(-4023)
    return lots


def _client_id(params: Params) -> str:
    client_id = params.get("newClientOrderId", "")
    if not client_id:
        return "".join(secrets.choice(_ID_LETTERS) for _ in range(22))
    if len(client_id) > 36:
        raise refusal(-4015, text="Client order id length should not be more than 36 chars")
    if not CLIENT_ID.fullmatch(client_id):
        raise refusal(-4015)
    return client_id
