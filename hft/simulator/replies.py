"""Requests as they came and replies as they go, on HTTP."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

import msgspec
import orjson

from hft.clock import wall_ms

Headers = tuple[tuple[str, str], ...]
JSON = "application/json"


class Request(msgspec.Struct, frozen=True):
    """An HTTP request as it came; query and body are raw bytes."""

    method: str
    path: str
    query: bytes
    body: bytes
    api_key: str
    address: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What goes back: HTTP status, body (JSON but from a gateway that fails), extra headers."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: str = JSON


def error_reply(status: int, code: int, text: str, headers: Headers = ()) -> Reply:
    """Make the reply to what never became a request."""
    return Reply(status, orjson.dumps({"code": code, "msg": text}), headers)


_FIRST = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n"
    "Server: Tengine\r\n"
    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    for status in HTTPStatus
}
_JSON_LINE = f"Content-Type: {JSON}\r\n"
_CONNECTION = {True: "Connection: close\r\n", False: "Connection: keep-alive\r\n"}


class _DateLine:
    """The Date header, written anew once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def text(self) -> str:
        second = wall_ms() // 1_000
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._line


_date_line = _DateLine().text


def http_bytes(reply: Reply, *, close: bool, head_only: bool = False) -> bytes:
    """Put a reply into the bytes of HTTP; `head_only` tells the body's length without the body."""
    head = _FIRST[reply.status] + _date_line() + _CONNECTION[close]
    head += _JSON_LINE if reply.content_type is JSON else f"Content-Type: {reply.content_type}\r\n"
    for name, value in reply.headers:
        head += f"{name}: {value}\r\n"
    head += f"Content-Length: {len(reply.body)}\r\n\r\n"
    return head.encode() if head_only else head.encode() + reply.body
