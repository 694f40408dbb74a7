"""Parameters and limits changed while the house trades: obeyed at once, taken back, on record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import requests

from hft.control import user_name
from tests.flow.engine import Engine, eventually

pytestmark = pytest.mark.flow


def test_a_change_is_previewed_obeyed_without_a_restart_taken_back_and_on_record(
    engine: Callable[..., Engine],
) -> None:
    one = engine("--strategy", "PING_PONG").wait_up()
    pids = one.run["pids"]
    assert _posted(one, "/api/params", {"values": {"interval_ms": 400}})["ok"]
    one.wait_trades(3, 60)

    shut = {"values": {"price_above": 1e9}}
    told = _posted(one, "/api/params/preview", shut)
    assert told["before"] > 0
    assert told["after"] == 0
    assert told["removed_count"] == told["before"]
    assert told["events"] > 100
    assert "ENTER" in told["counts_before"]
    assert set(told["counts_after"]) <= {"PRICE_GATE", "GAP"}
    newest = one.get("/api/params")["undo"]["changes"]
    assert [change["name"] for change in newest] == ["interval_ms"], "a preview changes nothing"

    assert "a restart of the house brings back" in _posted(one, "/api/params", shut)["message"]
    eventually(lambda: _verdict(one) == "PRICE_GATE", 20, "the strategy to obey")
    # What was on its way when the door was shut may still arrive.
    eventually(lambda: not _open_orders(one), 20, "the last order to end")
    shut_at = one.trade_count()
    one.kill("strategy")
    eventually(lambda: one.run["pids"]["strategy"] != pids["strategy"], 20, "a new strategy")
    eventually(lambda: _verdict(one) == "PRICE_GATE", 20, "the new one to keep the live value")
    assert one.trade_count() == shut_at

    assert _posted(one, "/api/params/undo", {})["ok"]
    one.wait_trades(shut_at, 60)
    assert _posted(one, "/api/limits", {"values": {"max_order_size": 0.001}})["ok"]
    eventually(lambda: _denied(one), 30, "the gate to rule by the new limit")
    others = [name for name in pids if name != "strategy"]
    assert [one.run["pids"][name] for name in others] == [pids[name] for name in others]

    who = f"page 127.0.0.1 ({user_name(one.data_dir.stat().st_uid)})"
    wanted = [
        ("PARAMS_CHANGED", f"PING_PONG.interval_ms 5000 → 400, by {who}"),
        ("PARAMS_CHANGED", f"PING_PONG.price_above 0.0 → 1000000000.0, by {who}"),
        ("PARAMS_CHANGED", f"PING_PONG.price_above 1000000000.0 → 0.0, by {who}, undo"),
        ("LIMITS_CHANGED", f"risk.max_order_size 0.1 → 0.001, by {who}"),
    ]
    eventually(lambda: _audit(one) == wanted, 20, f"{wanted} in the table events")
    newest = one.get("/api/changes")["changes"][0]
    assert (newest["what"], newest["name"], newest["to"]) == ("risk", "max_order_size", 0.001)
    assert one.stop() == 0


def _posted(one: Engine, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply: requests.Response = one.post(path, body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def _verdict(one: Engine) -> str:
    return str(one.get("/api/status")["verdict"]["name"])


def _open_orders(one: Engine) -> list[str]:
    over = {"FILLED", "CANCELLED", "EXPIRED", "REJECTED", "DENIED"}
    states = [order["state"] for order in one.get("/api/orders?limit=1000")["orders"]]
    return [state for state in states if state not in over]


def _denied(one: Engine) -> bool:
    return bool(one.get("/api/status")["denied"].get("ORDER_SIZE_ABOVE_LIMIT"))


def _audit(one: Engine) -> list[tuple[str, str]]:
    kinds = "('PARAMS_CHANGED', 'LIMITS_CHANGED')"
    with sqlite3.connect(one.data_dir / "trades.db") as database:
        query = f"SELECT kind, text FROM events WHERE kind IN {kinds} ORDER BY id"
        return [(str(kind), str(text)) for kind, text in database.execute(query)]
