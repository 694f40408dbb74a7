"""A furnished house and a dashboard that serves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from hft.clock import anchor_now
from hft.topology import House
from ringbuf.memory import unlink
from tests.dashboard.furniture import Served, furnish

_NUMBERS = count()


@pytest.fixture
def empty_house() -> Iterator[House]:
    """A house whose processes have written nothing yet."""
    name = f"hft-test-dashboard-{os.getpid()}-{next(_NUMBERS)}"
    house = House.create(name, anchor_now())
    yield house
    unlink(name)


@pytest.fixture
def house(empty_house: House) -> House:
    """A house in which everything is well."""
    furnish(empty_house)
    return empty_house


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Serve dashboards; every one of them is stopped with the test."""
    started: list[Served] = []

    def start(house: House, token: str = "") -> Served:
        started.append(Served(house, str(tmp_path / "trades.db"), token=token))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def served(house: House, serve: Callable[..., Served]) -> Served:
    """The dashboard of a demo in which everything is well."""
    return serve(house)
