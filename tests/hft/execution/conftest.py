from __future__ import annotations

from collections.abc import Iterator

import pytest

from .rig import Rig, Venue, new_rig, venue_running


@pytest.fixture
def venue() -> Iterator[Venue]:
    with venue_running("--seed", "5") as running:
        yield running


@pytest.fixture
def rig(venue: Venue) -> Iterator[Rig]:
    rig = new_rig(venue)
    try:
        yield rig
    finally:
        rig.close()
