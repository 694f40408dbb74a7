"""Sleeping and waking, over real descriptors, with a producer in a thread of its own."""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numba import cfunc, types

from hft.clock import Deadline, monotonic_ns
from ringbuf.addressed import AddressTable, array_at
from ringbuf.doorbell import Doorbell
from ringbuf.layout import RingLayout
from ringbuf.memory import Segment
from ringbuf.parking import DESCRIPTORS_MAX, Duty, Parking
from ringbuf.spsc import Consumer, Producer, Ring, packer_of

EVENT = np.dtype({"names": ["number"], "formats": ["<i8"], "itemsize": 64})
COUNTER = np.dtype("<i8")
PACKER = packer_of(EVENT)


class Place:
    """One ring, one bell, one parking place."""

    def __init__(self) -> None:
        shape = RingLayout(EVENT, 64)
        segment = Segment("scratch", mmap.mmap(-1, shape.nbytes))
        self.ring = Ring.create(segment, 0, shape, 1)
        self.parked = np.zeros(1, np.uint64)
        self.bell = Doorbell(self.parked)
        self.parking = Parking(self.parked)
        self.parking.register(self.bell.fileno())
        self.parking.watch([self.ring], None)


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.bell.close()


def test_nothing_comes_and_the_time_is_over(place: Place) -> None:
    began_ns = monotonic_ns()
    assert place.parking.sleep(20) == 0
    assert monotonic_ns() - began_ns >= 19_000_000
    assert place.parking.ready() == []
    assert place.parked[0] == 0


def test_it_does_not_sleep_while_a_ring_has_something(place: Place) -> None:
    place.parking.sleep(0)
    Producer(place.ring).offer(PACKER, (1,))
    assert place.parking.sleep(60_000) == 1
    assert place.parking.ready() == []


def test_it_says_which_descriptors_woke_it_and_forgets_those_it_is_told_to(place: Place) -> None:
    pipes = [os.pipe() for _ in range(3)]
    try:
        for read_end, _ in pipes:
            place.parking.register(read_end)
            place.parking.register(read_end)
        os.write(pipes[1][1], b"x")
        assert place.parking.sleep(60_000) == 1
        assert place.parking.ready() == [pipes[1][0]]
        place.parking.forget(pipes[1][0])
        place.parking.forget(pipes[1][0])
        assert place.parking.sleep(0) == 0
        os.close(pipes[2][1])
        assert place.parking.sleep(60_000) == 1, "an end that is gone wakes as well"
        assert place.parking.ready() == [pipes[2][0]]
    finally:
        for read_end, write_end in pipes:
            os.close(read_end)
            if write_end != pipes[2][1]:
                os.close(write_end)


def test_there_is_room_for_so_many_descriptors_and_no_more(place: Place) -> None:
    for descriptor in range(1000, 1000 + DESCRIPTORS_MAX - 1):
        place.parking.register(descriptor)
    with pytest.raises(ValueError, match="more than 64 descriptors"):
        place.parking.register(5000)


def test_the_duty_is_done_on_waking_and_only_then(place: Place) -> None:
    @cfunc(types.int64(types.int64))
    def count(table: int) -> int:
        array_at(table, 0, COUNTER)[0] += 1
        return 7

    counter = np.zeros(1, np.int64)
    table = AddressTable((counter,))
    place.parking.watch([place.ring], Duty(count.address, table.address))
    assert place.parking.sleep(1) == 0
    assert (counter[0], place.parking.did()) == (0, 0)
    place.bell.ring()
    assert place.parking.sleep(60_000) == 1
    place.bell.silence()
    Producer(place.ring).offer(PACKER, (1,))
    assert place.parking.sleep(60_000) == 1
    assert counter[0] == 2
    assert (place.parking.did(), place.parking.did()) == (14, 0)


def test_a_signal_ends_the_sleep_and_its_handler_runs(place: Place) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: heard.append(number))
    alarm = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    alarm.start()
    try:
        deadline = Deadline(10.0)
        while not heard:
            place.parking.sleep(20)
            assert not deadline.passed()
    finally:
        alarm.join()
        signal.signal(signal.SIGUSR1, before)


def test_no_event_is_slept_over(place: Place) -> None:
    """The producer rings only when the consumer said that it sleeps; a lost wake-up would cost
    the whole timeout.
    """
    count, producer, consumer = 20_000, Producer(place.ring), Consumer(place.ring)

    def produce() -> None:
        for number in range(count):
            while not producer.offer(PACKER, (number,)):
                place.bell.ring_if_parked()
            place.bell.ring_if_parked()

    thread = threading.Thread(target=produce)
    taken, longest_ns = 0, 0
    thread.start()
    while taken < count:
        began_ns = monotonic_ns()
        woke = place.parking.sleep(30_000)
        longest_ns = max(longest_ns, monotonic_ns() - began_ns)
        assert woke
        if place.parking.ready():
            place.bell.silence()
        while consumer.waiting():
            assert consumer.peek(PACKER) == (taken,)
            consumer.release()
            taken += 1
    thread.join()
    assert longest_ns < 20 * 10**9
