"""The claim: ten million events from one process to another, none lost, none twice, none torn.

The ring refuses when it is full, so the producer waits; every word of every event is checked.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benches.pair import beside, shared_rings
from benches.report import Outcome, Row, WrongAnswer, run
from hft.clock import monotonic_ns
from ringbuf.compiled import compiled
from ringbuf.layout import HEAD, TAIL
from ringbuf.spsc import Ring, available, free_slots, publish, release, ring_report, slot_of

EVENTS = 10_000_000
QUICK_EVENTS = 1_000_000
SLOTS = 4096
SPINS_MAX = 2_000_000_000
BURST = np.int64(64)


@compiled
def write(words: Any, slots: Any, first: int, last: int) -> int:
    """Write as much of one burst as fits, every word a function of the event's number."""
    count = min(free_slots(words, 64), BURST, np.int64(last - first))
    for step in range(count):
        event = slots[slot_of(words, np.int64(words[TAIL]) + step)]
        event.seq = first + step
        for part in range(7):
            event.payload[part] = (first + step) * (part + 3)
    publish(words, count)
    return int(count)


@compiled
def check(words: Any, slots: Any, total: int, faults: Any) -> int:
    """Take `total` events, or as many as come; faults: out of order, torn."""
    seen, idle = 0, 0
    while seen < total and idle < SPINS_MAX:
        count = min(available(words, 64), BURST)
        head = np.int64(words[HEAD])
        for step in range(count):
            event = slots[slot_of(words, head + step)]
            number = np.int64(event.seq)
            faults[0] += number != seen + step
            for part in range(7):
                faults[1] += np.int64(event.payload[part]) != number * (part + 3)
        release(words, count)
        seen += int(count)
        idle = idle + 1 if count == 0 else 0
    return seen


def write_all(ring: Ring, total: int) -> None:
    """The producing process."""
    made = 0
    while made < total:
        made += write(ring.words, ring.slots, made, total)


def measure(quick: bool) -> Outcome:
    """Send them all and count what is wrong, which must be nothing."""
    total, faults = QUICK_EVENTS if quick else EVENTS, np.zeros(2, np.int64)
    with shared_rings(1, SLOTS) as (ring,):
        write(ring.words, ring.slots, 0, 0)
        check(ring.words, ring.slots, 0, faults)
        with beside(write_all, ring, total):
            started_ns = monotonic_ns()
            seen = check(ring.words, ring.slots, total, faults)
            took_ns = monotonic_ns() - started_ns
        left, told = ring.depth(), ring_report(ring)
    if seen != total or faults.any() or left or told["dropped"]:
        raise WrongAnswer(
            f"{seen} of {total} events, {faults[0]} out of order, {faults[1]} torn, {left} left"
        )
    rate = round(total * 1e9 / took_ns)
    rows = [
        Row("events", total, ""),
        Row("lost, doubled or torn", 0, ""),
        Row("deepest", told["deepest"], f"of {SLOTS} slots"),
        Row("rate", rate, "events/s"),
    ]
    metrics = {"events": total, "drops": 0, "deepest": told["deepest"], "rate_per_s": rate}
    return Outcome(rows, {key: float(value) for key, value in metrics.items()})


if __name__ == "__main__":
    sys.exit(run("stress", measure))
