"""The venue with faults switched on, and the calls under `/sim/faults`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qsl

import orjson

from hft.simulator.fault_fills import FillCutter
from hft.simulator.fault_kinds import (
    FAULTS_MAX,
    ClockStep,
    Disconnect,
    HttpError,
    ListenKeyDeath,
    RequestFault,
    Scenario,
    TimedFault,
    TooMany,
    matches,
)
from hft.simulator.fault_replies import may_strike
from hft.simulator.fault_streams import StreamFaults
from hft.simulator.faults import Armed, Faults, read_faults
from hft.simulator.limits import ORDERS_10S_MAX
from hft.simulator.refusals import TEXTS, Refusal
from hft.simulator.rest import Reply, Request
from hft.simulator.venue import Venue

BANNED = (
    "Way too many requests; IP(127.0.0.1) banned until {}. "
    "Please use the websocket for live updates to avoid bans."
)
WEIGHT_LIMIT = 2_400
TOO_MANY_ORDERS = -1015
SECOND_MS = 1_000


class Breakable(Protocol):
    """A WebSocket connection that a fault can end."""

    def sort(self) -> str:
        """Name what it leads to: user, market or session; empty while it is plain HTTP."""

    def disconnect(self, *, close_frame: bool) -> None:
        """End it."""


class FaultyVenue:
    """Switches faults on for a venue: in its streams, its clock and, by its doors, its replies."""

    def __init__(self, venue: Venue, scenario: Scenario, seed: int) -> None:
        self.venue = venue
        self.faults = Faults(seed if scenario.seed is None else scenario.seed)
        self._streams = StreamFaults(self.faults, venue.now_ms)
        self._second = 0
        self._step_until_ms = 0
        self._refused_until_ms: dict[int, int] = {}
        self.connections: set[Breakable] = set()
        self.about = scenario.about
        venue.exchange.cut_fill = FillCutter(self.faults)
        venue.hub.send_to = venue.users.send_to = self._streams.send
        venue.on_time = self.on_time
        venue.describe_faults = self.rows
        self.faults.add(scenario)

    def on_time(self, now_ms: int) -> None:
        """Do what is due: late messages, the end of a clock step, the faults of this second."""
        self._streams.on_time(now_ms)
        if self._step_until_ms and now_ms >= self._step_until_ms:
            self._step_until_ms = self.venue.clock_step_ms = 0
        second = now_ms // SECOND_MS
        if second == self._second:
            return
        self._second = second
        for armed, fault in self.faults.of(TimedFault):
            if isinstance(fault, ClockStep):
                if not self._step_until_ms and armed.strikes():
                    self._step_until_ms = now_ms + fault.duration_ms
                    self.venue.clock_step_ms = fault.step_ms
            elif isinstance(fault, ListenKeyDeath) and armed.strikes():
                self.venue.users.end_all(now_ms, silent=fault.silent)
            elif isinstance(fault, Disconnect):
                self._disconnect(armed, fault)

    def _disconnect(self, armed: Armed, fault: Disconnect) -> None:
        """End the connections of one sort; a second in which there are none is no occurrence."""
        every = fault.connections == "all"
        meant = [
            one
            for one in self.connections
            if one.sort() == fault.connections or (every and one.sort())
        ]
        if meant and armed.strikes():
            for connection in meant:
                connection.disconnect(close_frame=fault.close_frame)

    def strike(self, label: str, params: Callable[[], dict[str, object]]) -> Armed | None:
        """Find the fault that strikes a request; `params` is asked where a symbol matters."""
        for armed, fault in self.faults.of(RequestFault):
            if not matches(fault.requests, label):
                continue
            if fault.symbol not in (None, params().get("symbol") if fault.symbol else None):
                continue
            if isinstance(fault, HttpError) and not may_strike(fault, label, params):
                continue
            if self._wait_ms(armed) > 0:
                return armed
            if armed.strikes():
                if isinstance(fault, TooMany):
                    until_ms = self.venue.now_ms() + fault.retry_after_s * SECOND_MS
                    self._refused_until_ms[armed.number] = until_ms
                return armed
        return None

    def refuse(self, armed: Armed, fault: TooMany) -> tuple[Refusal, int]:
        """Give the refusal of a request that came too soon, and after how many seconds to retry."""
        wait_s = -(-self._wait_ms(armed) // SECOND_MS)
        if fault.status == 418:
            text = BANNED.format(self._refused_until_ms[armed.number])
        elif fault.code == TOO_MANY_ORDERS:
            text = TEXTS[TOO_MANY_ORDERS].format(ORDERS_10S_MAX, "TEN_SECONDS")
        else:
            text = TEXTS[-1003].format(WEIGHT_LIMIT)
        return Refusal(fault.code, text, fault.status), wait_s

    def _wait_ms(self, armed: Armed) -> int:
        return self._refused_until_ms.get(armed.number, 0) - self.venue.now_ms()

    def rows(self) -> dict[str, object]:
        """Describe what is armed, how often it struck and what lasts, for `/sim/state`."""
        return {
            "seed": self.faults.seed,
            "about": self.about,
            "armed": self.faults.rows(),
            "stalled": self._streams.stalled(),
            "clock_step_ms": self.venue.clock_step_ms,
        }

    def answer(self, request: Request) -> Reply:
        """Answer a request to `/sim/faults`: POST adds, DELETE clears (all, or `?id=`)."""
        if request.method == "GET":
            return Reply(200, orjson.dumps(self.rows()))
        try:
            if request.method == "POST":
                scenario = read_faults(request.body)
                if len(self.faults.armed) + len(scenario.faults) > FAULTS_MAX:
                    raise Refusal(-1130, f"More than {FAULTS_MAX} faults; clear some.", 400)
                added = self.faults.add(scenario)
                self.about = scenario.about or self.about
                return Reply(200, orjson.dumps({"added": [armed.row() for armed in added]}))
            if request.method == "DELETE":
                return Reply(200, orjson.dumps({"cleared": self._clear(request.query)}))
            raise Refusal(-5000, TEXTS[-5000].format(request.path, request.method), 404)
        except Refusal as refused:
            return Reply(refused.status, orjson.dumps(refused.body()))

    def _clear(self, query: bytes) -> int:
        number = dict(parse_qsl(query.decode("latin-1"))).get("id")
        if number is None:
            self.about = ""
            self._streams.clear()
            self._refused_until_ms.clear()
            self._step_until_ms = self.venue.clock_step_ms = 0
            return self.faults.clear()
        if not (number.isascii() and number.isdigit()):
            raise Refusal(-1130, TEXTS[-1130].format("id"), 400)
        self._refused_until_ms.pop(int(number), None)
        return self.faults.clear(int(number))
