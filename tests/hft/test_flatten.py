"""Flatten against the simulator: its own connection, the engine absent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hft import flatten as flatten_room
from hft.errors import ExitCode

from .execution.rig import KEYS, Venue, venue_running


@pytest.fixture(scope="module")
def _running() -> Iterator[Venue]:
    with venue_running("--seed", "9") as venue:
        yield venue


@pytest.fixture
def venue(_running: Venue) -> Iterator[Venue]:
    yield _running
    flatten_room.flatten(_running.rest, lambda *_: None, cancel_only=False)


def write_run(folder: Path, venue: Venue, secret: str = KEYS.secret_key) -> Path:
    run = {"rest_url": venue.url, "api_key": KEYS.api_key, "api_secret": secret}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def rest_a_limit(venue: Venue) -> None:
    bid, _ = venue.touch()
    venue.trade("BUY", "0.02", type="LIMIT", timeInForce="GTC", price=str(round(bid * 0.97, 1)))


def test_it_cancels_everything_closes_everything_and_says_so(venue: Venue, tmp_path: Path) -> None:
    venue.trade("SELL", "0.25")
    rest_a_limit(venue)
    command = [sys.executable, "-m", "hft.flatten", "--yes", "--json"]
    command += ["--data-dir", str(write_run(tmp_path, venue))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    words = [json.loads(line) for line in done.stdout.splitlines()]
    assert words[-1]["state"] == "done"
    assert all(set(word) == {"state", "message"} for word in words)
    assert float(venue.position()) == 0.0
    assert venue.rest.open_orders() == []


def test_cancel_only_keeps_the_position(venue: Venue, tmp_path: Path) -> None:
    venue.trade("BUY", "0.1")
    rest_a_limit(venue)
    folder = str(write_run(tmp_path, venue))
    assert flatten_room.main(["--yes", "--cancel-only", "--data-dir", folder]) == 0
    assert venue.rest.open_orders() == []
    assert float(venue.position()) == 0.1


def test_with_positions_kept_what_protects_them_may_be_kept_too(
    venue: Venue, tmp_path: Path
) -> None:
    venue.trade("BUY", "0.1")
    rest_a_limit(venue)
    bid, _ = venue.touch()
    below = {"type": "STOP_MARKET", "triggerPrice": str(round(bid * 0.9, 1)), "quantity": "0.1"}
    above = {**below, "triggerPrice": str(round(bid * 1.1, 1))}
    for name, side, words in (
        ("protects", "SELL", {**below, "reduceOnly": True}),
        ("enters", "BUY", above),
    ):
        order = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": side, **words}
        venue.rest.post("/fapi/v1/algoOrder", {**order, "clientAlgoId": name}, signed=True)
    folder = str(write_run(tmp_path, venue))
    command = ["--yes", "--cancel-only", "--keep-stops", "--data-dir", folder]
    assert flatten_room.main(command) == 0
    assert venue.rest.open_orders() == []
    assert [row["clientAlgoId"] for row in venue.rest.open_algo_orders()] == ["protects"]
    assert float(venue.position()) == 0.1


def test_nothing_to_do_is_done(venue: Venue, tmp_path: Path) -> None:
    assert flatten_room.main(["--yes", "--data-dir", str(write_run(tmp_path, venue))]) == 0


def test_a_wrong_key_is_a_boot_failure(
    venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = {"rest_url": venue.url, "api_key": "wrong", "api_secret": "wrong"}
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert flatten_room.main(["--yes", "--data-dir", str(tmp_path)]) == ExitCode.BOOT_FAILED
    assert "AUTH_ERROR" in capsys.readouterr().err


def test_a_venue_that_is_down_is_something_left_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"rest_url": "http://127.0.0.1:1", "api_key": "a", "api_secret": "b"}
    (tmp_path / "run.json").write_text(json.dumps(gone))
    words = ["--yes", "--deadline", "0.6", "--data-dir", str(tmp_path)]
    assert flatten_room.main(words) == flatten_room.SOMETHING_LEFT
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("the venue did not tell, trying again: no answer from http://127")
    assert len(said) == 2, "the same problem is told once"
    assert "not done within 0.6 s" in said[1]
    assert "nothing could be read from the venue" in said[1]


@pytest.mark.parametrize("words", ["0", "-1", "nan", "soon", "100000"])
def test_a_deadline_that_makes_no_sense_is_refused(words: str) -> None:
    assert flatten_room.main(["--yes", "--deadline", words]) == ExitCode.CONFIG_REFUSED


def test_without_a_venue_it_refuses_as_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert flatten_room.main(["--yes"]) == ExitCode.CONFIG_REFUSED


def test_it_needs_neither_the_engine_nor_the_compiler() -> None:
    code = (
        "import sys, hft.flatten; "
        "assert not [m for m in sys.modules if m.startswith(('numba', 'hft.execution', 'ringbuf'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
