"""Finding one order wherever it still is: the segment's table, else the database."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Engine

from dashboard.order_rows import state_label
from dashboard.order_stages import ClockTold, stages_of
from dashboard.order_story import story_of
from dashboard.order_told import OrderTold, fill_row, told_by_database, told_by_segment
from dashboard.trades import TradeBook
from dashboard.view import View
from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns, wall_ns
from hft.ledger.order_reading import read_fills, read_order, read_wall_less_local_ns
from hft.units import NS_PER_MS


def tell_order(
    view: View, trades: TradeBook, session_epoch: int, intent_seq: int
) -> dict[str, Any] | None:
    """Tell an order's life, its waterfall and its fills; None when nobody knows it.  Blocks.

    Raises:
        TradesUnavailable: the database cannot be read.
    """
    order = _in_segment(view, session_epoch, intent_seq)
    with trades.reading() as engine:
        row = read_order(engine, session_epoch, intent_seq) if engine is not None else None
        fills = _fills(view, engine, session_epoch, intent_seq, row)
    if row is not None:
        order = told_by_database(row) if order is None else _with_denial(order, row["denial"])
    if order is None:
        return None
    clock = _clock(view)
    return {
        "order": {**msgspec.structs.asdict(order), "state_label": state_label(order.state)},
        "story": story_of(order, fills, clock),
        "stages": stages_of(order, clock, fills),
        "clock": clock.row(),
        "fills": fills,
    }


def _in_segment(view: View, session_epoch: int, intent_seq: int) -> OrderTold | None:
    if int(view.house.run[0]["session_epoch"]) != session_epoch:
        return None
    order = view.reader.order(intent_seq)
    if order is None:
        return None
    symbols = view.house.symbols()
    event = None
    if order["symbol"] in symbols:
        at = symbols.index(order["symbol"])
        event = view.reader.market_event(at, order["market_seq"], order["recv_ns"])
    return told_by_segment(order, session_epoch, view.strategies, event)


def _with_denial(order: OrderTold, denial: str | None) -> OrderTold:
    return order if denial is None else msgspec.structs.replace(order, denial=denial)


def _fills(
    view: View,
    engine: Engine | None,
    session_epoch: int,
    intent_seq: int,
    row: dict[str, Any] | None,
) -> list[dict[str, Any]]:
    if engine is None:
        return []
    if row is not None:
        account, name = row["account_epoch"], row["client_order_id"]
    else:
        account = bytes(view.house.identity[0]["account_epoch"]).decode()
        name = client_order_id(session_epoch, intent_seq)
    fills = read_fills(engine, account, name)
    wall_less_local_ns = None
    if int(view.house.run[0]["session_epoch"]) == session_epoch:
        wall_less_local_ns = view.house.anchor.to_wall_ns(0)
    elif fills:
        wall_less_local_ns = read_wall_less_local_ns(engine, session_epoch)
    return [fill_row(fill, wall_less_local_ns) for fill in fills]


def _clock(view: View) -> ClockTold:
    """Tell how the clocks stand now; it is counted from our wall clock as it is now.

    Times of the segment are shown by its anchor: where our clock was set since, the two differ.
    """
    account, anchor, now_ns = view.reader.account(), view.house.anchor, monotonic_ns()
    now_ms = anchor.to_wall_ns(now_ns) / NS_PER_MS
    if account is None:
        return ClockTold(0, -1, 0, now_ms)
    offset_ns = account["clock_offset_ns"]
    set_since_ns = wall_ns() - anchor.to_wall_ns(now_ns)
    return ClockTold(offset_ns, account["clock_error_ns"], offset_ns + set_since_ns, now_ms)
