"""The clients, where they are installed."""

from __future__ import annotations

from typing import Any

import pytest

HOW = "make test-compat runs this in an environment that has it"


def needed(module: str) -> Any:
    """Import a module of a client, or skip the tests that need it and say how to run them."""
    return pytest.importorskip(module, reason=f"{module} is not installed here: {HOW}")
