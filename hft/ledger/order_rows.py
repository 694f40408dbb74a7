"""Turning what was told of an order into a row of `orders`: a report, a row of the order table, or
an order as the venue lists it.

Pure: names and sizes are handed in.  Times are this machine's where we saw it happen, and the
venue's where only the venue did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from hft.binance.order_frames import client_order_id
from hft.events import (
    FIRST_TERMINAL_STATE,
    Denial,
    Hop,
    IntentFlag,
    OrderState,
    OrderType,
    Side,
    Status,
    TimeInForce,
)
from hft.ledger.inserting import Row
from hft.ledger.rows import Names
from hft.units import NS_PER_MS, parse_e8

ENDED = tuple(state.name for state in OrderState if state >= FIRST_TERMINAL_STATE)
"""Words of `orders.state` after which nothing more is expected."""

_STATE_OF_VENUE = {
    "NEW": OrderState.ACCEPTED,
    "CANCELED": OrderState.CANCELLED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}


def rows_of_order_reports(reports: npt.NDArray[np.void], names: Names) -> list[Row]:
    """Make a row of every report about an order of ours, in order.

    Reports that name no order, no symbol or no side of ours are left out.
    """
    return [
        _row(report, names, _state_of_report(report), int(report["local_ns"])) | _refusal(report)
        for report in reports
        if report["status"] != Status.POSITION and is_order(report, names)
    ]


def rows_of_table(table: Iterable[np.void], names: Names) -> list[Row]:
    """Make a row of every order in the order table; rows in the middle of a change are left out."""
    return [
        _row(order, names, OrderState(int(order["state"])).name, int(order["updated_ns"]))
        for order in table
        if order["version"] % 2 == 0 and order["state"] != OrderState.FREE
        if is_order(order, names)
    ]


def is_order(told: np.void, names: Names) -> bool:
    """Say whether a report or a row names an order of ours, on one of our symbols."""
    return (
        bool(told["intent_seq"])
        and told["symbol"] < len(names.symbols)
        and told["side"] in tuple(Side)
        and told["order_type"] in tuple(OrderType)
    )


def row_of_venue_order(
    order: Mapping[str, Any], names: Names, owner: tuple[int, int], strategy: str
) -> Row:
    """Make a row of one element of `allOrders`; `owner` is its session epoch and its intent."""
    session_epoch, intent_seq = owner
    state = str(order["status"])
    state = _STATE_OF_VENUE[state].name if state in _STATE_OF_VENUE else state
    updated_ms = int(order["updateTime"])
    return {
        "account_epoch": names.account_epoch,
        "session_epoch": session_epoch,
        "intent_seq": intent_seq,
        "client_order_id": str(order["clientOrderId"]),
        "venue_order_id": int(order["orderId"]),
        "symbol": str(order["symbol"]),
        "side": str(order["side"]),
        "type": str(order["type"]),
        "tif": str(order["timeInForce"]),
        "flags": _flags_of_venue(order),
        "price_e8": parse_e8(order["price"]),
        "qty_e8": parse_e8(order["origQty"]),
        "filled_e8": parse_e8(order["executedQty"]),
        "quote_e8": parse_e8(order["cumQuote"]),
        "fee_e8": 0,
        "realised_e8": 0,
        "state": state,
        "venue_code": None,
        "denial": None,
        "strategy": strategy,
        "reason": 0,
        "sent_ms": int(order["time"]),
        "updated_ms": updated_ms,
        "finished_ms": updated_ms if state in ENDED else None,
        "hops": None,
        "bid": None,
        "ask": None,
        "paper": int(names.paper),
    }


def _row(told: np.void, names: Names, state: str, told_ns: int) -> Row:
    symbol, intent_seq = int(told["symbol"]), int(told["intent_seq"])
    tick_e8, lot_e8 = names.tick_e8[symbol], names.lot_e8[symbol]
    told_ms = names.anchor.to_wall_ns(told_ns) // NS_PER_MS
    return {
        "account_epoch": names.account_epoch,
        "session_epoch": names.session_epoch,
        "intent_seq": intent_seq,
        "client_order_id": client_order_id(names.session_epoch, intent_seq),
        "venue_order_id": int(told["venue_order_id"]) or None,
        "symbol": names.symbols[symbol],
        "side": Side(int(told["side"])).name,
        "type": OrderType(int(told["order_type"])).name,
        "tif": _word(TimeInForce, int(told["tif"])),
        "flags": int(told["flags"]),
        "price_e8": int(told["price_ticks"]) * tick_e8,
        "qty_e8": int(told["qty_lots"]) * lot_e8,
        "filled_e8": int(told["cum_qty_lots"]) * lot_e8,
        "quote_e8": int(told["cum_quote_e8"]),
        "fee_e8": 0,
        "realised_e8": 0,
        "state": state,
        "venue_code": int(told["venue_code"]) or None,
        "denial": None,
        "strategy": names.strategy(int(told["strategy"])),
        "reason": int(told["reason"]),
        "sent_ms": None if state == OrderState.DENIED.name else _sent_ms(told, names, told_ms),
        "updated_ms": told_ms,
        "finished_ms": told_ms if state in ENDED else None,
        "hops": _hops(told),
        "bid": float(told["bid"]) or None,
        "ask": float(told["ask"]) or None,
        "paper": int(names.paper),
    }


def _state_of_report(report: np.void) -> str:
    status = Status(int(report["status"]))
    if status is Status.AMENDED:
        status = Status.PARTIALLY_FILLED if report["cum_qty_lots"] else Status.ACCEPTED
    return status.name


def _refusal(report: np.void) -> Row:
    if report["status"] != Status.DENIED:
        return {}
    return {"denial": _word(Denial, int(report["reason"])), "reason": 0}


def _sent_ms(told: np.void, names: Names, told_ms: int) -> int:
    # An order no market frame caused has hops that count from its decision, which is not told.
    if not told["recv_ns"]:
        return told_ms
    sent_ns = int(told["recv_ns"]) + int(told["hops"][Hop.SENT])
    return names.anchor.to_wall_ns(sent_ns) // NS_PER_MS


def _hops(told: np.void) -> str:
    hops = zip(Hop, told["hops"].tolist(), strict=True)
    return orjson.dumps({hop.name.lower(): ns for hop, ns in hops if ns}).decode()


def _flags_of_venue(order: Mapping[str, Any]) -> int:
    flags = {
        IntentFlag.REDUCE_ONLY: order["reduceOnly"],
        IntentFlag.POST_ONLY: order["timeInForce"] == TimeInForce.GTX.name,
        IntentFlag.CLOSE_POSITION: order["closePosition"],
    }
    return sum(flag for flag, is_set in flags.items() if is_set)


def _word(words: type[IntEnum], value: int) -> str:
    return next((word.name for word in words if word == value), str(value) if value else "")
