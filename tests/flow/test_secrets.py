"""Keys of both kinds: the whole engine trades with them, and nothing it leaves shows them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psutil
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hft.boot import segment_name
from hft.control import ask
from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import Engine, Venue, alive, eventually, write_config

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 300
price_above = 1000.0
"""
API_KEY = "ed25519key" * 6
PAGES = (
    "",
    "metrics",
    "readyz",
    "docs",
    "api/openapi.json",
    "api/session",
    "api/status",
    "api/history",
    "api/strategies",
    "api/flatten",
    "api/orders",
    "api/latency",
    "api/logs",
    "api/system",
    "api/explain",
    "api/params",
    "api/limits",
    "api/changes",
    "api/stats",
    "api/venue_pnl",
    "api/export?what=events",
)


def private_file(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def keys_of_both_kinds(folder: Path) -> list[bytes]:
    """An accounts file for the venue and key files for the engine; returns what must not show."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    keys = [
        {"key": Venue.KEY, "secret": Venue.SECRET},
        {"key": API_KEY, "kind": "ed25519", "public_key": public.decode()},
    ]
    account = {"name": "both", "deposits": {"USDT": "10000"}, "keys": keys}
    (folder / "accounts.json").write_text(json.dumps({"accounts": [account]}))
    private_file(folder / "ed25519.pem", pem)
    words = f'api_key = "{API_KEY}"\nprivate_key_file = "ed25519.pem"\n'
    private_file(folder / "keys.toml", words)
    shown = [Venue.KEY, Venue.SECRET, API_KEY, pem.splitlines()[1]]
    return [*(text.encode() for text in shown), key.private_bytes_raw()]


def with_key_file(config: Path) -> Path:
    """The same config with its keys in a file beside it."""
    lines = [
        line
        for line in config.read_text().splitlines()
        if not line.startswith(("api_key", "secret_key"))
    ]
    lines.insert(lines.index("[trading]") + 1, 'key_file = "keys.toml"')
    config.write_text("\n".join(lines))
    return config


def command(*words: str, folder: Path) -> str:
    """What a command of ours says, whatever its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "hft", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=90,
        check=False,
    )
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def answers_of(one: Engine) -> dict[str, bytes]:
    """Everything a running engine tells whoever asks."""
    base = one.run["dashboard_url"].rstrip("/")
    told = {"segment": Path("/dev/shm", segment_name(one.data_dir)).read_bytes()}
    for page in PAGES:
        reply = requests.get(f"{base}/{page}", timeout=10)
        assert reply.status_code in (200, 503), page
        told[f"page /{page}"] = reply.content
    for words in ("status", "strategies", "flatten_status", "nonsense"):
        answer = ask(one.data_dir / "control.sock", {"command": words})
        told[f"control {words}"] = json.dumps(answer).encode()
    family = [psutil.Process(one.process.pid), *psutil.Process(one.process.pid).children(True)]
    told["command lines"] = " ".join(word for each in family for word in each.cmdline()).encode()
    return told


def check_silence(secrets: list[bytes], told: dict[str, bytes]) -> None:
    shown = [place for place, text in told.items() for secret in secrets if secret in text]
    assert not shown, f"secrets show in {sorted(set(shown))}"


def files_of(one: Engine) -> dict[str, bytes]:
    paths = [path for path in one.data_dir.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in [*paths, one.output]}


def trade(one: Engine) -> None:
    one.start_trading()
    one.wait_trades(one.trade_count() + 4, 40)


def same_fills(one: Engine, exchange: Venue) -> bool:
    return our_fills(one.data_dir) == venue_fills(exchange.user_trades())


def test_the_engine_trades_with_either_kind_of_key_and_shows_it_nowhere(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    secrets = keys_of_both_kinds(tmp_path)
    exchange = venue("--seed", "3", "--accounts", str(tmp_path / "accounts.json"))
    config = with_key_file(write_config(tmp_path, exchange, BUSY, strategy="PING_PONG"))
    one = engine("--config", str(config)).wait_up()
    trade(one)
    told = answers_of(one)

    words = ("flatten", "--yes", "--config", str(config), "--data-dir", str(one.data_dir))
    told["flatten"] = command(*words, folder=tmp_path).encode()
    assert b"is halted" in told["flatten"]
    assert told["flatten"].startswith(b"exit 0")
    assert Decimal(exchange.position_text()) == 0
    assert one.get("/api/status")["running"] is False
    eventually(lambda: same_fills(one, exchange), 20, "the same fills on both sides")
    told["doctor"] = command("doctor", "--config", str(config), folder=tmp_path).encode()
    assert b"logged on" in told["doctor"]
    check_silence(secrets, told)

    pids = [pid for pid in one.run["pids"].values() if pid]
    os.kill(one.process.pid, signal.SIGKILL)
    one.wait(20)
    eventually(lambda: not any(map(alive, pids)), 20, "the end of every process")
    shared = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    two = engine("--config", str(shared)).wait_up()
    assert (two.data_dir / "last-run.shm").exists()
    trade(two)
    check_silence(secrets, answers_of(two))
    assert two.stop() == 0
    assert same_fills(two, exchange)
    check_silence(secrets, files_of(one) | files_of(two))


def test_a_refused_key_is_told_without_its_secret(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    secrets = keys_of_both_kinds(tmp_path)
    exchange = venue()
    config = with_key_file(write_config(tmp_path, exchange, BUSY, strategy="PING_PONG"))
    one = engine("--config", str(config))
    assert one.wait(60) == 3
    assert "AUTH_ERROR" in one.text()
    said = {"flatten": command("flatten", "--yes", "--config", str(config), folder=tmp_path)}
    said["doctor"] = command("doctor", "--config", str(config), "--wait", "0.1", folder=tmp_path)
    assert all("AUTH_ERROR" in text for text in said.values())
    told = {place: text.encode() for place, text in said.items()}
    check_silence(secrets, told | files_of(one))
