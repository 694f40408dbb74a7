from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rig import Rig, Venue, new_rig, venue_running


@pytest.fixture(scope="package")
def _venue() -> Iterator[Venue]:
    with venue_running("--seed", "5") as running:
        compile_everything(running)
        yield running


def compile_everything(venue: Venue) -> None:
    """Take the first step, which compiles what is not compiled yet: longer than a test waits."""
    rig = new_rig(venue)
    try:
        rig.start()
        rig.step()
    finally:
        rig.close()


@pytest.fixture
def rig(_venue: Venue) -> Iterator[Rig]:
    """A house at the simulator that all tests share; each begins flat."""
    yield from _rig_at(_venue)


@pytest.fixture
def lone_rig() -> Iterator[Rig]:
    """A house at a simulator of its own, for tests that stop or replace it."""
    with venue_running("--seed", "5") as venue:
        yield from _rig_at(venue)


def _rig_at(venue: Venue) -> Iterator[Rig]:
    venue.tidy_up()
    rig = new_rig(venue)
    try:
        yield rig
    finally:
        rig.close()
