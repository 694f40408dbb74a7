"""A recording made of a running venue plays again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flow.engine import Venue

pytestmark = pytest.mark.flow


def test_what_is_recorded_from_one_venue_plays_as_the_market_of_another(
    venue: Callable[..., Venue], tmp_path: Path
) -> None:
    out = tmp_path / "market.gz"
    source = venue("--seed", "2")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "hft.record", "--out", str(out), "--seconds", "3"),
            *("--ws-url", f"ws://127.0.0.1:{source.port}", "--symbols", "BTCUSDT"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "btcusdt@bookTicker" in done.stdout
    assert "btcusdt@aggTrade" in done.stdout
    again = venue("--replay", str(out))
    assert again.said["symbols"] == ["BTCUSDT"]
    second = venue("--replay", str(out), "--speed", "2")
    assert json.dumps(second.said)
