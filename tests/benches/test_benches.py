from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benches.report import Outcome, Row, WrongAnswer, run
from tests.tidy.sources import ROOT


def test_the_last_line_is_one_json_object_with_machine_and_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[bool] = []

    def measure(quick: bool) -> Outcome:
        seen.append(quick)
        return Outcome([Row("a hop", 1.5, "ns")], {"hop_ns": 1.5}, ["noted"])

    assert run("sample", measure, ["--quick", "--json", str(tmp_path / "out.json")]) == 0
    assert seen == [True]
    *table, last = capsys.readouterr().out.splitlines()
    assert any("a hop" in line and "1.5 ns" in line for line in table)
    told = json.loads(last)
    assert (told["bench"], told["ok"], told["metrics"]) == ("sample", True, {"hop_ns": 1.5})
    assert told["machine"]["cores"] >= 1
    assert json.loads((tmp_path / "out.json").read_text()) == told


def test_a_wrong_answer_prints_no_figure_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(quick: bool) -> Outcome:
        raise WrongAnswer("two and two are five")

    assert run("sample", measure, []) == 1
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["ok"], told["metrics"]) == (False, {})
    assert told["problem"] == "two and two are five"


@pytest.mark.long
@pytest.mark.parametrize("name", ["ring", "stress", "decode"])
def test_every_bench_finds_its_answer_right(name: str) -> None:
    command = [sys.executable, "-m", f"benches.{name}", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is True
