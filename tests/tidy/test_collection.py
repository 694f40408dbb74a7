"""Two processes that collect the tests name them alike, or they cannot share them out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.tidy.sources import ROOT

LATER_S = 100_000
"""More than a day: whatever a name takes from the clock differs by then."""

ELSEWHERE = "tests/compat/"
"""Needs other people's clients, so another environment collects it."""

# The collector's own clock is moved, before anything of the tests is imported.
COLLECT = f"""
import sys, time
now, now_ns = time.time, time.time_ns
time.time = lambda: now() + {LATER_S}
time.time_ns = lambda: now_ns() + {LATER_S} * 10**9
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_another_process_at_another_time_names_every_test_the_same(
    request: pytest.FixtureRequest,
) -> None:
    arguments = ["--collect-only", "-q", "-p", "no:cacheprovider", "-m", "", "--ignore", ELSEWHERE]
    collected = subprocess.run(
        [sys.executable, "-c", COLLECT, *arguments, "tests"],
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "4711"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    assert collected.returncode == 0, collected.stdout[-2000:]
    there = set(collected.stdout.splitlines())
    here = {item.nodeid for item in request.session.items}
    missing = sorted(each for each in here - there if not each.startswith(ELSEWHERE))
    assert not missing, f"{len(missing)} tests have other names there, the first: {missing[0]}"
