"""A furnished house and a dashboard that serves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from dashboard.floods import Flood
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
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the database is: a file, unless a test asks for a server."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "trades.db")
    return str(request.getfixturevalue("postgres_place"))


@pytest.fixture(scope="module")
def stopping() -> Iterator[list[Served]]:
    """Servers that were told to stop, which takes a fifth of a second: awaited with the module."""
    told: list[Served] = []
    yield told
    for one in told:
        one.close()


@pytest.fixture
def serve(place: str, stopping: list[Served]) -> Iterator[Callable[..., Served]]:
    """Serve dashboards; every one of them is told to stop with the test."""
    started: list[Served] = []

    def start(
        house: House,
        token: str = "",
        names: tuple[str, ...] = (),
        changes: Flood | None = None,
    ) -> Served:
        started.append(Served(house, place, token=token, names=names, changes=changes))
        return started[-1]

    yield start
    for one in started:
        one.begin_stop()
        one.trades.close()
    stopping += started


@pytest.fixture
def served(house: House, serve: Callable[..., Served]) -> Served:
    """The dashboard of a demo in which everything is well."""
    return serve(house)
