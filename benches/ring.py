"""The claim: a hop between two processes costs a fraction of a microsecond.

A hop is half of a round trip there and back through two rings, each trip timed by itself.  The
baselines are what a Python program would use otherwise: a pipe and a queue of multiprocessing.
"""

from __future__ import annotations

import select
import sys
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benches.pair import EVENT, FORK, PACKER, beside, core_pair, shared_rings, shared_segment
from benches.report import Metrics, Outcome, Row, WrongAnswer, quantiles, run
from hft.clock import monotonic_ns
from hft.strategy.native import clock_gettime
from ringbuf.compiled import compiled
from ringbuf.doorbell import Doorbell, say_awake, say_parked
from ringbuf.layout import HEAD, TAIL
from ringbuf.spsc import (
    Consumer,
    Producer,
    Ring,
    available,
    free_slots,
    publish,
    release,
    slot_of,
)

SLOTS = 4096
BURST = np.int64(64)
PARK_MS = 1000
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


@compiled
def pour(words: Any, slots: Any, first: int, last: int) -> int:
    """Write as much of one burst as fits."""
    count = min(free_slots(words, 64), BURST, np.int64(last - first))
    for step in range(count):
        slots[slot_of(words, np.int64(words[TAIL]) + step)].seq = first + step
    publish(words, count)
    return int(count)


@compiled
def drink(words: Any, slots: Any, total: int) -> int:
    """Take `total` events, each of which must be the next; returns how many were."""
    seen, good, idle = 0, 0, 0
    while seen < total and idle < SPINS_MAX:
        count = min(available(words, 64), BURST)
        head = np.int64(words[HEAD])
        for step in range(count):
            good += slots[slot_of(words, head + step)].seq == seen + step
        release(words, count)
        seen += int(count)
        idle = idle + 1 if count == 0 else 0
    return good


def pour_all(ring: Ring, total: int) -> None:
    """The producing process of the compiled face."""
    made = 0
    while made < total:
        made += pour(ring.words, ring.slots, made, total)


def offer_all(ring: Ring, total: int) -> None:
    """The producing process of the Python face."""
    producer = Producer(ring)
    for number in range(total):
        while not producer.offer(PACKER, (number,) * 8):
            continue  # Full: the consumer is a core away.


def answer_parked(rings: list[Ring], bells: list[Doorbell], trips: int) -> None:
    """The other side of the parked ping-pong."""
    consumer, producer, poll = Consumer(rings[0]), Producer(rings[1]), poll_on(bells[0])
    for _ in range(trips):
        park_for(consumer, bells[0], poll)
        producer.offer(PACKER, consumer.peek(PACKER))
        consumer.release()
        bells[1].ring_if_parked()


def poll_on(bell: Doorbell) -> select.poll:
    """What a parked process sleeps on."""
    poll = select.poll()
    poll.register(bell, select.POLLIN)
    return poll


def park_for(consumer: Consumer, bell: Doorbell, poll: select.poll) -> None:
    """Sleep until something waits, as the runner does."""
    while not consumer.waiting():
        say_parked(bell.words)
        if not consumer.waiting():
            poll.poll(PARK_MS)
        say_awake(bell.words)
        bell.silence()


def answer_pipe(line: Connection, trips: int) -> None:
    """The other side of the pipe."""
    for _ in range(trips):
        line.send_bytes(line.recv_bytes())


def fill_queue(queue: Any, total: int) -> None:
    """The producing process of the queue."""
    payload = bytes(EVENT.itemsize)
    for _ in range(total):
        queue.put(payload)


def compiled_hop(trips: int) -> np.ndarray:
    """Hops of the compiled face, both sides spinning, in ns."""
    took_ns = np.zeros(trips, np.int64)
    with shared_rings(2, 64) as (there, back):
        lines = (there.words, there.slots, back.words, back.slots)
        ping(*lines, took_ns[:0])
        with beside(pong, *lines, trips):
            good = ping(*lines, took_ns)
    expect("round trips", good, trips)
    return took_ns / 2


def parked_hop(trips: int) -> np.ndarray:
    """Hops of the Python face, both sides asleep until the doorbell rings, in ns."""
    took_ns = np.zeros(trips, np.int64)
    with shared_segment(128) as words, shared_rings(2, 64) as rings:
        bells = [Doorbell(words.words(at, 1)) for at in (0, 64)]
        with beside(answer_parked, rings, bells, trips):
            producer, consumer, poll = Producer(rings[0]), Consumer(rings[1]), poll_on(bells[1])
            for trip in range(trips):
                started_ns = monotonic_ns()
                producer.offer(PACKER, (trip,) * 8)
                bells[0].ring_if_parked()
                park_for(consumer, bells[1], poll)
                took_ns[trip] = monotonic_ns() - started_ns
                expect("echo", int(str(consumer.peek(PACKER)[0])), trip)
                consumer.release()
        for bell in bells:
            bell.close()
    return took_ns / 2


def pipe_hop(trips: int) -> np.ndarray:
    """Hops through a pipe of multiprocessing, in ns."""
    took_ns = np.zeros(trips, np.int64)
    ours, theirs = FORK.Pipe()
    with ours, theirs, beside(answer_pipe, theirs, trips):
        for trip in range(trips):
            payload = trip.to_bytes(EVENT.itemsize, "little")
            started_ns = monotonic_ns()
            ours.send_bytes(payload)
            answer = ours.recv_bytes()
            took_ns[trip] = monotonic_ns() - started_ns
            expect("echo", int.from_bytes(answer, "little"), trip)
    return took_ns / 2


def compiled_rate(total: int) -> float:
    """Events per second through one ring, in bursts, compiled on both sides."""
    with shared_rings(1, SLOTS) as (ring,):
        pour(ring.words, ring.slots, 0, 0)
        drink(ring.words, ring.slots, 0)
        with beside(pour_all, ring, total):
            started_ns = monotonic_ns()
            good = drink(ring.words, ring.slots, total)
            took_ns = monotonic_ns() - started_ns
    expect("events in order", good, total)
    return total * 1e9 / took_ns


def python_rate(total: int) -> float:
    """Events per second through one ring, one at a time from the interpreter on both sides."""
    with shared_rings(1, SLOTS) as (ring,), beside(offer_all, ring, total):
        consumer, seen, good, started_ns = Consumer(ring), 0, 0, monotonic_ns()
        while seen < total:
            for _ in range(consumer.waiting()):
                good += consumer.peek(PACKER)[0] == seen
                consumer.release()
                seen += 1
        took_ns = monotonic_ns() - started_ns
        del consumer
    expect("events in order", good, total)
    return total * 1e9 / took_ns


def queue_rate(total: int) -> float:
    """Events per second through a queue of multiprocessing."""
    queue = FORK.Queue()
    with beside(fill_queue, queue, total):
        queue.get()
        started_ns, nbytes = monotonic_ns(), EVENT.itemsize
        for _ in range(total - 1):
            nbytes += len(queue.get())
        took_ns = monotonic_ns() - started_ns
    queue.close()
    queue.join_thread()
    expect("bytes", nbytes, total * EVENT.itemsize)
    return (total - 1) * 1e9 / took_ns


def expect(what: str, found: int, wanted: int) -> None:
    """Refuse to print a figure for something that did not work."""
    if found != wanted:
        raise WrongAnswer(f"{what}: {found} instead of {wanted}")


def measure(quick: bool) -> Outcome:
    """Measure hops and rates; without a second core only the rates that do not spin."""
    metrics: Metrics = {}
    rows, notes = [], []
    scale = 1 if quick else 20
    if core_pair():
        rows += quantiles(metrics, "hop_spin_ns", compiled_hop(20_000 * scale), "ns")
    else:
        notes.append("fewer than two cores: two spinning processes cannot be measured")
    rows += quantiles(metrics, "hop_parked_ns", parked_hop(2_000 * scale), "ns")
    pipes = quantiles(metrics, "hop_pipe_ns", pipe_hop(2_000 * scale), "ns")
    rows += [Row(row.what, row.figure, row.unit, baseline=True) for row in pipes]
    for name, rate, total, baseline in (
        ("rate_compiled", compiled_rate, 1_000_000, False),
        ("rate_python", python_rate, 50_000, False),
        ("rate_queue", queue_rate, 10_000, True),
    ):
        metrics[f"{name}_per_s"] = round(rate(total * scale), 0)
        rows.append(Row(name, metrics[f"{name}_per_s"], "events/s", baseline=baseline))
    ratio = metrics["rate_compiled_per_s"] / metrics["rate_queue_per_s"]
    metrics["rate_compiled_over_queue"] = round(ratio, 1)
    return Outcome(rows, metrics, notes)


if __name__ == "__main__":
    sys.exit(run("ring", measure))
