"""Two shards: both symbols trade, each process dies alone, and the books agree to the last unit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hft.control import ask
from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import (
    ASK_VENUE_S,
    Engine,
    Venue,
    eventually,
    user_trades,
    write_config,
)

pytestmark = pytest.mark.flow

SYMBOLS = ["BTCUSDT", "ETHUSDT"]
BUSY = """
[strategy.PING_PONG]
interval_ms = 300
price_above = 100.0
[risk]
max_drawdown = 0
max_orders_per_second = 50
"""
SHARDED = f"""{BUSY}
[processes]
shards = 2
"""


def test_the_demo_trades_one_symbol_in_each_shard(engine: Callable[..., Engine]) -> None:
    one = engine("--demo", "--shards", "2", "--strategy", "PING_PONG").wait_up()
    run = one.run
    keys = (run["rest_url"], run["api_key"], run["api_secret"])
    for symbol in SYMBOLS:
        eventually(
            lambda symbol=symbol: user_trades(*keys, symbol),
            20,
            f"a fill of {symbol}",
            pause_s=ASK_VENUE_S,
        )
    assert {"feed", "feed2", "strategy", "strategy2"} <= set(run["pids"])
    assert [row["symbol"] for row in one.get("/api/status")["symbols"]] == SYMBOLS
    eventually(lambda: healthy(one) == set(run["pids"]), 10, "every process in the list, and well")
    assert one.stop() == 0
    assert all(our_fills(one.data_dir, symbol) for symbol in SYMBOLS)


def test_a_demo_of_more_shards_than_symbols_is_refused(engine: Callable[..., Engine]) -> None:
    one = engine("--demo", "--shards", "3")
    assert one.wait(60) == 4
    assert "--shards is 3: expected at most 2" in one.text()


@pytest.fixture
def busy(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> tuple[Engine, Venue]:
    exchange = venue("--seed", "5")
    config = write_config(tmp_path, exchange, SHARDED, strategy="PING_PONG", symbols=SYMBOLS)
    one = engine("--config", str(config)).wait_up()
    one.start_trading()
    for symbol in SYMBOLS:
        more_fills(exchange, symbol, "from the start")
    return one, exchange


def more_fills(exchange: Venue, symbol: str, when: str) -> None:
    before = len(exchange.user_trades(symbol))
    eventually(
        lambda: len(exchange.user_trades(symbol)) > before, 15, f"new fills of {symbol} {when}"
    )


def processes(one: Engine) -> dict[str, Any]:
    return {row["role"]: row for row in one.get("/api/status")["processes"]}


def healthy(one: Engine) -> set[str]:
    return {role for role, row in processes(one).items() if row["health"] == "ok"}


def books_agree(one: Engine, exchange: Venue) -> None:
    for symbol in SYMBOLS:
        fills = our_fills(one.data_dir, symbol)
        assert fills
        assert fills == venue_fills(exchange.user_trades(symbol))


@pytest.mark.parametrize("seat", ["feed2", "strategy2"])
def test_one_process_dies_and_only_that_one_is_started_again(
    busy: tuple[Engine, Venue], seat: str
) -> None:
    one, exchange = busy
    before, cycles = one.run["pids"], processes(one)["strategy"]["cycles"]
    killed = one.kill(seat)
    eventually(lambda: one.pid(seat) != killed, 10, f"a new {seat}")
    for symbol in SYMBOLS:
        more_fills(exchange, symbol, f"after {seat} was killed")
    after, rows = one.run["pids"], processes(one)
    assert {role for role in after if after[role] != before[role]} == {seat}
    assert {role: row["restarts"] for role, row in rows.items() if row["restarts"]} == {seat: 1}
    assert rows["strategy"]["cycles"] > cycles
    told = ask(one.data_dir / "control.sock", {"command": "status"})
    assert told["restarts"][seat] == 1
    assert not told["halted"]
    assert one.stop() == 0
    books_agree(one, exchange)


def test_execution_dies_before_two_shards_and_the_books_agree(busy: tuple[Engine, Venue]) -> None:
    one, exchange = busy
    killed = one.kill("execution")
    eventually(lambda: one.pid("execution") != killed, 10, "a new execution")
    for symbol in SYMBOLS:
        more_fills(exchange, symbol, "after execution was killed")
    assert one.stop() == 0
    books_agree(one, exchange)
    with sqlite3.connect(f"file:{one.data_dir / 'trades.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT symbol, intent_seq FROM trades").fetchall()
    database.close()
    numbers = {
        symbol: {seq % 2 for name, seq in rows if name == symbol and seq} for symbol in SYMBOLS
    }
    assert numbers == {"BTCUSDT": {1}, "ETHUSDT": {0}}, "each shard has numbers of its own"


def test_a_switch_changes_the_strategy_of_every_shard(busy: tuple[Engine, Venue]) -> None:
    one, exchange = busy
    one.post("/api/control", {"command": "FLATTEN", "confirm": True})
    control = one.data_dir / "control.sock"
    eventually(lambda: ask(control, {"command": "flatten_status"})["state"] == "done", 30, "done")
    assert [float(exchange.position_text(symbol)) for symbol in SYMBOLS] == [0.0, 0.0]
    before = one.run["pids"]
    answer = eventually(
        lambda: (
            (told := ask(control, {"command": "set_strategy", "strategy": "MOMENTUM"}))
            and (told if told["ok"] else None)
        ),
        15,
        "a flat house in which the strategy may be switched",
    )
    assert answer["ok"]
    after, rows = one.run["pids"], processes(one)
    changed = {role for role in after if after[role] != before[role]}
    assert changed == {"strategy", "strategy2"}
    assert not any(row["restarts"] for row in rows.values())
    assert ask(control, {"command": "strategies"})["active"] == "MOMENTUM"


def test_a_folder_of_one_shard_goes_on_with_two(
    engine: Callable[..., Engine], venue: Callable[..., Venue], tmp_path: Path
) -> None:
    exchange = venue("--seed", "5")
    config = write_config(tmp_path, exchange, BUSY, strategy="PING_PONG", symbols=SYMBOLS)
    for shards in ("1", "2"):
        one = engine("--config", str(config), "--shards", shards).wait_up()
        one.start_trading()
        for symbol in SYMBOLS:
            more_fills(exchange, symbol, f"with {shards} shards")
        assert one.stop() == 0
    books_agree(one, exchange)
