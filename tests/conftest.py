"""What every test shares."""

from __future__ import annotations

# First of all: it names the folder of compiled code before anything imports numba.
import hft  # noqa: F401
