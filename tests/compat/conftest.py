"""Clients nobody here wrote, against a running simulator; skipped where they are not installed."""

from __future__ import annotations

import asyncio
import gc
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat import venue as venues
from tests.compat.venue import Venue

FOLDER = Path(__file__).parent
STORY_MAX_S = 40.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the clients use what is deprecated and leave things open: it is not ours to mend."""
    for item in items:
        if FOLDER in item.path.parents:
            for kind in ("DeprecationWarning", "ResourceWarning"):
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{kind}"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an asynchronous test in a loop of its own."""
    story = pyfuncitem.obj
    if not inspect.iscoroutinefunction(story):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in inspect.signature(story).parameters}
    asyncio.run(asyncio.wait_for(story(**given), STORY_MAX_S))
    return True


@pytest.fixture(scope="package")
def _running() -> Iterator[Venue]:
    if not venues.PYTHON.exists():
        pytest.skip(f"no simulator: {venues.PYTHON} is not there; make it, or set HFT_PYTHON")
    with venues.running("--seed", "3") as venue:
        venue.reset()
        yield venue
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # What they left open would be found after the last test otherwise.


@pytest.fixture
def venue(_running: Venue) -> Iterator[Venue]:
    """One running simulator for all; every test leaves it flat and set as a new account is."""
    yield _running
    _running.reset()
