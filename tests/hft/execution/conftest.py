from __future__ import annotations

from collections.abc import Iterator

import pytest

from hft.execution import pad
from hft.risk.gate import Gate

from .rig import Rig, Venue, rig_at, venue_running


@pytest.fixture(scope="package", autouse=True)
def _compiled_beforehand() -> None:
    """Compile the order path before anybody waits for an order."""
    pad.warm(Gate().address)


@pytest.fixture(scope="package")
def _venue() -> Iterator[Venue]:
    with venue_running("--seed", "5") as running:
        yield running


@pytest.fixture
def rig(_venue: Venue) -> Iterator[Rig]:
    """A house at the simulator that all tests share; each begins flat."""
    yield from rig_at(_venue)


@pytest.fixture
def lone_rig() -> Iterator[Rig]:
    """A house at a simulator of its own, for tests that stop or replace it."""
    with venue_running("--seed", "5") as venue:
        yield from rig_at(venue)
