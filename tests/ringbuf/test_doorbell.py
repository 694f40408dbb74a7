from __future__ import annotations

import select
from typing import Any

from hft.clock import Deadline
from ringbuf.compiled import compiled
from ringbuf.doorbell import Doorbell, must_ring, ring_if_parked, say_awake, say_parked
from ringbuf.spsc import Consumer, Producer, Ring, packer_of
from tests.ringbuf.scratch import EVENT, JOIN_S, running, scratch_ring, scratch_segment

ROUNDS = 20_000
LOST_AFTER_S = 5.0
PACKER = packer_of(EVENT)


def ask_and_wait(ring: Ring, answers: Ring, bells: tuple[Doorbell, Doorbell]) -> None:
    """The other process: offer, ring if parked, and sleep until the answer is there."""
    producer, consumer = Producer(ring), Consumer(answers)
    for number in range(ROUNDS):
        producer.offer(PACKER, [number] * 8)
        bells[0].ring_if_parked()
        sleep_until_something_waits(consumer, bells[1])
        consumer.release()


def sleep_until_something_waits(consumer: Consumer, bell: Doorbell) -> None:
    """Park as the runner does, but trust the bell alone: a lost wake-up is seen, not healed."""
    deadline = Deadline(JOIN_S)
    while not consumer.waiting():
        assert not deadline.passed(), "the other side is gone"
        say_parked(bell.words)
        if not consumer.waiting() and not rung_within(bell, LOST_AFTER_S) and consumer.waiting():
            # The producer may stand between its publish and its look at the parked word.
            assert rung_within(bell, LOST_AFTER_S), "the event is there and nobody rang"
        say_awake(bell.words)
        bell.silence()


def rung_within(bell: Doorbell, seconds: float) -> bool:
    return bool(select.select([bell], [], [], seconds)[0])


def test_no_wake_up_is_lost_between_two_processes() -> None:
    with (
        scratch_segment(128) as words,
        scratch_ring(8) as there,
        scratch_ring(8) as back,
    ):
        bells = (Doorbell(words.words(0, 1)), Doorbell(words.words(64, 1)))
        with running(ask_and_wait, there, back, bells):
            consumer, producer, deadline = Consumer(there), Producer(back), Deadline(JOIN_S)
            for number in range(ROUNDS):
                sleep_until_something_waits(consumer, bells[0])
                assert consumer.peek(PACKER)[0] == number
                consumer.release()
                producer.offer(PACKER, [number] * 8)
                bells[1].ring_if_parked()
                assert not deadline.passed()
        for bell in bells:
            bell.close()
        del consumer, producer, bells


def test_the_bell_is_silent_unless_the_consumer_says_that_it_sleeps() -> None:
    with scratch_segment(64) as segment:
        bell = Doorbell(segment.words(0, 1))
        bell.ring_if_parked()
        assert not is_ringing(bell)
        say_parked(bell.words)
        assert must_ring(bell.words)
        bell.ring_if_parked()
        bell.ring_if_parked()
        assert is_ringing(bell)
        say_awake(bell.words)
        bell.silence()
        bell.silence()
        assert not is_ringing(bell)
        bell.close()
        del bell


@compiled
def ring_from_compiled_code(words: Any, handle: int) -> None:
    ring_if_parked(words, handle)


def test_compiled_code_rings_the_same_bell_and_only_for_a_sleeper() -> None:
    with scratch_segment(64) as segment:
        bell = Doorbell(segment.words(0, 1))
        ring_from_compiled_code(bell.words, bell.write_end)
        assert not is_ringing(bell)
        say_parked(bell.words)
        ring_from_compiled_code(bell.words, bell.write_end)
        ring_from_compiled_code(bell.words, bell.write_end)
        assert is_ringing(bell)
        bell.say_awake()
        assert not must_ring(bell.words)
        bell.silence()
        assert not is_ringing(bell)
        bell.close()
        del bell


def test_a_machine_without_eventfd_uses_a_pipe(monkeypatch: Any) -> None:
    monkeypatch.delattr("os.eventfd", raising=False)
    with scratch_segment(64) as segment:
        bell = Doorbell(segment.words(0, 1))
        for _ in range(20_000):  # More than a pipe holds: a full one is ringing already.
            bell.ring()
        assert is_ringing(bell)
        while is_ringing(bell):
            bell.silence()
        bell.close()
        del bell


def is_ringing(bell: Doorbell) -> bool:
    return rung_within(bell, 0)
