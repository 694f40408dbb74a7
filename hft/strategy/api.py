"""The public interface of a strategy file: import from here and from nowhere else in the house.

A strategy is one file with `NAME`, `Params`, `STATE` and ``on_market(event, position, orders,
params, state, out)``, optionally ``on_report(report, position, orders, params, state, out)``,
`DETAIL`, `EXPLAIN` and ``COMPILED = False``.  The functions below fill `out`; they are plain
Python, compiled together with the strategy that uses them, and give the same answers uncompiled.

`event`, `report`, `position`, one row of `orders`, `params` and `state` are records: read their
fields as attributes (`hft.events.MARKET`, `REPORT`, `POSITION`, `OPEN_ORDER`, your own).  There is
one `state` per symbol; `position` is the one of the event's symbol.  `orders` is read-only; a row
whose `status` is 0 is free.  Times of events are ``recv_ns``: nothing else is a clock, which is why
a replay is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hft.events import (
    Action,
    IntentFlag,
    MarketFlag,
    MarketKind,
    OrderType,
    Side,
    Status,
    TimeInForce,
    Verdict,
    record,
)
from hft.state.blocks import OUT_DETAIL
from hft.units import NS_PER_MS, NS_PER_S

__all__ = [
    "IN_FLIGHT",
    "NS_PER_MS",
    "NS_PER_S",
    "OPEN_ORDERS_MAX",
    "OUT",
    "OUT_DETAIL",
    "OUT_INTENTS",
    "Action",
    "IntentFlag",
    "MarketFlag",
    "MarketKind",
    "OrderType",
    "Record",
    "Side",
    "Status",
    "TimeInForce",
    "Verdict",
    "amend",
    "cancel",
    "cancel_all",
    "detail",
    "limit",
    "market",
    "state_dtype",
    "stop_market",
    "take_profit_market",
    "verdict",
]

Record = Any
"""One record of a numpy dtype, fields as attributes; which one, the argument's name says."""

OUT_INTENTS = 8
OPEN_ORDERS_MAX = 64
IN_FLIGHT = 255
"""`status` of an open-order row whose intent has left and of which no report came yet."""

OUT = record(
    512,
    ("count", "<i8"),
    ("overflow", "<i8"),  # Intents of this event that did not fit.
    ("verdict", "<i8"),
    ("distance", "<f8"),
    ("needed", "<f8"),
    ("detail", "<f8", OUT_DETAIL),
    ("order_ref", "<u8", OUT_INTENTS),  # 0: the loop uses the intent's number.
    ("target_ref", "<u8", OUT_INTENTS),
    ("price", "<f8", OUT_INTENTS),
    ("qty", "<f8", OUT_INTENTS),
    ("reason", "<u2", OUT_INTENTS),
    ("action", "u1", OUT_INTENTS),
    ("side", "i1", OUT_INTENTS),
    ("order_type", "u1", OUT_INTENTS),
    ("tif", "u1", OUT_INTENTS),
    ("flags", "u1", OUT_INTENTS),
)
"""What one call may say: up to OUT_INTENTS intents in columns, and one verdict."""


def state_dtype(*fields: tuple[str, str] | tuple[str, str, int]) -> np.dtype[np.void]:
    """Lay out a STATE of fields ``(name, format)`` or ``(name, format, n)``; all begin as 0."""
    size = sum(np.dtype(f[1]).itemsize * (f[2] if len(f) == 3 else 1) for f in fields)
    return record(-(-size // 8) * 8, *fields)


def _next_row(out: Record) -> int:
    row = out.count
    if row >= OUT_INTENTS:
        out.overflow += 1
        return -1
    out.count = row + 1
    out.order_ref[row] = 0
    out.target_ref[row] = 0
    out.price[row] = 0.0
    out.qty[row] = 0.0
    out.reason[row] = out.verdict
    out.action[row] = 0
    out.side[row] = 0
    out.order_type[row] = 0
    out.tif[row] = 0
    out.flags[row] = 0
    return int(row)


def market(out: Record, event: Record, side: int, qty: float, flags: int = 0) -> int:
    """Ask for a market order on the event's symbol; returns the row in `out`, -1 when there is no
    room.

    `qty` is in base units, always positive; `flags` may be ``IntentFlag.REDUCE_ONLY``.  Set
    ``out.order_ref[row]`` to give the order a reference of your own.
    """
    row = _next_row(out)
    if row >= 0:
        out.action[row] = Action.PLACE
        out.order_type[row] = OrderType.MARKET
        out.side[row] = side
        out.qty[row] = qty
        out.flags[row] = flags
    return row


def limit(
    out: Record,
    event: Record,
    side: int,
    price: float,
    qty: float,
    tif: int = TimeInForce.GTC,
    flags: int = 0,
) -> int:
    """Ask for a limit order on the event's symbol; returns its row in `out`, -1: no room."""
    row = market(out, event, side, qty, flags)
    if row >= 0:
        out.order_type[row] = OrderType.LIMIT
        out.price[row] = price
        out.tif[row] = tif
    return row


def stop_market(
    out: Record, event: Record, side: int, trigger: float, qty: float, flags: int = 0
) -> int:
    """Ask for an order that waits at the venue and sells once the price has fallen to `trigger`, or
    buys once it has risen there; returns its row in `out`, -1: no room.

    It becomes a market order then.  `flags` may hold ``IntentFlag.REDUCE_ONLY``, ``ON_MARK`` (the
    mark price is watched instead of the last one) and ``CLOSE_POSITION`` (it closes whatever the
    position is then; `qty` is 0).
    """
    row = market(out, event, side, qty, flags)
    if row >= 0:
        out.order_type[row] = OrderType.STOP_MARKET
        out.price[row] = trigger
    return row


def take_profit_market(
    out: Record, event: Record, side: int, trigger: float, qty: float, flags: int = 0
) -> int:
    """Ask for the same as `stop_market`, triggered from the other side: it sells once the price
    has risen to `trigger`, or buys once it has fallen there.
    """
    row = stop_market(out, event, side, trigger, qty, flags)
    if row >= 0:
        out.order_type[row] = OrderType.TAKE_PROFIT_MARKET
    return row


def cancel(out: Record, order_ref: int) -> int:
    """Ask to cancel the open order `order_ref`; returns its row in `out`, -1: no room."""
    row = _next_row(out)
    if row >= 0:
        out.action[row] = Action.CANCEL
        out.target_ref[row] = order_ref
    return row


def amend(out: Record, order_ref: int, price: float, qty: float) -> int:
    """Ask for another price and quantity of the open limit order `order_ref`."""
    row = _next_row(out)
    if row >= 0:
        out.action[row] = Action.AMEND
        out.target_ref[row] = order_ref
        out.price[row] = price
        out.qty[row] = qty
    return row


def cancel_all(out: Record, event: Record) -> int:
    """Ask to cancel every open order on the event's symbol."""
    row = _next_row(out)
    if row >= 0:
        out.action[row] = Action.CANCEL_ALL
    return row


def verdict(out: Record, code: int, distance: float = 0.0, needed: float = 0.0) -> None:
    """Say why the strategy did or did not act, and how far it was from acting.

    An event without a verdict was of no concern; the last verdict stays visible.  Call it before
    the intents it explains: they carry it as their reason.
    """
    out.verdict = code
    out.distance = distance
    out.needed = needed


def detail(out: Record, index: int, value: float) -> None:
    """Give the value of ``DETAIL[index]``, shown beside the verdict."""
    out.detail[index] = value
