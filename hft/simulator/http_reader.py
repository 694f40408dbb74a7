"""HTTP/1.1 requests out of bytes, and what is wrong with those that are none.

httptools parses; here stand the limits and the rules it leaves to its user.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

import httptools

BODY_MAX_BYTES = 1 << 20
URL_MAX_BYTES = 8_190
HEADERS_MAX = 100
HEADERS_MAX_BYTES = 32 << 10
UPGRADE_NAMES = (b"upgrade", b"connection", b"http2-settings")


class BadRequest(Exception):
    """A request that cannot be answered; the connection ends with this status and text."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class HttpReader:
    """Reads the requests of one connection; `take` is called with each that is whole.

    While it is called, the request is in the reader's fields.
    """

    def __init__(self, take: Callable[[], None], go_on: Callable[[], None]) -> None:
        """Begin; `go_on` is called when a client waits to be told to send its body."""
        self._take = take
        self._go_on = go_on
        self._parser = httptools.HttpRequestParser(self)
        self._head_bytes = -1
        self.wants_socket = False
        self._clear()

    def _clear(self) -> None:
        self.target = b""
        self._body = bytearray()
        self.headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._header_count = 0
        self._in_head = False
        self.reading = False
        """Whether a request has begun and is not whole yet."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self._parser.get_method().decode())

    @property
    def body(self) -> bytes:
        """The body, whatever it came in."""
        return bytes(self._body)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to go on after this request."""
        return bool(self._parser.should_keep_alive())

    def feed(self, data: bytes) -> bytes:
        """Read on; gives what follows a request for a WebSocket, which is no longer HTTP.

        Raises:
            BadRequest: the connection is to end with this.
        """
        try:
            while data:
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    rest = data[upgrade.args[0] :]
                    if self.wants_socket:
                        return rest
                    data = self._without_upgrade(rest)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Malformed request.") from None
        if self._in_head:
            # Bounds what the parser holds back: a header that does not end.  The bytes that came
            # with the beginning are not counted, for other requests may be among them.
            self._head_bytes += len(data) if self._head_bytes >= 0 else 1
            if self._head_bytes > HEADERS_MAX_BYTES:
                raise BadRequest(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers are too large."
                )
        return b""

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Give the request once more without the upgrade it offers, which nobody has to accept.

        The parser stops before the body of such a request (Java's client sends h2c so).
        """
        lines = [self._parser.get_method() + b" " + self.target + b" HTTP/1.1"]
        lines += [
            name + b": " + value
            for name, value in self.headers.items()
            if name not in UPGRADE_NAMES and name != b"expect"
        ]
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    # httptools callbacks

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._clear()
        self._in_head = self.reading = True
        self._head_bytes = -1

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self.target += url
        if len(self.target) > URL_MAX_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header; what trails a chunked body is none."""
        if not self._in_head:
            return
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if self._header_count > HEADERS_MAX or self._header_bytes > HEADERS_MAX_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Headers are too large.")
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Look at the head before there is a body."""
        self._in_head = False
        headers = self.headers
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here.")
        if version == "1.1" and b"host" not in headers:
            raise BadRequest(HTTPStatus.BAD_REQUEST, "A request needs a Host header.")
        coding = headers.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or version == "1.0"):
            raise BadRequest(HTTPStatus.NOT_IMPLEMENTED, "Only chunked bodies are read.")
        if int(headers.get(b"content-length") or 0) > BODY_MAX_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large.")
        expected = headers.get(b"expect")
        if expected is not None and version == "1.1":
            if expected.lower() != b"100-continue":
                raise BadRequest(HTTPStatus.EXPECTATION_FAILED, "Only 100-continue is known.")
            self._go_on()

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body += body
        if len(self._body) > BODY_MAX_BYTES:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Body too large.")

    def on_message_complete(self) -> None:
        """Hand over the request, unless it has to be read once more without its upgrade."""
        self.reading = False
        if self._parser.should_upgrade():
            upgrade = self.headers.get(b"upgrade", b"").lower()
            self.wants_socket = b"websocket" in upgrade
            if not self.wants_socket and self.method == "CONNECT":
                raise BadRequest(HTTPStatus.METHOD_NOT_ALLOWED, "This is no proxy.")
            return
        self._take()
