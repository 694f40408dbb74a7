"""Fixtures of the ledger's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import World, a_world


@pytest.fixture
def world(tmp_path: Path, venue: LocalVenue, place: str) -> Iterator[World]:
    with a_world(tmp_path, place) as made:
        made.use_venue(venue.url)
        yield made


@pytest.fixture
def venue() -> Iterator[LocalVenue]:
    made = LocalVenue()
    try:
        yield made
    finally:
        made.close()
