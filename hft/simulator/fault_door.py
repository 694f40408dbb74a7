"""A connection with faults: its replies may be lost, lie or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson

from hft.simulator.fault_kinds import HttpError, LostAck, SlowReply, TooMany, UnknownStatus
from hft.simulator.fault_replies import (
    FAILED_FOR_SURE,
    FAILURES,
    ReplyQueue,
    failure_reply,
)
from hft.simulator.fault_venue import FaultyVenue
from hft.simulator.faults import Armed
from hft.simulator.hub import text_frame
from hft.simulator.lifetimes import GOING_AWAY
from hft.simulator.refusals import Refusal
from hft.simulator.rest import Reply, Request, http_bytes
from hft.simulator.server import ClientProtocol, Connections
from hft.simulator.sides import SessionSide, StreamSide, WebSocketDoor

Answer = TypeVar("Answer")

FAULTS_PATH = "/sim/faults"
OWN_PATHS = "/sim/"
"""What tells of the simulator itself is never struck."""
STATUS_UNKNOWN = "Unknown error, please check your request or try again later."


class FaultyProtocol(ClientProtocol):
    """A connection whose replies are subject to faults."""

    def __init__(self, faulty: FaultyVenue, everyone: Connections) -> None:
        super().__init__(faulty.venue, everyone)
        self._faulty = faulty
        self._muted = False
        self._replies = ReplyQueue()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let faults know of the connection."""
        super().connection_made(transport)
        self._faulty.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._faulty.connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a reply was lost: what came behind it would be answered out of turn."""
        if not self._muted:
            super().data_received(data)

    # What a fault ends

    def sort(self) -> str:
        """Name what it leads to: user, market or session; empty while it is plain HTTP."""
        door = self._socket.door if self._socket is not None else None
        if isinstance(door, StreamSide):
            return "user" if self._faulty.venue.users.is_followed_by(door.client) else "market"
        return "session" if door is not None else ""

    def disconnect(self, *, close_frame: bool) -> None:
        """End the connection, with a word or without."""
        if close_frame:
            self.write_frame(GOING_AWAY)
        self.end()

    # Replies

    def respond(self, request: Request, *, close: bool) -> None:
        """Answer one REST request, if no fault strikes it."""
        if self._muted or self._too_many_wait():
            return
        if request.path == FAULTS_PATH:
            self.write_reply(self._faulty.answer(request), close=close)
            return
        if request.path.startswith(OWN_PATHS):
            super().respond(request, close=close)
            return
        armed = self._faulty.strike(f"{request.method} {request.path}", lambda: _params(request))
        if armed is None:
            super().respond(request, close=close)
            return
        fault = armed.fault
        if isinstance(fault, LostAck):
            reply = self.answer(request)
            self._muted = True
            self._lose(fault, http_bytes(reply, close=close))
        elif isinstance(fault, SlowReply):
            write = partial(super().write_reply, close=close)
            self._answer_late(fault, partial(self.answer, request), write)
        elif isinstance(fault, TooMany):
            refused, wait_s = self._faulty.refuse(armed, fault)
            body = orjson.dumps(refused.body())
            wait = (("Retry-After", str(wait_s)),)
            self.write_reply(Reply(refused.status, body, wait), close=close)
        elif isinstance(fault, UnknownStatus | HttpError):
            if _executes(armed, fault):
                self.answer(request)
            self.write_reply(_failure(fault), close=close)

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message; only those of the WebSocket API are struck."""
        request = _request(message) if isinstance(door, SessionSide) else None
        if request is None:
            super().respond_text(door, message)
            return
        if self._too_many_wait():
            return
        armed = self._faulty.strike(str(request.get("method")), lambda: _session_params(request))
        if armed is None:
            super().respond_text(door, message)
            return
        fault = armed.fault
        if isinstance(fault, LostAck):
            self._lose(fault, text_frame(door.answer(message)))
        elif isinstance(fault, SlowReply):
            self._answer_late(fault, partial(door.answer, message), super().write_text)
        elif isinstance(fault, TooMany):
            refused, wait_s = self._faulty.refuse(armed, fault)
            now_ms = self._faulty.venue.now_ms()
            data = {"serverTime": now_ms, "retryAfter": now_ms + 1000 * wait_s}
            self.write_text(_session_error(request, refused, data))
        elif isinstance(fault, UnknownStatus | HttpError):
            if _executes(armed, fault):
                door.answer(message)
            self.write_text(_session_error(request, _refusal(fault)))
        self._faulty.venue.flush(self._faulty.venue.now_ms())

    def write_reply(self, reply: Reply, *, close: bool) -> None:
        """Write one REST reply, behind those that are late."""
        self._replies.put(partial(super().write_reply, reply, close=close))

    def write_text(self, payload: bytes) -> None:
        """Write one text message, behind those that are late."""
        self._replies.put(partial(super().write_text, payload))

    def _answer_late(
        self, fault: SlowReply, answer: Callable[[], Answer], write: Callable[[Answer], None]
    ) -> None:
        if fault.carried_out == "at_once":
            self._replies.put_late(partial(write, answer()), fault.delay_ms)
            return

        def carry_out() -> None:
            write(answer())
            self._faulty.venue.flush(self._faulty.venue.now_ms())

        self._replies.put_late(carry_out, fault.delay_ms)

    def _too_many_wait(self) -> bool:
        """End the connection of a client that asks on and on behind a late reply."""
        if not self._replies.overfull():
            return False
        self.end()
        return True

    def _lose(self, fault: LostAck, reply: bytes) -> None:
        if fault.then == "cut":
            self.write_frame(reply[: len(reply) // 2])
        if fault.then != "silence":
            self.end()


def _executes(armed: Armed, fault: UnknownStatus | HttpError) -> bool:
    if isinstance(fault, HttpError) and fault.error in FAILED_FOR_SURE:
        return False
    return armed.chance.random() < 0.5 if fault.executed is None else fault.executed


def _failure(fault: UnknownStatus | HttpError) -> Reply:
    if isinstance(fault, HttpError):
        return failure_reply(fault)
    refused = _refusal(fault)
    return Reply(refused.status, orjson.dumps(refused.body()))


def _refusal(fault: UnknownStatus | HttpError) -> Refusal:
    if isinstance(fault, HttpError):
        return FAILURES[fault.error]
    return FAILURES["timeout"] if fault.status == 408 else Refusal(-1000, STATUS_UNKNOWN, 503)


def _params(request: Request) -> dict[str, object]:
    raw = request.body + b"&" + request.query
    return dict(parse_qsl(raw.decode("utf-8", "replace")))


def _request(message: str) -> dict[str, object] | None:
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError:
        # The door says what is wrong with it.
        return None
    return request if isinstance(request, dict) else None


def _session_params(request: dict[str, object]) -> dict[str, object]:
    params = request.get("params")
    return params if isinstance(params, dict) else {}


def _session_error(
    request: dict[str, object], refused: Refusal, data: dict[str, int] | None = None
) -> bytes:
    error = refused.body()
    if data is not None:
        error["data"] = data
    return orjson.dumps({"id": request.get("id"), "status": refused.status, "error": error})
