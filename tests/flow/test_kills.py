"""`kill -9` of every process: it trades again soon, and not a fill is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import Engine, Venue, alive, eventually, segments, write_config

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


def _answers(one: Engine) -> bool:
    try:
        return bool(one.get("/api/status"))
    except (requests.RequestException, OSError):
        return False
