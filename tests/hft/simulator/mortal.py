"""A simulator that keeps its state and is killed, not stopped."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .wire import API_KEY, API_SECRET, WAIT_S, Simulator

COMMAND = [
    sys.executable, "-m", "hft.simulator", "--port", "0", "--limits", "off",
    "--api-key", API_KEY, "--api-secret", API_SECRET,
]  # fmt: skip


@contextlib.contextmanager
def mortal(folder: Path, *arguments: str, stderr: int | None = None) -> Iterator[Simulator]:
    """Run one that keeps its state in a folder, and kill it where the block ends."""
    command = [*COMMAND, "--state-dir", str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    simulator = Simulator(process, json.loads(process.stdout.readline()))
    try:
        yield simulator
    finally:
        kill(simulator)
        process.stdout.close()


def kill(simulator: Simulator) -> None:
    simulator.session.close()
    simulator.process.kill()
    simulator.process.wait(WAIT_S)


def refused(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr
