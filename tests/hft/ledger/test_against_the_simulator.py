"""The list of a real simulator, over its sockets, into the database: equal to the last digit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from hft.binance.order_frames import client_order_id
from hft.binance.rest import Rest
from hft.config_keys import Keys
from hft.units import parse_e8
from tests.hft.ledger.world import SESSION_EPOCH, World, drain, turn_until

KEYS = Keys("ledger0test0key" + "0" * 49, "ledger0test0secret" + "0" * 46)


@pytest.fixture
def simulator() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "hft.simulator", "--port", "0", "--seed", "3"]
    command += ["--limits", "off"]
    process = subprocess.Popen(
        [*command, "--api-key", KEYS.api_key, "--api-secret", KEYS.secret_key],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def account(world: World, simulator: dict[str, Any]) -> Iterator[Rest]:
    world.use_venue(simulator["listening"])
    world.know_account(simulator["account_epoch"])
    world.keys = KEYS
    rest = Rest(simulator["listening"], KEYS)
    yield rest
    rest.close()


def trade(rest: Rest, symbol: str, side: str, quantity: str, intent_seq: int) -> None:
    rest.place(
        {
            "symbol": symbol,
            "side": side,
            "type": "MARKET",
            "quantity": quantity,
            "newClientOrderId": client_order_id(SESSION_EPOCH, intent_seq),
        }
    )


def test_every_fill_of_the_venue_is_in_the_database_exactly(world: World, account: Rest) -> None:
    for at in range(6):
        trade(account, "BTCUSDT", "BUY" if at % 2 == 0 else "SELL", "0.01", at + 1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades >= 6)
        trade(account, "ETHUSDT", "BUY", "0.1", 7)
        trade(account, "BTCUSDT", "BUY", "0.02", 8)
        drain(ledger)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        listed = [
            (
                fill["id"],
                str(fill["orderId"]),
                fill["side"],
                parse_e8(fill["price"]),
                parse_e8(fill["qty"]),
                parse_e8(fill["commission"]),
                parse_e8(fill["realizedPnl"]),
                fill["time"],
            )
            for fill in account.user_trades(symbol)
        ]
        columns = "trade_id, order_id, side, price_e8, qty_e8, fee_e8, pnl_e8, exchange_ts_ms"
        query = f"SELECT {columns} FROM trades WHERE symbol = '{symbol}' ORDER BY trade_id"
        assert [tuple(row.values()) for row in world.rows(query)] == sorted(listed)
    owners = {row["intent_seq"]: row["strategy"] for row in world.rows()}
    assert owners == dict.fromkeys(range(1, 9), "MOMENTUM")
