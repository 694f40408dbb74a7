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

from hft.events import LatchReason, MeasuredFrom, record
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


class Measures(NamedTuple):
    """What the breaker looks at; money in 1e-8, times of the wall clock in milliseconds."""

    pnl_e8: int
    """Of the session: realised less fees, with funding and unrealised."""
    peak_pnl_e8: int
    day_pnl_e8: int
    errors: int = 0
    """Of the last minute, like the next two; a resume begins it anew."""
    rejects: int = 0
    latency_p99_ns: int = 0
    ring_depth: int = 0
    session_wall_ms: int = 0
    peak_wall_ms: int = 0
    day_wall_ms: int = 0
    minute_wall_ms: int = 0
    wall_ms: int = 0


class Trip(NamedTuple):
    """One breaker that tripped: the rule, what was measured since when, and its limit."""

    reason: LatchReason
    measured: int
    """Money in 1e-8, a count or nanoseconds, as the rule has it; `limit` in the same unit."""
    limit: int
    measured_from: MeasuredFrom
    since_wall_ms: int
    tripped_wall_ms: int


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
    384,
    ("now_ns", "<i8"),
    ("trading_state", "<i8"),
    ("bid", "<f8"),
    ("ask", "<f8"),
    ("last", "<f8"),
    ("mark", "<f8"),
    ("newest_ns", "<i8"),  # When the newest of these prices came; 0: none yet.
    # Of the intent's symbol, see EXPOSURE.
    ("position_lots", "<i8"),
    ("leverage", "<i8"),
    ("open_buy_lots", "<i8"),
    ("open_sell_lots", "<i8"),
    ("reducing_buy_lots", "<i8"),
    ("reducing_sell_lots", "<i8"),
    ("bids_e8", "<i8"),  # Worth of the open orders that may add.
    ("asks_e8", "<i8"),
    # Of the account.
    ("others_e8", "<i8"),  # Worth of all other symbols with everything open filled.
    ("equity_e8", "<i8"),
    ("free_e8", "<i8"),  # Margin that nothing ties up yet.
    ("pnl_e8", "<i8"),
    ("peak_pnl_e8", "<i8"),
    ("day_pnl_e8", "<i8"),
    ("checked_ns", "<i8"),  # When REST last told balances and positions; 0: never.
    ("clock_error_ns", "<i8"),  # How well the venue's clock is known; -1: not at all.
    ("taker_fee_e8", "<i8"),  # Fraction of the worth, in 1e-8.
    ("orders_last_s", "<i8"),
    ("changes_last_s", "<i8"),  # Cancels and amends that strategies asked for.
    ("open_orders", "<i8"),  # Of all symbols.
    ("may_order", "<i8"),  # 0: what is left of the venue's limits is kept for cancels.
    ("has_row", "<i8"),
    ("has_report_room", "<i8"),
    ("connected", "<i8"),
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

RULING = record(
    64,
    ("denial", "<i8"),
    ("price_ticks", "<i8"),  # A stop's trigger; 0 of a market order.
    ("qty_lots", "<i8"),  # An amend's whole quantity; 0 of an order that closes the position.
    ("reduce_only", "<i8"),  # 1: the order must leave as reduce-only, flagged so or not.
)
"""The gate's answer: a Denial, or NONE and the order in whole numbers."""


class GateRow(IntEnum):
    """Rows of the table the gate is handed."""

    INTENT = 0
    SPECS = 1
    LIMITS = 2
    FACTS = 3
    RULING = 4
