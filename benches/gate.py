"""The claim: the risk gate judges an order in well under 5 us, whatever it decides.

`rule` alone is timed over intents that pass and intents that fail its last check, called in bursts
from compiled code as execution calls it.  A crossing from Python into compiled code, which gives
nothing an answer, is the baseline.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benches.report import Metrics, Outcome, Row, expect, run
from hft.clock import monotonic_ns
from hft.events import INTENT, Action, Denial, OrderType, Side, TradingState
from hft.risk.gate import rule
from hft.state.blocks import LIMITS, SPEC
from hft.state.decision import FACTS, RULING, Limits, fill_limits
from hft.units import E8
from ringbuf.addressed import AddressTable
from ringbuf.compiled import compiled

BURST = 1_000
ROUNDS, QUICK_ROUNDS = 2_000, 200
NOW_NS = 10**15
PASSES, FAILS_LAST = "an order that passes", "one that the last check denies"


@compiled
def rule_often(table: int, times: int) -> int:
    """Rule so many times; the sum of the denials."""
    denials = 0
    for _ in range(times):
        denials += rule(table)
    return denials


@compiled
def nothing(table: int) -> int:
    """Answer at once."""
    return table


class Table:
    """The records the gate is handed, every limit in force."""

    def __init__(self) -> None:
        self.intent, self.specs, limits, self.facts, self.ruling = (
            np.zeros(1, kind) for kind in (INTENT, SPEC, LIMITS, FACTS, RULING)
        )
        self.intent[0]["seq"], self.intent[0]["price"], self.intent[0]["qty"] = 5, 60_000.0, 0.01
        self.intent[0]["action"], self.intent[0]["side"] = Action.PLACE, Side.BUY
        self.intent[0]["order_type"], self.intent[0]["tif"] = OrderType.LIMIT, 1
        self.intent[0]["decide_ns"] = NOW_NS - 1_000
        self.specs[0] = (
            10_000_000, 100_000, 1, 10**6, 120_000, 5_568, 45_297_640, 50 * E8, 10_000,
        )  # fmt: skip
        money = 10_000 * E8
        fill_limits(
            limits,
            Limits(
                money, money, E8, E8, 100, 500_000_000, 3_000_000_000, money, money, 10 * money,
                2_000, E8 // 20, 50, 100, 90_000_000_000, 500_000_000,
            ),
        )  # fmt: skip
        for name, value in self._facts().items():
            self.facts[0][name] = value
        self._rows = AddressTable((self.intent, self.specs, limits, self.facts, self.ruling))
        self.address = self._rows.address

    @staticmethod
    def _facts() -> dict[str, Any]:
        fresh_ns = NOW_NS - 1_000
        return {
            "now_ns": NOW_NS, "trading_state": TradingState.ACTIVE, "newest_ns": fresh_ns,
            "bid": 59_999.9, "ask": 60_000.0, "last": 60_000.0, "mark": 60_000.0,
            "leverage": 20, "position_lots": 100, "open_buy_lots": 20, "bids_e8": 1_200 * E8,
            "equity_e8": 10_000 * E8, "free_e8": 9_000 * E8, "checked_ns": fresh_ns,
            "taker_fee_e8": 50_000, "may_order": 1, "has_row": 1, "has_report_room": 1,
            "connected": 1, "symbol_count": 1,
        }  # fmt: skip


def judged_ns(table: Table, denial: Denial, rounds: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Time of one ruling, in each round.

    Raises:
        WrongAnswer: it was not ruled as it must be.
    """
    took_ns = np.zeros(rounds)
    for number in range(-1, rounds):
        started_ns = monotonic_ns()
        denials = rule_often(table.address, BURST)
        # The first round compiles.
        took_ns[number] = (monotonic_ns() - started_ns) / BURST
        expect(f"rulings {denial.name}", denials, denial * BURST)
    return took_ns


def crossing_ns(rounds: int) -> float:
    """Median time of a call from Python that does nothing."""
    nothing(0)
    took_ns = np.zeros(rounds)
    for number in range(rounds):
        started_ns = monotonic_ns()
        for _ in range(BURST):
            nothing(0)
        took_ns[number] = (monotonic_ns() - started_ns) / BURST
    return float(np.median(took_ns))


def measure(quick: bool) -> Outcome:
    """Measure a pass, the latest possible refusal, and the baseline."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    metrics: Metrics = {}
    rows = []
    for key, what, denial in (
        ("passes", PASSES, Denial.NONE),
        ("denied", FAILS_LAST, Denial.TARGET_REACHED),
    ):
        table = Table()
        if denial:
            table.facts[0]["pnl_e8"] = table.facts[0]["peak_pnl_e8"] = 20_000 * E8
        took_ns = judged_ns(table, denial, rounds)
        for name, share in (("p50", 50), ("p99", 99), ("max", 100)):
            metrics[f"{key}_{name}_ns"] = round(float(np.percentile(took_ns, share)), 1)
            rows.append(Row(f"{what}, {name}", metrics[f"{key}_{name}_ns"], "ns"))
    metrics["crossing_ns"] = round(crossing_ns(max(1, rounds // 20)), 1)
    rows.append(Row("a call into compiled code", metrics["crossing_ns"], "ns", True))
    return Outcome(rows, metrics, [f"quantiles over rounds of {BURST:,} rulings, all limits on"])


if __name__ == "__main__":
    sys.exit(run("gate", measure))
