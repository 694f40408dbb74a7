"""The engine on PostgreSQL: the server goes away while it trades, and nothing is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from hft.binance.order_frames import parse_client_order_id
from hft.units import parse_e8
from tests.flow.engine import Engine, Venue, eventually, write_config
from tests.hft.ledger.databases import ask
from tests.postgres import PostgresServer

pytestmark = pytest.mark.flow

TRADING = """
[strategy.PING_PONG]
interval_ms = 100
price_above = 1000.0
[risk]
max_drawdown = 0
[storage]
database_url = "{}"
"""
STATES = {"NEW": "ACCEPTED", "CANCELED": "CANCELLED"}


def test_the_engine_trades_on_while_the_server_is_away_and_the_books_agree(
    engine: Callable[..., Engine],
    venue: Callable[..., Venue],
    tmp_path: Path,
    postgres: PostgresServer,
    postgres_place: str,
) -> None:
    exchange = venue("--seed", "5")
    config = write_config(tmp_path, exchange, TRADING.format(postgres_place), strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    one.start_trading()

    def filled_more(count: int) -> None:
        before = len(exchange.user_trades())
        eventually(lambda: len(exchange.user_trades()) >= before + count, 30, "new fills")

    filled_more(4)
    with postgres.away():
        filled_more(4)
        eventually(lambda: "trade database fails" in logged(one), 20, "the log says so")
        reply = requests.get(one.run["dashboard_url"] + "api/history", timeout=30)
        assert (reply.status_code, reply.json()["code"]) == (503, "TRADES_UNAVAILABLE")
    eventually(lambda: "trade database works again" in logged(one), 30, "the log says so")
    filled_more(2)
    assert one.get("/api/history")["count"] > 0
    with postgres.away():
        killed = one.kill("ledger")
        filled_more(2)
        eventually(lambda: one.pid("ledger") != killed, 30, "a new ledger")
    stored = "SELECT count(*) FROM trades"
    before = ask(postgres_place, stored)
    eventually(lambda: ask(postgres_place, stored) != before, 60, "a ledger that stores fills")
    assert one.stop() == 0
    assert_books_agree(postgres_place, exchange)
    assert "p%C3%B6" not in one.text() + logged(one)
    assert "pass:" not in one.text() + logged(one)


def logged(one: Engine) -> str:
    return "".join(file.read_text() for file in (one.data_dir / "logs").glob("*.jsonl"))


def assert_books_agree(place: str, exchange: Venue) -> None:
    columns = "trade_id, order_id, side, price_e8, qty_e8, fee_e8, fee_value_e8, pnl_e8, paper"
    listed = [
        (
            fill["id"], str(fill["orderId"]), fill["side"], parse_e8(fill["price"]),
            parse_e8(fill["qty"]), parse_e8(fill["commission"]), parse_e8(fill["commission"]),
            parse_e8(fill["realizedPnl"]), 0,
        )
        for fill in exchange.user_trades()
    ]  # fmt: skip
    assert ask(place, f"SELECT {columns} FROM trades ORDER BY trade_id") == sorted(listed)
    columns = "venue_order_id, client_order_id, side, state, qty_e8, filled_e8, finished_ms > 0"
    made = [
        (
            order["orderId"], order["clientOrderId"], order["side"],
            STATES.get(order["status"], order["status"]), parse_e8(order["origQty"]),
            parse_e8(order["executedQty"]), True,
        )
        for order in exchange.signed("/fapi/v1/allOrders", symbol="BTCUSDT", limit=1000)
        if parse_client_order_id(order["clientOrderId"])
    ]  # fmt: skip
    sent = f"SELECT {columns} FROM orders WHERE venue_order_id > 0 ORDER BY venue_order_id"
    assert ask(place, sent) == sorted(made)
    fees = "SELECT (SELECT sum(fee_e8) FROM orders) = (SELECT sum(fee_value_e8) FROM trades)"
    assert ask(place, fees) == [(True,)]
    ends = ask(place, "SELECT ended, fills FROM sessions")
    assert ends == [("stopped as asked", len(listed))]
    assert ask(place, "SELECT count(*) FROM equity")[0][0] >= 1
