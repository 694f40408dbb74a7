"""Filling the compile cache in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hft import hot
from ringbuf.memory import KernelLock

COMPILING = """
import sys
from pathlib import Path
from hft import hot
from hft.clock import Deadline
from ringbuf.memory import KernelLock

def compile_long():
    print("compiling", flush=True)
    deadline = Deadline(60)
    while not deadline.passed():
        pass

lock = KernelLock(Path(sys.argv[1]))
assert lock.acquire()
hot.fill_cache("a", (compile_long,))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return tmp_path


def test_the_cache_is_filled_once_and_in_another_process(folder: Path) -> None:
    def note() -> None:
        (folder / str(os.getpid())).touch()

    hot.fill_cache("a", (note,))
    hot.fill_cache("a", (note,))
    (told,) = [path.name for path in folder.iterdir() if path.name.isdigit()]
    assert int(told) != os.getpid()
    hot.fill_cache("b", (note,))
    assert len([path for path in folder.iterdir() if path.name.isdigit()]) == 2


def test_what_cannot_be_compiled_is_left_to_who_asked(folder: Path) -> None:
    def refuse() -> None:
        raise ValueError("no")

    hot.fill_cache("a", (refuse,))
    assert list(folder.iterdir()) == [], "it is tried again the next time"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_is_ended_while_compiling_leaves_nobody_who_holds_its_lock(
    folder: Path, number: signal.Signals
) -> None:
    path = folder / "engine.lock"
    command = [sys.executable, "-c", COMPILING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "compiling\n"
        lock = KernelLock(path)
        assert not lock.acquire()
        waiting.send_signal(number)
        assert waiting.wait(10) == -number
        # The pipe ends when its last writer, the one that compiles, has gone.
        assert waiting.stdout.read() == ""
    assert lock.acquire()
    lock.release()
