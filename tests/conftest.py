"""What every test shares."""

from __future__ import annotations

import pytest

# First of all: it names the folder of compiled code before anything imports numba.
import hft  # noqa: F401

OVER_THE_GUIDE = pytest.StashKey[list[str]]()
"""What tests/tidy/test_size.py found: told at the end, where it is not lost among the dots."""


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell what is larger than the size guide says; nothing fails for it."""
    if told := config.stash.get(OVER_THE_GUIDE, []):
        terminalreporter.section(f"over the size guide ({len(told)})")
        for line in told:
            terminalreporter.line(line)
