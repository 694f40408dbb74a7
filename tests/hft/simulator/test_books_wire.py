"""The official algorithm of a local book, over a real socket, against a market that moves.

The market can be stopped, so that at the end the kept book and the venue's can be compared whole.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket

from hft.clock import sleep_s, wall_ms
from hft.simulator.characters import LIVELY, character_of
from hft.simulator.depth_streams import QUIET_MAX_MS
from hft.simulator.market import SyntheticMarket
from hft.simulator.stepped import SteppedMarkets
from hft.simulator.venue import Venue

from .clocked import Clocked, clocked
from .wire import receive, until

SUFFIXES = ("@depth@100ms", "@depth", "@depth@500ms", "@rpiDepth@500ms")
SNAPSHOT = "symbol=BTCUSDT&limit=1000"


class Stoppable:
    """A synthetic market with a tap."""

    def __init__(self, venue: Venue) -> None:
        listing = venue.exchange.listings["BTCUSDT"]
        market = SyntheticMarket(venue.exchange, listing, character_of(listing.symbol, LIVELY), 5)
        self._markets = SteppedMarkets(venue, [market])
        self.tick_s = self._markets.tick_s
        self.running = True

    def advance(self, now_ns: int) -> None:
        if self.running:
            self._markets.advance(now_ns)

    def close(self) -> None:
        """Nothing to let go of."""


@contextlib.contextmanager
def moving(clock: Callable[[], int] = wall_ms) -> Iterator[tuple[Clocked, Stoppable]]:
    made: list[Stoppable] = []

    def open_market(venue: Venue) -> Stoppable:
        made.append(Stoppable(venue))
        return made[0]

    with clocked(open_market, clock) as exchange:
        yield exchange, made[0]


class LocalBook:
    """The steps of the venue's manual, with an assertion wherever it says to start again."""

    def __init__(self, snapshot: Any) -> None:
        self.last_id = int(snapshot["lastUpdateId"])
        self.synced = False
        self.sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}

    def apply(self, event: Any) -> None:
        if not self.synced:
            if event["u"] < self.last_id:
                return
            assert event["U"] <= self.last_id <= event["u"], "the snapshot is in no message"
            self.synced = True
        else:
            assert event["pu"] == self.last_id
        self.last_id = event["u"]
        for side, rows in (("bids", event["b"]), ("asks", event["a"])):
            for price, quantity in rows:
                if float(quantity):
                    self.sides[side][price] = quantity
                else:
                    self.sides[side].pop(price, None)


def subscribe(link: websocket.WebSocket, stream: str) -> None:
    link.send(json.dumps({"method": "SUBSCRIBE", "params": [stream], "id": 1}))
    assert until(link, lambda message: "result" in message) == {"result": None, "id": 1}


def snapshot_of(exchange: Clocked) -> Any:
    return exchange.raw("GET", "/fapi/v1/depth", SNAPSHOT).json()


class Follower:
    """One client that keeps a book."""

    def __init__(self, exchange: Clocked, link: websocket.WebSocket, suffix: str) -> None:
        self._exchange = exchange
        self._link = link
        self._changes = 0
        subscribe(link, "btcusdt" + suffix)

    def begin(self, buffered: int) -> None:
        """Take the snapshot once so many messages have come."""
        events = [receive(self._link) for _ in range(buffered)]
        self._book = LocalBook(snapshot_of(self._exchange))
        for event in events:
            self._book.apply(event)

    def follow(self, messages: int) -> None:
        for _ in range(messages):
            event = receive(self._link)
            self._changes += len(event["b"]) + len(event["a"])
            self._book.apply(event)
        assert self._book.synced

    def check(self, final: Any) -> None:
        assert self._changes > 20, "the market did not move"
        while self._book.last_id < final["lastUpdateId"]:
            self._book.apply(receive(self._link))
        assert self._book.sides == {side: dict(final[side]) for side in ("bids", "asks")}


@pytest.mark.parametrize("buffered", [0, 3], ids=["right after the ack", "after some messages"])
def test_kept_books_are_the_venues_to_the_last_level(buffered: int) -> None:
    with moving() as (exchange, market), contextlib.ExitStack() as links:
        followers = []
        for suffix in SUFFIXES:
            link = links.enter_context(exchange.socket("/public/ws/0"))
            followers.append(Follower(exchange, link, suffix))
            if not buffered:
                followers[-1].begin(0)
        for follower in followers if buffered else ():
            follower.begin(buffered)
        for follower in followers:
            follower.follow(5)
        market.running = False
        # The venue answers behind whatever was under way when the tap was closed.
        final = snapshot_of(exchange)
        for follower in followers:
            follower.check(final)


def test_books_get_in_step_although_nothing_moves() -> None:
    with moving() as (exchange, market), contextlib.ExitStack() as links:
        market.running = False
        sleep_s(0.6)
        for suffix in SUFFIXES:
            link = links.enter_context(exchange.socket("/public/ws"))
            subscribe(link, "btcusdt" + suffix)
            book = LocalBook(snapshot_of(exchange))
            book.apply(receive(link))
            assert book.synced
            assert book.sides == {s: dict(snapshot_of(exchange)[s]) for s in ("bids", "asks")}


def test_a_book_that_stands_still_says_so_now_and_then() -> None:
    began_ms = wall_ms()
    with moving(lambda: began_ms + 10 * (wall_ms() - began_ms)) as (exchange, market):
        market.running = False
        with exchange.socket("/public/ws/btcusdt@depth@100ms") as link:
            events = [receive(link) for _ in range(3)]
    assert events[-1]["b"] == events[-1]["a"] == []
    assert events[-1]["E"] - events[-2]["E"] >= QUIET_MAX_MS - 200
    assert events[-1]["pu"] == events[-2]["u"]


def test_partial_books_are_the_best_levels_best_first() -> None:
    with moving() as (exchange, market), contextlib.ExitStack() as links:
        opened = [
            (
                levels,
                links.enter_context(exchange.socket(f"/public/ws/btcusdt@depth{levels}{pace}")),
            )
            for pace in ("", "@100ms", "@500ms")
            for levels in (5, 10, 20)
        ]
        told = [[receive(link) for _ in range(2)] for _, link in opened]
        market.running = False
        final = snapshot_of(exchange)
        for (levels, link), events in zip(opened, told, strict=True):
            last = events[-1]
            while last["u"] < final["lastUpdateId"]:
                last = receive(link)
            check_partial(events, levels)
            assert (last["b"], last["a"]) == (final["bids"][:levels], final["asks"][:levels])


def check_partial(events: list[Any], levels: int) -> None:
    for event in events:
        assert list(event) == ["e", "E", "T", "s", "ps", "U", "u", "pu", "b", "a", "st"]
        bids, asks = ([float(row[0]) for row in event[side]] for side in "ba")
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert len(bids) == len(asks) == levels
    assert events[1]["pu"] == events[0]["u"]
