from __future__ import annotations

import mmap
import os
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from hft.clock import Deadline, sleep_s
from ringbuf.layout import RingLayout
from ringbuf.memory import KernelLock, Segment, segment_folder, unlink
from ringbuf.spsc import Ring
from tests.ringbuf.scratch import DIGEST, EVENT, FORK, JOIN_S, scratch_segment


def test_what_one_maps_the_other_sees() -> None:
    with scratch_segment(128) as segment:
        other = Segment.attach(segment.name, writable=True)
        other.words(64, 1)[0] = 42
        assert segment.words(64, 1)[0] == 42
        other.close()


def test_an_observer_cannot_write() -> None:
    with scratch_segment(64) as segment:
        observer = Segment.attach(segment.name)
        with pytest.raises(ValueError, match="read-only"):
            observer.words(0, 1)[0] = 1
        observer.close()


def test_a_second_segment_of_the_same_name_is_refused() -> None:
    with scratch_segment(64) as segment, pytest.raises(FileExistsError):
        Segment.create(segment.name, 64)


def test_a_segment_that_is_not_there_is_refused() -> None:
    with pytest.raises(FileNotFoundError):
        Segment.attach("ringbuf-test-no-such-segment")


def test_a_segment_larger_than_the_memory_says_so_and_leaves_nothing() -> None:
    name = f"ringbuf-test-{os.getpid()}-huge"
    with pytest.raises(OSError, match=r"segment needs|File too large"):
        Segment.create(name, 1 << 60)
    assert not (segment_folder() / name).exists()


def test_a_removed_name_leaves_the_mapping_alive() -> None:
    with scratch_segment(64) as segment:
        unlink(segment.name)
        unlink(segment.name)
        segment.words(0, 1)[0] = 3
        assert segment.words(0, 1)[0] == 3


def test_words_must_be_aligned() -> None:
    with scratch_segment(64) as segment, pytest.raises(ValueError, match="offset 4"):
        segment.words(4, 1)


@pytest.mark.parametrize(
    ("slots", "size", "digest", "part"),
    [(8, 64, DIGEST, "slots"), (4, 128, DIGEST, "slot bytes"), (4, 64, DIGEST + 1, "digest")],
)
def test_a_ring_of_another_shape_is_refused(slots: int, size: int, digest: int, part: str) -> None:
    kind = np.dtype({"names": ["seq"], "formats": ["<u8"], "itemsize": size})
    with scratch_segment(4096) as segment:
        Ring.create(segment, 0, RingLayout(EVENT, 4), DIGEST)
        with pytest.raises(ValueError, match=f"ring at byte 0: {part} is"):
            Ring.attach(segment, 0, RingLayout(kind, slots), digest)


def test_memory_without_a_ring_is_refused() -> None:
    with scratch_segment(4096) as segment, pytest.raises(ValueError, match="ready word"):
        Ring.attach(segment, 0, RingLayout(EVENT, 4), DIGEST)


def test_a_ring_is_attached_with_what_it_holds() -> None:
    shape = RingLayout(EVENT, 4)
    with scratch_segment(shape.nbytes) as segment:
        Ring.create(segment, 0, shape, DIGEST).slots[2]["seq"] = 5
        other = Segment.attach(segment.name, writable=True)
        assert Ring.attach(other, 0, shape, DIGEST).slots[2]["seq"] == 5
        other.close()


@pytest.mark.parametrize(("slots", "size"), [(3, 64), (1, 64), (4, 72)])
def test_a_shape_that_cannot_work_is_refused(slots: int, size: int) -> None:
    kind = np.dtype({"names": ["seq"], "formats": ["<u8"], "itemsize": size})
    with pytest.raises(ValueError, match=r"power of two|whole cache lines"):
        RingLayout(kind, slots)


def hold_lock(path: Path) -> None:
    lock = KernelLock(path)
    assert lock.acquire()
    (path.parent / "held").touch()
    signal.pause()


def test_a_lock_is_freed_by_the_death_of_its_holder(tmp_path: Path) -> None:
    path, deadline = tmp_path / "lock", Deadline(JOIN_S)
    process = FORK.Process(target=hold_lock, args=(path,))
    process.start()
    while not (tmp_path / "held").exists() and not deadline.passed():
        sleep_s(0.001)
    lock = KernelLock(path)
    assert not lock.acquire()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    process.close()
    assert lock.acquire()
    lock.release()
    lock.release()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    first, second = KernelLock(tmp_path / "lock"), KernelLock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_a_populated_segment_costs_no_faults_when_it_is_touched() -> None:
    with scratch_segment(1 << 22) as segment:
        segment.populate()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for at in range(0, 1 << 22, mmap.PAGESIZE):
            segment.view[at] = 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 100
