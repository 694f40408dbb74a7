"""Money to the last unit: the engine trades through faults, and both ledgers tell the same."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from hft.clock import wall_ms
from hft.reconcile import command
from hft.units import parse_e8, priced_e8
from tests.flow.engine import Engine, Venue, eventually, write_config

pytestmark = pytest.mark.flow

TRADING = """
[strategy.PING_PONG]
interval_ms = 150
price_above = 1000.0
[risk]
max_drawdown = 0
"""
MARGIN = "USDT"


def test_after_faults_funding_and_deposits_the_venues_ledger_and_ours_are_one(
    engine: Callable[..., Engine],
    venue: Callable[..., Venue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    exchange = venue(
        *("--seed", "5", "--symbols", "BTCUSDT,BNBUSDT"),
        *("--funding-interval-s", "2", "--faults", "on"),
    )
    began_ms = wall_ms()
    deposit(exchange, "BNB", "2")
    exchange.signed("/fapi/v1/feeBurn", "POST", feeBurn="true")
    before_e8 = balances(exchange)
    config = write_config(tmp_path, exchange, TRADING, strategy="PING_PONG")
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    fill_more(exchange, 4)
    settle_more(exchange)
    strike(exchange, kind="lost_fill", count=2)
    deposit(exchange, MARGIN, "123.45678901")
    deposit(exchange, MARGIN, "-23.00000001")
    fill_more(exchange, 4)
    requests.delete(f"{exchange.url}/sim/faults", timeout=10).raise_for_status()
    strike(exchange, kind="drop", streams=["user:*"], probability=0.5)
    settle_more(exchange)
    requests.delete(f"{exchange.url}/sim/faults", timeout=10).raise_for_status()
    strike(exchange, kind="disconnect", connections="user")
    fill_more(exchange, 4)
    settle_more(exchange)
    # The engine trades on while both ledgers are compared.
    eventually(lambda: reconcile(config, one.data_dir).returncode == 0, 60, "nothing differs")
    assert one.get("/api/status")["funding"] != 0
    assert {row["strategy"] for row in one.get("/api/pnl")["session"]} >= {"PING_PONG"}
    one.post("/api/control", {"command": "STOP"}).raise_for_status()
    close_by_hand(exchange)
    assert one.stop() == 0, one.text()

    income = list_income(exchange, began_ms)
    assert_books_are_the_venues(one.data_dir / "trades.db", income)
    after_e8 = balances(exchange)
    sums = by_asset(income)
    sums["BNB"] -= parse_e8("2")
    assert {each: after_e8[each] - before_e8[each] for each in sums} == sums
    clean = reconcile(config, one.data_dir)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "nothing differs" in clean.stdout
    monkeypatch.setattr(command, "LOOK_AGAIN_S", 0.0)
    assert_every_change_is_named(one.data_dir / "trades.db", config, capsys)
    assert reconcile(config, one.data_dir).returncode == 0


def deposit(exchange: Venue, asset: str, amount: str) -> None:
    wish = {"api_key": Venue.KEY, "asset": asset, "amount": amount}
    requests.post(f"{exchange.url}/sim/deposit", json=wish, timeout=10).raise_for_status()


def strike(exchange: Venue, **fault: Any) -> None:
    requests.post(f"{exchange.url}/sim/faults", json=fault, timeout=10).raise_for_status()


def fill_more(exchange: Venue, count: int) -> None:
    wanted = len(exchange.user_trades()) + count
    eventually(lambda: len(exchange.user_trades()) >= wanted, 30, "new fills")


def settle_more(exchange: Venue) -> None:
    """Wait for another settlement of funding."""

    def count() -> int:
        query = {"incomeType": "FUNDING_FEE", "limit": 1000, "startTime": 1}
        return len(exchange.signed("/fapi/v1/income", **query))

    before = count()
    eventually(lambda: count() > before, 30, "funding", pause_s=0.1)


def close_by_hand(exchange: Venue) -> None:
    """Leave nothing that funding could be paid for once nobody looks any more."""

    def closed() -> bool:
        held = exchange.position_text()
        if parse_e8(held):
            order = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": held.lstrip("-")}
            order |= {"side": "BUY" if held.startswith("-") else "SELL", "reduceOnly": "true"}
            exchange.signed("/fapi/v1/order", "POST", **order)
        return not parse_e8(held)

    eventually(closed, 30, "nothing held")


def balances(exchange: Venue) -> dict[str, int]:
    return {row["asset"]: parse_e8(row["balance"]) for row in exchange.signed("/fapi/v2/balance")}


def list_income(exchange: Venue, since_ms: int) -> list[dict[str, Any]]:
    rows = exchange.signed("/fapi/v1/income", startTime=since_ms, limit=1000)
    assert len(rows) < 1000, "one page tells all"
    return list(rows)


def by_asset(income: Iterable[dict[str, Any]]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for row in income:
        sums[row["asset"]] += parse_e8(row["income"])
    return sums


def assert_books_are_the_venues(database: Path, income: list[dict[str, Any]]) -> None:
    """Rows, sums and the session's last figures, to the last unit."""
    listed: dict[tuple[str, str], int] = defaultdict(int)
    for row in income:
        listed[row["incomeType"], row["asset"]] += parse_e8(row["income"])
    fills = rows_of(database, "SELECT * FROM trades")
    assert sum(row["pnl_e8"] for row in fills) == listed["REALIZED_PNL", MARGIN]
    in_bnb = [row for row in fills if row["fee_currency"] == "BNB"]
    assert len(in_bnb) == len(fills) >= 12
    assert -sum(row["fee_e8"] for row in in_bnb) == listed["COMMISSION", "BNB"]
    for row in in_bnb:
        assert row["fee_value_e8"] == priced_e8(row["fee_e8"], row["fee_price_e8"]) > 0
    kept = rows_of(database, "SELECT * FROM funding")
    told = {(row["tranId"], row["incomeType"], parse_e8(row["income"])) for row in income}
    assert {(row["tran_id"], row["income_type"], row["amount_e8"]) for row in kept} == told
    assert len(kept) == len(income)
    last = rows_of(database, "SELECT * FROM equity ORDER BY ts_ms DESC LIMIT 1")[0]
    assert last["realised_e8"] == listed["REALIZED_PNL", MARGIN]
    assert last["funding_e8"] == listed["FUNDING_FEE", MARGIN] != 0
    value_e8 = sum(row["fee_value_e8"] for row in fills)
    # A fill learnt late is valued at its minute's opening, by execution as by the ledger.
    assert last["fees_e8"] == value_e8


def rows_of(database: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query)]


def change(database: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def reconcile(config: Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "hft", "reconcile", "--config", str(config)]
    words += ["--data-dir", str(data_dir)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def assert_every_change_is_named(
    database: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row at a time is spoilt and mended again; exactly that is told."""
    fill = rows_of(database, "SELECT * FROM trades WHERE pnl_e8 != 0 ORDER BY id")[0]
    paid = rows_of(database, "SELECT * FROM funding WHERE income_type = 'FUNDING_FEE' ORDER BY id")[
        0
    ]
    trade, entry = f"trade {fill['trade_id']}: ", f"entry {paid['tran_id']}: "

    def differs() -> list[tuple[str, str, str]]:
        """What is named: kind, number and reason; the exit code says so too."""
        words = ["--config", str(config), "--data-dir", str(database.parent)]
        assert command.main(words) == 1
        lines = capsys.readouterr().out.splitlines()
        return [named(line) for line in lines if line.startswith("DIFFERS")]

    def put(table: str, row: dict[str, Any], **values: Any) -> None:
        words = ", ".join(f"{name} = ?" for name in values)
        change(database, f"UPDATE {table} SET {words} WHERE id = ?", *values.values(), row["id"])

    put("trades", fill, fee_e8=fill["fee_e8"] + 1)
    assert differs() == [("COMMISSION", trade, "different amount")]
    put("trades", fill, fee_e8=fill["fee_e8"], account_epoch="gone")
    assert differs() == [(kind, trade, "missing here") for kind in ("COMMISSION", "REALIZED_PNL")]
    put("trades", fill, account_epoch=fill["account_epoch"])
    put("funding", paid, account_epoch="gone")
    assert differs() == [("FUNDING_FEE", entry, "missing here")]
    put("funding", paid, account_epoch=paid["account_epoch"], amount_e8=paid["amount_e8"] - 1)
    assert differs() == [("FUNDING_FEE", entry, "different amount")]
    put("funding", paid, amount_e8=paid["amount_e8"], tran_id=-paid["tran_id"])
    both = [("FUNDING_FEE", f"entry {-paid['tran_id']}: ", "missing at the venue")]
    assert differs() == [*both, ("FUNDING_FEE", entry, "missing here")]
    put("funding", paid, tran_id=paid["tran_id"])


def named(line: str) -> tuple[str, str, str]:
    """Kind, number and reason of a line about BTCUSDT."""
    kind = line.split(" BTCUSDT ")[1].split()[0]
    number = line.split(f"{kind} ")[1].split(": ")[0] + ": "
    return kind, number, line.split(", ")[1].split(":")[0]
