from __future__ import annotations

from collections.abc import Iterator

import pytest

from .wire import Simulator, running


@pytest.fixture(scope="package")
def _shared() -> Iterator[Simulator]:
    with running("--seed", "3") as simulator:
        yield simulator


@pytest.fixture
def exchange(_shared: Simulator) -> Iterator[Simulator]:
    """One running simulator for all wire tests; each leaves it flat."""
    yield _shared
    _shared.flatten()
