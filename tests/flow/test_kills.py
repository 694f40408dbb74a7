"""`kill -9` of every process: it trades again soon, and not a fill is lost or doubled."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from hft.control import ask
from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import (
    ASK_VENUE_S,
    Engine,
    Venue,
    alive,
    eventually,
    segments,
    user_trades,
    write_config,
)

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 300
price_above = 1000.0
[risk]
max_drawdown = 0
"""
BACK_WITHIN_S = {"feed": 5, "strategy": 5, "ledger": 5, "dashboard": 5, "execution": 10}


@pytest.fixture
def busy(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> tuple[Engine, Venue]:
    exchange = venue("--seed", "5")
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    one.wait_trades(2, 30)
    return one, exchange


def test_every_process_may_be_killed_and_the_books_still_agree(busy: tuple[Engine, Venue]) -> None:
    one, exchange = busy
    for role, seconds in BACK_WITHIN_S.items():
        before = len(exchange.user_trades())
        killed = one.kill(role)
        more = eventually(
            lambda before=before: len(exchange.user_trades()) > before,
            seconds,
            f"new fills at the venue after {role} was killed\n{one.text()[-1500:]}",
        )
        assert more
        eventually(lambda role=role, killed=killed: one.pid(role) != killed, 10, f"a new {role}")
    eventually(lambda: _answers(one), 10, "the dashboard answers")
    assert one.stop() == 0
    assert our_fills(one.data_dir) == venue_fills(exchange.user_trades())


def test_without_the_supervisor_orders_are_cancelled_and_all_goes(
    busy: tuple[Engine, Venue], engine: Callable[..., Engine], tmp_path: Path
) -> None:
    one, exchange = busy
    run = one.run
    one.kill("supervisor")
    one.process.wait(5)
    pids = [pid for role, pid in run["pids"].items() if role != "supervisor"]
    eventually(lambda: not any(alive(pid) for pid in pids), 20, "every process gone")
    assert exchange.open_orders() == []
    eventually(lambda: run["segment"] not in segments(), 5, "the segment gone")
    again = engine("--config", str(tmp_path / "config.toml")).wait_up()
    again.start_trading()
    again.wait_trades(0, 20)
    assert again.stop() == 0
    assert our_fills(one.data_dir) == venue_fills(exchange.user_trades())


def test_switching_on_purpose_is_no_death(busy: tuple[Engine, Venue]) -> None:
    one, exchange = busy
    one.post("/api/control", {"command": "FLATTEN", "confirm": True})
    eventually(lambda: float(exchange.position_text()) == 0, 20, "a flat venue")
    control = one.data_dir / "control.sock"
    eventually(lambda: ask(control, {"command": "flatten_status"})["state"] == "done", 20, "done")
    for name in ("MOMENTUM", "LIQUIDATION", "PING_PONG"):
        answer = ask(control, {"command": "set_strategy", "strategy": name})
        assert answer["ok"], answer
    # Resumed before the death: a START after it would lift the very latch this looks for.
    one.start_trading()
    killed = one.kill("strategy")
    eventually(lambda: one.pid("strategy") != killed, 10, "a new strategy")
    one.wait_trades(one.trade_count(), 20)
    assert ask(control, {"command": "status"})["halted"] is False


def test_flatten_closes_although_a_cancel_only_one_is_under_way(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue()
    exchange.signed(
        "/fapi/v1/order", "POST", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.05"
    )
    one = engine("--config", str(write_config(tmp_path, exchange))).wait_up()
    control = one.data_dir / "control.sock"
    os.kill(exchange.process.pid, signal.SIGSTOP)
    one.kill("execution")
    status = {"command": "flatten_status"}
    eventually(lambda: ask(control, status)["state"] == "running", 40, "execution lost")
    assert ask(control, {"command": "flatten"})["ok"]
    os.kill(exchange.process.pid, signal.SIGCONT)
    eventually(lambda: ask(control, status)["state"] != "running", 60, "the end of flatten")
    assert float(exchange.position_text()) == 0


def test_a_simulator_that_dies_in_the_demo_comes_back_and_is_traded_on(
    engine: Callable[..., Engine],
) -> None:
    one = engine("--strategy", "PING_PONG").wait_up()
    one.wait_trades(0, 20)
    killed = int(one.run["simulator_pid"])
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: int(one.run["simulator_pid"]) != killed, 20, "a new simulator")
    run = one.run
    eventually(
        lambda: user_trades(run["rest_url"], run["api_key"], run["api_secret"], "BTCUSDT"),
        30,
        "a fill at the new simulator",
        pause_s=ASK_VENUE_S,
    )
    assert one.stop() == 0


def _answers(one: Engine) -> bool:
    try:
        return bool(one.get("/api/status"))
    except (requests.RequestException, OSError):
        return False
