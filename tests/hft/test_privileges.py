from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from hft import privileges
from hft.config import Processes


class Libc:
    """A C library whose mlockall answers as told."""

    def __init__(self, answer: int) -> None:
        self.asked: list[int] = []
        self._answer = answer

    def mlockall(self, flags: int) -> int:
        self.asked.append(flags)
        return self._answer


def test_nothing_is_asked_for_unless_the_settings_want_it() -> None:
    assert privileges.take(Processes(), own_core=True) == []


@pytest.mark.parametrize("answer", [0, -1])
def test_locking_memory_is_reported_either_way(
    monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    libc = Libc(answer)
    monkeypatch.setattr("ctypes.CDLL", lambda name, use_errno: libc)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (told,) = privileges.take(Processes(mlockall=True), own_core=False)
    assert libc.asked == [3]
    assert told.granted is (answer == 0)
    assert told.sentence.startswith("memory is locked" if answer == 0 else "memory is not locked")


def test_a_limited_account_is_refused_before_an_allocation_can_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (65536, 65536))
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: pytest.fail("must not be asked"))
    told = privileges.lock_memory()
    assert not told.granted
    assert "65536 bytes" in told.sentence


def test_real_time_needs_a_core_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_: pytest.fail("must not be asked"))
    (told,) = privileges.take(Processes(sched_fifo=True), own_core=False)
    assert not told.granted


@pytest.mark.parametrize("allowed", [True, False])
def test_real_time_is_reported_either_way(monkeypatch: pytest.MonkeyPatch, allowed: bool) -> None:
    def answer(pid: int, policy: int, parameters: object) -> None:
        assert (pid, policy) == (0, 1)
        if not allowed:
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "SCHED_FIFO", 1, raising=False)
    monkeypatch.setattr(
        os, "sched_param", lambda level: SimpleNamespace(level=level), raising=False
    )
    monkeypatch.setattr(os, "sched_setscheduler", answer, raising=False)
    (told,) = privileges.take(Processes(sched_fifo=True), own_core=True)
    assert told.granted is allowed
    assert ("Operation not permitted" in told.sentence) is not allowed


SHORT = """
import ctypes, os, struct
from hft.privileges import TURN_NS, short_turns
os.nice(3)
assert short_turns()
told = ctypes.create_string_buffer(48)
assert ctypes.CDLL(None).syscall(315, 0, told, 48, 0) == 0
_, policy, _, nice, _, runtime, _, _ = struct.unpack("=IIQiIQQQ", told.raw)
print(policy, nice, runtime == TURN_NS)
"""


@pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64", reason="asks Linux on x86-64"
)
def test_short_turns_are_granted_to_anybody_and_leave_the_niceness() -> None:
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    told = subprocess.run(
        [sys.executable, "-c", SHORT], capture_output=True, text=True, check=True, timeout=60
    )
    # Before 6.12 the kernel takes the wish and forgets it.
    assert told.stdout.split() == ["0", "3", str(release >= (6, 12))]
