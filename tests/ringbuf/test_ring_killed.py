"""A side of the real ring is killed between any two of its steps; what was published is intact."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from hft.clock import Deadline, sleep_s
from ringbuf.layout import HEAD, TAIL
from ringbuf.memory import Segment
from ringbuf.spsc import Consumer, Producer, Ring, packer_of
from tests.ringbuf.scratch import (
    EVENT,
    FORK,
    JOIN_S,
    scratch_ring,
    scratch_segment,
)
from tests.ringbuf.test_ring_between_processes import check_burst, produce_burst

PACKER = packer_of(EVENT)
STEPS_MAX = 2_000
SLOTS = 4
KILLS = 8
LAST = 1 << 40


def values(number: int) -> tuple[int, ...]:
    return (number, *(number * 7 + part for part in range(7)))


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do `work` in a child that kills itself before its instruction `step`; False: it ended."""
    child = os.fork()
    if child == 0:
        kill_myself_at(step, work)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return False


def kill_myself_at(step: int, work: Callable[[], None]) -> None:
    """Count instructions in `work` and whatever it calls; never returns."""
    steps = 0

    def counted(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        if event == "opcode":
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1
        return counted

    failed = 1
    try:
        sys.settrace(counted)
        work()
        sys.settrace(None)
        failed = 0
    finally:
        os._exit(failed)


def check_all(ring: Ring, expected: range) -> None:
    """Read through a fresh consumer: exactly these events, whole and in order."""
    consumer = Consumer(ring)
    assert consumer.waiting() == len(expected)
    for number in expected:
        assert consumer.peek(PACKER) == values(number)
        consumer.release()


THOROUGH = pytest.param(3, 1, marks=pytest.mark.long)
COUNTS = pytest.mark.parametrize(("count", "stride"), [(1, 3), THOROUGH])
"""Events in one life, and how many instructions lie between one death and the next."""


@COUNTS
def test_a_producer_may_be_killed_before_any_of_its_instructions(count: int, stride: int) -> None:
    with scratch_ring(SLOTS) as ring:

        def offer_some() -> None:
            producer = Producer(ring)
            for _ in range(count):
                producer.offer(PACKER, values(int(ring.words[TAIL])))

        step = 0
        while killed_at(step, offer_some):
            head, tail = int(ring.words[HEAD]), int(ring.words[TAIL])
            assert tail - head <= count
            check_all(ring, range(head, tail))
            step += stride
            assert step < STEPS_MAX
        check_all(ring, range(int(ring.words[HEAD]), int(ring.words[HEAD]) + count))
        assert step > 80


@COUNTS
def test_a_consumer_may_be_killed_before_any_of_its_instructions(count: int, stride: int) -> None:
    with scratch_ring(SLOTS) as ring, scratch_segment(64) as notes:
        seen = memoryview(notes.view[:8]).cast("Q")

        def take_some() -> None:
            consumer = Consumer(ring)
            for _ in range(min(consumer.waiting(), count)):
                number = int(ring.words[HEAD])
                assert consumer.peek(PACKER) == values(number)
                seen[0] = number + 1
                consumer.release()

        # Seen, and not given back yet, is what a consumer reads again after its death.
        step, killed = 0, True
        while killed:
            producer = Producer(ring)
            while producer.offer(PACKER, values(int(ring.words[TAIL]))):
                continue  # Fill it: an unread slot that was given back would be overwritten.
            killed = killed_at(step, take_some)
            head, tail = int(ring.words[HEAD]), int(ring.words[TAIL])
            assert int(seen[0]) - head in (0, 1), "at most the one under way is read again"
            assert tail - head <= SLOTS
            check_all(ring, range(head, tail))
            seen[0] = tail
            step += stride
            assert step < STEPS_MAX
        assert step > 80
        seen.release()
        del producer


def produce_for_ever(ring: Ring, notes: Segment) -> None:
    while True:
        produce_burst(ring.words, ring.slots, int(ring.words[TAIL]), LAST)


def produce_in_python_for_ever(ring: Ring, notes: Segment) -> None:
    producer = Producer(ring)
    while True:
        producer.offer(PACKER, values(int(ring.words[TAIL])))


def consume_for_ever(ring: Ring, notes: Segment) -> None:
    bad = notes.words(0, 1)
    while True:
        checked = check_burst(ring.words, ring.slots, int(ring.words[HEAD]))
        if checked < 0:
            bad[0] = 1
            return


def consume_in_python_for_ever(ring: Ring, notes: Segment) -> None:
    consumer, bad = Consumer(ring), notes.words(0, 1)
    while True:
        for _ in range(consumer.waiting()):
            if consumer.peek(PACKER) != values(int(ring.words[HEAD])):
                bad[0] = 1
            consumer.release()


@pytest.mark.parametrize("produce", [produce_for_ever, produce_in_python_for_ever])
@pytest.mark.parametrize("consume", [consume_for_ever, consume_in_python_for_ever])
def test_both_sides_killed_at_full_speed_lose_and_tear_nothing(
    produce: Callable[[Ring, Segment], None], consume: Callable[[Ring, Segment], None]
) -> None:
    chance = random.Random(7)
    with scratch_ring(SLOTS) as ring, scratch_segment(64) as notes:
        sides = [produce, consume]
        children = [started(side, ring, notes) for side in sides]
        try:
            for _ in range(KILLS):
                wait_for_progress(ring)
                victim = chance.randrange(2)
                end(children[victim])
                children[victim] = started(sides[victim], ring, notes)
            wait_for_progress(ring)
        finally:
            for child in children:
                end(child)
        head, tail = int(ring.words[HEAD]), int(ring.words[TAIL])
        assert notes.words(0, 1)[0] == 0, "an event was torn, lost or came twice"
        check_all(ring, range(head, tail))


def started(target: Callable[[Ring, Segment], None], ring: Ring, notes: Segment) -> Any:
    process = FORK.Process(target=target, args=(ring, notes))
    process.start()
    return process


def end(process: Any) -> None:
    process.kill()
    process.join()
    process.close()


def wait_for_progress(ring: Ring) -> None:
    """Wait until both sides have gone round the ring several times."""
    goal, deadline = int(ring.words[HEAD]) + 5 * SLOTS, Deadline(JOIN_S)
    while int(ring.words[HEAD]) < goal:
        assert not deadline.passed(), "nobody moves"
        sleep_s(0.001)
