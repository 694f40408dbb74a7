"""The C11 ring beside ours: compiled on the spot where there is a compiler, on the same cores."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benches.report import WrongAnswer

SOURCE = Path(__file__).with_name("ring_c.c")
_COMPILERS = ("cc", "gcc", "clang")
_RUN_MAX_S = 120


def compiler() -> str | None:
    """The C compiler of this machine; None: there is none."""
    return next((found for name in _COMPILERS if (found := shutil.which(name))), None)


def run_c_ring(pair: tuple[int, int], trips: int, events: int) -> tuple[np.ndarray, float]:
    """Give hops in ns and events per second, one pushed at a time.

    Raises:
        WrongAnswer: it does not compile, or an event was wrong.
    """
    found = compiler()
    assert found is not None, "ask compiler() first"
    with tempfile.TemporaryDirectory() as folder:
        binary = str(Path(folder, "ring"))
        build = [found, "-std=c11", "-O3", "-march=native", "-o", binary, str(SOURCE)]
        made = subprocess.run(build, capture_output=True, text=True, check=False)
        if made.returncode:
            raise WrongAnswer(f"the C ring does not compile: {made.stderr[:300]}")
        command = [binary, *map(str, (*pair, trips, events))]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_RUN_MAX_S
        )
    if done.returncode:
        raise WrongAnswer(f"the C ring ended with {done.returncode}")
    *lines, last = done.stdout.split("\n")[:-1]
    return np.array(lines, np.int64) / 2, float(last.split()[1])
