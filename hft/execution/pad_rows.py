"""The records of the launch pad, and the table by which compiled code finds them."""

from __future__ import annotations

from enum import IntEnum

from hft.events import record

SENT_TIMES = 128
"""Power of two, above the highest rate a config may allow."""
CHANGE_TIMES = 1024
"""The same for cancels and amends."""

PAD = record(
    384,
    # Prepared while nothing else is to do.
    ("fresh", "<i8"),  # 1: what follows was prepared since the last intent was taken.
    ("fitness", "<i8"),  # TradingState that conditions allow.
    ("has_report_room", "<i8"),
    ("connected", "<i8"),  # 1: some road to the venue is open.
    ("by_socket", "<i8"),  # 1: the order session is up; 0: Python must send the order.
    ("pnl_e8", "<i8"),
    ("symbol_count", "<i8"),
    ("row", "<i8"),  # Of the order table, for the next order; -1: it is full.
    ("descriptor", "<i8"),  # Of the order session's plain socket; -1: Python sends the frame.
    ("venue_less_local_ns", "<i8"),  # Venue's wall clock less our monotonic one.
    ("peak_pnl_e8", "<i8"),
    ("day_pnl_e8", "<i8"),
    ("equity_e8", "<i8"),
    ("untied_e8", "<i8"),  # Margin there is, before what our positions and orders tie up.
    ("checked_ns", "<i8"),
    ("clock_error_ns", "<i8"),
    ("open_orders", "<i8"),
    ("may_order", "<i8"),
    # Fixed.
    ("text_table", "<i8"),  # Address of the table `write_order` is handed.
    ("gate", "<i8"),  # Address of the risk gate and of the table it is handed.
    ("gate_table", "<i8"),
    # What happened.
    ("lane", "<i8"),  # The shard, and what came of it, when it was launched on waking.
    ("outcome", "<i8"),
    ("taken_ns", "<i8"),
    ("gated_ns", "<i8"),
    ("venue_ms", "<i8"),  # The time that was signed.
    ("base_ns", "<i8"),  # What the hops count from.
    ("signed_ns", "<i8"),
    ("sent_ns", "<i8"),
    ("frame_bytes", "<i8"),
    ("sent_bytes", "<i8"),  # Minus the errno when nothing was sent.
)
"""The launch pad: what an order needs at hand, and what became of the newest."""

PRICE_DECIMALS = record(32, ("tick_e8", "<i8"), ("lot_e8", "<i8"), ("price", "<i8"), ("qty", "<i8"))
"""How one symbol's prices and quantities are written."""


class PadRow(IntEnum):
    """Rows of the table `take` and `fire` are handed; each shard has one, of its own ring."""

    RING_WORDS = 0
    RING_SLOTS = 1
    INTENT = 2
    FACTS = 3
    RULING = 4
    PAD = 5
    LATCH_SUPERVISOR = 6
    LATCH_GATE = 7
    TOP_WORDS = 8
    TOP_REALS = 9
    EXPOSURE = 10
    HANDLED = 11
    SENT_NS = 12
    ORDERS = 13
    ORDER_WORDS = 14
    REQUEST = 15
    FRAME = 16
    DECIMALS = 17
    LATENCY = 18
    SPECS = 19
    CHANGED_NS = 20
