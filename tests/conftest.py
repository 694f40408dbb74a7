"""What every test shares."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# First of all: it names the folder of compiled code before anything imports numba.
import hft  # noqa: F401

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

# A shell that runs the tests in the background has them ignore Ctrl-C, and their children, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

OVER_THE_GUIDE = pytest.StashKey[list[str]]()
"""What tests/tidy/test_size.py found: told at the end, where it is not lost among the dots."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A database server for all tests of the session, which leave it running."""
    # Not every environment that runs tests has the driver: those of tests/compat have not.
    from tests.postgres import PostgresServer, server_programs

    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server on this machine: its package brings initdb and postgres")
    server = PostgresServer(programs)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty database may be made, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path / "trades.db")
    place: str = request.getfixturevalue("postgres_place")
    return place


@pytest.fixture
def postgres_place(postgres: PostgresServer) -> str:
    """Where an empty database may be made on the server."""
    return postgres.new_place()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell what is larger than the size guide says; nothing fails for it."""
    if told := config.stash.get(OVER_THE_GUIDE, []):
        terminalreporter.section(f"over the size guide ({len(told)})")
        for line in told:
            terminalreporter.line(line)
