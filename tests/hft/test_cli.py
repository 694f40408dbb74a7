from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hft.cli import app
from hft.clock import Deadline, sleep_s
from hft.control import ControlSocket, Reply, refusal

LIVES = {"feed": "RUNNING", "strategy": "READY"}
runner = CliRunner()


class Engine:
    """Answers at a control socket as the supervisor would."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {
            "start": {"ok": True, "message": "trading is resumed"},
            "stop": refusal("NO", "not today"),
            "status": {
                "ok": True,
                "mode": "DEMO",
                "halted": True,
                "latched": True,
                "reason": "PERSON",
                "sentence": "halted by hand",
                "strategy": "MOMENTUM",
                "summary": "3 fills, P&L +1.00 net of fees; no position is held",
                "dashboard_url": "http://127.0.0.1:3000/",
                "restarts": {role: int(role == "feed") for role in LIVES},
                "lives": LIVES,
            },
        }
        self._socket = ControlSocket(folder / "control.sock", self._handle)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        deadline = Deadline(30.0)
        while not self._ended.is_set() and not deadline.passed():
            self._socket.poll()
            sleep_s(0.001)

    def _handle(self, request: dict[str, Any], reply: Reply) -> None:
        self.asked.append(request["command"])
        reply(self.answers[request["command"]])


@pytest.fixture(name="engine")
def a_running_engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    yield engine
    engine.close()


def test_an_order_is_passed_on_and_its_answer_shown(engine: Engine, tmp_path: Path) -> None:
    result = runner.invoke(app, ["start", "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, "trading is resumed\n")
    assert engine.asked == ["start"]


def test_a_refusal_is_said_and_is_no_success(engine: Engine, tmp_path: Path) -> None:
    result = runner.invoke(app, ["stop", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == "hft: refused: not today\n"


def test_the_status_names_the_house_and_every_process(engine: Engine, tmp_path: Path) -> None:
    lines = runner.invoke(app, ["status", "--data-dir", str(tmp_path)]).stdout.splitlines()
    assert lines[0] == "DEMO: MOMENTUM, halted by hand"
    assert "3 fills" in lines[1]
    assert lines[2].strip() == "http://127.0.0.1:3000/"
    shown = [line.replace(",", "").split()[:2] for line in lines[3:]]
    assert shown == [list(pair) for pair in LIVES.items()]
    assert [line for line in lines if "restarted 1 times" in line and "feed" in line]


def test_no_engine_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["status"])
    assert result.exit_code == 1
    assert result.stderr.startswith("hft: no engine answers in data/demo")


def test_the_engines_folder_is_that_of_the_config_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[storage]\ndata_dir = "elsewhere"')
    assert "elsewhere: none runs" in runner.invoke(app, ["stop"]).stderr
    (tmp_path / "config.toml").write_text("[storage]\ndata_dri = 1")
    result = runner.invoke(app, ["stop"])
    assert result.exit_code == 4
    assert "did you mean data_dir" in result.stderr


def test_the_version_is_told_without_loading_the_engine() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from hft.cli import app;"
        "said = CliRunner().invoke(app, ['version']).stdout;"
        "assert said.startswith('hft 0.'), said;"
        "assert not {'numpy', 'numba', 'msgspec'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_itself_is_the_command_line() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "hft", "--help"], check=True, capture_output=True, text=True
    ).stdout
    for command in ("run", "start", "stop", "reload", "status", "flatten", "record", "version"):
        assert command in said


def test_run_takes_the_supervisors_options(tmp_path: Path) -> None:
    result = runner.invoke(app, ["run", "--config", str(tmp_path / "nowhere.toml")])
    assert result.exit_code == 4
