"""The engine against a venue that fails on purpose: at the end both have the same books."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import Engine, Venue, eventually, write_config

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 500
price_above = 1000.0
"""
LOST_ACK = {"kind": "lost_ack", "after": 2, "probability": 0.5, "count": 2}
LOST_FILL = {"kind": "lost_fill", "after": 1, "probability": 0.5, "count": 3}
IN_PARTS = {"kind": "partial_fills", "count": 3}
TIMED_OUT = {"kind": "http_error", "error": "timeout", "after": 2, "executed": None, "count": 3}
UNKNOWN = {"kind": "unknown_status", "after": 2, "probability": 0.5, "count": 3}


@pytest.mark.parametrize(
    "fault",
    [LOST_ACK, LOST_FILL, UNKNOWN, IN_PARTS, TIMED_OUT],
    ids=lambda fault: str(fault["kind"]),
)
def test_the_books_are_the_venues_whatever_was_not_told(
    engine: Callable[..., Engine],
    venue: Callable[..., Venue],
    tmp_path: Path,
    fault: dict[str, Any],
) -> None:
    exchange = venue("--seed", "3", "--faults", "on")
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    reply = requests.post(exchange.url + "/sim/faults", json=fault, timeout=5)
    assert reply.status_code == 200, reply.text
    one.start_trading()
    eventually(lambda: _struck(exchange) == fault["count"], 60, "every strike of the fault")
    one.wait_trades(one.trade_count() + 1, 40)
    assert one.post("/api/control", {"command": "STOP"}).status_code == 200
    _same_now(one, exchange)
    assert one.stop() == 0
    assert our_fills(one.data_dir) == venue_fills(exchange.user_trades())


def _struck(exchange: Venue) -> int:
    state = requests.get(exchange.url + "/sim/state", timeout=5).json()
    return int(state["faults"]["armed"][0]["struck"])


def _same_now(one: Engine, exchange: Venue) -> None:
    def same() -> bool:
        status = one.get("/api/status")
        return (
            Decimal(str(status["position"])) == Decimal(exchange.position_text())
            and status["trade_count"] == len(exchange.user_trades())
            and not exchange.open_orders()
        )

    eventually(same, 20, "position and trades equal on both sides")
