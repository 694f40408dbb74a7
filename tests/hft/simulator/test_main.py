from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hft.simulator.__main__ import API_KEY, API_SECRET, main

from .wire import running


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hft.simulator", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_bad_arguments_and_files_end_with_4_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = tmp_path / "frames.jsonl"
    frames.write_text('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}\n' * 3)
    empty = tmp_path / "empty.gz"
    empty.touch()
    for arguments, word in (
        ([], "--port"),
        (["--port", "70000"], "70000"),
        (["--port", "0", "--symbols", "NOPE"], "NOPE"),
        (["--port", "0", "--speed", "0"], "--speed"),
        (["--port", "0", "--replay", str(tmp_path / "none.gz")], "none.gz"),
        (["--port", "0", "--replay", str(frames)], "stamp"),
        (["--port", "0", "--replay", str(empty)], "empty.gz"),
        (["--port", "0", "--csv", str(frames)], "frames.jsonl"),
        (["--port", "0", "--csv", str(frames), "--replay", str(frames)], "--csv"),
        (["--port", "0", "--csv-symbol", "ABCUSDT"], "--csv-symbol"),
        (["--port", "0", "--exchange-info", str(frames)], "frames.jsonl"),
        (["--port", "0", "--exchange-info", str(frames), "--csv", "x"], "--exchange-info"),
        (["--port", "0", "--speed", "fast"], "--speed"),
        (["--port", "0", "--speed", "2"], "--simulated-clock"),
        (["--port", "0", "--loop"], "--loop"),
        (["--port", "0", "--start", "yesterday"], "--start"),
    ):
        assert main(arguments) == 4
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert word in told.err
    assert run("--port", "0", "--symbols", "NOPE")[0] == 4


def test_a_port_in_use_ends_with_3_and_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, text = run("--port", str(port))
    assert code == 3
    assert str(port) in text


def test_a_parent_that_is_gone_is_noticed() -> None:
    code, text = run("--port", "0", "--parent-pid", "1")
    assert code == 3
    assert "parent" in text


def test_the_first_line_tells_where_and_an_interrupt_ends_cleanly() -> None:
    with running("--symbols", "ETHUSDT") as simulator:
        assert simulator.line["port"] > 0
        assert simulator.line["symbols"] == ["ETHUSDT"]
        assert simulator.get("/fapi/v1/depth?symbol=BTCUSDT")["code"] == -1121
        simulator.process.send_signal(signal.SIGINT)
        assert simulator.process.wait(5) == 0


def test_the_keys_of_one_started_by_hand_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(API_KEY) == len(API_SECRET) == 64
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert API_KEY in told
    assert API_SECRET in told
    assert "BTCUSDT,ETHUSDT" in told
    with running("--api-key", API_KEY, "--api-secret", API_SECRET) as simulator:
        assert simulator.line["api_key"] == API_KEY
    with running() as simulator:
        assert "api_key" not in simulator.line


def test_a_child_leaves_interrupts_to_its_parent() -> None:
    with running("--parent-pid", str(os.getpid())) as simulator:
        simulator.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            simulator.process.wait(0.3)
        assert simulator.get("/fapi/v1/ping") == {}
