"""A breaker that closes everything, and is not forgotten by a restart of the house."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from hft.control import ask
from tests.flow.engine import Engine, Venue, eventually, write_config

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 100
qty = 0.01
[risk]
max_daily_loss = 0.5
on_trip = "flatten"
"""


def kept(one: Engine) -> dict[str, Any]:
    return dict(orjson.loads((one.data_dir / "latch.json").read_bytes()))


def closed_after(one: Engine, wall_ms: int = 0) -> bool:
    """Whether a breaker tripped after that time and everything was closed since."""
    trip = kept(one)["trip"]
    return trip is not None and trip["closed"] and trip["tripped_wall_ms"] > wall_ms


def test_the_days_loss_closes_everything_and_holds_over_a_restart_until_it_is_raised(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue()
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    eventually(lambda: kept(one)["halted"], 60, "the breaker")
    eventually(lambda: closed_after(one), 60, "everything closed")
    assert Decimal(exchange.position_text()) == 0
    assert exchange.open_orders() == []
    trip = kept(one)["trip"]
    assert (trip["rule"], trip["on_trip"], trip["limit"]) == ("DAILY_LOSS", "FLATTEN", -50_000_000)
    assert trip["measured"] <= trip["limit"]
    sentence = ask(one.data_dir / "control.sock", {"command": "status"})["sentence"]
    assert "the day's loss limit is reached" in sentence
    assert "limit -0.50" in sentence
    page = one.get("/api/status")
    assert "limit -0.50" in page["trading_sentence"]
    assert one.stop() == 0

    again = engine("--config", str(config)).wait_up()
    control = again.data_dir / "control.sock"
    remembered = ask(control, {"command": "status"})
    assert (remembered["halted"], remembered["sentence"]) == (True, sentence)
    answer = ask(control, {"command": "start"})
    assert "still" in answer["message"]
    tripped_ms = trip["tripped_wall_ms"]
    eventually(lambda: closed_after(again, tripped_ms), 60, "tripped again, and flat once more")
    assert Decimal(exchange.position_text()) == 0
    config.write_text(config.read_text().replace("max_daily_loss = 0.5", "max_daily_loss = 500"))
    assert ask(control, {"command": "reload"})["ok"]
    assert ask(control, {"command": "start"})["message"] == "trading is resumed"
