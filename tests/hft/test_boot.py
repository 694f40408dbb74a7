from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hft import boot
from hft.boot import Options
from hft.clock import anchor_now
from hft.errors import BootError, ConfigError
from hft.state.blocks import Mode
from hft.topology import House
from ringbuf.memory import segment_folder, unlink


def test_a_second_engine_in_the_same_folder_is_refused_and_told_who_holds_it(
    tmp_path: Path,
) -> None:
    first, second = boot.Locks(), boot.Locks()
    first.take_folder(tmp_path)
    with pytest.raises(BootError, match=rf"another engine runs in .*pid {os.getpid()}"):
        second.take_folder(tmp_path)
    first.release()
    second.take_folder(tmp_path)
    second.release()


def test_an_account_has_one_engine_whatever_the_folder(tmp_path: Path) -> None:
    first, second = boot.Locks(), boot.Locks()
    url = f"http://127.0.0.1:1/{os.getpid()}"
    first.take_account(url, "key")
    with pytest.raises(BootError, match=r"another engine .* trades this account"):
        second.take_account(url, "key")
    second.take_account(url, "another key")
    first.release()
    second.release()


def test_a_stale_segment_is_kept_for_a_look_and_its_name_reclaimed(tmp_path: Path) -> None:
    name = boot.segment_name(tmp_path)
    old = House.create(name, anchor_now())
    old.run[0]["session_epoch"] = 77
    del old
    try:
        house = boot.lay_house(tmp_path)
        assert int(house.run[0]["session_epoch"]) == 0
        kept = boot.attach_for_look(str(tmp_path / boot.LAST_RUN))
        assert int(kept.run[0]["session_epoch"]) == 77
        assert (tmp_path / boot.LAST_RUN).stat().st_mode & 0o777 == 0o600
        with pytest.raises(ValueError, match="read-only"):
            kept.run[0]["session_epoch"] = 1
    finally:
        unlink(name)
    assert not (segment_folder() / name).exists()


def test_a_segment_that_cannot_be_kept_is_refused_in_a_sentence_and_stays(tmp_path: Path) -> None:
    name = boot.segment_name(tmp_path)
    (tmp_path / boot.LAST_RUN).mkdir()
    House.create(name, anchor_now())
    try:
        with pytest.raises(BootError, match=boot.LAST_RUN):
            boot.lay_house(tmp_path)
        assert (segment_folder() / name).exists()
    finally:
        unlink(name)


def test_without_a_config_file_it_is_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = boot.make_plan(Options())
    assert plan.demo
    assert plan.mode is Mode.DEMO
    assert plan.data_dir == tmp_path / "data" / "demo"


def test_a_config_file_in_the_current_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[network]\nname = "testnet"\n')
    monkeypatch.chdir(tmp_path)
    plan = boot.make_plan(Options(strategy="PING_PONG"))
    assert not plan.demo
    assert plan.mode is Mode.TESTNET
    assert plan.settings.trading.strategy == "PING_PONG"
    with pytest.raises(ConfigError, match="--replay"):
        boot.make_plan(Options(replay=tmp_path / "config.toml"))


def test_shards_of_the_command_line_win_and_need_symbols_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[trading]\nsymbols = ["BTCUSDT", "ETHUSDT"]\n')
    assert boot.make_plan(Options()).settings.processes.shards == 1
    assert boot.make_plan(Options(shards=2)).settings.processes.shards == 2
    with pytest.raises(ConfigError, match="--shards is 3: expected at most 2, one for each"):
        boot.make_plan(Options(shards=3))


def test_a_folder_of_a_run_with_one_shard_serves_one_with_two(tmp_path: Path) -> None:
    name = boot.segment_name(tmp_path)
    boot.lay_house(tmp_path)  # Left behind, as by a run that was killed.
    try:
        house = boot.lay_house(tmp_path, shards=2)
        assert len(house.shards) == 2
        assert len(boot.attach_for_look(str(tmp_path / boot.LAST_RUN)).shards) == 1
    finally:
        unlink(name)


def test_a_taken_port_names_itself_and_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BootError, match=rf"port {port}.*--port"):
            boot.open_port("127.0.0.1", port)
