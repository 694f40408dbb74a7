"""The ring against a plain list, in every mixture of its two faces."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ringbuf.compiled import compiled
from ringbuf.layout import TAIL
from ringbuf.spsc import (
    Consumer,
    Producer,
    Ring,
    available,
    free_slots,
    jump_to_tail,
    packer_of,
    publish,
    release,
    ring_report,
    slot_of,
)
from tests.ringbuf.scratch import EVENT, scratch_ring

PACKER = packer_of(EVENT)


@compiled
def produce(words: Any, slots: Any, first: int, count: int) -> int:
    """Write as many of `count` events as fit, in one batch; say how many."""
    room = min(free_slots(words, count), count)
    for step in range(room):
        slot = slot_of(words, np.int64(words[TAIL]) + step)
        slots[slot].seq = first + step
        for part in range(7):
            slots[slot].payload[part] = first + step
    publish(words, room)
    return room


@compiled
def consume(words: Any, slots: Any, head: int, out: Any) -> int:
    """Copy the sequence numbers of up to ``len(out)`` events and give their slots back."""
    ready = min(available(words, len(out)), len(out))
    for step in range(ready):
        out[step] = slots[slot_of(words, head + step)].seq
    release(words, ready)
    return ready


class RingAgainstList(RuleBasedStateMachine):
    """Whatever the order of calls, the ring holds what a bounded list would hold."""

    held: list[int]

    @initialize(slots=st.sampled_from([2, 4, 8]), turns=st.integers(0, 40))
    def lay(self, slots: int, turns: int) -> None:
        self._scratch = scratch_ring(slots)
        self.ring: Ring = self._scratch.__enter__()
        self.size, self.held, self.made, self.taken = slots, [], 0, 0
        self.back_to_life()
        for _ in range(turns):  # Wrap around before the first rule runs.
            self.offer_one()
            self.take(1)

    def teardown(self) -> None:
        if hasattr(self, "ring"):
            del self.ring, self.producer, self.consumer
            self._scratch.__exit__(None, None, None)

    @rule()
    def back_to_life(self) -> None:
        """Both sides die and come back: the cursors lie in the memory."""
        self.producer, self.consumer = Producer(self.ring), Consumer(self.ring)

    @rule()
    def offer_one(self) -> None:
        room = len(self.held) < self.size
        assert self.producer.offer(PACKER, [self.made] * 8) is room
        if room:
            self.held.append(self.made)
            self.made += 1

    @rule(count=st.integers(1, 12))
    def produce_batch(self, count: int) -> None:
        made = produce(self.ring.words, self.ring.slots, self.made, count)
        assert made == min(count, self.size - len(self.held))
        self.held += range(self.made, self.made + made)
        self.made += made

    @rule(count=st.integers(1, 12))
    def take(self, count: int) -> None:
        count = min(count, len(self.held))
        for ahead in range(count):
            assert self.consumer.peek(PACKER, ahead) == (self.held[ahead],) * 8
        self.consumer.release(count)
        del self.held[:count]
        self.taken += count

    @rule(count=st.integers(1, 12))
    def consume_batch(self, count: int) -> None:
        out = np.zeros(count, np.uint64)
        taken = consume(self.ring.words, self.ring.slots, self.taken, out)
        assert list(out[:taken]) == self.held[:count]
        del self.held[:taken]
        self.taken += taken

    @rule()
    def skip_to_the_tail(self) -> None:
        assert jump_to_tail(self.ring.words) == len(self.held)
        self.taken += len(self.held)
        self.held.clear()

    @invariant()
    def both_sides_agree(self) -> None:
        if not hasattr(self, "ring"):
            return
        assert self.consumer.waiting() == self.ring.depth() == len(self.held)
        assert self.producer.room() == self.size - len(self.held)
        assert [int(seq) for seq in self.consumer.copy(len(self.held))["seq"]] == self.held
        assert ring_report(self.ring)["deepest"] <= self.size


RingAgainstList.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRingAgainstList = RingAgainstList.TestCase


def test_a_drop_is_counted_and_marks_the_gap() -> None:
    with scratch_ring(2) as ring:
        producer, consumer = Producer(ring), Consumer(ring)
        assert [producer.offer(PACKER, [n] * 8) for n in range(3)] == [True, True, False]
        producer.count_drop()
        assert consumer.gaps() == 1
        assert ring_report(ring)["dropped"] == 1
        assert [consumer.peek(PACKER, ahead)[0] for ahead in range(2)] == [0, 1]
        del producer, consumer


def test_a_side_that_comes_back_is_counted() -> None:
    with scratch_ring(2) as ring:
        for _ in range(3):
            Producer(ring)
        Consumer(ring)
        assert ring_report(ring)["producer_epoch"] == 3
        assert ring_report(ring)["consumer_epoch"] == 1


def test_the_deepest_depth_is_kept_in_both_faces() -> None:
    with scratch_ring(8) as ring:
        producer, consumer = Producer(ring), Consumer(ring)
        for number in range(3):
            producer.offer(PACKER, [number] * 8)
        assert ring_report(ring)["deepest"] == 3
        consumer.release(3)
        produce(ring.words, ring.slots, 3, 5)
        assert ring_report(ring)["deepest"] == 5
        del producer, consumer
