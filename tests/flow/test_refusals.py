"""What cannot work says so in one sentence and with its exit code, and starts nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hft.boot import segment_name
from tests.flow.engine import Engine, Venue, segments, write_config

pytestmark = pytest.mark.flow


def refused(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the supervisor until it ends; its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "hft.supervisor", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    said = (done.stdout + done.stderr).strip()
    assert "Traceback" not in said, said
    assert len([line for line in said.splitlines() if not line.startswith("compil")]) == 1, said
    return done.returncode, said


def test_a_wrong_config_is_refused_with_four(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[trading]\nstrateggy = "X"\n')
    code, said = refused(tmp_path, "--config", "bad.toml", "--data-dir", "d")
    assert code == 4
    assert "bad.toml" in said
    assert "strateggy" in said


def test_an_unknown_strategy_is_refused_with_four(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "--strategy", "NONSENSE", "--data-dir", "d")
    assert code == 4
    assert "NONSENSE" in said


def test_a_dry_run_without_a_venue_to_follow_is_refused_with_three(tmp_path: Path) -> None:
    nowhere = '[network]\nname = "gone"\nrest_url = "http://127.0.0.1:1"\n'
    (tmp_path / "dry.toml").write_text(nowhere + "[trading]\ndry_run = true\n")
    code, said = refused(tmp_path, "--config", "dry.toml", "--data-dir", "d")
    assert code == 3
    assert "http://127.0.0.1:1 does not tell its contracts" in said


def test_a_taken_port_is_refused_with_three(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = refused(tmp_path, "--port", port, "--data-dir", "d")
    assert code == 3
    assert port in said


@pytest.mark.skipif(os.getuid() == 0 and not Path("/proc").is_dir(), reason="needs /proc as root")
def test_a_folder_that_cannot_be_written_is_refused_with_three(tmp_path: Path) -> None:
    # Root may write anywhere but into the kernel's own file system.
    where = Path("/proc/hft-data") if os.getuid() == 0 else tmp_path / "locked" / "d"
    if os.getuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
    code, said = refused(tmp_path, "--data-dir", str(where))
    assert code == 3
    assert str(where) in said


def test_a_second_engine_is_refused_with_three(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue()
    config = write_config(tmp_path, exchange)
    one = engine("--config", str(config)).wait_up()
    code, said = refused(tmp_path, "--config", str(config), "--data-dir", str(one.data_dir))
    assert code == 3
    assert "another engine" in said
    code, said = refused(
        tmp_path, "--config", str(config), "--data-dir", "elsewhere", "--port", "0"
    )
    assert code == 3
    assert "account" in said


def test_wrong_keys_are_an_auth_error_with_three(
    venue: Callable[..., Venue], tmp_path: Path
) -> None:
    config = write_config(tmp_path, venue())
    config.write_text(config.read_text().replace("k" * 64, "w" * 64))
    code, said = refused(tmp_path, "--config", str(config), "--data-dir", "d", "--port", "0")
    assert code == 3
    assert "AUTH_ERROR" in said
    assert segment_name(tmp_path / "d") not in segments()


def test_a_venue_that_is_not_there_is_refused_with_three(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "config.toml").write_text(
        f'[network]\nname = "gone"\nrest_url = "http://127.0.0.1:{port}"\n'
        f'ws_url = "ws://127.0.0.1:{port}"\n[trading]\napi_key = "{"k" * 64}"\n'
        f'secret_key = "{"s" * 64}"\n'
    )
    code, said = refused(tmp_path, "--data-dir", "d", "--port", "0")
    assert code == 3
    assert str(port) in said


def test_a_house_that_never_ran_leaves_the_account_as_it_found_it(
    venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue()
    exchange.signed(
        "/fapi/v1/order", "POST", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05"
    )
    nowhere = '[storage]\ndatabase_url = "sqlite:////nonexistent/trades.db"\n'
    config = write_config(tmp_path, exchange, nowhere, on_exit="flatten")
    code, said = refused(tmp_path, "--config", str(config), "--data-dir", "d", "--port", "0")
    assert code == 3
    assert "nonexistent" in said
    assert exchange.position_text() == "0.050"


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("[strategy.NOPE]\nx = 1\n", "[strategy.NOPE]"),
        ("[strategy.PING_PONG]\ninterval_ms = 1.5\n", "interval_ms"),
        ('[trading]\nstrategies_dirs = ["nowhere"]\n', "strategies_dirs"),
    ],
)
def test_words_about_strategies_are_refused_with_file_and_place(
    lines: str, named: str, tmp_path: Path
) -> None:
    (tmp_path / "words.toml").write_text(lines)
    code, said = refused(tmp_path, "--config", "words.toml", "--data-dir", "d", "--port", "0")
    assert code == 4
    assert "words.toml" in said
    assert named in said
