from __future__ import annotations

import pytest

from .rig import judge


@pytest.fixture(scope="package", autouse=True)
def _compiled_beforehand() -> None:
    """An example's deadline is no time to compile in."""
    judge()
