"""What the risk gate is asked, what it must know, and what it answers.

Both rooms that speak of it, risk and execution, find the words here and never each other.  The gate
is compiled: it finds its records through a table of addresses, one row (address, count) each.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from hft.events import record
from hft.state.blocks import LIMITS
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of

Records = npt.NDArray[np.void]


class Intent(NamedTuple):
    """One INTENT, its fields in the record's order."""

    seq: int
    market_seq: int
    recv_ns: int
    strategy_ns: int
    decide_ns: int
    order_ref: int
    target_ref: int
    price: float
    qty: float
    decoded_off_ns: int
    symbol: int
    strategy: int
    reason: int
    action: int
    side: int
    order_type: int
    tif: int
    flags: int


class Limits(msgspec.Struct, frozen=True):
    """One LIMITS record, its fields in the record's order; 0 switches a limit off."""

    max_loss_e8: int
    target_profit_e8: int
    max_position_e8: int
    max_order_size_e8: int
    max_orders_per_s: int
    intent_expiry_ns: int
    feed_stale_ns: int
    max_daily_loss_e8: int = 0
    max_drawdown_e8: int = 0
    max_notional_e8: int = 0
    max_leverage_e2: int = 0
    collar_e8: int = 0
    max_cancels_per_s: int = 0
    max_open_orders: int = 0
    account_stale_ns: int = 0
    clock_error_max_ns: int = 0
    max_errors_per_min: int = 0
    max_rejects_per_min: int = 0
    latency_max_ns: int = 0
    ring_depth_max: int = 0
    on_trip: int = 0


_LIMITS = packer_of(LIMITS)


def read_limits(snapshot: Snapshot) -> Limits | None:
    """Read the limits in force; None when nobody has set any."""
    value = snapshot.read_bytes()
    return None if value is None else Limits(*_LIMITS.unpack(value))


def write_limits(snapshot: Snapshot, limits: Limits) -> None:
    """Publish new limits; only the snapshot's one writer may."""
    snapshot.write_values(_LIMITS, msgspec.structs.astuple(limits))


def fill_limits(record: Records, limits: Limits) -> None:
    """Write limits into a record of one's own."""
    _LIMITS.pack_into(record.view(np.uint8).data, 0, *msgspec.structs.astuple(limits))


FACTS = record(
    256,
    ("now_ns", "<i8"),
    ("trading_state", "<i8"),
    ("bid", "<f8"),
    ("ask", "<f8"),
    ("last", "<f8"),
    ("mark", "<f8"),
    ("newest_ns", "<i8"),  # When the newest of these prices came; 0: none yet.
    ("position_lots", "<i8"),  # Of the intent's symbol, like the two below.
    ("open_buy_lots", "<i8"),  # Not yet filled, of orders in flight, resting or unknown.
    ("open_sell_lots", "<i8"),
    ("orders_last_s", "<i8"),
    ("has_row", "<i8"),
    ("has_report_room", "<i8"),
    ("connected", "<i8"),
    ("pnl_e8", "<i8"),
    ("last_seq", "<i8"),  # Highest intent sequence handled before this one.
    ("symbol_count", "<i8"),
    # AMEND: the order meant; all 0 when there is none.
    ("target_lots", "<i8"),  # The whole quantity.
    ("target_cum_lots", "<i8"),  # Of it, filled.
    ("target_ticks", "<i8"),
    ("target_side", "<i8"),
    ("target_state", "<i8"),  # OrderState.
    ("target_type", "<i8"),  # OrderType.
    ("target_flags", "<i8"),  # Bits of IntentFlag.
    ("target_pending", "<i8"),  # 1: an earlier amend of it is not answered.
)
"""What is true at the moment of asking."""

RULING = record(64, ("denial", "<i8"), ("price_ticks", "<i8"), ("qty_lots", "<i8"))
"""The gate's answer: a Denial, or NONE and the order in whole numbers."""


class GateRow(IntEnum):
    """Rows of the table the gate is handed."""

    INTENT = 0
    SPECS = 1
    LIMITS = 2
    FACTS = 3
    RULING = 4
