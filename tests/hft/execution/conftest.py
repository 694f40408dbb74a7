from __future__ import annotations

from collections.abc import Iterator

import pytest

from hft.execution import pad
from hft.risk.gate import Gate

from .quiet import QuietVenue, quiet_venue
from .rig import Rig, Venue, rig_at, rig_name, venue_running
from .stop_rig import StopRig


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


@pytest.fixture(scope="package")
def quiet() -> Iterator[QuietVenue]:
    """A venue whose prices a test moves."""
    with quiet_venue() as venue:
        yield venue


@pytest.fixture
def stop_rig(quiet: QuietVenue) -> Iterator[StopRig]:
    """A house at that venue, which begins flat."""
    quiet.tidy_up()
    rig = StopRig(quiet, rig_name())
    try:
        yield rig
    finally:
        rig.close()


@pytest.fixture
def ready(stop_rig: StopRig) -> StopRig:
    """The same, with execution fit to trade."""
    stop_rig.start()
    stop_rig.until_fit()
    return stop_rig


@pytest.fixture(scope="package")
def _faulty() -> Iterator[Venue]:
    with venue_running("--seed", "5", "--faults", "on") as running:
        yield running


@pytest.fixture
def faulty_rig(_faulty: Venue) -> Iterator[Rig]:
    """A house at a venue that commits faults when it is told to."""
    yield from rig_at(_faulty)
    _faulty.forget_faults()
