"""Recordings of the real exchange, which are not in the repository: where they are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("HFT_SHARED_DATA", _BESIDE))


def needs(place: str) -> pytest.MarkDecorator:
    """Skip a test where this file or folder of the recordings is not there."""
    return pytest.mark.skipif(not (FOLDER / place).exists(), reason=missing(place))


def missing(place: str) -> str:
    """Say what is not there and how to name its folder."""
    return f"no recordings ({place}): HFT_SHARED_DATA may name their folder"
