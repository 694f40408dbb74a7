"""A real exchange killed in the midst of things: whatever a reply told is there afterwards."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path
from random import Random
from typing import Any

import requests

from hft.clock import Deadline
from hft.units import parse_e8

from .mortal import mortal, refused
from .tape import Tape
from .test_session_wire import PATH, call
from .wire import WAIT_S, Simulator, eventually, receive, until

KILLS = 6
CALLS_MAX = 12


def quiet_account(simulator: Simulator) -> tuple[Any, Any, str, Any]:
    """Fills, position, wallet and income of one moment: no resting order filled between them."""
    deadline = Deadline(WAIT_S)
    while True:
        symbol = {"symbol": "BTCUSDT"}
        fills = simulator.ok("GET", "/fapi/v1/userTrades", **symbol, limit=1000)
        position = simulator.ok("GET", "/fapi/v2/positionRisk", **symbol)[0]
        wallet = str(simulator.ok("GET", "/fapi/v2/balance")[0]["balance"])
        income = simulator.ok("GET", "/fapi/v1/income", limit=1000)
        if simulator.ok("GET", "/fapi/v1/userTrades", **symbol, limit=1000) == fills:
            return fills, position, wallet, income
        assert not deadline.passed()


class Diary:
    """What replies have told: the latest word on each order, and the settings."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[str, Any]] = {}
        self.leverage = 20
        self.fills: dict[int, dict[str, Any]] = {}

    def note(self, reply: dict[str, Any]) -> None:
        self.orders[int(reply["orderId"])] = reply

    def check(self, simulator: Simulator) -> None:
        """Ask for everything that was told."""
        for order_id, told in self.orders.items():
            row = simulator.ok("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=order_id)
            assert row["clientOrderId"] == told["clientOrderId"]
            assert row["origQty"] == told["origQty"]
            assert parse_e8(row["executedQty"]) >= parse_e8(told["executedQty"])
            if told["status"] not in ("NEW", "PARTIALLY_FILLED"):
                assert row["status"] == told["status"]
        rows, row, wallet, income = quiet_account(simulator)
        fills = {row["id"]: row for row in rows}
        assert all(fills[number] == told for number, told in self.fills.items())
        self.fills = fills
        held = sum(
            parse_e8(fill["qty"]) * (1 if fill["side"] == "BUY" else -1) for fill in fills.values()
        )
        assert parse_e8(row["positionAmt"]) == held
        assert int(row["leverage"]) == self.leverage
        assert parse_e8(wallet) == 10_000 * 10**8 + sum(
            parse_e8(entry["income"]) for entry in income
        )


def do_something(simulator: Simulator, diary: Diary, chance: Random) -> None:
    """Make one call and note what its reply told."""
    bid, ask = simulator.touch()
    kind = chance.choice(["limit", "limit", "market", "cancel", "amend", "leverage"])
    still = [told for told in diary.orders.values() if told["status"] == "NEW"]
    far = {"price": f"{bid - 500 - chance.randint(0, 20):.1f}", "quantity": "0.002"}
    side = chance.choice(["BUY", "SELL"])
    if kind == "leverage":
        diary.leverage = chance.randint(10, 50)
        params = {"symbol": "BTCUSDT", "leverage": diary.leverage}
        simulator.ok("POST", "/fapi/v1/leverage", **params)
    elif kind == "market":
        wish = {"side": side, "type": "MARKET", "quantity": "0.001"}
        diary.note(simulator.order(**wish, newOrderRespType="RESULT"))
    elif kind == "limit" or not still:
        near = {"price": f"{ask if side == 'BUY' else bid:.1f}", "quantity": "0.001"}
        terms = {"side": side, **near} if chance.random() < 0.4 else {"side": "BUY", **far}
        diary.note(simulator.order(**terms, type="LIMIT", timeInForce="GTC"))
    else:
        told = chance.choice(still)
        named = {"symbol": "BTCUSDT", "orderId": told["orderId"]}
        reply = (
            simulator.signed("DELETE", "/fapi/v1/order", **named)
            if kind == "cancel"
            else simulator.signed("PUT", "/fapi/v1/order", **named, side=told["side"], **far)
        )
        # It may have been filled meanwhile: then the venue knows it no longer as open.
        if reply.status_code == 200:
            diary.note(reply.json())


def test_a_kill_between_any_two_replies_loses_nothing_that_was_told(tmp_path: Path) -> None:
    chance, diary = Random(7), Diary()
    epochs, last_id = set(), 0
    for number in range(KILLS):
        with mortal(tmp_path) as simulator:
            epochs.add(simulator.line["account_epoch"])
            state = simulator.get("/sim/state")
            assert state["state"] == {"dir": tmp_path.name, "restored": number > 0}
            diary.check(simulator)
            before = set(diary.orders)
            for _ in range(chance.randint(1, CALLS_MAX)):
                do_something(simulator, diary, chance)
            new = sorted(diary.orders.keys() - before)
            assert not new or new[0] > last_id
            last_id = max([last_id, *new])
    with mortal(tmp_path) as simulator:
        diary.check(simulator)
    assert len(epochs) == 1
    assert len(diary.fills) > 5


def test_what_a_socket_told_is_there_after_a_kill(tmp_path: Path) -> None:
    wish = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    told: list[tuple[int, int]] = []
    for _ in range(3):
        with mortal(tmp_path) as simulator, simulator.user_stream() as user:
            with simulator.socket(PATH) as link:
                order_id = call(link, "order.place", **wish)["result"]["orderId"]
                if not told:
                    # The reply alone: the event may or may not have come.
                    simulator.process.kill()
                    told.append((order_id, 0))
                    continue
            event = until(user, lambda message: message.get("o", {}).get("x") == "TRADE")
            told.append((order_id, event["o"]["t"]))
    with mortal(tmp_path) as simulator:
        rows = simulator.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
        fills = {row["id"]: row["orderId"] for row in rows}
        assert {order_id for order_id, _ in told} <= set(fills.values())
        assert all(fills[number] == order_id for order_id, number in told if number)


def test_settings_and_waits_survive_a_kill(tmp_path: Path) -> None:
    symbol = {"symbol": "BTCUSDT"}
    with mortal(tmp_path) as simulator:
        simulator.ok("POST", "/fapi/v1/marginType", **symbol, marginType="ISOLATED")
        simulator.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        simulator.ok("POST", "/fapi/v1/feeBurn", feeBurn="true")
        bid, _ = simulator.touch()
        simulator.order(
            side="BUY", type="LIMIT", timeInForce="GTC", price=f"{bid - 900:.1f}", quantity="0.01",
            positionSide="LONG",
        )  # fmt: skip
        simulator.ok("POST", "/fapi/v1/countdownCancelAll", **symbol, countdownTime="600")
    with mortal(tmp_path) as simulator:
        row = simulator.ok("GET", "/fapi/v1/symbolConfig", **symbol)[0]
        assert row["marginType"] == "ISOLATED"
        dual = simulator.ok("GET", "/fapi/v1/positionSide/dual")
        assert dual == {"dualSidePosition": True}
        assert simulator.ok("GET", "/fapi/v1/feeBurn") == {"feeBurn": True}
        deadline = Deadline(WAIT_S)
        while simulator.ok("GET", "/fapi/v1/openOrders", **symbol):
            assert not deadline.passed(), "the countdown was forgotten"
        order = simulator.ok("GET", "/fapi/v1/allOrders", **symbol)[0]
        assert order["status"] == "CANCELED"


def test_ids_of_streams_go_on_behind_those_that_were_told(tmp_path: Path) -> None:
    names = "btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker"
    latest: dict[str, int] = {}
    for _ in range(3):
        with mortal(tmp_path) as simulator, simulator.socket(f"/stream?streams={names}") as link:
            seen = {"trade": 0, "aggTrade": 0, "bookTicker": 0}
            while not all(count >= 5 for count in seen.values()):
                data = receive(link)["data"]
                kind = data["e"]
                number = data[{"trade": "t", "aggTrade": "a", "bookTicker": "u"}[kind]]
                assert number > latest.get(kind, 0)
                latest[kind] = number
                seen[kind] += 1


def test_the_market_goes_on_from_where_it_was(tmp_path: Path) -> None:
    with mortal(tmp_path) as simulator, simulator.socket("/market/ws/btcusdt@markPrice@1s") as link:
        receive(link)
        simulator.order(side="BUY", type="MARKET", quantity="1")
        told = until(link, lambda message: message["e"] == "markPriceUpdate")
        simulator.process.kill()
    with mortal(tmp_path, "--seed", "2") as simulator:
        price = float(simulator.get("/fapi/v1/ticker/price?symbol=BTCUSDT")["price"])
        assert abs(price - float(told["p"])) < 60


def hurry(simulator: Simulator, price: str, stop: threading.Event, answered: list[int]) -> None:
    """Send orders until told to stop or nobody answers any more; notes what was answered."""
    own = Simulator(simulator.process, simulator.line)
    wish = {"side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.001"}
    with contextlib.suppress(requests.RequestException):
        while not stop.is_set():
            answered.append(own.order(**wish, price=price)["orderId"])
    own.session.close()


def test_everybody_who_was_answered_in_the_midst_of_many_orders_finds_his_order(
    tmp_path: Path,
) -> None:
    answered: list[int] = []
    for orders in (300, 600):
        with mortal(tmp_path) as simulator:
            bid, ask = simulator.touch()
            stop = threading.Event()
            threads = [
                threading.Thread(target=hurry, args=(simulator, f"{price:.1f}", stop, answered))
                for price in (bid - 100, bid - 101, ask, ask + 5)
            ]
            for thread in threads:
                thread.start()
            deadline = Deadline(WAIT_S)
            while len(answered) < orders:
                assert not deadline.passed(), f"only {len(answered)} orders"
                stop.wait(0.01)
            simulator.process.kill()
            stop.set()
            for thread in threads:
                thread.join(WAIT_S)
    with mortal(tmp_path) as simulator:
        known: set[int] = set()
        first = min(answered)
        while rows := simulator.ok(
            "GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=first, limit=1000
        ):
            known.update(row["orderId"] for row in rows)
            first = max(known) + 1
        assert not set(answered) - known
        Diary().check(simulator)


def test_a_replay_begins_again_and_the_account_does_not(tmp_path: Path) -> None:
    tape = Tape()
    tape.mark("60000.05")
    for _ in range(50):
        tape.ticker("60000.00", "5.000", "60000.10", "5.000")
    words = ("--replay", str(tape.write(tmp_path / "tape.jsonl")))
    folder = tmp_path / "state"
    with mortal(folder, *words) as simulator, simulator.socket("/public/ws/btcusdt@bookTicker"):
        eventually(lambda: simulator.touch()[1] > 0)
        simulator.order(side="BUY", type="MARKET", quantity="0.010")
        rests = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
        order = simulator.order(**rests, price="59000.00")
    with mortal(folder, *words) as simulator:
        assert simulator.get("/sim/state")["market"]["events"] == 0
        row = simulator.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")[0]
        assert row["positionAmt"] == "0.010"
        named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
        assert simulator.ok("GET", "/fapi/v1/openOrder", **named)["status"] == "NEW"
        with simulator.socket("/public/ws/btcusdt@bookTicker"):
            eventually(lambda: simulator.touch() == (60_000.0, 60_000.1))
        wish = {"side": "SELL", "type": "MARKET", "quantity": "0.010", "reduceOnly": "true"}
        assert simulator.order(**wish, newOrderRespType="RESULT")["status"] == "FILLED"


def test_a_second_process_a_torn_file_and_a_reset(tmp_path: Path) -> None:
    words = ("--state-dir", str(tmp_path))
    with mortal(tmp_path) as simulator:
        epoch = simulator.line["account_epoch"]
        code, text = refused(*words)
        assert code == 3
        assert f"another exchange (process {simulator.process.pid})" in text
        code, _ = refused(*words, "--reset-state")
        assert code == 3
        simulator.process.send_signal(signal.SIGTERM)
        assert simulator.process.wait(WAIT_S) == 0
    path = tmp_path / "current" / "state.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    code, text = refused(*words)
    assert code == 3
    assert "damaged" in text
    assert path.read_bytes() == whole[: len(whole) // 2]
    with mortal(tmp_path, "--reset-state") as simulator:
        assert simulator.line["account_epoch"] != epoch
        assert simulator.get("/sim/state")["state"]["restored"] is False
    assert (tmp_path / "old-1" / "state.db").exists()
    assert refused("--reset-state")[0] == 4
