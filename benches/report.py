"""What every bench shares: its arguments, the machine it ran on, its table and its last line."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import orjson

from hft.pinning import plan_cores, quota_cores, usable_cores
from hft.seats import Seat

Metrics = dict[str, float]
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


class WrongAnswer(Exception):
    """What was to be measured does not even work; there is no figure to print."""


class Row(msgspec.Struct, frozen=True):
    """One line of the table: what was measured, on what, and the figure with its unit."""

    what: str
    figure: float
    unit: str
    baseline: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What a bench found: rows for people, metrics for programs, notes on what was left out."""

    rows: list[Row]
    metrics: Metrics
    notes: list[str] = []


def run(name: str, measure: Callable[[bool], Outcome], arguments: list[str] | None = None) -> int:
    """Measure, print the table and the JSON line; 0, or 1 when the answer was wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m benches.{name}")
    parser.add_argument("--quick", action="store_true", help="a short look; figures are rough")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the last line there too")
    given = parser.parse_args(arguments)
    result = {"bench": name, "ok": True, "quick": given.quick, "machine": machine()}
    try:
        outcome = measure(given.quick)
        result["metrics"] = outcome.metrics
        _show(name, outcome)
    except WrongAnswer as problem:
        result |= {"ok": False, "metrics": {}, "problem": str(problem)}
    line = orjson.dumps(result)
    if given.json:
        given.json.write_bytes(line + b"\n")
    _say(line.decode())
    return 0 if result["ok"] else 1


def machine() -> dict[str, object]:
    """Describe what the figures depend on."""
    quota = quota_cores()
    plan = plan_cores(usable_cores(), quota, "auto", pin=True)
    return {
        "cpu": _cpu_name(),
        "cores": len(usable_cores()) or os.cpu_count(),
        "quota": quota if quota < float("inf") else None,
        "governor": _first_line(_GOVERNOR) or "not told",
        "virtualised": _is_virtual(),
        "idle": plan.idle[Seat.STRATEGY].name.lower(),
        "pinning": {seat.label: core for seat, core in plan.cores.items()},
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numba": version("numba"),
        "numpy": version("numpy"),
    }


def expect(what: str, found: int, wanted: int) -> None:
    """Refuse to print a figure for something that did not work."""
    if found != wanted:
        raise WrongAnswer(f"{what}: {found} instead of {wanted}")


def quantiles(metrics: Metrics, name: str, samples: np.ndarray, what: str) -> list[Row]:
    """Add quantiles of `samples` in ns to `metrics`, ``{name}_p50_ns`` and so on, as rows too."""
    rows = []
    for label, share in (("p50", 50.0), ("p99", 99.0), ("p999", 99.9)):
        value = float(np.percentile(samples, share))
        metrics[f"{name}_{label}_ns"] = round(value, 1)
        rows.append(Row(f"{what}, {label}", value, "ns"))
    return rows


def _cpu_name() -> str:
    named = [line for line in _cpu_lines() if line.startswith("model name")]
    return named[0].partition(":")[2].strip() if named else platform.processor()


def _is_virtual() -> bool:
    return any(line.startswith("flags") and " hypervisor" in line for line in _cpu_lines())


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _first_line(path: Path) -> str:
    try:
        return path.read_text().splitlines()[0]
    except (OSError, IndexError):
        return ""


def _show(name: str, outcome: Outcome) -> None:
    told = machine()
    _say(f"{name} on {told['cpu']}, {told['cores']} cores, load {told['load']}")
    width = max((len(row.what) for row in outcome.rows), default=0)
    for row in outcome.rows:
        mark = "  (baseline)" if row.baseline else ""
        _say(f"  {row.what:<{width}}  {row.figure:>14,.1f} {row.unit}{mark}")
    for note in outcome.notes:
        _say(f"  note: {note}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
