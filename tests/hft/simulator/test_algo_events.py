"""The events of conditional orders, in order: a market that sleeps, so that each is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from hft.simulator.matching import BUY, SELL
from hft.units import E8

from .clocked import Clocked, clocked
from .wire import eventually

SYMBOL = {"symbol": "BTCUSDT"}
EVENT_KEYS = "caid,aid,at,o,s,S,ps,f,q,X,ai,tp,p,V,wt,pm,cp,pP,R,tt,gtd,ia"
PLACED_KEYS = "caid,aid,at,o,s,S,ps,f,q,X,ai,ap,aq,act,tp,p,V,wt,pm,cp,pP,R,tt,gtd,ia"


def keys(row: Any) -> str:
    return ",".join(row)


class Quiet:
    """A venue at 60000 whose prices a test moves, and the events of its user stream."""

    def __init__(self, venue: Clocked, link: websocket.WebSocket) -> None:
        self.venue = venue
        self.link = link
        exchange = venue.venue.exchange
        self.listing = exchange.listings["BTCUSDT"]
        for step in range(1, 4):
            exchange.house_order(self.listing, BUY, (600_000 - step, 1_000), 0)
            exchange.house_order(self.listing, SELL, (600_000 + step, 1_000), 0)
        self.listing.last_ticks = 600_000

    def place(self, **params: Any) -> Any:
        wish = {**SYMBOL, "algoType": "CONDITIONAL", "quantity": "0.010", **params}
        reply = self.venue.signed("POST", "/fapi/v1/algoOrder", **wish)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def order(self, **params: Any) -> Any:
        wish = {**SYMBOL, "type": "MARKET", "quantity": "0.010", **params}
        reply = self.venue.signed("POST", "/fapi/v1/order", **wish)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def events(self, count: int) -> list[Any]:
        return [json.loads(self.link.recv()) for _ in range(count)]


@pytest.fixture
def quiet() -> Iterator[Quiet]:
    with clocked() as venue:
        key = venue.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
        with venue.socket(f"/private/ws?listenKey={key}") as link:
            yield Quiet(venue, link)


def short(events: list[Any]) -> list[str]:
    """Say events by their kind and, where they have one, their status."""
    return [
        event["e"].split("_")[0] + " " + str(event.get("o", {}).get("X", "")) for event in events
    ]


def test_the_events_of_a_stop_that_fires_come_in_order(quiet: Quiet) -> None:
    quiet.place(side="BUY", type="STOP_MARKET", triggerPrice="60010.0", clientAlgoId="seq")
    (new,) = quiet.events(1)
    assert list(new) == ["e", "T", "E", "o"]
    assert keys(new["o"]) == EVENT_KEYS
    assert (new["o"]["X"], new["o"]["ai"], new["o"]["tp"], new["o"]["tt"]) == (
        "NEW",
        "",
        "60010.00",
        0,
    )
    quiet.listing.last_ticks = 600_100
    events = quiet.events(7)
    assert short(events) == [
        "ALGO TRIGGERING",
        "ALGO TRIGGERED",
        "TRADE ",
        "ORDER NEW",
        "ACCOUNT ",
        "ORDER FILLED",
        "ALGO FINISHED",
    ]
    triggering, triggered, filled, finished = (events[at]["o"] for at in (0, 1, 5, 6))
    assert keys(triggering) == EVENT_KEYS
    assert keys(triggered) == keys(finished) == PLACED_KEYS
    assert triggered["ai"] == finished["ai"] == str(filled["i"])
    assert (new["o"]["q"], new["o"]["p"]) == ("0.010", "0.00"), "it keeps its decimals"
    assert (triggered["ap"], triggered["aq"], triggered["act"]) == ("0.00000", "0.000", "MARKET")
    assert (finished["ap"], finished["aq"]) == ("60000.10000", "0.010")
    assert triggered["tt"] == events[0]["T"]
    told = [filled[name] for name in ("c", "o", "ot", "sp", "wt", "cp")]
    assert told == ["seq", "MARKET", "STOP_MARKET", "60010", "CONTRACT_PRICE", False]


def test_a_refused_order_is_rejected_with_the_reason(quiet: Quiet) -> None:
    quiet.place(side="SELL", type="STOP_MARKET", triggerPrice="59990.0", reduceOnly="true")
    quiet.events(1)
    quiet.listing.last_ticks = 599_900
    events = quiet.events(2)
    assert short(events) == ["ALGO TRIGGERING", "ALGO REJECTED"]
    assert keys(events[1]["o"]) == EVENT_KEYS.replace(",ia", ",rm,ia")
    assert events[1]["o"]["rm"] == "Reduce Only reject"


def test_a_trailing_order_says_new_again_when_it_becomes_active(quiet: Quiet) -> None:
    trail = {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.5"}
    quiet.place(side="SELL", **trail, activatePrice="60100", workingType="MARK_PRICE")
    quiet.listing.mark_e8 = 60_100 * E8
    first, second = (event["o"] for event in quiet.events(2))
    assert (first["X"], first["ia"], second["X"], second["ia"]) == ("NEW", False, "NEW", True)
    assert (first["AP"], first["cr"], first["tp"]) == ("60100.00", "0.5", "0.00")
    quiet.listing.mark_e8 = 60_100 * E8 * 995 // 1000
    events = quiet.events(7)
    assert short(events)[-1] == "ALGO FINISHED"
    child = events[5]["o"]
    assert [child[name] for name in ("ot", "AP", "cr", "sp", "wt")] == [
        "TRAILING_STOP_MARKET",
        "60100",
        "0.5",
        "59799.5",
        "MARK_PRICE",
    ]
    row = quiet.venue.signed("GET", "/fapi/v1/order", **SYMBOL, orderId=child["i"]).json()
    assert (row["priceRate"], row["activatePrice"]) == ("0.5", "60100.00")


def test_a_closing_order_and_its_sister_end_with_the_position(quiet: Quiet) -> None:
    quiet.order(side="BUY", quantity="0.030")
    quiet.events(4)
    closing = {"side": "SELL", "closePosition": "true", "quantity": "0"}
    reply = quiet.place(type="STOP_MARKET", triggerPrice="59990", **closing)
    assert (reply["closePosition"], reply["reduceOnly"], reply["quantity"]) == (True, True, "0.000")
    quiet.place(type="TAKE_PROFIT_MARKET", triggerPrice="60090", **closing)
    quiet.events(2)
    quiet.listing.last_ticks = 599_900
    events = quiet.events(8)
    assert short(events)[-3:] == ["ORDER FILLED", "ALGO FINISHED", "ALGO EXPIRED"]
    child = events[5]["o"]
    assert (child["z"], child["cp"], child["R"]) == ("0.03", True, True)


def test_cancelling_is_told_and_what_a_user_asked_not_to_hear_is_not(quiet: Quiet) -> None:
    venue = quiet.venue
    key = venue.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
    with venue.socket(f"/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE") as other:
        algo_id = quiet.place(side="BUY", type="STOP", price="60010", triggerPrice="60010")[
            "algoId"
        ]
        venue.signed("DELETE", "/fapi/v1/algoOrder", algoId=algo_id)
        assert short(quiet.events(2)) == ["ALGO NEW", "ALGO CANCELED"]
        quiet.order(side="BUY")
        assert json.loads(other.recv())["e"] == "ORDER_TRADE_UPDATE"


def test_an_untriggered_order_costs_no_margin(quiet: Quiet) -> None:
    before = quiet.venue.signed("GET", "/fapi/v2/balance").json()[0]["availableBalance"]
    quiet.place(side="BUY", type="STOP_MARKET", triggerPrice="60010", quantity="100")
    after = quiet.venue.signed("GET", "/fapi/v2/balance").json()[0]["availableBalance"]
    assert before == after
    quiet.listing.last_ticks = 600_100
    eventually(lambda: short(quiet.events(1)) == ["ALGO REJECTED"])
