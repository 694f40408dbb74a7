"""The claim: the whole live engine answers a tick within a small factor of what the kernel takes.

An exchange stamps a tick on the wire and takes the order back on the WebSocket API; in between the
engine runs as a user starts it, ledger and dashboard included: framing, decoding, ring, strategy,
ring, risk gate, signature, framing.  The floor beside it, slice by slice, is the same sockets and
the same process switches without any of that.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from statistics import median

import numpy as np
import psutil
import requests

from benches.engine import Engine, engine
from benches.floor import Floor, floor
from benches.report import Metrics, Outcome, Row, run
from benches.tick_venue import Samples, Slice, exact_timers
from hft.pinning import pin_here, plan_cores, quota_cores, usable_cores
from hft.seats import Seat

EVERY = {100: 2, 1_000: 12, 10_000: 125}
"""One tick in so many is answered: the risk gate lets at most 100 orders per second through."""
SLICES, QUICK_SLICES = 24, 10
WARM_S = 1.0
SLICE_S, QUICK_SLICE_S = 1.2, 0.6
"""The floor has two turns in a row: nobody answers the engine meanwhile, and it waits 3 s."""
RATE_S, QUICK_RATE_S = 20.0, 2.0
SOFTWARE = ("DECODE", "DECIDE", "GATE", "SIGN", "SEND")
"""The legs in which no process waits for another."""
QUANTILES = {"p50": 50.0, "p99": 99.0, "p999": 99.9, "max": 100.0}


class Findings:
    """Rows and metrics as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.metrics: Metrics = {}

    def add(
        self, name: str, figure: float, what: str, unit: str, *, baseline: bool = False
    ) -> None:
        """Keep one figure under its name, with a row for people."""
        self.metrics[name] = round(figure, 2)
        self.rows.append(Row(what, figure, unit, baseline))

    def add_rate(self, prefix: str, what: str, took_ns: Samples) -> None:
        """Keep the quantiles of one rate."""
        for label, share in QUANTILES.items():
            figure = float(np.percentile(took_ns, share)) / 1e3
            self.add(f"{prefix}_{label}_us", figure, f"{what} {label}", "us")
        self.metrics[f"{prefix}_orders"] = len(took_ns)


def beside_the_floor(running: Engine, below: Floor, found: Findings, quick: bool) -> None:
    """Measure 1,000 ticks/s in slices, the engine's and the floor's in turn."""
    seconds, slices = (QUICK_SLICE_S, QUICK_SLICES) if quick else (SLICE_S, SLICES)
    rate, every = 1_000, EVERY[1_000]
    running.drive(rate, WARM_S, every)
    below.drive(rate, WARM_S, every)
    pairs: list[tuple[Slice, Slice]] = []
    for number in range(slices):
        # Turn about: what goes first must not always be the same.
        if number % 2:
            ground = below.drive(rate, seconds, every)
            pairs.append((running.drive(rate, seconds, every), ground))
        else:
            slice_ = running.drive(rate, seconds, every)
            pairs.append((slice_, below.drive(rate, seconds, every)))
    found.add_rate("r1000", "1,000 ticks/s", np.concatenate([one.took_ns for one, _ in pairs]))
    ground_ns = np.concatenate([ground.took_ns for _, ground in pairs])
    late_ns = np.concatenate([one.late_ns for one, _ in pairs])
    for label, share in (("p50", 50), ("p99", 99)):
        figure = float(np.percentile(ground_ns, share)) / 1e3
        what = f"floor at 1,000 ticks/s {label}"
        found.add(f"floor_{label}_us", figure, what, "us", baseline=True)
        ratios = [
            float(np.percentile(one.took_ns, share) / np.percentile(ground.took_ns, share))
            for one, ground in pairs
        ]
        what = f"over the floor, {label}, median of {slices} slices"
        found.add(f"{label}_ratio", median(ratios), what, "times")
    late_us = float(np.percentile(late_ns, 99)) / 1e3
    found.add("tick_late_p99_us", late_us, "ticks left after they were due, p99", "us")


def add_legs(running: Engine, found: Findings) -> None:
    """Keep the median of every leg, as the dashboard tells them."""
    address = running.run["dashboard_url"].rstrip("/") + "/api/latency"
    told = {leg["leg"]: leg for leg in requests.get(address, timeout=10).json()["legs"]}
    for name, leg in told.items():
        figure = leg["p50_ns"] / 1e3
        found.add(f"leg_{name.lower()}_p50_us", figure, f"leg {name.lower()}, p50", "us")
    software = sum(told[name]["p50_ns"] for name in SOFTWARE) / 1e3
    found.add("software_p50_us", software, "legs without a wake-up, p50 together", "us")


@contextlib.contextmanager
def on_the_strategys_core() -> Iterator[None]:
    """Keep this process, the venue, off the core on which feed and execution follow each other.

    A real venue takes no core from them, and the strategy sleeps when an order arrives.
    """
    before = usable_cores()
    core = plan_cores(before, quota_cores(), "auto", pin=True).cores[Seat.STRATEGY]
    if core < 0:
        yield
        return
    pin_here(core)
    try:
        yield
    finally:
        psutil.Process().cpu_affinity(before)


def measure(quick: bool) -> Outcome:
    """Measure all rates on plain sockets, and 1,000 ticks/s over TLS."""
    exact_timers()
    seconds, found = QUICK_RATE_S if quick else RATE_S, Findings()
    with engine() as running, floor() as below, on_the_strategys_core():
        beside_the_floor(running, below, found, quick)
        add_legs(running, found)
        for rate in (100, 10_000):
            slice_ = running.drive(rate, seconds, EVERY[rate])
            found.add_rate(f"r{rate}", f"{rate:,} ticks/s", slice_.took_ns)
        refused = {why: count for why, count in running.denied().items() if count}
    found.metrics["refused"] = sum(refused.values())
    notes = [
        "from the moment a tick was due, so nothing that waits is left out",
        "orders answer "
        + ", ".join(f"one tick in {every} at {rate:,}/s" for rate, every in EVERY.items())
        + ": the gate lets at most 100 orders per second through",
        f"refused by the risk gate, counted with the time waited for them: {refused or 'none'}",
        "legs are those at 1,000 ticks/s, warm-up included",
        "the venue, which is another company's machine, runs on the strategy's core: the emptiest",
    ]
    with engine(tls=True) as running, on_the_strategys_core():
        running.drive(1_000, WARM_S, EVERY[1_000])
        slice_ = running.drive(1_000, seconds, EVERY[1_000])
        found.add_rate("tls_r1000", "TLS, 1,000 ticks/s", slice_.took_ns)
    return Outcome(found.rows, found.metrics, notes)


if __name__ == "__main__":
    sys.exit(run("tick_to_order", measure))
