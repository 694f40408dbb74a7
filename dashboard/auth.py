"""Who may ask what: the checks every request passes before a route sees it.

The page is served on this machine, and any web page a browser has open can send requests to this
machine.  So the Host must be one of ours (a rebound name is not), a request that changes something
must come from our own page and carry JSON, and outside the demo it must show the token that only a
user who can read the data folder knows.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
import secrets
from pathlib import Path

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX = 16 * 1024
BODY_WAIT_S = 5.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Refusal(Exception):
    """A request that is answered with `status` and one sentence instead of being handled."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        """Build the answer: a code for programs and a sentence for people."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else None
        body = {"ok": False, "code": self.code, "message": self.message}
        return JSONResponse(body, self.status, headers)


class Access(msgspec.Struct, frozen=True):
    """What a request is held against.

    `host` is the address the page is bound to; `token` is what a control call must show, empty in
    the demo, where paper money needs no secret.
    """

    host: str = "127.0.0.1"
    token: str = ""

    def knows_host(self, header: str) -> bool:
        """Say whether a Host header names this machine, not a name somebody rebound to it."""
        name = host_name(header)
        if name in ("localhost", self.host.lower()):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self._bound_everywhere()

    def _bound_everywhere(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def shows_token(self, header: str) -> bool:
        """Say whether an Authorization header carries the token; any wrong one takes as long."""
        scheme, _, shown = header.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            shown.strip().encode(), self.token.encode()
        )


def host_name(header: str) -> str:
    """Take the port, and the brackets of an IPv6 address, off a Host header."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def token_at(path: Path) -> str:
    """Read the control token, making a new one (mode 0600) where there is none."""
    if path.is_file():
        token = path.read_text(encoding="ascii").strip()
        if token:
            path.chmod(0o600)
            return token
    token = secrets.token_urlsafe(32)
    half = path.with_name(f"{path.name}.new")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token + "\n")
    half.replace(path)
    return token


class Guard:
    """The outermost layer: refuses what must not pass, and makes every answer safe to show."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and hand it on with its whole body read."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the dashboard does not speak {scope['type']}")

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                kept = "no-store" if scope["path"].startswith("/api/") else "no-cache"
                headers.setdefault("Cache-Control", kept)
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check_source(headers, scope["path"])
            if scope["method"] not in SAFE_METHODS:
                self._check_change(scope["method"], headers)
                receive = await _whole_body(headers, receive)
        except Refusal as refusal:
            await refusal.response()(scope, receive, send_safely)
            return
        await self._app(scope, receive, send_safely)

    def _check_source(self, headers: Headers, path: str) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._access.knows_host(hosts[0]):
            raise Refusal(403, "WRONG_HOST", "This address is not one the dashboard answers to.")
        site = headers.get("sec-fetch-site", "none")
        if path.startswith("/api/") and site not in ("none", "same-origin"):
            raise Refusal(403, "WRONG_ORIGIN", "The request comes from another site.")

    def _check_change(self, method: str, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in _origins_of(headers["host"].lower()):
            raise Refusal(403, "WRONG_ORIGIN", "The request comes from another site.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        # A browser never lets a foreign page send DELETE without asking first, so it needs no type.
        if kind != "application/json" and (method != "DELETE" or kind):
            raise Refusal(415, "NOT_JSON", "Send the request as application/json.")
        if self._access.token and not self._access.shows_token(headers.get("authorization", "")):
            raise Refusal(
                401, "TOKEN_NEEDED", "Show the token that stands in dashboard.token as Bearer."
            )


def _origins_of(host: str) -> tuple[str, str]:
    # https stands here for a proxy on the same machine that adds TLS and keeps the Host.
    return f"http://{host}", f"https://{host}"


async def _whole_body(headers: Headers, receive: Receive) -> Receive:
    """Read a body that must be small, and return a `receive` that hands it on in one piece."""
    too_large = Refusal(413, "TOO_LARGE", f"A request holds at most {BODY_BYTES_MAX} bytes.")
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > BODY_BYTES_MAX:
        raise too_large
    body = b""
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise too_large
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Refusal(408, "TOO_SLOW", "The request did not arrive in time.") from None
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pieces.pop() if pieces else await receive()

    return replay
