"""An exchange that follows another: its users fill against the book of the other one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hft.clock import Deadline, sleep_s
from hft.simulator.__main__ import main

from .wire import Simulator, running

SYMBOL = "BTCUSDT"
WAIT_S = 30.0


def until(look: Callable[[], Any], what: str) -> Any:
    deadline = Deadline(WAIT_S)
    while not (found := look()):
        assert not deadline.passed(), what
        sleep_s(0.01)
    return found


def market(paper: Simulator) -> Any:
    return paper.get("/sim/state")["market"]


@contextlib.contextmanager
def following(living: Simulator, folder: Path) -> Iterator[Simulator]:
    contracts = folder / "contracts.json"
    contracts.write_text(json.dumps(living.get("/fapi/v1/exchangeInfo")))
    ws_url = living.url.replace("http", "ws")
    words = ("--follow", ws_url, "--exchange-info", str(contracts), "--symbols", SYMBOL)
    with running(*words, "--faults", "on") as paper:
        until(lambda: market(paper)["connected"] and paper.touch()[0] > 0, "a followed book")
        yield paper


@pytest.fixture(scope="module")
def living() -> Iterator[Simulator]:
    with running("--symbols", SYMBOL, "--seed", "2") as venue:
        yield venue


@pytest.fixture(scope="module")
def paper(living: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with following(living, tmp_path_factory.mktemp("paper")) as venue:
        yield venue


def test_the_touch_and_the_mark_price_are_those_of_the_followed_venue(
    living: Simulator, paper: Simulator
) -> None:
    until(lambda: living.touch() == paper.touch(), "the same touch")
    mark = f"/fapi/v1/premiumIndex?symbol={SYMBOL}"
    until(lambda: living.get(mark)["markPrice"] == paper.get(mark)["markPrice"], "the same mark")
    assert living.get(mark)["nextFundingTime"] == paper.get(mark)["nextFundingTime"]
    assert market(paper)["skipped"] == 0


def test_a_market_order_fills_at_the_followed_book_and_a_resting_one_by_its_trades(
    living: Simulator, paper: Simulator
) -> None:
    bought = paper.order(side="BUY", type="MARKET", quantity="0.002", newOrderRespType="RESULT")
    assert bought["status"] == "FILLED"
    fill = paper.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL)[-1]
    assert abs(float(fill["price"]) / living.touch()[1] - 1) < 0.001
    resting = paper.order(
        side="SELL", type="LIMIT", timeInForce="GTC", quantity="0.002",
        price=f"{paper.touch()[1]:.1f}",
    )  # fmt: skip

    def filled() -> bool:
        order = paper.ok("GET", "/fapi/v1/order", symbol=SYMBOL, orderId=resting["orderId"])
        return bool(order["status"] == "FILLED")

    until(filled, "a fill in the queue")
    assert paper.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL)[-1]["maker"]
    assert living.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL) == []


def test_an_order_that_takes_long_to_arrive_meets_the_book_of_then(paper: Simulator) -> None:
    late = {"kind": "slow_reply", "requests": ["POST /fapi/v1/order"], "carried_out": "late"}
    body = json.dumps({**late, "delay_ms": 300, "count": 1})
    assert paper.raw("POST", "/sim/faults", data=body).status_code == 200
    before = len(paper.ok("GET", "/fapi/v1/allOrders", symbol=SYMBOL))
    sent_ms = paper.get("/fapi/v1/time")["serverTime"]
    order = paper.order(side="BUY", type="MARKET", quantity="0.002", newClientOrderId="late")
    assert order["updateTime"] >= sent_ms + 300
    assert len(paper.ok("GET", "/fapi/v1/allOrders", symbol=SYMBOL)) == before + 1


def test_nothing_fills_while_the_followed_venue_is_away(tmp_path: Path) -> None:
    with running("--symbols", SYMBOL) as living, following(living, tmp_path) as paper:
        living.process.terminate()
        living.process.wait(WAIT_S)
        until(lambda: not market(paper)["connected"], "the venue is missed")
        assert market(paper)["problem"]
        code = paper.refused("POST", "/fapi/v1/order", symbol=SYMBOL, side="BUY", type="MARKET",
                             quantity="0.002")  # fmt: skip
        assert code[1] < 0


@pytest.mark.parametrize(
    "words",
    [
        ["--follow", "ws://127.0.0.1:1"],
        ["--follow", "ws://127.0.0.1:1", "--exchange-info", "x", "--symbols", "A", "--replay", "y"],
        ["--follow-ca-file", "x"],
    ],
)
def test_words_that_do_not_go_together_are_refused(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", *words]) == 4
    assert "--follow" in capfd.readouterr().err
