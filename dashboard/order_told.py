"""One order as its story is told from: the same fields out of the segment or the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from dashboard.order_rows import flag_words, key_of, order_row
from dashboard.rows import positive
from hft.events import Hop, IntentFlag, Side, Verdict
from hft.ledger.order_reading import Row
from hft.ledger.schema import FROM_REPORT
from hft.state.values import Values, name_of
from hft.units import E8, NS_PER_MS


class OrderTold(msgspec.Struct, frozen=True):
    """What is known of one order; prices and quantities are numbers for people."""

    key: str
    symbol: str
    side: str
    type: str
    tif: str
    flags: list[str]
    quantity: float
    closes_all: bool
    price: float | None
    filled: float
    average_price: float | None
    state: str
    strategy: str
    reason: str
    """The verdict it came from, by name, or the strategy's own number for it."""
    venue_code: int
    denial: str | None
    hops: dict[str, int]
    """Nanoseconds from the receipt of the frame that caused it, or from the decision, by Hop."""
    base_ms: float | None
    """Wall-clock time those count from; None: not known."""
    caused: bool
    """Whether a market event caused it."""
    finished_ms: float | None
    updated_ms: float | None
    cancel_asked: bool
    amend: tuple[float, float] | None
    """Price and quantity that were asked for and are not answered yet."""
    bid: float | None
    ask: float | None
    venue_order_id: int | None
    fee: float
    realized_pnl: float
    venue_ms: float | None = None
    """When the venue says the event happened that caused it, by the venue's clock."""
    source: str = "segment"

    @property
    def by_report(self) -> bool:
        """Whether a report caused it rather than a market frame: nothing was decoded for it."""
        return self.caused and not self.hops.get(Hop.DECODED.name)


def told_by_segment(
    order: Values, session_epoch: int, strategies: Sequence[str], event: Values | None
) -> OrderTold:
    """Take an order from its row in the segment, and the market event that caused it."""
    row = order_row(order, session_epoch, strategies)
    tick, lot = order["tick_e8"] / E8, order["lot_e8"] / E8
    asked = (order["amend_ticks"] * tick, order["amend_lots"] * lot)
    return OrderTold(
        key=row["key"],
        symbol=row["symbol"],
        side=row["side"],
        type=row["type"],
        tif=row["tif"],
        flags=row["flags"],
        quantity=row["quantity"],
        closes_all=bool(order["flags"] & IntentFlag.CLOSE_POSITION),
        price=row["price"],
        filled=row["filled"],
        average_price=row["average_price"],
        state=row["state"],
        strategy=row["strategy"],
        reason=name_of(Verdict, order["reason"]),
        venue_code=order["venue_code"],
        denial=None,
        hops=order["hops"],
        base_ms=order["recv_wall_ns"] / NS_PER_MS if order["recv_wall_ns"] else None,
        caused=bool(order["recv_ns"]),
        finished_ms=None if row["open"] else row["updated_ms"],
        updated_ms=row["updated_ms"],
        cancel_asked=bool(order["cancel_sent"]),
        amend=asked if asked[0] or asked[1] else None,
        bid=positive(order["bid"]),
        ask=positive(order["ask"]),
        venue_order_id=order["venue_order_id"] or None,
        fee=row["fee"],
        realized_pnl=row["realized_pnl"],
        venue_ms=None if event is None else event["venue_ms"] or None,
    )


def told_by_database(row: Row) -> OrderTold:
    """Take an order from a row of `orders`."""
    hops = {name.upper(): int(ns) for name, ns in orjson.loads(row["hops"] or "{}").items()}
    sent_ns = hops.get(Hop.SENT.name)
    sent_ms = row["sent_ms"]
    return OrderTold(
        key=key_of(row["session_epoch"], row["intent_seq"]),
        symbol=row["symbol"],
        side=row["side"],
        type=row["type"],
        tif=row["tif"],
        flags=flag_words(row["flags"]),
        quantity=row["qty_e8"] / E8,
        closes_all=bool(row["flags"] & IntentFlag.CLOSE_POSITION),
        price=positive(row["price_e8"] / E8),
        filled=row["filled_e8"] / E8,
        average_price=row["quote_e8"] / row["filled_e8"] if row["filled_e8"] else None,
        state=row["state"],
        strategy=row["strategy"],
        reason=name_of(Verdict, row["reason"]),
        venue_code=row["venue_code"] or 0,
        denial=row["denial"],
        hops=hops,
        base_ms=sent_ms - sent_ns / NS_PER_MS if sent_ms and sent_ns else None,
        caused=bool(hops.get(Hop.STRATEGY.name)),
        finished_ms=row["finished_ms"],
        updated_ms=row["updated_ms"],
        cancel_asked=False,
        amend=None,
        bid=row["bid"],
        ask=row["ask"],
        venue_order_id=row["venue_order_id"],
        fee=row["fee_e8"] / E8,
        realized_pnl=row["realised_e8"] / E8,
        source="database",
    )


def fill_row(row: Row, wall_less_local_ns: int | None) -> dict[str, Any]:
    """Tell one fill as numbers for people; `ms` is the venue's time, `heard_ms` ours.

    `wall_less_local_ns` is how its session's wall clock stood to the monotonic one; None: unknown.
    """
    heard = wall_less_local_ns is not None and row["source"] == FROM_REPORT and row["monotonic_ns"]
    return {
        "ms": row["exchange_ts_ms"],
        "heard_ms": (row["monotonic_ns"] + wall_less_local_ns) / NS_PER_MS if heard else None,
        "trade_id": row["trade_id"],
        "price": row["price_e8"] / E8,
        "quantity": row["qty_e8"] / E8,
        "pnl": row["pnl_e8"] / E8,
        "fee": row["fee_e8"] / E8,
        "fee_currency": row["fee_currency"],
        "maker": bool(row["maker"]),
    }


def verb(order: OrderTold) -> str:
    """Say what it does: buy or sell."""
    return "buy" if order.side == Side.BUY.name else "sell"
