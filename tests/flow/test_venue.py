"""The engine against a simulator started by hand: what it says, and what the venue says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from hft.control import ask
from tests.flow.books import displayed_fills, our_fills, venue_fills
from tests.flow.engine import Engine, Venue, eventually, write_config

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 500
price_above = 1000.0
"""


def test_a_session_ends_with_the_same_books_on_both_sides(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue("--seed", "3")
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    assert one.get("/api/status")["running"] is False, "outside the demo it waits for START"
    assert one.post("/api/control", {"command": "START"}).status_code == 200
    one.wait_trades(9, 40)
    assert one.post("/api/control", {"command": "STOP"}).status_code == 200
    _same_now(one, exchange)
    assert one.stop() == 0
    fills = venue_fills(exchange.user_trades())
    assert our_fills(one.data_dir) == fills
    shown = [(fill[0], *(float(part) for part in fill[2:])) for fill in fills]
    assert displayed_fills(one.data_dir) == shown


def _same_now(one: Engine, exchange: Venue) -> None:
    def same() -> bool:
        status = one.get("/api/status")
        balance = next(row for row in exchange.signed("/fapi/v2/balance") if row["asset"] == "USDT")
        position = Decimal(exchange.position_text())
        fills = len(exchange.user_trades())
        return (
            Decimal(str(status["position"])) == position
            and Decimal(str(status["wallet_balance"])) == Decimal(balance["balance"])
            and status["trade_count"] == fills
        )

    eventually(same, 10, "position, balance and trades equal on both sides")


def test_control_needs_the_token_outside_the_demo(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    import requests

    one = engine("--config", str(write_config(tmp_path, venue()))).wait_up()
    base = one.run["dashboard_url"].rstrip("/")
    assert (one.data_dir / "dashboard.token").stat().st_mode & 0o777 == 0o600
    refused = requests.post(
        f"{base}/api/control", json={"command": "START"}, headers={"Origin": base}, timeout=5
    )
    assert refused.status_code == 401
    assert one.post("/api/control", {"command": "START"}).status_code == 200


def test_the_strategy_is_switched_only_while_flat(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue()
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    reply = one.post("/api/strategy", {"strategy": "LIQUIDATION"})
    assert reply.status_code == 200, reply.text
    assert one.get("/api/status")["active_strategy"] == "LIQUIDATION"
    assert one.post("/api/strategy", {"strategy": "NONSENSE"}).status_code == 404
    assert one.post("/api/strategy", {"strategy": "PING_PONG"}).status_code == 200
    one.start_trading()
    eventually(lambda: one.get("/api/status")["position"], 20, "a position")
    one.post("/api/control", {"command": "STOP"})
    if one.get("/api/status")["position"]:
        assert one.post("/api/strategy", {"strategy": "MOMENTUM"}).status_code == 409
    one.post("/api/control", {"command": "FLATTEN", "confirm": True})
    eventually(lambda: Decimal(exchange.position_text()) == 0, 20, "a flat venue")


def test_reaching_the_loss_limit_halts_and_says_why(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    config = write_config(
        tmp_path, venue(), BUSY + "[risk]\nmax_drawdown = 0.5\n", strategy="PING_PONG"
    )
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    eventually(lambda: one.get("/api/status")["running"] is False, 40, "the auto-stop")
    assert "loss" in str(one.get("/api/status")).lower()
    one.stop()
    assert b"MAX_LOSS" in (one.data_dir / "latch.json").read_bytes()


def test_reading_the_config_again_halts_when_trading_is_no_longer_enabled(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    config = write_config(tmp_path, venue(), BUSY, strategy="PING_PONG", enabled=True)
    one = engine("--config", str(config)).wait_up()
    control = one.data_dir / "control.sock"
    one.start_trading()
    text = config.read_text()
    config.write_text(text.replace("enabled = true", "enabled = false"))
    answer = ask(control, {"command": "reload"})
    assert "HALTED" in answer["message"]
    assert ask(control, {"command": "start"})["code"] == "DISABLED"
    config.write_text(text.replace("interval_ms = 500", 'interval_ms = "x"'))
    answer = ask(control, {"command": "reload"})
    assert answer["ok"] is False
    assert "interval_ms" in answer["message"]
    config.write_text(text)
    assert ask(control, {"command": "reload"})["ok"]
    assert ask(control, {"command": "start"})["ok"]


def test_flatten_works_at_the_venue_of_the_run_whatever_the_file_says_since(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange, other = venue(), venue()
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    eventually(lambda: one.get("/api/status")["position"], 20, "a position")
    config.write_text(config.read_text().replace(str(exchange.port), str(other.port)))
    control = one.data_dir / "control.sock"
    assert ask(control, {"command": "flatten"})["ok"]
    eventually(lambda: Decimal(exchange.position_text()) == 0, 20, "a flat venue")
    status = {"command": "flatten_status"}
    eventually(lambda: ask(control, status)["state"] == "done", 20, "the end of flatten")
    assert str(exchange.port) in ask(control, status)["message"]
