"""The strategy's own books: positions and open orders, kept from execution's reports.

An intent that left is a row in flight and nothing more; only reports move a position.
"""

from __future__ import annotations

from typing import Any

from hft.events import Status
from hft.strategy.api import IN_FLIGHT, Record

_E8 = 1e8


def free_row(orders: Any) -> int:
    """Find a free row of the open-order table; -1 when it is full."""
    for index in range(len(orders)):
        if orders[index].status == 0:
            return index
    return -1


def symbol_of(orders: Any, intent: Record) -> int:
    """Find the symbol of the order an intent cancels or amends; its own when there is none."""
    for index in range(len(orders)):
        if orders[index].status != 0 and orders[index].order_ref == intent.target_ref:
            return int(orders[index].symbol)
    return int(intent.symbol)


def open_row(order: Record, intent: Record) -> None:
    """Enter an intent that left into the open-order table."""
    order.order_ref = intent.order_ref
    order.intent_seq = intent.seq
    order.price = intent.price
    order.qty = intent.qty
    order.filled = 0.0
    order.symbol = intent.symbol
    order.side = intent.side
    order.order_type = intent.order_type
    order.flags = intent.flags
    order.status = IN_FLIGHT


def book_position(position: Record, report: Record, spec: Record) -> None:
    """Take position and entry from a report that carries them: a fill, or the venue's own word."""
    filled = report.last_qty_lots != 0
    if filled or report.status == Status.POSITION:
        # Whole numbers first, one division last: the float nearest to the decimal quantity.
        position.qty = (report.position_lots * spec.lot_e8) / _E8
        position.entry = report.entry_e8 / _E8
    if filled:
        position.realised += report.realised_e8 / _E8
        position.last_fill_ns = report.local_ns
        position.fills += 1


def book_order(orders: Any, position: Record, report: Record, spec: Record) -> None:
    """Update the row of the order a report is about, and free it when the order is over."""
    status = report.status
    if report.intent_seq == 0 or status == Status.POSITION:
        return
    for index in range(len(orders)):
        order = orders[index]
        if order.status != 0 and order.intent_seq == report.intent_seq:
            order.filled = (report.cum_qty_lots * spec.lot_e8) / _E8
            order.status = status
            if status == Status.AMENDED:
                order.price = (report.price_ticks * spec.tick_e8) / _E8
                order.qty = (report.qty_lots * spec.lot_e8) / _E8
            if is_over(status):
                order.status = 0
                position.open_orders -= 1
            return


def is_over(status: int) -> bool:
    """Say whether a report with this status is the last of its order."""
    return (
        status == Status.FILLED
        or status == Status.CANCELLED
        or status == Status.EXPIRED
        or status == Status.REJECTED
        or status == Status.DENIED
    )
