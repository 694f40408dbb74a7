"""The doctor at a simulator, over real sockets: what it says of keys, streams and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hft.config import KEY_VARIABLES, Keys
from hft.doctor.command import SOMETHING_FAILS, examine, main
from hft.doctor.report import Finding, Level
from tests.hft.execution.rig import KEYS, Venue, venue_running

HEDGE = Keys("h" * 64, "the secret of the hedged one")
READER = Keys("r" * 64, "the secret of the reader")
EDWARD = "e" * 64
FAULT_WAIT_S = 2.0


class World(NamedTuple):
    """A venue with accounts of every kind, and the private key of one of them."""

    venue: Venue
    private_key: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def hmac(keys: Keys, **more: Any) -> dict[str, Any]:
        return {"key": keys.api_key, "secret": keys.secret_key, **more}

    plain = [hmac(KEYS), hmac(READER, can_trade=False)]
    plain.append({"key": EDWARD, "kind": "ed25519", "public_key": public.decode()})
    accounts = [
        {"name": "plain", "deposits": {"USDT": "5000"}, "keys": plain},
        {
            "name": "hedge",
            "keys": [hmac(HEDGE)],
            "hedge_mode": True,
            "multi_assets": True,
            "leverage": {"BTCUSDT": 5},
        },
    ]
    path = tmp_path_factory.mktemp("accounts") / "accounts.json"
    path.write_text(json.dumps({"accounts": accounts}))
    with venue_running("--seed", "3", "--accounts", str(path), "--faults", "on") as venue:
        yield World(venue, private)


@pytest.fixture(autouse=True)
def _clean(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    world.venue.rest.delete("/sim/faults")


def config(
    folder: Path,
    world: World,
    keys: Keys = KEYS,
    *,
    url: str = "",
    trading: str = "",
    more: str = "",
) -> Path:
    path = folder / "config.toml"
    path.write_text(
        f"""
[network]
name = "local"
rest_url = "{url or world.venue.url}"
[trading]
api_key = "{keys.api_key}"
secret_key = '''{keys.secret_key}'''
{trading}
[dashboard]
port = 0
{more}
"""
    )
    path.chmod(0o600)
    return path


def look(path: Path, **options: Any) -> list[Finding]:
    return list(examine(path, **{"wait_s": 15.0, **options}))


def of(found: list[Finding], topic: str, level: Level | None = None) -> list[Finding]:
    return [each for each in found if each.topic == topic and level in (None, each.level)]


def only(found: list[Finding], topic: str) -> Finding:
    (finding,) = of(found, topic)
    return finding


def arm(world: World, **fault: Any) -> None:
    reply = world.venue.rest._session.post(f"{world.venue.url}/sim/faults", json=fault, timeout=5)
    assert reply.status_code == 200, reply.text


def test_where_all_is_well_nothing_fails_and_every_stream_has_spoken(
    tmp_path: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, world)
    assert main(["--config", str(path), "--test-order", "--json", "--wait", "15"]) == 0
    out = capsys.readouterr().out
    told = json.loads(out)
    assert told["totals"]["fail"] == 0
    found = msgspec.convert(told["findings"], list[Finding])
    assert only(found, "public").text == "first frames of btcusdt@bookTicker"
    assert "btcusdt@aggTrade, btcusdt@markPrice@1s" in of(found, "market", Level.PASS)[0].text
    assert only(found, "user stream").level is Level.PASS
    topics = "config rest clock symbol orders keys rights balance leverage fees database disk"
    assert set(topics.split()) <= {each.topic for each in found}
    assert all(each.fix for each in found if each.level in (Level.WARN, Level.FAIL))
    assert KEYS.secret_key not in out
    assert KEYS.api_key not in out
    assert world.venue.rest.open_orders() == []


def test_an_ed25519_key_logs_the_session_on(tmp_path: Path, world: World) -> None:
    found = look(config(tmp_path, world, Keys(EDWARD, world.private_key)))
    assert "logged on" in only(found, "orders").text
    assert only(found, "keys").text == "eeee*** (Ed25519) may trade"
    assert not [each for each in found if each.level is Level.FAIL]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (Keys("x" * 64, "nobody's"), "AUTH_ERROR: the venue refused the API key (-2015"),
        (Keys(KEYS.api_key, "not its own"), "AUTH_ERROR: the venue refused the API key (-1022"),
        (READER, "may read but not trade"),
    ],
)
def test_a_key_that_is_not_good_enough_fails_with_the_fix(
    tmp_path: Path, world: World, keys: Keys, words: str
) -> None:
    finding = of(look(config(tmp_path, world, keys)), "keys", Level.FAIL)[0]
    assert words in finding.text
    assert finding.fix
    assert keys.secret_key not in finding.text


def test_without_a_key_the_market_is_looked_at_all_the_same(tmp_path: Path, world: World) -> None:
    found = look(config(tmp_path, world, Keys("", "")))
    assert only(found, "keys").level is Level.FAIL
    assert only(found, "public").level is Level.PASS
    found = look(config(tmp_path, world, Keys("", ""), trading="dry_run = true"))
    assert only(found, "keys").level is Level.PASS


def test_modes_of_the_account_that_do_not_fit_are_named(tmp_path: Path, world: World) -> None:
    found = look(config(tmp_path, world, HEDGE))
    assert only(found, "position mode").level is Level.FAIL
    assert "One-way Mode" in only(found, "position mode").fix
    assert only(found, "margin mode").level is Level.WARN
    assert only(found, "balance").level is Level.WARN
    assert "5x" in only(found, "leverage").text
    assert only(found, "leverage").level is Level.WARN


def test_fees_and_limits_that_do_not_fit_are_named_with_the_right_ones(
    tmp_path: Path, world: World
) -> None:
    words = "fee_maker = 0.0001"
    found = look(config(tmp_path, world, trading=words, more="[risk]\nmax_order_size = 0.0001"))
    assert of(found, "fees", Level.WARN)[0].fix == "[trading] fee_maker = 0.0002"
    (limit,) = of(found, "limits")
    assert limit.level is Level.FAIL
    assert "max_order_size is 0.0001" in limit.text
    assert main(["--config", str(tmp_path / "config.toml")]) == SOMETHING_FAILS


def test_a_symbol_the_venue_does_not_trade_fails(tmp_path: Path, world: World) -> None:
    found = look(config(tmp_path, world, trading='symbols = ["NOSUCHUSDT"]'), wait_s=0.3)
    assert only(found, "symbol").text == "NOSUCHUSDT is not listed"
    assert of(found, "public", Level.FAIL)


def test_a_mute_stream_fails_and_the_others_pass(tmp_path: Path, world: World) -> None:
    arm(world, kind="drop", streams=["btcusdt@aggTrade"])
    found = look(config(tmp_path, world), wait_s=FAULT_WAIT_S)
    (mute,) = of(found, "market", Level.FAIL)
    assert mute.text.startswith("btcusdt@aggTrade is mute: no frame in")
    assert "without /ws" in mute.fix
    assert of(found, "market", Level.PASS)[0].text == "first frames of btcusdt@markPrice@1s"


def test_a_user_stream_that_does_not_tell_of_an_order_fails(tmp_path: Path, world: World) -> None:
    arm(world, kind="drop", streams=["user:*"])
    found = look(config(tmp_path, world), wait_s=FAULT_WAIT_S, test_order=True)
    assert only(found, "user stream").level is Level.FAIL
    assert world.venue.rest.open_orders() == []


def test_a_clock_that_is_off_is_told_with_what_to_type(tmp_path: Path, world: World) -> None:
    arm(world, kind="clock_step", step_ms=8_000, duration_ms=60_000)
    path = config(tmp_path, world)
    for _ in range(40):
        finding = only(look(path), "clock")
        if finding.level is Level.WARN:
            break
    assert re.search(r"\+(79|80)\d\d\.\d ms from ours", finding.text)
    assert "timedatectl" in finding.fix


def test_a_venue_that_is_not_there_fails_route_by_route(tmp_path: Path, world: World) -> None:
    found = look(config(tmp_path, world, url="http://127.0.0.1:1"), wait_s=0.3)
    for topic in ("rest", "public", "market", "orders"):
        assert only(found, topic).level is Level.FAIL
        assert only(found, topic).fix
