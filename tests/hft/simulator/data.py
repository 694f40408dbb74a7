"""Where recordings of the real exchange lie, if they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
FOLDER = Path(os.environ.get("HFT_SHARED_DATA", _BESIDE))

needs_recordings = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="recordings of the real exchange are not on this machine"
)
