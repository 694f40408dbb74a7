"""One order of the table as the page shows it: its key, its words, and when it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.rows import amount, microseconds, positive
from hft.events import FIRST_TERMINAL_STATE, Hop, IntentFlag, OrderState, OrderType, TimeInForce
from hft.state.values import Values, name_of
from hft.units import E8, NS_PER_MS

KEY_MAX = 40
STATE_LABELS = {
    OrderState.SENT: "sent, not answered yet",
    OrderState.UNKNOWN: "unknown: the venue is asked",
    OrderState.ACCEPTED: "open",
    OrderState.PARTIALLY_FILLED: "open, partly filled",
    OrderState.CANCEL_PENDING: "cancel asked",
    OrderState.AMEND_PENDING: "change asked",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
    OrderState.REJECTED: "rejected by the venue",
    OrderState.DENIED: "denied by the gate",
}
FLAG_LABELS = {
    IntentFlag.REDUCE_ONLY: "reduce-only",
    IntentFlag.POST_ONLY: "post-only",
    IntentFlag.CLOSE_POSITION: "closes the position",
    IntentFlag.ON_MARK: "on the mark price",
}


def key_of(session_epoch: int, intent_seq: int) -> str:
    """Name an order for the page: unique over all sessions of the house."""
    return f"{session_epoch}-{intent_seq}"


def read_key(text: str) -> tuple[int, int] | None:
    """Read session epoch and intent sequence back; None when it is no such key."""
    epoch, dash, seq = text.partition("-")
    if not dash or len(text) > KEY_MAX or not (text.isascii() and (epoch + seq).isdigit()):
        return None
    if not (epoch and seq) or max(int(epoch), int(seq)) >= 1 << 63:
        return None  # No column of the database holds such a number.
    return int(epoch), int(seq)


def flag_words(flags: int) -> list[str]:
    """Say what an order's flags mean."""
    return [label for flag, label in FLAG_LABELS.items() if flags & flag]


def state_label(state: str) -> str:
    """Say where an order stands, in words."""
    known = OrderState.__members__.get(state)
    return STATE_LABELS.get(known, state) if known is not None else state


def strategy_name(strategies: Sequence[str], index: int) -> str:
    """Name a strategy by its index; its number when the list does not know it."""
    return strategies[index] if index < len(strategies) else str(index)


def order_row(order: Values, session_epoch: int, strategies: Sequence[str]) -> dict[str, Any]:
    """Tell one order of the table."""
    tick_e8, lot_e8 = order["tick_e8"], order["lot_e8"]
    hops, filled_lots = order["hops"], order["cum_qty_lots"]
    sent_ns = hops.get(Hop.SENT.name)
    state = order["state"]
    return {
        "key": key_of(session_epoch, order["intent_seq"]),
        "intent_seq": order["intent_seq"],
        "venue_order_id": order["venue_order_id"],
        "symbol": order["symbol"],
        "side": order["side"],
        "type": name_of(OrderType, order["order_type"]),
        "tif": name_of(TimeInForce, order["tif"]) if order["tif"] else "",
        "flags": flag_words(order["flags"]),
        "strategy": strategy_name(strategies, order["strategy"]),
        "state": state,
        "state_label": state_label(state),
        "open": state in OrderState.__members__ and OrderState[state] < FIRST_TERMINAL_STATE,
        "price": positive(amount(order["price_ticks"] * tick_e8)),
        "quantity": amount(order["qty_lots"] * lot_e8),
        "filled": amount(filled_lots * lot_e8),
        "average_price": (
            order["cum_quote_e8"] * E8 / (filled_lots * lot_e8) / E8
            if filled_lots and lot_e8
            else None
        ),
        "realized_pnl": amount(order["realised_e8"]),
        "fee": amount(order["fee_e8"]),
        "venue_code": order["venue_code"],
        "sent_ms": order["sent_venue_ms"] or None,
        "updated_ms": order["updated_ms"],
        "tick_to_trade_us": microseconds(sent_ns) if order["recv_ns"] else None,
        "tick_to_trade_ns": sent_ns if order["recv_ns"] else None,
        "received_ms": order["recv_ms"],
        "hops_ns": hops,
    }


def span_ms(begin_ns: int, end_ns: int) -> float:
    """A span in milliseconds, to the nanosecond."""
    return round((end_ns - begin_ns) / NS_PER_MS, 6)
