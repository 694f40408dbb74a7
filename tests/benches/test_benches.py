from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benches.__main__ import BENCHES, page
from benches.report import Outcome, Row, WrongAnswer, run
from tests.hft.wire.certificate import needs_openssl
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


METRICS = {
    "ring": "ops_per_s batch_ops_per_s queue_ops_per_s python_ops_per_s hop_p50_ns hop_p99_ns",
    "stress": "rate_per_s drops",
    "decode": "aggtrade_per_s bookticker_per_s markprice_per_s msgspec_per_s orjson_per_s "
    "json_per_s received_per_s websocket_client_per_s",
    "step": "ping_pong_step_ns momentum_step_ns liquidation_step_ns momentum_plain_step_ns",
    "pipeline": "ticks_per_s lost websocket_client_ticks_per_s",
    "scaling": "symbols1_busy_ns symbols16_busy_ns symbols1_calm_ns symbols16_calm_ns "
    "shards1_busy_ns shards4_busy_ns shard_idle_us_per_s shard_private_mb shard_segment_mb",
    "tick_to_order": "r100_p50_us r1000_p50_us r1000_p99_us r1000_p999_us r1000_max_us "
    "r10000_p50_us tls_r1000_p50_us floor_p50_us floor_p99_us p50_ratio p99_ratio software_p50_us",
    "browsers": "alone_p99_us watched_p99_us p99_ratio sent_per_s read_per_s dashboard_growth_mb",
    "exchange": "rest_orders_per_s session_orders_per_s stream_messages_per_s core_per_s "
    "rest_echo_per_s session_echo_per_s plain_messages_per_s",
    "gate": "passes_p50_ns passes_p99_ns denied_p50_ns denied_p99_ns crossing_ns",
    "memory": "total_mb slope_mb_per_10min feed_private_mb strategy_private_mb",
    "restart": "feed_ready_ms feed_works_ms strategy_ready_ms strategy_works_ms execution_works_ms",
}


def test_every_bench_is_run_by_all_of_them() -> None:
    assert set(METRICS) == set(BENCHES)


@pytest.mark.long
@needs_openssl
@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_finds_its_answer_right(name: str) -> None:
    command = [sys.executable, "-m", f"benches.{name}", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"] is True
    assert set(METRICS[name].split()) <= told["metrics"].keys()
    assert all(isinstance(value, int | float) for value in told["metrics"].values())


def test_the_page_tells_the_machine_and_every_table() -> None:
    told = [({"bench": "ring", "machine": {"cores": 2, "quota": None, "load": 0.5}}, "a hop 1 ns")]
    written = page(told, quick=True)
    assert "| cores | 2 |\n| quota | none |" in written
    assert "## ring\n\n```text\na hop 1 ns\n```" in written
    assert "quick run" in written
