from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from dashboard import permission
from hft.clock import monotonic_ns
from hft.events import Agreement, LatchReason, Level, MeasuredFrom, OnTrip, Role
from hft.state import blocks
from hft.state.blocks import LOG_LINES_MAX, Leg, Life, Mode
from hft.state.decision import Trip
from hft.state.histogram import bin_of
from hft.state.trips import write_trip
from hft.topology import House
from ringbuf.layout import TAIL
from tests.dashboard.furniture import (
    STRATEGIES,
    Served,
    furnish,
    halt,
    say,
    wait_for,
    write,
    write_account,
)

SEED_FIELDS = [
    "running",
    "trade_count",
    "realized_pnl",
    "unrealized_pnl",
    "total_pnl",
    "max_loss",
    "target_profit",
    "initial_balance",
    "available_balance",
    "wallet_balance",
    "position",
    "average_entry",
    "last_price",
    "last_tick_ms",
    "order_rtt_us",
    "active_strategy",
    "ticks_per_second",
    "logs",
    "symbol",
    "mode",
    "trading_state",
    "pnl_history",
]


def get(served: Served, path: str) -> requests.Response:
    return requests.get(served.url + path, timeout=5)


def post(served: Served, path: str, body: object) -> requests.Response:
    return requests.post(served.url + path, json=body, timeout=5)


def test_the_status_tells_what_the_segment_says(served: Served) -> None:
    status = get(served, "/api/status").json()
    assert [name for name in SEED_FIELDS if name not in status] == []
    assert status["running"] is True
    assert status["trading_state"] == "ACTIVE"
    assert status["mode"] == "DEMO"
    assert status["realized_pnl"] == 41.25, "net of fees"
    assert status["unrealized_pnl"] == 1.25
    assert status["total_pnl"] == 42.5
    assert status["position"] == 0.03
    assert status["average_entry"] == 61_702
    assert status["last_price"] == 61_734.2
    assert status["available_balance"] == 9_871.2
    assert status["order_rtt_us"] == 812
    assert status["active_strategy"] == "MOMENTUM"
    assert status["agreement"] is True
    assert status["max_loss"] == 1000
    assert {row["health"] for row in status["processes"]} == {"ok"}
    assert status["rings"][0]["name"] == "market"


def test_a_house_nobody_has_written_to_is_told_as_unknown(
    empty_house: House, serve: Callable[..., Served]
) -> None:
    served = serve(empty_house)
    status = get(served, "/api/status").json()
    assert status["total_pnl"] is None
    assert status["position"] is None
    assert status["agreement"] is None
    assert status["trading_state"] == "HALTED"
    assert status["feed"]["fresh"] is False
    assert get(served, "/api/orders").json() == {"orders": []}
    assert get(served, "/api/latency").json() == {"legs": [], "recent": []}
    assert get(served, "/api/history").json()["trades"] == []
    assert get(served, "/readyz").status_code == 503
    assert get(served, "/healthz").json() == {"ok": True}


def test_the_slow_end_of_tick_to_trade_is_told_once_there_was_an_order(
    house: House, served: Served
) -> None:
    assert get(served, "/api/status").json()["tick_to_trade_p99_us"] is None
    leg = house.latency[Leg.TICK_TO_TRADE]
    leg["bins"][bin_of(80_000)], leg["bins"][bin_of(240_000)] = 98, 2
    leg["count"] = 100
    told = get(served, "/api/status").json()["tick_to_trade_p99_us"]
    assert told == pytest.approx(240, rel=0.02)


def test_what_a_dead_execution_wrote_last_is_not_taken_for_now(
    house: House, served: Served
) -> None:
    house.vitals[Role.EXECUTION]["heartbeat_ns"] = monotonic_ns() - 5_000_000_000
    status = get(served, "/api/status").json()
    assert status["trading_state"] == "HALTED"
    assert "does not answer" in status["trading_sentence"]
    health = {row["role"]: row["health"] for row in status["processes"]}
    assert health["execution"] == "silent"
    assert health["feed"] == "ok"
    assert "execution is silent" in get(served, "/readyz").json()["missing"]


def test_a_halt_by_a_breaker_is_told_with_its_reason(house: House, served: Served) -> None:
    house.latch_gate[0]["halt_ns"] = house.latch_supervisor[0]["resume_ns"] + 1
    house.latch_gate[0]["halt_reason"] = LatchReason.MAX_LOSS
    status = get(served, "/api/status").json()
    assert status["running"] is False
    assert status["trading_state"] == "HALTED"
    assert status["latch"]["hand"] == "gate"
    assert status["latch"]["reason"] == "MAX_LOSS"
    assert "loss" in status["trading_sentence"]


def test_a_breaker_that_only_reduces_is_told_with_what_it_measured(
    house: House, served: Served
) -> None:
    words, now_ns = house.latch_gate[0], int(house.latch_supervisor[0]["resume_ns"]) + 1
    trip = Trip(LatchReason.REJECT_RATE, 21, 20, MeasuredFrom.LAST_MINUTE, 5_000, 65_000)
    write_trip(words, trip, OnTrip.REDUCE, now_ns)
    words["reduce_reason"], words["reduce_ns"] = trip.reason, now_ns
    status = get(served, "/api/status").json()
    assert (status["running"], status["trading_state"]) == (False, "REDUCING")
    told = status["trading_sentence"]
    assert told.startswith("Only smaller positions pass: too many rejected orders in a minute: 21")
    assert "limit 20 rejected orders" in told


def test_a_position_the_venue_sees_otherwise_is_no_agreement(house: House, served: Served) -> None:
    write(
        house.position[0],
        blocks.POSITION_BLOCK,
        position_lots=30,
        stream_lots=20,
        stream_ns=1,
        agreement=Agreement.DISAGREED,
    )
    status = get(served, "/api/status").json()
    assert status["agreement"] is False
    ways = status["symbols"][0]["ways"]
    assert [ways[way]["position"] for way in ("fills", "stream", "rest")] == [0.03, 0.02, None]
    assert ways["stream"]["age_ms"] > 0
    assert ways["rest"]["age_ms"] is None


def test_what_a_dead_execution_found_is_no_agreement(house: House, served: Served) -> None:
    house.vitals[Role.EXECUTION]["life"] = Life.STOPPED
    assert get(served, "/api/status").json()["agreement"] is None


def test_a_stopped_process_is_told_as_stopped(house: House, served: Served) -> None:
    house.vitals[Role.FEED]["life"] = Life.STOPPED
    rows = {row["role"]: row for row in get(served, "/api/system").json()["processes"]}
    assert rows["feed"]["health"] == "stopped"


def test_ready_means_every_process_runs_and_the_account_is_reconciled(
    house: House, served: Served
) -> None:
    ready = get(served, "/readyz").json()
    assert ready == {"ok": True, "halted": False, "message": "Every part is fit.", "missing": []}
    write_account(house, reconciled=0)
    assert get(served, "/readyz").status_code == 503


def test_a_probe_may_ask_for_the_head_alone(house: House, served: Served) -> None:
    for path in ("/", "/healthz", "/readyz"):
        reply = requests.head(served.url + path, timeout=5)
        assert (reply.status_code, reply.content) == (200, b""), path
    write_account(house, reconciled=0)
    assert requests.head(served.url + "/readyz", timeout=5).status_code == 503


def test_fit_parts_and_a_halt_are_two_answers(house: House, served: Served) -> None:
    halt(house)
    reply = get(served, "/readyz")
    assert reply.status_code == 200, "a halt by hand is no illness"
    assert reply.json()["halted"] is True
    assert reply.json()["message"] == "Every part is fit. Trading is halted."
    assert get(served, "/api/status").json()["latch"]["age_ms"] >= 0


def test_trading_turned_off_in_the_config_file_is_told(
    house: House, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission, "ASK_EVERY_S", 0.05)
    halt(house, LatchReason.START_UP)
    served = serve(house)
    wait_for(lambda: get(served, "/api/status").json()["enabled"] is True, "the first answer")
    assert "START is refused" not in get(served, "/api/status").json()["trading_sentence"]
    served.supervisor.enabled = False
    wait_for(lambda: get(served, "/api/status").json()["enabled"] is False, "the next answer")
    assert "START is refused" in get(served, "/api/status").json()["trading_sentence"]
    served.supervisor.reachable = False
    wait_for(lambda: get(served, "/api/status").json()["enabled"] is None, "the silence")


def test_ticks_per_second_come_from_the_growth_of_the_market_ring(
    house: House, served: Served
) -> None:
    def rate_is_seen() -> bool:
        house.market.words[TAIL] += 7
        return bool(get(served, "/api/status").json()["ticks_per_second"] > 0)

    wait_for(rate_is_seen, "a tick rate")


@pytest.mark.parametrize("command", ["START", "STOP"])
def test_orders_reach_the_supervisor(served: Served, command: str) -> None:
    reply = post(served, "/api/control", {"command": command})
    assert reply.status_code == 200, reply.text
    assert served.supervisor.asked == [{"command": command.lower(), "by": "page 127.0.0.1"}]
    assert get(served, "/api/status").json()["running"] is (command == "START")


def test_flatten_needs_a_confirmation(served: Served) -> None:
    for body in ({"command": "FLATTEN"}, {"command": "FLATTEN", "confirm": False}):
        assert post(served, "/api/control", body).status_code == 400
    for word in ("yes", 1, None):
        body = {"command": "FLATTEN", "confirm": word}
        assert post(served, "/api/control", body).status_code == 422
    assert served.supervisor.asked == []
    reply = post(served, "/api/control", {"command": "FLATTEN", "confirm": True})
    assert reply.status_code == 200
    assert served.supervisor.asked == [{"command": "flatten", "by": "page 127.0.0.1"}]
    served.supervisor.answers["flatten_status"] = {"ok": True, "state": "done", "message": "flat"}
    assert get(served, "/api/flatten").json()["state"] == "done"


def test_a_refusal_comes_back_with_the_sentence_of_the_supervisor(served: Served) -> None:
    said = {"ok": False, "code": "NOT_FLAT", "message": "Close the position first."}
    served.supervisor.answers["set_strategy"] = said
    reply = post(served, "/api/strategy", {"strategy": "PING_PONG"})
    assert reply.status_code == 409
    assert reply.json() == said
    served.supervisor.answers["set_strategy"] = {**said, "code": "UNKNOWN_STRATEGY"}
    assert post(served, "/api/strategy", {"strategy": "NONSENSE"}).status_code == 404


def test_an_engine_that_does_not_answer_is_told_as_such(served: Served) -> None:
    served.supervisor.reachable = False
    reply = post(served, "/api/control", {"command": "STOP"})
    assert reply.status_code == 503
    assert reply.json()["code"] == "ENGINE_UNREACHABLE"
    assert get(served, "/api/strategies").json() == {
        "strategies": STRATEGIES,
        "active": "MOMENTUM",
    }


def test_one_limit_may_be_changed_without_the_other(served: Served) -> None:
    reply = post(served, "/api/config", {"target_profit": 250.5})
    assert reply.status_code == 200, reply.text
    assert served.supervisor.asked == [
        {"command": "set_limits", "target_profit": 250.5, "by": "page 127.0.0.1"}
    ]


@pytest.mark.parametrize(
    "body",
    ["{", "[]", '{"max_loss": -1}', '{"max_loss": NaN}', '{"max_loss": 1e999}', '{"maxloss": 1}',
     '{"max_loss": "x"}', '{"max_loss": "5"}', '{"max_loss": true}', "{}", '{"max_loss": null}'],
)  # fmt: skip
def test_limits_that_are_no_limits_are_refused_in_a_sentence(served: Served, body: str) -> None:
    reply = requests.post(
        served.url + "/api/config",
        data=body,
        headers={"Content-Type": "application/json"},
        timeout=5,
    )
    assert reply.status_code == 422, reply.text
    assert reply.json()["message"].endswith(".")
    assert served.supervisor.asked == []


def test_an_order_nobody_knows_is_refused(served: Served) -> None:
    for body in ({"command": "EXPLODE"}, {}, {"command": "START", "extra": 1}):
        assert post(served, "/api/control", body).status_code == 422


def test_log_lines_keep_their_number_and_their_text(house: House, served: Served) -> None:
    for number in range(5):
        say(house, f"line {number}")
    say(house, "<script>alert(1)</script> é", Level.ERROR, Role.EXECUTION)
    lines = get(served, "/api/logs").json()["logs"]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[-1]["text"] == "<script>alert(1)</script> é"
    assert lines[-1]["level"] == "ERROR"
    assert lines[-1]["role"] == "execution"
    newer = get(served, "/api/logs?after=4").json()["logs"]
    assert [line["number"] for line in newer] == [5, 6]


def test_a_log_longer_than_the_tail_keeps_its_newest_lines(house: House, served: Served) -> None:
    for number in range(LOG_LINES_MAX + 40):
        say(house, f"line {number}")
    lines = get(served, "/api/logs").json()["logs"]
    assert lines[-1]["text"] == f"line {LOG_LINES_MAX + 39}"
    assert len(lines) >= LOG_LINES_MAX - 1
    assert [line["number"] for line in lines] == list(
        range(lines[0]["number"], lines[-1]["number"] + 1)
    )


def test_the_session_curve_grows_while_it_is_watched_or_not(house: House, served: Served) -> None:
    def points() -> Any:
        return get(served, "/api/pnl_series?mode=session").json()["points"]

    wait_for(points, "a first point")
    assert points()[0]["pnl"] == 42.5
    assert points()[0]["realized_pnl"] == 41.25
    assert get(served, "/api/pnl_series?mode=historical").json()["points"] == []
    assert get(served, "/api/pnl_series?mode=nonsense").status_code == 422


def test_other_modes_are_named(empty_house: House, serve: Callable[..., Served]) -> None:
    furnish(empty_house, Mode.LIVE, ("BTCUSDT", "ETHUSDT"))
    halt(empty_house, LatchReason.START_UP)
    status = get(serve(empty_house), "/api/status").json()
    assert status["mode"] == "LIVE"
    assert status["running"] is False
    assert [row["symbol"] for row in status["symbols"]] == ["BTCUSDT", "ETHUSDT"]
