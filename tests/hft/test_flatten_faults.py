"""Flatten at a venue that fails on purpose: at the end nothing is left, and it says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hft.binance.rest import Rest
from hft.clock import Deadline, sleep_s
from hft.config import Keys
from hft.control import ControlSocket
from hft.flatten import SOMETHING_LEFT, flatten, main
from hft.flatten_rounds import Rounds
from hft.simulator.symbols import KNOWN, exchange_info
from hft.units import parse_e8

from .execution.rig import KEYS, WAIT_S, Venue, venue_running

HEDGE = Keys("h" * 64, "hs")
MIXED = Keys("m" * 64, "ms")
READER = Keys("r" * 64, "rs")
EVERY = ["POST *", "GET /fapi/*", "DELETE *"]
ORDERS = ["POST /fapi/v1/order"]
CANCELS = ["DELETE *"]


def contracts() -> dict[str, Any]:
    """BTCUSDT as it is; ETHUSDT with small market orders; SOLUSDT with a large smallest order;
    XRPUSDT whose market orders reach nearly nowhere.
    """
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
    found: dict[str, Any] = exchange_info([KNOWN[name] for name in names], 0)
    rows = {row["symbol"]: row for row in found["symbols"]}
    for each in rows["ETHUSDT"]["filters"]:
        if each["filterType"] == "MARKET_LOT_SIZE":
            each["maxQty"] = "0.5"
    for each in rows["SOLUSDT"]["filters"]:
        if each["filterType"].endswith("LOT_SIZE"):
            each["minQty"] = "1"
    rows["XRPUSDT"]["marketTakeBound"] = "0.0001"
    return found


def accounts() -> dict[str, Any]:
    def account(name: str, keys: Keys, **settings: Any) -> dict[str, Any]:
        key = {"key": keys.api_key, "secret": keys.secret_key}
        return {"name": name, "keys": [key], "deposits": {"USDT": "1000000"}, **settings}

    plain = account("plain", KEYS)
    reader = {"key": READER.api_key, "secret": READER.secret_key, "can_trade": False}
    plain["keys"].append(reader)
    isolated = {"BTCUSDT": "ISOLATED", "ETHUSDT": "ISOLATED"}
    return {
        "accounts": [
            plain,
            account("hedge", HEDGE, hedge_mode=True, margin_type=isolated),
            account("mixed", MIXED, multi_assets=True),
        ]
    }


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    folder = tmp_path_factory.mktemp("venue")
    (folder / "contracts.json").write_text(json.dumps(contracts()))
    (folder / "accounts.json").write_text(json.dumps(accounts()))
    files = ("--exchange-info", str(folder / "contracts.json"))
    files += ("--accounts", str(folder / "accounts.json"))
    with venue_running("--seed", "9", "--faults", "on", "--symbols", "all", *files) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults_left(venue: Venue) -> Iterator[None]:
    yield
    venue.rest.delete("/sim/faults")


def arm(venue: Venue, *faults: dict[str, Any]) -> None:
    for fault in faults:
        reply = venue.rest._session.post(f"{venue.url}/sim/faults", json=fault, timeout=5)
        assert reply.status_code == 200, reply.text


def strikes(venue: Venue) -> int:
    state = venue.rest.get("/sim/state")
    return sum(each["struck"] for each in state["faults"]["armed"])


def until_struck(venue: Venue) -> None:
    deadline = Deadline(WAIT_S)
    while not strikes(venue):
        assert not deadline.passed(), "the fault did not strike"
        sleep_s(0.05)


def fill_up(rest: Rest) -> None:
    """A position of two contracts, an order that rests and one that waits for its trigger."""
    for symbol, side, quantity in (("BTCUSDT", "SELL", "0.25"), ("ETHUSDT", "BUY", "0.3")):
        trade(rest, symbol, side, quantity)
    bid = float(rest.get("/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"})["bidPrice"])
    low = f"{bid * 0.97:.1f}"
    rest.place(
        {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.02",
            "price": low,
        }
    )
    stop = {"algoType": "CONDITIONAL", "symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET"}
    stop |= {"quantity": "0.3", "triggerPrice": "1000"}
    rest.post("/fapi/v1/algoOrder", stop, signed=True)


def trade(rest: Rest, symbol: str, side: str, quantity: str, **more: Any) -> Any:
    order = {"symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity, **more}
    return rest.place(order)


def is_empty(rest: Rest) -> bool:
    held = [row for row in rest.position_risk() if parse_e8(row["positionAmt"])]
    conditional = rest.get("/fapi/v1/openAlgoOrders", signed=True)
    return not held and not rest.open_orders() and not conditional


FAULTS: dict[str, list[dict[str, Any]]] = {
    "errors": [
        {"kind": "http_error", "error": error, "requests": EVERY, "probability": 0.2, "count": 3}
        for error in ("unavailable", "internal", "bus", "bad_gateway", "forbidden")
    ],
    "throttled": [
        {"kind": "http_error", "error": "throttled", "requests": ORDERS, "count": 3},
        {"kind": "http_error", "error": "unavailable", "requests": CANCELS, "count": 2},
    ],
    "unknown and done": [
        {"kind": "unknown_status", "executed": True, "count": 3},
        {"kind": "unknown_status", "executed": True, "requests": CANCELS, "status": 408},
    ],
    "unknown and not done": [
        {"kind": "unknown_status", "executed": False, "count": 3},
        {"kind": "unknown_status", "executed": False, "requests": CANCELS, "count": 3},
    ],
    "too many": [{"kind": "too_many", "requests": EVERY, "retry_after_s": 1, "count": 1}],
    "banned": [
        {
            "kind": "too_many",
            "requests": EVERY,
            "status": 418,
            "after": 5,
            "retry_after_s": 1,
            "count": 1,
        }
    ],
    "slow": [{"kind": "slow_reply", "delay_ms": 150, "requests": EVERY, "probability": 0.5}],
    "late": [{"kind": "slow_reply", "delay_ms": 400, "carried_out": "late", "count": 2}],
    "in parts": [{"kind": "partial_fills"}],
    "cut off": [
        {"kind": "lost_ack", "then": "close", "requests": EVERY, "probability": 0.4, "count": 4},
        {"kind": "lost_ack", "then": "cut", "requests": ORDERS, "count": 1},
    ],
    "clock": [{"kind": "clock_step", "step_ms": 10_000, "duration_ms": 60_000}],
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_fails_nothing_is_left_and_nothing_was_opened(venue: Venue, name: str) -> None:
    fill_up(venue.rest)
    newest = venue.rest.user_trades("BTCUSDT")[-1]["id"]
    arm(venue, *FAULTS[name])
    if name == "clock":
        until_struck(venue)
    rest = Rest(venue.url, KEYS, timeout_s=2.0)
    try:
        assert flatten(rest, lambda *_: None, cancel_only=False, deadline_s=30) == []
    finally:
        rest.close()
    assert strikes(venue) > 0
    venue.rest.delete("/sim/faults")
    venue.rest.sync_clock()
    assert is_empty(venue.rest)
    closed = [row for row in venue.rest.user_trades("BTCUSDT") if row["id"] > newest]
    assert {row["side"] for row in closed} == {"BUY"}, "no order went the wrong way"
    assert sum(parse_e8(row["qty"]) for row in closed) == parse_e8("0.25")


def test_both_sides_of_a_hedged_isolated_account_are_closed(venue: Venue) -> None:
    rest = Rest(venue.url, HEDGE)
    trade(rest, "BTCUSDT", "BUY", "0.1", positionSide="LONG")
    trade(rest, "BTCUSDT", "SELL", "0.04", positionSide="SHORT")
    for _ in range(3):
        trade(rest, "ETHUSDT", "SELL", "0.4", positionSide="SHORT")
    trade(rest, "SOLUSDT", "BUY", "3", positionSide="LONG")
    assert flatten(rest, lambda *_: None, cancel_only=False) == []
    assert is_empty(rest)
    rest.close()


def test_an_account_with_several_assets_is_flattened(venue: Venue) -> None:
    rest = Rest(venue.url, MIXED)
    fill_up(rest)
    assert flatten(rest, lambda *_: None, cancel_only=False) == []
    assert is_empty(rest)
    rest.close()


def test_what_is_less_than_the_smallest_order_is_closed_by_the_smallest(venue: Venue) -> None:
    trade(venue.rest, "SOLUSDT", "BUY", "1.5")
    trade(venue.rest, "SOLUSDT", "SELL", "1")
    assert flatten(venue.rest, lambda *_: None, cancel_only=False) == []
    assert is_empty(venue.rest)


def test_dust_that_hedge_mode_cannot_close_is_said_to_be_left(venue: Venue) -> None:
    rest = Rest(venue.url, HEDGE)
    trade(rest, "SOLUSDT", "BUY", "1.5", positionSide="LONG")
    trade(rest, "SOLUSDT", "SELL", "1", positionSide="LONG")
    left = flatten(rest, lambda *_: None, cancel_only=False, deadline_s=0.5)
    assert left == ["SOLUSDT LONG position 0.5 (less than 1, the venue's smallest order)"]
    trade(rest, "SOLUSDT", "BUY", "1", positionSide="LONG")
    assert flatten(rest, lambda *_: None, cancel_only=False) == []
    rest.close()


def test_a_huge_position_goes_in_slices_over_many_rounds(venue: Venue) -> None:
    for _ in range(30):
        trade(venue.rest, "ETHUSDT", "SELL", "0.5")
    said: list[str] = []
    assert flatten(venue.rest, lambda _, text: said.append(text), cancel_only=False) == []
    sent = [line for line in said if line.startswith("ETHUSDT: BUY 0.5 at market")]
    assert len(sent) >= 30
    assert is_empty(venue.rest)


def test_what_the_market_band_leaves_is_closed_by_price_up_to_its_edge(venue: Venue) -> None:
    asks = venue.rest.get("/fapi/v1/depth", {"symbol": "XRPUSDT", "limit": 100})["bids"]
    deep = sum(float(quantity) for _, quantity in asks[:30])
    while sum(abs(float(row["positionAmt"])) for row in _held(venue, "XRPUSDT")) < deep:
        ask = float(venue.touch("XRPUSDT")[1])
        limit = {"type": "LIMIT", "timeInForce": "IOC", "price": f"{ask * 1.02:.4f}"}
        trade(venue.rest, "XRPUSDT", "BUY", f"{deep:.0f}", **limit)
    said: list[str] = []
    assert flatten(venue.rest, lambda _, text: said.append(text), cancel_only=False) == []
    assert any("XRPUSDT: SELL" in line and "up to" in line for line in said), said
    assert is_empty(venue.rest)


def _held(venue: Venue, symbol: str) -> list[dict[str, Any]]:
    return [row for row in venue.rest.position_risk(symbol) if float(row["positionAmt"])]


def test_a_symbol_that_does_not_trade_is_named_with_its_status(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade(venue.rest, "BTCUSDT", "BUY", "0.01")
    arm(venue, {"kind": "http_error", "error": "unavailable", "requests": ORDERS})
    rounds = Rounds(venue.rest, lambda *_: None, cancel_only=False)
    listing = venue.rest.exchange_info()
    listing["symbols"][0]["status"] = "SETTLING"
    monkeypatch.setattr(venue.rest, "exchange_info", lambda: listing)
    rounds.work(0.5)
    (left,) = rounds.left()
    assert left.startswith("BTCUSDT position 0.01 (the symbol's status is SETTLING; venue says")
    venue.rest.delete("/sim/faults")
    monkeypatch.undo()
    venue.tidy_up()


def test_a_key_that_may_not_trade_leaves_all_and_says_why(
    venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trade(venue.rest, "BTCUSDT", "BUY", "0.01")
    words = ["--yes", "--deadline", "0.5", "--data-dir", str(run_of(venue, tmp_path, READER))]
    assert main(words) == SOMETHING_LEFT
    last = capsys.readouterr().out.splitlines()[-1]
    assert "BTCUSDT position 0.01 (AUTH_ERROR" in last
    assert READER.secret_key not in last
    venue.tidy_up()


def test_ctrl_c_ends_it_with_what_is_left(venue: Venue, tmp_path: Path) -> None:
    trade(venue.rest, "BTCUSDT", "BUY", "0.01")
    arm(venue, {"kind": "http_error", "error": "unavailable", "requests": ORDERS})
    command = [sys.executable, "-m", "hft", "flatten", "--yes", "--data-dir"]
    command.append(str(run_of(venue, tmp_path, KEYS)))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "SELL 0.01" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        said = child.stdout.read()
        assert child.wait(WAIT_S) == SOMETHING_LEFT
    assert "interrupted" in said.splitlines()[-1]
    assert "BTCUSDT position 0.01" in said.splitlines()[-1]
    venue.rest.delete("/sim/faults")
    venue.tidy_up()


def run_of(venue: Venue, folder: Path, keys: Keys) -> Path:
    run = {"rest_url": venue.url, "api_key": keys.api_key, "api_secret": keys.secret_key}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.mark.parametrize("halted", [False, True])
def test_an_engine_that_lives_is_halted_first(venue: Venue, tmp_path: Path, halted: bool) -> None:
    asked: list[str] = []

    def answer(request: dict[str, Any], reply: Any) -> None:
        asked.append(request["command"])
        reply({"ok": True, "message": "halted"})

    control = ControlSocket(tmp_path / "control.sock", answer)
    command = [sys.executable, "-m", "hft.flatten", "--yes"]
    command += ["--data-dir", str(run_of(venue, tmp_path, KEYS)), *["--halted"] * halted]
    deadline = Deadline(WAIT_S)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None and not deadline.passed():
            control.poll()
            sleep_s(0.01)
        control.close()
        assert child.stdout is not None
        first = child.stdout.readline()
        assert child.wait(WAIT_S) == 0
    assert asked == ([] if halted else ["stop"])
    assert first.startswith("the engine in") != halted


def test_an_engine_that_does_not_answer_is_no_reason_to_wait(
    venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = ControlSocket(tmp_path / "control.sock", lambda *_: None)
    control.forget()
    assert main(["--yes", "--data-dir", str(run_of(venue, tmp_path, KEYS))]) == 0
    assert "no engine could be halted, going on" in capsys.readouterr().out
