"""The ring from the interpreter, asleep until the doorbell rings, and what Python has instead."""

from __future__ import annotations

import select
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from benches.pair import EVENT, FORK, PACKER, beside, shared_rings, shared_segment
from benches.report import expect
from hft.clock import monotonic_ns
from ringbuf.doorbell import Doorbell, say_awake, say_parked
from ringbuf.spsc import Consumer, Producer, Ring

SLOTS = 4096
PARK_MS = 1000


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
