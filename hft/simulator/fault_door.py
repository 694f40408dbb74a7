"""Faults at the doors: replies that are lost, lie or refuse, and the calls under `/sim/faults`."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from hft.simulator.fault_kinds import (
    ClockStep,
    ListenKeyDeath,
    LostAck,
    RequestFault,
    Scenario,
    TimedFault,
    TooMany,
    UnknownStatus,
    matches,
)
from hft.simulator.fault_streams import StreamFaults
from hft.simulator.faults import Armed, Faults, read_faults
from hft.simulator.hub import text_frame
from hft.simulator.refusals import TEXTS, Refusal
from hft.simulator.rest import Reply, Request, http_bytes
from hft.simulator.server import ClientProtocol, Connections
from hft.simulator.sides import SessionSide, WebSocketDoor
from hft.simulator.venue import Venue

FAULTS_PATH = "/sim/faults"
STATUS_UNKNOWN = (-1000, "Unknown error, please check your request or try again later.")
BACKEND_TIMEOUT = (
    -1007,
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown.",
)
BANNED = (
    "Way too many requests; IP(127.0.0.1) banned until {}. "
    "Please use the websocket for live updates to avoid bans."
)
WEIGHT_LIMIT = 2_400
SECOND_MS = 1_000


class FaultyVenue:
    """Switches faults on for a venue: in its streams, its clock and, by its doors, its replies."""

    def __init__(self, venue: Venue, scenario: Scenario, seed: int) -> None:
        self.venue = venue
        self.faults = Faults(seed if scenario.seed is None else scenario.seed)
        self._streams = StreamFaults(self.faults, venue.now_ms)
        self._second = 0
        self._step_until_ms = 0
        venue.hub.send_to = venue.users.send_to = self._streams.send
        venue.on_time = self.on_time
        venue.describe_faults = self.rows
        self.faults.add(scenario)

    def open_protocol(self, everyone: Connections) -> ClientProtocol:
        """Make the protocol of one connection."""
        return FaultyProtocol(self, everyone)

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

    def strike(self, label: str, params: Callable[[], dict[str, object]]) -> Armed | None:
        """Find the fault that strikes a request; `params` is asked where a symbol matters."""
        for armed, fault in self.faults.of(RequestFault):
            if not matches(fault.requests, label):
                continue
            if fault.symbol not in (None, params().get("symbol") if fault.symbol else None):
                continue
            if armed.strikes():
                return armed
        return None

    def rows(self) -> dict[str, object]:
        """Describe what is armed, how often it struck and what lasts, for `/sim/state`."""
        return {
            "seed": self.faults.seed,
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
                added = self.faults.add(read_faults(request.body))
                return Reply(200, orjson.dumps({"added": [armed.row() for armed in added]}))
            if request.method == "DELETE":
                return Reply(200, orjson.dumps({"cleared": self._clear(request.query)}))
            raise Refusal(-5000, TEXTS[-5000].format(request.path, request.method), 404)
        except Refusal as refused:
            return Reply(refused.status, orjson.dumps(refused.body()))

    def _clear(self, query: bytes) -> int:
        number = dict(parse_qsl(query.decode("latin-1"))).get("id")
        if number is None:
            self._streams.clear()
            self._step_until_ms = self.venue.clock_step_ms = 0
            return self.faults.clear()
        if not (number.isascii() and number.isdigit()):
            raise Refusal(-1130, TEXTS[-1130].format("id"), 400)
        return self.faults.clear(int(number))


class FaultyProtocol(ClientProtocol):
    """A connection whose replies are subject to faults."""

    def __init__(self, faulty: FaultyVenue, everyone: Connections) -> None:
        super().__init__(faulty.venue, everyone)
        self._faulty = faulty
        self._muted = False

    def data_received(self, data: bytes) -> None:
        """Read on, unless a reply was lost: what came behind it would be answered out of turn."""
        if not self._muted:
            super().data_received(data)

    def respond(self, request: Request, *, close: bool) -> None:
        """Answer one REST request, if no fault strikes it."""
        if self._muted:
            return
        if request.path == FAULTS_PATH:
            self.write_reply(self._faulty.answer(request), close=close)
            return
        armed = self._faulty.strike(f"{request.method} {request.path}", lambda: _params(request))
        if armed is None:
            super().respond(request, close=close)
        elif isinstance(armed.fault, LostAck):
            reply = self.answer(request)
            self._muted = True
            self._lose(armed.fault, http_bytes(reply, close=close))
        elif isinstance(armed.fault, TooMany):
            refused, wait = _too_many(armed.fault, self._faulty.venue.now_ms())
            self.write_reply(Reply(refused.status, orjson.dumps(refused.body()), wait), close=close)
        elif isinstance(armed.fault, UnknownStatus):
            if _executes(armed, armed.fault):
                self.answer(request)
            refused = _unknown(armed.fault)
            self.write_reply(Reply(refused.status, orjson.dumps(refused.body())), close=close)

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message; only those of the WebSocket API are struck."""
        request = _request(message) if isinstance(door, SessionSide) else {}
        armed = self._faulty.strike(str(request.get("method")), lambda: _session_params(request))
        if not request or armed is None:
            super().respond_text(door, message)
        elif isinstance(armed.fault, LostAck):
            self._lose(armed.fault, text_frame(door.answer(message)))
            self._faulty.venue.flush(self._faulty.venue.now_ms())
        elif isinstance(armed.fault, TooMany):
            refused, _ = _too_many(armed.fault, self._faulty.venue.now_ms())
            self.write_text(_session_error(request, refused))
        elif isinstance(armed.fault, UnknownStatus):
            if _executes(armed, armed.fault):
                door.answer(message)
            self.write_text(_session_error(request, _unknown(armed.fault)))
            self._faulty.venue.flush(self._faulty.venue.now_ms())

    def _lose(self, fault: LostAck, reply: bytes) -> None:
        if fault.then == "cut":
            self.write_frame(reply[: len(reply) // 2])
        if fault.then != "silence":
            self.end()


def _executes(armed: Armed, fault: UnknownStatus) -> bool:
    return armed.chance.random() < 0.5 if fault.executed is None else fault.executed


def _unknown(fault: UnknownStatus) -> Refusal:
    return Refusal(*(STATUS_UNKNOWN if fault.status == 503 else BACKEND_TIMEOUT), fault.status)


def _too_many(fault: TooMany, now_ms: int) -> tuple[Refusal, tuple[tuple[str, str], ...]]:
    if fault.status == 418:
        text = BANNED.format(now_ms + fault.retry_after_s * SECOND_MS)
    else:
        text = TEXTS[-1003].format(WEIGHT_LIMIT)
    wait = (("Retry-After", str(fault.retry_after_s)),)
    return Refusal(-1003, text, fault.status), wait


def _params(request: Request) -> dict[str, object]:
    raw = request.body + b"&" + request.query
    return dict(parse_qsl(raw.decode("utf-8", "replace")))


def _request(message: str) -> dict[str, object]:
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError:
        # The door says what is wrong with it.
        return {}
    return request if isinstance(request, dict) else {}


def _session_params(request: dict[str, object]) -> dict[str, object]:
    params = request.get("params")
    return params if isinstance(params, dict) else {}


def _session_error(request: dict[str, object], refused: Refusal) -> bytes:
    return orjson.dumps(
        {"id": request.get("id"), "status": refused.status, "error": refused.body()}
    )
