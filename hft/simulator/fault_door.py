"""A connection with faults: its replies may be lost, lie or refuse."""

from __future__ import annotations

from urllib.parse import parse_qsl

import orjson

from hft.simulator.fault_kinds import LostAck, TooMany, UnknownStatus
from hft.simulator.fault_venue import FaultyVenue
from hft.simulator.faults import Armed
from hft.simulator.hub import text_frame
from hft.simulator.refusals import Refusal
from hft.simulator.rest import Reply, Request, http_bytes
from hft.simulator.server import ClientProtocol, Connections
from hft.simulator.sides import SessionSide, WebSocketDoor

FAULTS_PATH = "/sim/faults"
OWN_PATHS = "/sim/"
"""What tells of the simulator itself is never struck."""
STATUS_UNKNOWN = (-1000, "Unknown error, please check your request or try again later.")
BACKEND_TIMEOUT = (
    -1007,
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown.",
)


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
        if request.path.startswith(OWN_PATHS):
            super().respond(request, close=close)
            return
        armed = self._faulty.strike(f"{request.method} {request.path}", lambda: _params(request))
        if armed is None:
            super().respond(request, close=close)
        elif isinstance(armed.fault, LostAck):
            reply = self.answer(request)
            self._muted = True
            self._lose(armed.fault, http_bytes(reply, close=close))
        elif isinstance(armed.fault, TooMany):
            refused, wait_s = self._faulty.refuse(armed, armed.fault)
            body = orjson.dumps(refused.body())
            wait = (("Retry-After", str(wait_s)),)
            self.write_reply(Reply(refused.status, body, wait), close=close)
        elif isinstance(armed.fault, UnknownStatus):
            if _executes(armed, armed.fault):
                self.answer(request)
            refused = _unknown(armed.fault)
            self.write_reply(Reply(refused.status, orjson.dumps(refused.body())), close=close)

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message; only those of the WebSocket API are struck."""
        request = _request(message) if isinstance(door, SessionSide) else None
        if request is None:
            super().respond_text(door, message)
            return
        armed = self._faulty.strike(str(request.get("method")), lambda: _session_params(request))
        if armed is None:
            super().respond_text(door, message)
        elif isinstance(armed.fault, LostAck):
            self._lose(armed.fault, text_frame(door.answer(message)))
            self._faulty.venue.flush(self._faulty.venue.now_ms())
        elif isinstance(armed.fault, TooMany):
            refused, _ = self._faulty.refuse(armed, armed.fault)
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


def _session_error(request: dict[str, object], refused: Refusal) -> bytes:
    return orjson.dumps(
        {"id": request.get("id"), "status": refused.status, "error": refused.body()}
    )
