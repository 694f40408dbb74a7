"""What survives a kill beside orders and fills: conditional orders, accounts, funding."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from hft.clock import Deadline
from hft.units import parse_e8

from .mortal import mortal, refused
from .test_state_wire import Diary
from .wire import API_KEY, API_SECRET, WAIT_S, Simulator, eventually

SYMBOL = {"symbol": "BTCUSDT"}
ALGO = {**SYMBOL, "algoType": "CONDITIONAL", "quantity": "0.002"}
OPEN = ("NEW", "TRIGGERING", "TRIGGERED")
OTHER_KEY = "o" * 64
PAUSE_S = 0.01


def place_algo(simulator: Simulator, **terms: str) -> Any:
    return simulator.ok("POST", "/fapi/v1/algoOrder", **{**ALGO, **terms})


def place_near(simulator: Simulator, price: str) -> Any:
    """Place a stop-limit order a tick above the ask; one that would fire at once, anew."""
    limit = {"side": "BUY", "type": "STOP", "price": price, "timeInForce": "GTC"}
    deadline = Deadline(WAIT_S)
    while not deadline.passed():
        trigger = f"{simulator.touch()[1] + 0.1:.1f}"
        reply = simulator.signed(
            "POST", "/fapi/v1/algoOrder", **ALGO, **limit, triggerPrice=trigger
        )
        if reply.status_code == 200:
            return reply.json()
        assert reply.json()["code"] == -2021, reply.text
    raise AssertionError("the price is always beyond the trigger")


def algo(simulator: Simulator, algo_id: int) -> Any:
    return simulator.ok("GET", "/fapi/v1/algoOrder", algoId=algo_id)


def test_conditional_orders_wait_trail_and_fire_through_a_kill(tmp_path: Path) -> None:
    with mortal(tmp_path) as simulator:
        bid, _ = simulator.touch()
        far = place_algo(
            simulator, side="SELL", type="STOP_MARKET", triggerPrice=f"{bid - 5_000:.1f}"
        )
        trails = place_algo(simulator, side="SELL", type="TRAILING_STOP_MARKET", callbackRate="5")
        fires = place_near(simulator, price=f"{bid - 900:.1f}")
        eventually(lambda: algo(simulator, fires["algoId"])["algoStatus"] == "TRIGGERED")
        told = [algo(simulator, row["algoId"]) for row in (far, trails, fires)]
        order_id = int(told[2]["actualOrderId"])
        open_before = simulator.ok("GET", "/fapi/v1/openAlgoOrders")
    with mortal(tmp_path) as simulator:
        assert [algo(simulator, row["algoId"]) for row in told] == told
        assert simulator.ok("GET", "/fapi/v1/openAlgoOrders") == open_before
        newer = place_algo(
            simulator, side="SELL", type="STOP_MARKET", triggerPrice=f"{bid - 6_000:.1f}"
        )
        assert newer["algoId"] > fires["algoId"]
        assert simulator.ok("GET", "/fapi/v1/order", **SYMBOL, orderId=order_id)["status"] == "NEW"
        simulator.ok("DELETE", "/fapi/v1/order", **SYMBOL, orderId=order_id)
        eventually(lambda: algo(simulator, fires["algoId"])["algoStatus"] == "FINISHED")
        simulator.ok("DELETE", "/fapi/v1/algoOrder", algoId=far["algoId"])
    with mortal(tmp_path) as simulator:
        rows = [algo(simulator, row["algoId"]) for row in (far, trails, fires, newer)]
        assert [row["algoStatus"] for row in rows] == ["CANCELED", "NEW", "FINISHED", "NEW"]


def test_hedged_and_isolated_positions_survive_a_kill(tmp_path: Path) -> None:
    with mortal(tmp_path) as simulator:
        simulator.ok("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        simulator.ok("POST", "/fapi/v1/marginType", **SYMBOL, marginType="ISOLATED")
        for side, leg, lots in (("BUY", "LONG", "0.020"), ("SELL", "SHORT", "0.010")):
            simulator.order(side=side, type="MARKET", quantity=lots, positionSide=leg)
        simulator.ok(
            "POST", "/fapi/v1/positionMargin", **SYMBOL, positionSide="LONG", amount="7", type=1
        )
        before = simulator.ok("GET", "/fapi/v3/positionRisk", **SYMBOL)
        moves = simulator.ok("GET", "/fapi/v1/positionMargin/history", **SYMBOL)
    with mortal(tmp_path) as simulator:
        after = simulator.ok("GET", "/fapi/v3/positionRisk", **SYMBOL)
        kept = ("positionSide", "positionAmt", "entryPrice", "isolatedWallet", "updateTime")
        assert [[row[key] for key in kept] for row in after] == [
            [row[key] for key in kept] for row in before
        ]
        assert simulator.ok("GET", "/fapi/v1/positionMargin/history", **SYMBOL) == moves
        assert [row["positionAmt"] for row in after] == ["0.020", "-0.010"]
        assert len(moves) == 1


ALICE = f"""
[[accounts]]
name = "alice"
deposits = {{ USDT = "5000", BNB = "2" }}
leverage = {{ BTCUSDT = 7 }}
keys = [{{ key = "{API_KEY}", secret = "{API_SECRET}" }}]
"""
BOB = f"""
[[accounts]]
name = "bob"
deposits = {{ USDT = "300" }}
keys = [{{ key = "{OTHER_KEY}", secret = "{API_SECRET}" }}]
"""
CAROL = """
[[accounts]]
name = "carol"
keys = [{ key = "carol", secret = "s" }]
"""


class _Bob(Simulator):
    """The same exchange through the key of the second account."""

    def raw(self, method: str, path: str, query: str = "", **more: Any) -> requests.Response:
        more.setdefault("headers", {"X-MBX-APIKEY": OTHER_KEY})
        return super().raw(method, path, query, **more)


def balances(simulator: Simulator) -> dict[str, int]:
    rows = simulator.ok("GET", "/fapi/v2/balance")
    return {row["asset"]: parse_e8(row["balance"]) for row in rows if parse_e8(row["balance"])}


def test_accounts_of_a_file_keep_their_money_and_are_not_paid_in_again(tmp_path: Path) -> None:
    file, folder = tmp_path / "accounts.toml", tmp_path / "state"
    file.write_text(ALICE)
    words = ("--accounts", str(file))
    with mortal(folder, *words) as simulator:
        assert balances(simulator) == {"USDT": parse_e8("5000"), "BNB": parse_e8("2")}
        simulator.ok("POST", "/fapi/v1/leverage", **SYMBOL, leverage=9)
        simulator.order(side="BUY", type="MARKET", quantity="0.010")
        wish = {"account": "alice", "asset": "USDT", "amount": "11"}
        assert simulator.raw("POST", "/sim/deposit", json=wish).status_code == 200
        held = balances(simulator)
    # Who comes new gets his deposits, once.
    file.write_text(ALICE + BOB)
    for _ in range(2):
        with mortal(folder, *words) as simulator:
            assert balances(simulator) == held
            assert simulator.ok("GET", "/fapi/v1/symbolConfig", **SYMBOL)[0]["leverage"] == 9
            bob = _Bob(simulator.process, simulator.line)
            assert balances(bob) == {"USDT": parse_e8("300")}
            income = bob.ok("GET", "/fapi/v1/income")
            assert [row["income"] for row in income] == ["300.00000000"]
            bob.session.close()


@pytest.mark.parametrize(
    ("text", "names"),
    [(BOB + ALICE, "'alice', and now it would be 'bob'"), (ALICE + CAROL, "'bob'"), ("", "'demo'")],
    ids=["reordered", "replaced", "without the file"],
)
def test_a_known_account_may_not_become_another(tmp_path: Path, text: str, names: str) -> None:
    file, folder = tmp_path / "accounts.toml", tmp_path / "state"
    file.write_text(ALICE + BOB)
    words = ("--accounts", str(file))
    with mortal(folder, *words) as simulator:
        held = balances(simulator)
    file.write_text(text)
    code, told = refused("--state-dir", str(folder), *(words if text else ()))
    assert code == 3
    assert names in told
    # Who is no longer in the file is only not let in.
    for accounts in (ALICE, ALICE + BOB):
        file.write_text(accounts)
        with mortal(folder, *words) as simulator:
            assert balances(simulator) == held


@pytest.mark.parametrize("clock", [(), ("--simulated-clock",)], ids=["real", "simulated"])
def test_funding_is_settled_on_time_and_once_through_kills(
    tmp_path: Path, clock: tuple[str, ...]
) -> None:
    told: list[tuple[int, str]] = []
    latest_ms = 0
    for number in range(3):
        with mortal(tmp_path, "--funding-interval-s", "1", *clock) as simulator:

            def stamp(simulator: Simulator = simulator) -> dict[str, int]:
                """Date a request by the venue's clock where that is not the machine's."""
                server = simulator.get("/fapi/v1/time")
                return {"timestamp": server["serverTime"]} if clock else {}

            index = simulator.get("/fapi/v1/premiumIndex?symbol=BTCUSDT")
            assert index["nextFundingTime"] % 1_000 == 0
            assert 0 < index["nextFundingTime"] - index["time"] <= 1_000
            # A kill may cost a simulated clock the second it was in.
            assert index["time"] > latest_ms - 1_000
            if not number:
                wish = {"side": "BUY", "type": "MARKET", "quantity": "0.500"}
                simulator.order(**wish, **stamp())
            before = len(told)
            deadline = Deadline(WAIT_S)
            while len(told) < before + 2:
                assert not deadline.passed(), "funding is no longer settled"
                rows = simulator.ok(
                    "GET", "/fapi/v1/income", incomeType="FUNDING_FEE", limit=1000, **stamp()
                )
                now = [(row["time"] // 1_000, row["symbol"]) for row in rows]
                assert now[: len(told)] == told
                told = now
            latest_ms = simulator.get("/fapi/v1/time")["serverTime"]
    assert len(set(told)) == len(told)


def test_a_simulated_clock_goes_on_and_a_real_one_does_not_run_ahead_of_it(tmp_path: Path) -> None:
    simulated = ("--simulated-clock", "--start", "2050-01-01")
    with mortal(tmp_path, *simulated) as simulator:
        begun_ms = simulator.get("/fapi/v1/time")["serverTime"]
        eventually(lambda: simulator.get("/fapi/v1/time")["serverTime"] > begun_ms + 1_500)
    with mortal(tmp_path, *simulated) as simulator:
        assert simulator.get("/fapi/v1/time")["serverTime"] > begun_ms
    code, told = refused("--state-dir", str(tmp_path))
    assert code == 3
    assert "ahead of this machine's clock" in told


def hurry(simulator: Simulator, number: int, stop: threading.Event, answered: list[int]) -> None:
    """Place conditional orders around the price until nobody answers; notes what was answered."""
    own = Simulator(simulator.process, simulator.line)
    side, away = ("BUY", 0.2) if number % 2 else ("SELL", -0.2)
    wishes: tuple[dict[str, str], ...] = (
        {"type": "STOP_MARKET"},
        {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.1"},
    )
    with contextlib.suppress(requests.RequestException):
        while not stop.is_set():
            bid, ask = own.touch()
            wish = dict(wishes[len(answered) % 2])
            if wish["type"] == "STOP_MARKET":
                wish["triggerPrice"] = f"{(ask if away > 0 else bid) + away:.1f}"
            terms = {**ALGO, **wish, "side": side}
            reply = own.signed("POST", "/fapi/v1/algoOrder", **terms)
            # It may fire at once by now, or too many may wait.
            if reply.status_code == 200:
                answered.append(reply.json()["algoId"])
            order = {"side": side, "type": "MARKET", "quantity": "0.001"}
            own.signed("POST", "/fapi/v1/order", **SYMBOL, **order)
    own.session.close()


def fired_of(simulator: Simulator) -> dict[int, str]:
    """Tell which orders each conditional order that fired has become."""
    rows = simulator.ok("GET", "/fapi/v1/allAlgoOrders", **SYMBOL, limit=1000)
    return {row["algoId"]: row["actualOrderId"] for row in rows if row["actualOrderId"]}


def test_a_kill_in_the_midst_of_many_conditional_orders_loses_none(tmp_path: Path) -> None:
    answered: list[int] = []
    fired: dict[int, str] = {}
    for wanted in (60, 120):
        with mortal(tmp_path) as simulator:
            stop = threading.Event()
            threads = [
                threading.Thread(target=hurry, args=(simulator, number, stop, answered))
                for number in range(4)
            ]
            for thread in threads:
                thread.start()
            deadline = Deadline(WAIT_S)
            fired_before = len(fired)
            while len(answered) < wanted or len(fired) < fired_before + 3:
                assert not deadline.passed(), f"{len(answered)} orders, {len(fired)} fired"
                fired |= fired_of(simulator)
                stop.wait(PAUSE_S)
            simulator.process.kill()
            stop.set()
            for thread in threads:
                thread.join(WAIT_S)
    with mortal(tmp_path) as simulator:
        rows = simulator.ok("GET", "/fapi/v1/allAlgoOrders", **SYMBOL, limit=1000)
        known = {row["algoId"]: row for row in rows}
        assert set(answered) <= known.keys()
        assert fired_of(simulator) | fired == fired_of(simulator)
        for row in rows:
            if not row["actualOrderId"]:
                continue
            named = {"orderId": row["actualOrderId"]}
            order = simulator.ok("GET", "/fapi/v1/order", **SYMBOL, **named)
            assert order["executedQty"] == row["actualQty"]
            if row["algoStatus"] == "FINISHED":
                assert order["status"] not in ("NEW", "PARTIALLY_FILLED")
        Diary().check(simulator)
