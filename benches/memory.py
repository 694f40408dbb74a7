"""The claim: the whole engine fits into little memory, and goes on fitting.

At 10,000 ticks/s, orders included, every process is asked what it holds: its anonymous pages and
its share of shared memory.  Pages of files, code above all, are apart: the kernel may drop them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benches.engine import Engine, engine
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from benches.tick_to_order import EVERY
from benches.tick_venue import exact_timers
from hft.clock import Deadline, monotonic_ns
from hft.units import NS_PER_S

RATE = 10_000
LOOK_S, QUICK_LOOK_S = 600.0, 60.0
SLICE_S = 4.0
WARM_SHARE = 0.25
"""So much of the time belongs to filling tables and caches, and is left out of the slope."""
SLOPE_S = 600.0
_MB = 1024.0  # smaps_rollup speaks of kB.

PARTS = ("Pss_Anon", "Pss_Shmem")

Held = dict[str, dict[str, float]]
"""By process: MB of each line of its smaps_rollup."""


def held_by(pids: dict[str, int]) -> Held:
    """Read what every process holds.

    Raises:
        WrongAnswer: the system does not tell, or a process is gone.
    """
    held: Held = {}
    for name, pid in pids.items():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError as problem:
            raise WrongAnswer(f"{name} cannot be looked at: {problem}") from problem
        words = [line.split() for line in lines]
        held[name] = {each[0].rstrip(":"): int(each[1]) / _MB for each in words}
    return held


def counted(of: dict[str, float]) -> float:
    """Anonymous and shared proportional set size, in MB."""
    return sum(of[part] for part in PARTS)


def slope_mb(at_s: list[float], total_mb: list[float]) -> float:
    """Growth per ten minutes by least squares, the warm-up left out."""
    first = int(len(at_s) * WARM_SHARE)
    times, sizes = np.array(at_s[first:]), np.array(total_mb[first:])
    return float(np.polyfit(times, sizes, 1)[0] * SLOPE_S) if len(times) > 1 else 0.0


def watch(running: Engine, seconds: float) -> tuple[Held, dict[str, float], int]:
    """Trade for so long; what was held at the end, the slope of each part, and the orders."""
    pids = {**running.run["pids"], "supervisor": running.process.pid}
    at_s: list[float] = []
    sizes_mb: dict[str, list[float]] = {part: [] for part in PARTS}
    orders, deadline, started_ns = 0, Deadline(seconds), monotonic_ns()
    while not deadline.passed():
        orders += len(running.drive(RATE, SLICE_S, EVERY[RATE]).took_ns)
        held = held_by(pids)
        at_s.append((monotonic_ns() - started_ns) / NS_PER_S)
        for part, sizes in sizes_mb.items():
            sizes.append(sum(of[part] for of in held.values()))
    return held, {part: slope_mb(at_s, sizes) for part, sizes in sizes_mb.items()}, orders


def measure(quick: bool) -> Outcome:
    """Ten minutes under load, or one."""
    exact_timers()
    with engine() as running:
        held, slopes, orders = watch(running, QUICK_LOOK_S if quick else LOOK_S)
    metrics: Metrics = {}
    rows = []
    for name, of in sorted(held.items()):
        metrics[f"{name}_mb"] = round(counted(of), 2)
        metrics[f"{name}_private_mb"] = round(of["Private_Dirty"], 2)
        rows.append(Row(f"{name}, anonymous and shared", counted(of), "MB"))
        rows.append(Row(f"{name}, private", of["Private_Dirty"], "MB"))
    total = sum(map(counted, held.values()))
    metrics |= {
        "total_mb": round(total, 1),
        "file_pages_mb": round(sum(of["Pss_File"] for of in held.values()), 1),
        "slope_mb_per_10min": round(sum(slopes.values()), 2),
        "slope_anonymous_mb_per_10min": round(slopes["Pss_Anon"], 2),
        "slope_shared_mb_per_10min": round(slopes["Pss_Shmem"], 2),
        "orders": orders,
    }
    rows += [
        Row("all together", total, "MB"),
        Row("pages of files, apart", metrics["file_pages_mb"], "MB"),
        Row("growth, anonymous", slopes["Pss_Anon"], "MB per 10 min"),
        Row(
            "growth, shared: rings and tables touched for the first time",
            slopes["Pss_Shmem"],
            "MB per 10 min",
        ),
        Row("orders meanwhile", orders, ""),
    ]
    return Outcome(rows, metrics, ["the venue is not counted: it is another company's"])


if __name__ == "__main__":
    sys.exit(run("memory", measure))
