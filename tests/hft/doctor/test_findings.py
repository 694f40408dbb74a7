"""The doctor without a venue: the words, the machine, the database, and answers it judges."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from hft.binance.filters import SymbolSpec
from hft.boot import segment_name
from hft.config import KEY_VARIABLES, Risk, demo_settings
from hft.doctor.account import modes, rights
from hft.doctor.command import main
from hft.doctor.machine import Machine, check_machine
from hft.doctor.report import Finding, Level, as_text, failed
from hft.doctor.storage import check_database
from hft.doctor.venue import limits_that_do_not_fit
from hft.doctor.words import read_words
from hft.errors import ExitCode
from hft.ledger.database import open_database
from hft.units import E8
from ringbuf.memory import KernelLock, Segment, unlink

SPEC = SymbolSpec(10_000_000, 100_000, 1, 1_000_000, 120_000, 1, 10**8, 50 * E8, 10_000)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def machine(folder: Path, cpus: Path | None = None) -> dict[str, Finding]:
    found = check_machine(demo_settings(), folder, Machine(cpus or folder))
    return {each.topic: each for each in found}


def test_without_a_config_it_says_that_this_is_the_demo_and_looks_at_the_machine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main([])
    out = capsys.readouterr().out
    assert out.startswith("info  config        no config.toml here: this is the demo")
    assert "cores" in out
    assert "database" in out
    assert not Path("data").exists(), "looking makes nothing"


def test_a_config_that_is_refused_fails_with_its_own_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("[risk]\nmax_positoin = 1\n")
    assert main([]) == 1
    assert "[risk] has no key max_positoin: did you mean max_position" in capsys.readouterr().out
    assert main(["--nonsense"]) == ExitCode.CONFIG_REFUSED


def test_secrets_that_others_can_read_are_told_with_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[trading]\napi_key = "a"\nsecret_key = "very secret"\n')
    path.chmod(0o644)
    (finding,) = [each for each in read_words(path).findings if each.topic == "keys"]
    assert (finding.level, finding.fix) == (Level.WARN, f"chmod 600 {path}")
    path.chmod(0o600)
    assert not [each for each in read_words(path).findings if each.topic == "keys"]
    keys = tmp_path / "keys.toml"
    keys.write_text('api_key = "a"\nsecret_key = "very secret"\n')
    keys.chmod(0o640)
    path.write_text('[trading]\nkey_file = "keys.toml"\n')
    (finding,) = [each for each in read_words(path).findings if each.topic == "keys"]
    assert finding.level is Level.FAIL
    assert "chmod 600" in finding.text
    assert "very secret" not in as_text(finding)


def test_governors_that_save_power_are_warned_of(tmp_path: Path) -> None:
    assert machine(tmp_path)["governor"].level is Level.INFO
    for number, kind in ((0, "performance"), (1, "powersave")):
        folder = tmp_path / f"cpu{number}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{kind}\n")
    finding = machine(tmp_path)["governor"]
    assert (finding.level, "powersave" in finding.text) == (Level.WARN, True)
    (tmp_path / "cpu1" / "cpufreq" / "scaling_governor").write_text("performance\n")
    assert machine(tmp_path)["governor"].level is Level.PASS


def test_a_port_that_is_taken_fails_unless_the_engine_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        text = f"[dashboard]\nport = {taken.getsockname()[1]}\n"
        (tmp_path / "config.toml").write_text(text)
        settings = read_words(tmp_path / "config.toml").settings
        found = {each.topic: each for each in check_machine(settings, tmp_path, Machine(tmp_path))}
        assert found["port"].level is Level.FAIL
        lock = KernelLock(tmp_path / "engine.lock")
        assert lock.acquire()
        (tmp_path / "engine.lock").write_text("4711")
        found = {each.topic: each for each in check_machine(settings, tmp_path, Machine(tmp_path))}
        lock.release()
    assert "pid 4711" in found["engine"].text
    assert found["port"].level is Level.INFO


def test_what_a_dead_run_left_is_told(tmp_path: Path) -> None:
    assert machine(tmp_path)["engine"].level is Level.PASS
    name = segment_name(tmp_path)
    Segment.create(name, 4096).close()
    try:
        assert "a run that died" in machine(tmp_path)["engine"].text
    finally:
        unlink(name)


def test_files_of_the_run_that_others_can_open_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "dashboard.token").write_text("token")
    (tmp_path / "dashboard.token").chmod(0o644)
    assert machine(tmp_path)["files"].fix == f"chmod 600 {tmp_path / 'dashboard.token'}"


def test_the_database_is_looked_at_and_left_as_it_is(tmp_path: Path) -> None:
    assert "will be made" in check_database("", tmp_path).text
    file = tmp_path / "trades.db"
    assert not file.exists()
    url = f"sqlite:///{tmp_path / 'another.db'}"
    assert "will be made" in check_database(url, tmp_path).text
    assert not (tmp_path / "another.db").exists()
    open_database(file).dispose()
    assert "of the newest schema" in check_database("", tmp_path).text
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9999'")
    connection.close()
    finding = check_database("", tmp_path)
    assert (finding.level, "newer release" in finding.text) == (Level.FAIL, True)
    file.write_bytes(b"this is no database" * 100)
    assert check_database("", tmp_path).level is Level.FAIL


def test_a_database_of_before_is_said_to_be_migrated(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "trades.db") as connection:
        connection.execute("CREATE TABLE trades (id INTEGER PRIMARY KEY)")
    connection.close()
    finding = check_database("", tmp_path)
    assert finding.level is Level.WARN
    assert "is migrated at the next start" in finding.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://hft:password@127.0.0.1:1/hft",
        "nonsense://user:password@here",
        "postgresql+nodriver://user:password@here/hft",
    ],
)
def test_a_database_that_cannot_be_reached_fails_without_its_password(
    tmp_path: Path, url: str
) -> None:
    finding = check_database(url, tmp_path)
    assert finding.level is Level.FAIL
    assert "password" not in as_text(finding)


def test_rights_that_trading_does_not_need_are_warned_of() -> None:
    found = list(rights({"enableWithdrawals": True, "enableFutures": True, "ipRestrict": False}))
    assert [each.level for each in found] == [Level.WARN, Level.WARN]
    assert "withdraw" in found[0].text
    found = list(rights({"enableWithdrawals": False, "enableFutures": False, "ipRestrict": True}))
    assert [each.level for each in found] == [Level.FAIL, Level.PASS]


def test_an_account_that_may_not_trade_fails() -> None:
    assert next(iter(modes({"canTrade": False}))).level is Level.FAIL


@pytest.mark.parametrize(
    ("risk", "levels"),
    [
        (Risk(), []),
        (Risk(max_order_size=0.0005), [Level.FAIL]),
        (Risk(max_order_size=0.0005, max_position=0.0005), [Level.FAIL, Level.FAIL]),
        (Risk(max_order_size=500.0), [Level.WARN]),
        (Risk(max_notional=10.0), [Level.FAIL]),
    ],
)
def test_limits_are_compared_with_what_the_venue_takes(risk: Risk, levels: list[Level]) -> None:
    found = list(limits_that_do_not_fit("BTCUSDT", SPEC, 60_000 * E8, risk))
    assert [each.level for each in found] == levels


def test_a_finding_is_a_line_and_its_fix_another() -> None:
    assert as_text(failed("keys", "none", "set them")).splitlines() == [
        "fail  keys          none",
        "                    fix: set them",
    ]
