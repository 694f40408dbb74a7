"""The gate by its C address, as execution calls it: records in, a ruling out."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from hft.binance.filters import SymbolSpec
from hft.events import INTENT, Action, Denial, OrderType, Side, TradingState
from hft.risk.gate import Gate
from hft.state.blocks import LIMITS as LIMITS_RECORD
from hft.state.blocks import SPEC as SPEC_RECORD
from hft.state.decision import FACTS as FACTS_RECORD
from hft.state.decision import RULING, Intent, Limits, fill_limits
from hft.units import E8
from ringbuf.addressed import AddressTable

SPEC = SymbolSpec(
    tick_e8=10_000_000,
    lot_e8=100_000,
    min_lots=1,
    max_lots=1_000_000,
    market_max_lots=120_000,
    min_ticks=5_568,
    max_ticks=45_297_640,
    min_notional_e8=50 * E8,
    unit_e8=10_000,
)
LIMITS = Limits(1000 * E8, 0, 1 * E8, E8 // 10, 10, 500_000_000, 3_000_000_000)
NOW_NS = 10**15
FACTS = {
    "now_ns": NOW_NS,
    "trading_state": TradingState.ACTIVE,
    "bid": 60_000.0,
    "ask": 60_000.1,
    "last": 60_000.0,
    "mark": 60_000.0,
    "newest_ns": NOW_NS - 1_000_000,
    "checked_ns": NOW_NS - 1_000_000,
    "may_order": True,
    "has_row": True,
    "has_report_room": True,
    "connected": True,
    "last_seq": 4,
    "symbol_count": 1,
}
GOOD = Intent(
    seq=5,
    market_seq=1,
    recv_ns=NOW_NS - 3_000,
    strategy_ns=NOW_NS - 2_000,
    decide_ns=NOW_NS - 1_000,
    order_ref=9,
    target_ref=0,
    price=60_000.0,
    qty=0.01,
    decoded_off_ns=100,
    symbol=0,
    strategy=1,
    reason=2,
    action=Action.PLACE,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    tif=1,
    flags=0,
)


class Ruling(NamedTuple):
    """The gate's answer; whole numbers only of a pass."""

    denial: Denial
    price_ticks: int = 0
    qty_lots: int = 0
    reduce_only: bool = False


@functools.cache
def _rule() -> Callable[[int], int]:
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(Gate().address)


def judge(
    facts: dict[str, Any] | None = None,
    spec: SymbolSpec = SPEC,
    risk: Limits = LIMITS,
    **intent: Any,
) -> Ruling:
    """Rule on the good intent with some fields changed, given the good facts with some changed."""
    return rule(GOOD._replace(**intent), spec, risk, {**FACTS, **(facts or {})})


def rule(intent: Intent, spec: SymbolSpec, risk: Limits, facts: dict[str, Any]) -> Ruling:
    """Rule on an intent; facts that are not given are 0."""
    asked, specs, limits, known, ruling = (
        np.zeros(1, kind) for kind in (INTENT, SPEC_RECORD, LIMITS_RECORD, FACTS_RECORD, RULING)
    )
    asked[0] = intent
    specs[0] = msgspec.structs.astuple(spec)
    fill_limits(limits, risk)
    for name, value in facts.items():
        known[0][name] = value
    table = AddressTable((asked, specs, limits, known, ruling))
    _rule()(table.address)
    row = ruling[0]
    denial = Denial(int(row["denial"]))
    if denial is not Denial.NONE:
        return Ruling(denial)
    return Ruling(
        denial, int(row["price_ticks"]), int(row["qty_lots"]), bool(int(row["reduce_only"]))
    )
