"""A million events between two processes: each once, in order, whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from hft.clock import Deadline
from ringbuf.compiled import compiled
from ringbuf.layout import HEAD, TAIL
from ringbuf.spsc import (
    Consumer,
    Producer,
    Ring,
    available,
    free_slots,
    packer_of,
    publish,
    release,
    slot_of,
)
from tests.ringbuf.scratch import EVENT, JOIN_S, running, scratch_ring

EVENTS = 1_000_000
PYTHON_EVENTS = 100_000
BURST = 64
PACKER = packer_of(EVENT)


@compiled
def produce_burst(words: Any, slots: Any, first: int, last: int) -> int:
    count = min(free_slots(words, BURST), BURST, last - first)
    for step in range(count):
        record = slots[slot_of(words, np.int64(words[TAIL]) + step)]
        record.seq = first + step
        for part in range(7):
            record.payload[part] = (first + step) * 7 + part
    publish(words, count)
    return count


@compiled
def check_burst(words: Any, slots: Any, expected: int) -> int:
    """Check a burst in its slots; the number of good events, or -1 - the first bad one."""
    count = min(available(words, BURST), BURST)
    head = np.int64(words[HEAD])
    for step in range(count):
        record = slots[slot_of(words, head + step)]
        good = record.seq == expected + step
        for part in range(7):
            good &= record.payload[part] == (expected + step) * 7 + part
        if not good:
            return -1 - (expected + step)
    release(words, count)
    return count


def produce_compiled(ring: Ring) -> None:
    made = 0
    while made < EVENTS:
        made += produce_burst(ring.words, ring.slots, made, EVENTS)


def produce_interpreted(ring: Ring) -> None:
    producer = Producer(ring)
    for number in range(PYTHON_EVENTS):
        values = (number, *(number * 7 + part for part in range(7)))
        while not producer.offer(PACKER, values):
            continue  # Full: the consumer is a core away.


def test_a_million_events_arrive_once_in_order_and_whole() -> None:
    with scratch_ring(1024) as ring, running(produce_compiled, ring):
        seen, deadline = 0, Deadline(JOIN_S)
        while seen < EVENTS and not deadline.passed():
            checked = check_burst(ring.words, ring.slots, seen)
            assert checked >= 0, f"event {-1 - checked} is torn or out of order"
            seen += checked
        assert seen == EVENTS
        assert ring.depth() == 0


def test_the_python_face_keeps_order_between_processes_too() -> None:
    with scratch_ring(64) as ring, running(produce_interpreted, ring):
        consumer, seen, deadline = Consumer(ring), 0, Deadline(JOIN_S)
        while seen < PYTHON_EVENTS and not deadline.passed():
            for _ in range(consumer.waiting()):
                expected = (seen, *(seen * 7 + part for part in range(7)))
                assert consumer.peek(PACKER) == expected
                consumer.release()
                seen += 1
        assert seen == PYTHON_EVENTS
        del consumer
