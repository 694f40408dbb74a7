"""The first command a newcomer types: trades within seconds, no keys, no internet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hft.clock import Deadline
from tests.flow.engine import Engine, eventually, segments
from tests.hft.ledger.databases import ask

pytestmark = pytest.mark.flow

WANTED = {"MOMENTUM": 10, "LIQUIDATION": 10, "PING_PONG": 5}


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    """One demo per strategy, side by side."""
    folder = tmp_path_factory.mktemp("demos")
    engines = {}
    for name in WANTED:
        engines[name] = Engine(folder / name.lower(), "--strategy", name)
        engines[name].wait_up()
    yield engines
    for engine in engines.values():
        engine.end()


@pytest.mark.parametrize("name", WANTED)
def test_a_demo_fills_soon_and_keeps_filling(demos: dict[str, Engine], name: str) -> None:
    demos[name].wait_trades(0, 15)
    demos[name].wait_trades(WANTED[name] - 1, 60)


def test_a_demo_says_what_it_is_on_its_own_page(demos: dict[str, Engine]) -> None:
    status = demos["MOMENTUM"].get("/api/status")
    assert status["mode"] == "DEMO"
    assert status["running"] is True
    assert status["active_strategy"] == "MOMENTUM"
    assert status["ticks_per_second"] > 0
    assert sorted(demos["MOMENTUM"].get("/api/strategies")["strategies"]) == sorted(WANTED)


def test_a_demos_chart_has_a_past_a_live_candle_and_markouts(demos: dict[str, Engine]) -> None:
    engine = demos["MOMENTUM"]
    chart = "/api/candles?symbol=BTCUSDT&limit=2000"
    eventually(lambda: len(engine.get(chart)["candles"]) > 900, 20, "candles of the hours before")
    newest = engine.get(chart)["candles"][-1]
    eventually(lambda: engine.get(chart)["candles"][-1] != newest, 10, "a candle that grows")
    ticks = engine.get("/api/ticks?symbol=BTCUSDT")
    assert ticks["trades"]
    assert ticks["tops"]
    place = str(engine.data_dir / "trades.db")
    count = "SELECT count(*) FROM markouts WHERE horizon_ms = 1000"
    eventually(lambda: ask(place, count)[0][0], 20, "the markout of a fill")


def test_run_json_is_private_and_names_the_simulator(demos: dict[str, Engine]) -> None:
    engine = demos["PING_PONG"]
    assert (engine.data_dir / "run.json").stat().st_mode & 0o777 == 0o600
    assert {"rest_url", "api_key", "api_secret", "segment", "pids"} <= set(engine.run)


def test_an_interrupt_from_the_terminal_stops_in_order_and_leaves_nothing(
    engine: Callable[..., Engine],
) -> None:
    one = engine().wait_up()
    run = one.run
    one.wait_trades(0, 20)
    assert one.stop() == 0
    from tests.flow.engine import alive

    assert not [role for role, pid in run["pids"].items() if alive(pid)]
    assert run["segment"] not in segments()
    assert not (one.data_dir / "control.sock").exists()


def test_a_flatten_from_the_page_really_flattens(engine: Callable[..., Engine]) -> None:
    one = engine("--strategy", "PING_PONG").wait_up()
    eventually(lambda: one.get("/api/status")["position"], 30, "a position")
    assert one.post("/api/control", {"command": "FLATTEN"}).status_code == 400
    assert one.post("/api/control", {"command": "FLATTEN", "confirm": True}).status_code == 200
    eventually(lambda: one.get("/api/status")["position"] == 0, 20, "a flat position")
    assert one.get("/api/status")["running"] is False


def test_duration_ends_by_itself_with_zero(engine: Callable[..., Engine], tmp_path: Path) -> None:
    one = engine("--duration", "5").wait_up()
    deadline = Deadline(30)
    assert one.wait(deadline.left_s()) == 0
