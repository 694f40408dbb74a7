"""The claim: a hop between two processes costs a fraction of a microsecond.

A hop is half of a round trip there and back through two rings, each trip timed by itself.  The
baselines are a C11 ring on the same two cores, round by round in turn with ours, and what a Python
program would use otherwise: a pipe and a queue of multiprocessing.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from benches.pair import EVENT, beside, core_pair, shared_rings
from benches.report import Metrics, Outcome, Row, expect, quantiles, run
from benches.ring_c import compiler, run_c_ring
from benches.ring_faces import parked_hop, pipe_hop, python_rate, queue_rate
from hft.clock import monotonic_ns
from ringbuf.addressed import AddressTable, array_at
from ringbuf.compiled import compiled, inlined
from ringbuf.layout import HEAD, TAIL
from ringbuf.native import clock_gettime
from ringbuf.spsc import available, free_slots, publish, release, slot_of

SLOTS = 4096
WORD = np.dtype("<u8")
BURST = np.int64(64)
TRIPS = 20_000
EVENTS = 1_000_000
ROUNDS = 5
SPINS_MAX = 2_000_000_000


@compiled
def pass_on(words: Any, slots: Any, value: int) -> None:
    """Write one event; the ring of a ping-pong always has room."""
    slots[slot_of(words, np.int64(words[TAIL]))].seq = value
    publish(words, 1)


@compiled
def spin_for(words: Any, slots: Any) -> int:
    """Wait for one event, spinning, and take it; -1 when the other side seems to be gone."""
    for _ in range(SPINS_MAX):
        if available(words, 1) > 0:
            value = np.int64(slots[slot_of(words, np.int64(words[HEAD]))].seq)
            release(words, 1)
            return int(value)
    return -1


@compiled
def ping(there: Any, there_slots: Any, back: Any, back_slots: Any, took_ns: Any) -> int:
    """Time every round trip; returns how many came back right."""
    good = 0
    for trip in range(len(took_ns)):
        started_ns = clock_gettime()
        pass_on(there, there_slots, trip)
        answer = spin_for(back, back_slots)
        took_ns[trip] = clock_gettime() - started_ns
        good += answer == trip + 1
    return good


@compiled
def pong(there: Any, there_slots: Any, back: Any, back_slots: Any, trips: int) -> None:
    """Answer every event with its number plus one."""
    for _ in range(trips):
        value = spin_for(there, there_slots)
        if value < 0:
            return
        pass_on(back, back_slots, value + 1)


@inlined
def line(table: int) -> tuple[Any, Any, Any]:
    """The ring behind a table of addresses, and one event of one's own."""
    return array_at(table, 0, WORD), array_at(table, 1, EVENT), array_at(table, 2, EVENT)


@compiled
def push_all(table: int, total: int) -> None:
    """Write `total` whole events, each published before the next is written."""
    words, slots, spare = line(table)
    for number in range(total):
        while free_slots(words, 1) < 1:
            continue
        spare[0].seq = spare[0].payload[0] = number
        slots[slot_of(words, np.int64(words[TAIL]))] = spare[0]
        publish(words, 1)


@compiled
def pop_all(table: int, total: int) -> int:
    """Take `total` whole events one by one; returns how many were the next."""
    words, slots, spare = line(table)
    good = idle = 0
    while good < total and idle < SPINS_MAX:
        if available(words, 1) < 1:
            idle += 1
            continue
        spare[0] = slots[slot_of(words, np.int64(words[HEAD]))]
        release(words, 1)
        if spare[0].seq != good or spare[0].payload[0] != good:
            break
        good, idle = good + 1, 0
    return good


@compiled
def pour(table: int, total: int) -> None:
    """Write `total` whole events, as many at a time as fit into a burst and into the ring."""
    words, slots, spare = line(table)
    made = 0
    while made < total:
        count = min(free_slots(words, 64), BURST, np.int64(total - made))
        tail = np.int64(words[TAIL])
        for step in range(count):
            spare[0].seq = spare[0].payload[0] = made + step
            slots[slot_of(words, tail + step)] = spare[0]
        publish(words, count)
        made += int(count)


@compiled
def drink(table: int, total: int) -> int:
    """Take `total` whole events, each of which must be the next; returns how many were."""
    words, slots, spare = line(table)
    seen, good, idle = 0, 0, 0
    while seen < total and idle < SPINS_MAX:
        count = min(available(words, 64), BURST)
        head = np.int64(words[HEAD])
        for step in range(count):
            spare[0] = slots[slot_of(words, head + step)]
            good += spare[0].seq == seen + step and spare[0].payload[0] == seen + step
        release(words, count)
        seen += int(count)
        idle = idle + 1 if count == 0 else 0
    return good


def compiled_hop(trips: int) -> np.ndarray:
    """Hops of the compiled face, both sides spinning, in ns."""
    took_ns = np.zeros(trips, np.int64)
    with shared_rings(2, SLOTS) as (there, back):
        lines = (there.words, there.slots, back.words, back.slots)
        ping(*lines, took_ns[:0])
        with beside(pong, *lines, trips):
            good = ping(*lines, took_ns)
    expect("round trips", good, trips)
    return took_ns / 2


def rate_of(write: Callable[..., None], read: Callable[..., int], total: int) -> float:
    """Events per second through one ring, with a compiled loop on either side."""
    with shared_rings(1, SLOTS) as (ring,):
        lines = [AddressTable((ring.words, ring.slots, np.zeros(1, EVENT))) for _ in range(2)]
        there, back = lines[0].address, lines[1].address
        write(there, 0)
        read(back, 0)
        with beside(write, there, total):
            started_ns = monotonic_ns()
            good = read(back, total)
            took_ns = monotonic_ns() - started_ns
    expect("events in order", good, total)
    return total * 1e9 / took_ns


def beside_c(metrics: Metrics, pair: tuple[int, int], scale: int) -> list[Row]:
    """Measure the C ring and ours in turn, so that both meet the same machine; medians of each."""
    ours, theirs, c_rates = [], [], []
    ones, batches = [], []
    for _ in range(ROUNDS):
        ours.append(compiled_hop(TRIPS * scale))
        ones.append(rate_of(push_all, pop_all, EVENTS * scale))
        batches.append(rate_of(pour, drink, EVENTS * scale))
        if compiler():
            hops, rate = run_c_ring(pair, TRIPS * scale, EVENTS * scale)
            theirs.append(hops)
            c_rates.append(rate)
    rows = quantiles(metrics, "hop", np.concatenate(ours), "hop, compiled, both spinning")
    metrics["ops_per_s"] = round(median(ones))
    metrics["batch_ops_per_s"] = round(median(batches))
    rows.append(Row("one by one, compiled", metrics["ops_per_s"], "events/s"))
    rows.append(Row("in bursts of 64, compiled", metrics["batch_ops_per_s"], "events/s"))
    if theirs:
        told = quantiles(metrics, "c_hop", np.concatenate(theirs), "hop, C11")
        metrics["c_ops_per_s"] = round(median(c_rates))
        told.append(Row("one by one, C11", metrics["c_ops_per_s"], "events/s"))
        rows += [Row(row.what, row.figure, row.unit, baseline=True) for row in told]
        ratios = [np.median(mine) / np.median(c) for mine, c in zip(ours, theirs, strict=True)]
        metrics["hop_over_c"] = round(float(median(ratios)), 2)
        rows.append(Row("hop over C11, p50, median of rounds", metrics["hop_over_c"], "times"))
    return rows


def measure(quick: bool) -> Outcome:
    """Measure hops and rates; without a second core only the rates that do not spin."""
    metrics: Metrics = {}
    rows, notes = [], []
    scale, pair = 1 if quick else 20, core_pair()
    if pair:
        rows += beside_c(metrics, pair, scale)
    else:
        notes.append("fewer than two cores: two spinning processes cannot be measured")
    if not compiler():
        notes.append("the C11 ring is absent: there is no C compiler")
    if importlib.util.find_spec("iceoryx2") is None:
        notes.append("iceoryx2 is absent: it is not installed")
    else:
        notes.append("iceoryx2 is installed, and no bench of it is written")
    rows += quantiles(metrics, "parked_hop", parked_hop(2_000 * scale), "hop, Python face, parked")
    pipes = quantiles(metrics, "pipe_hop", pipe_hop(2_000 * scale), "hop, multiprocessing.Pipe")
    rows += [Row(row.what, row.figure, row.unit, baseline=True) for row in pipes]
    for name, what, rate, total, baseline in (
        ("python_ops_per_s", "one by one, Python face", python_rate, 50_000, False),
        ("queue_ops_per_s", "multiprocessing.Queue", queue_rate, 10_000, True),
    ):
        metrics[name] = round(rate(total * scale))
        rows.append(Row(what, metrics[name], "events/s", baseline))
    return Outcome(rows, metrics, notes)


if __name__ == "__main__":
    sys.exit(run("ring", measure))
