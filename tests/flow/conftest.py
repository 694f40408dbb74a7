"""Fixtures that start the engine and the simulator and leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flow.engine import Engine, Venue


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Start engines; every one of them is ended with the test."""
    started: list[Engine] = []

    def start(*arguments: str, name: str = "d", cwd: Path | None = None) -> Engine:
        folder = tmp_path / name
        started.append(Engine(folder, *arguments, cwd=cwd))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Callable[..., Venue]]:
    """Start simulators by hand; every one of them is ended with the test."""
    started: list[Venue] = []

    def start(*arguments: str, port: int = 0) -> Venue:
        started.append(Venue(tmp_path, *arguments, port=port))
        return started[-1]

    yield start
    for one in started:
        one.end()
