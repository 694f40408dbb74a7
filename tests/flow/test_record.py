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


def test_without_an_address_it_takes_the_config_of_this_folder(
    venue: Callable[..., Venue], tmp_path: Path
) -> None:
    config = f'[network]\nname = "local"\nrest_url = "http://127.0.0.1:{venue().port}"\n'
    (tmp_path / "config.toml").write_text(config)
    command = [sys.executable, "-m", "hft.record", "--out", "market.gz", "--seconds", "1"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "btcusdt@bookTicker" in done.stdout


def test_without_any_address_it_says_where_one_may_stand(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hft.record", "--out", "market.gz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert "./config.toml, --config FILE or --ws-url URL" in done.stderr


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
