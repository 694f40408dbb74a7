"""What the risk gate is asked, what it must know, and what it answers.

Both rooms that speak of it, risk and execution, find the words here and never each other.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hft.events import Denial, TradingState
from hft.state.blocks import LIMITS
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of


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
    """One LIMITS record, its fields in the record's order; 0 switches loss and profit off."""

    max_loss_e8: int
    target_profit_e8: int
    max_position_e8: int
    max_order_size_e8: int
    max_orders_per_s: int
    intent_expiry_ns: int
    feed_stale_ns: int


_LIMITS = packer_of(LIMITS)


def read_limits(snapshot: Snapshot) -> Limits | None:
    """Read the limits in force; None when nobody has set any."""
    value = snapshot.read_bytes()
    return None if value is None else Limits(*_LIMITS.unpack(value))


def write_limits(snapshot: Snapshot, limits: Limits) -> None:
    """Publish new limits; only the snapshot's one writer may."""
    snapshot.write_values(_LIMITS, msgspec.structs.astuple(limits))


class Top(NamedTuple):
    """The prices of one symbol as the gate sees them; `newest_ns` is 0 before the first."""

    bid: float
    ask: float
    last: float
    mark: float
    newest_ns: int


class Facts(NamedTuple):
    """What is true at the moment of asking; quantities in lots of the intent's symbol."""

    now_ns: int
    trading_state: TradingState
    top: Top
    position_lots: int
    open_buy_lots: int
    """Not yet filled, of orders in flight, resting or unknown."""
    open_sell_lots: int
    orders_last_s: int
    has_row: bool
    has_report_room: bool
    connected: bool
    pnl_e8: int
    last_seq: int
    """Highest intent sequence handled before this one."""


class Ruling(NamedTuple):
    """The gate's answer: refused and why, or the order in whole numbers."""

    denial: Denial
    price_ticks: int = 0
    qty_lots: int = 0
