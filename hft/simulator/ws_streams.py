"""One stream connection: its subscriptions, its control messages, what its route lets through."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from hft.simulator.hub import Hub, prefix_of
from hft.simulator.user_streams import UserStreams

VARIANTS = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"
BARE = ""
PRIVATE = "private"
LISTEN_KEY_LENGTH = 64


class ControlError(Exception):
    """A control message the venue answers with a small code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class StreamClient:
    """A subscriber.  A name that does not belong to its route is listed, and stays mute."""

    def __init__(
        self, hub: Hub, users: UserStreams, write_frame: Callable[[bytes], None], *, prefix: str
    ) -> None:
        self.combined = False
        self._hub = hub
        self._users = users
        self.write_frame = write_frame
        self.end: Callable[[], None] = _nothing
        self._prefix = prefix
        self._names: dict[str, None] = {}

    @property
    def stream_count(self) -> int:
        """How many names it follows, mute ones too."""
        return len(self._names)

    def open(self, path_names: str, query: str, *, combined: bool) -> None:
        """Subscribe what the address names: path, `streams=` or `listenKey=&events=`."""
        self.combined = combined
        for name in path_names.split("/"):
            if name:
                self.subscribe(name)
        key = ""
        keys: dict[str, frozenset[str] | None] = {}
        early: frozenset[str] | None = None
        for field, value in parse_qsl(query):
            if field == "streams":
                for name in value.split("/"):
                    if name:
                        self.subscribe(name)
            elif field == "listenKey":
                key = value
                keys[key], early = early, None
            elif field == "events" and key:
                keys[key] = frozenset(value.split("/"))
            elif field == "events":
                # Libraries that sort their parameters name the events before the first key.
                early = frozenset(value.split("/"))
        for listen_key, events in keys.items():
            self.subscribe(listen_key, events)

    def close(self) -> None:
        """Give up every subscription."""
        for name in self._names:
            self._drop(name)
        self._names.clear()

    def subscribe(self, name: str, events: frozenset[str] | None = None) -> None:
        """Start a stream, or a user data stream when the name is shaped like a listen key."""
        self._names[name] = None
        if _is_listen_key(name):
            if self._prefix in (PRIVATE, BARE):
                self._users.follow(name, self, events)
        elif self._prefix in (BARE, prefix_of(name)) or self._is_trade(name):
            self._hub.subscribe(name, self)

    def _is_trade(self, name: str) -> bool:
        """Say whether it is a stream of trades, which clients look for on either market route."""
        # The venue documents no route for it: it was seen alive on /public.
        return name.endswith("@trade") and self._prefix != PRIVATE

    def answer(self, message: str) -> bytes:
        """Answer one control message."""
        request_id: object = None
        try:
            request = _read(message)
            request_id = _id_of(request)
            reply: dict[str, object] = {"result": self._control(request), "id": request_id}
        except ControlError as error:
            reply = {"error": {"code": error.code, "msg": error.text}, "id": request_id}
        return orjson.dumps(reply)

    def _control(self, request: dict[str, object]) -> object:
        if "method" not in request:
            raise _invalid("missing field `method`")
        method = request["method"]
        if method == "LIST_SUBSCRIPTIONS":
            return list(self._names)
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE", "SET_PROPERTY", "GET_PROPERTY"):
            raise _invalid(f"unknown variant `{method}`, expected one of {VARIANTS}")
        if request.get("params") is None:
            raise _invalid("missing field `params`")
        params = request["params"]
        if not isinstance(params, list):
            raise _invalid("params must be an array")
        if method == "GET_PROPERTY":
            _check_property(params, 1)
            return self.combined
        if method == "SET_PROPERTY":
            self._set_property(params)
            return None
        for name in _texts(params):
            if method == "SUBSCRIBE":
                self.subscribe(name)
            else:
                self._names.pop(name, None)
                self._drop(name)
        return None

    def _set_property(self, params: list[object]) -> None:
        _check_property(params, 2)
        if len(params) < 2 or not isinstance(params[1], bool):
            raise ControlError(1, "Invalid value type: expected Boolean")
        self.combined = params[1]

    def _drop(self, name: str) -> None:
        self._hub.unsubscribe(name, self)
        self._users.unfollow(name, self)


def _nothing() -> None:
    """End a connection that has no socket."""


def _is_listen_key(name: str) -> bool:
    return len(name) == LISTEN_KEY_LENGTH and name.isalnum()


def _invalid(what: str) -> ControlError:
    return ControlError(2, "Invalid request: " + what)


def _check_property(params: list[object], most: int) -> None:
    if not params or not isinstance(params[0], str):
        raise _invalid("property name must be a string")
    if len(params) > most:
        raise _invalid("too many parameters")
    if params[0] != "combined":
        raise ControlError(0, "Unknown property")


def _id_of(request: dict[str, object]) -> object:
    """Give the id to echo, as it was sent; texts are echoed too, whatever the manual says."""
    request_id = request.get("id")
    whole = isinstance(request_id, int) and not isinstance(request_id, bool) and request_id >= 0
    if whole or request_id is None or isinstance(request_id, str):
        return request_id
    raise _invalid("request ID must be an unsigned integer")


def _read(message: str) -> dict[str, object]:
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ControlError(3, f"Invalid JSON: expected value at {place}") from None
    if not isinstance(request, dict):
        raise _invalid("missing field `method`")
    return request


def _texts(params: list[object]) -> list[str]:
    names = [name for name in params if isinstance(name, str)]
    if len(names) != len(params):
        raise _invalid("a stream name must be a string")
    return names
