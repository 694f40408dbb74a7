from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.clock import Deadline
from ringbuf.memory import Segment
from ringbuf.snapshot import Snapshot, commit, snapshot_bytes
from ringbuf.spsc import packer_of
from tests.ringbuf.scratch import FORK, JOIN_S, scratch_segment

VALUE = np.dtype({"names": ["all"], "formats": [("<u8", (128,))], "offsets": [0], "itemsize": 1024})
PACKER = packer_of(VALUE)
KILLS = 5
WRITES_BEFORE_A_KILL = 200


def write_python_for_ever(segment: Segment) -> None:
    snapshot = Snapshot(segment, 0, VALUE)
    number = snapshot.generation()
    while True:
        number += 1
        snapshot.write_values(PACKER, [number] * 128)


def write_compiled_for_ever(segment: Segment) -> None:
    snapshot = Snapshot(segment, 0, VALUE)
    value = np.zeros(1, snapshot.slots.dtype)
    number = snapshot.generation()
    while True:
        number += 1
        value["all"] = number
        commit(snapshot.words, snapshot.slots, value)


def test_nothing_was_ever_written_reads_as_none() -> None:
    with scratch_segment(snapshot_bytes(VALUE)) as segment:
        snapshot = Snapshot(segment, 0, VALUE)
        assert snapshot.generation() == 0
        assert snapshot.read() is None
        assert snapshot.read_values(PACKER) is None
        del snapshot


@given(numbers=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8))
def test_the_last_value_wins(numbers: list[int]) -> None:
    with scratch_segment(snapshot_bytes(VALUE)) as segment:
        snapshot = Snapshot(segment, 0, VALUE)
        for number in numbers:
            snapshot.write_values(PACKER, [number] * 128)
        assert snapshot.read_values(PACKER) == (numbers[-1],) * 128
        assert snapshot.generation() == len(numbers)
        del snapshot


@pytest.mark.parametrize("write", [write_python_for_ever, write_compiled_for_ever])
def test_a_value_is_whole_under_a_writer_that_is_killed_again_and_again(write) -> None:  # type: ignore[no-untyped-def]
    with scratch_segment(snapshot_bytes(VALUE)) as segment:
        snapshot, last = Snapshot(segment, 0, VALUE), 0
        for _ in range(KILLS):
            process = FORK.Process(target=write, args=(segment,))
            process.start()
            goal, deadline = snapshot.generation() + WRITES_BEFORE_A_KILL, Deadline(JOIN_S)
            while snapshot.generation() < goal and not deadline.passed():
                last = max(last, whole_value(snapshot, last))
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            process.close()
            last = whole_value(snapshot, last)
            assert last >= goal
            assert whole_value(snapshot, last) == last, "nobody writes, so nothing may change"
        del snapshot


def whole_value(snapshot: Snapshot, last: int) -> int:
    """Read once; a writer that outran every attempt leaves the caller with its last value."""
    value = snapshot.read()
    if value is None:
        return last
    numbers = set(value["all"][0].tolist())
    assert len(numbers) == 1, f"torn: {numbers}"
    return int(numbers.pop())


def test_an_observer_without_write_permission_reads_the_same() -> None:
    with scratch_segment(snapshot_bytes(VALUE)) as segment:
        Snapshot(segment, 0, VALUE).write_values(PACKER, [7] * 128)
        seen_from_outside = Segment.attach(segment.name)
        observer = Snapshot(seen_from_outside, 0, VALUE)
        assert observer.read_values(PACKER) == (7,) * 128
        with pytest.raises(TypeError):
            observer.write_values(PACKER, [8] * 128)
        del observer
        seen_from_outside.close()
