"""The guard at the door: the checks every request passes before a route sees it.

The page is served on this machine, and any web page a browser has open can send requests to this
machine.  So the Host must be one of ours (a rebound name is not), a request that changes something
must come from our own page and carry JSON, and outside the demo it must show the token, or the
cookie of a session the token opened.  Where others can reach the page, looking needs that, too.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import Access
from dashboard.refusal import Refusal
from dashboard.sessions import cookie_name

BODY_BYTES_MAX = 16 * 1024
BODY_WAIT_S = 5.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/", "/healthz", "/api/session", "/api/login", "/api/logout"})
"""What a stranger may ask for everywhere: the page without data, and the way in and out."""
URGENT = frozenset({"STOP", "FLATTEN"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "; require-trusted-types-for 'script'", ""
)
"""For `/docs` alone: Swagger UI writes style attributes and sets HTML."""
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), "
        "midi=(), display-capture=(), browsing-topics=()"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """The outermost layer: refuses what must not pass, and makes every answer safe to show."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request and hand it on, its body read whole if it may have one."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the dashboard does not speak {scope['type']}")
        path = scope["path"]

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if path == "/docs":
                    headers["Content-Security-Policy"] = _DOCS_POLICY
                of_page = path == "/" or path.startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if of_page else "no-store")
            await send(message)

        try:
            headers, address = Headers(scope=scope), address_of(scope)
            self._check_source(headers, path)
            changes = scope["method"] not in SAFE_METHODS
            if changes:
                _check_form(scope["method"], headers)
            self._check_known(headers, path, address, changes=changes)
            if changes:
                body = await _whole_body(headers, receive)
                if body is None:
                    return  # Whoever left before all was said has ordered nothing.
                self._check_flood(path, body, address)
                receive = _replay(body, receive)
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

    def _check_known(self, headers: Headers, path: str, address: str, *, changes: bool) -> None:
        access = self._access
        if path in OPEN_PATHS or path.startswith("/static/"):
            return
        if not access.locked and not (changes and access.token):
            return
        if not access.is_known(headers.get("authorization", ""), cookie_of(headers), address):
            raise Refusal(
                401, "TOKEN_NEEDED", "Log in with the token that stands in dashboard.token."
            )

    def _check_flood(self, path: str, body: bytes, address: str) -> None:
        """Count a change; STOP and FLATTEN are never too many (`dashboard.urgent`)."""
        # Logging in has a limit of its own, for wrong tokens; logging out must always work.
        if path in OPEN_PATHS or (path == "/api/control" and _command_of(body) in URGENT):
            return
        if not self._access.changes.allows(address):
            raise Refusal(429, "TOO_FAST", "Too many changes at once: wait a few seconds.")
        self._access.changes.spend(address)


def address_of(scope: Scope) -> str:
    """The address a request comes from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def cookie_of(headers: Headers) -> str:
    """The session's secret a request shows; empty without, or with more than one."""
    lines = headers.getlist("cookie")
    if len(lines) != 1:
        return ""
    return cookie_parser(lines[0]).get(cookie_name(headers["host"]), "")


def _command_of(body: bytes) -> object:
    try:
        order: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # The route says what is wrong with it.
    command = order.get("command") if isinstance(order, dict) else None
    return command if isinstance(command, str) else None


def _check_form(method: str, headers: Headers) -> None:
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in _origins_of(headers["host"].lower()):
        raise Refusal(403, "WRONG_ORIGIN", "The request comes from another site.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # A browser never lets a foreign page send DELETE without asking first, so it needs no type.
    if kind != "application/json" and (method != "DELETE" or kind):
        raise Refusal(415, "NOT_JSON", "Send the request as application/json.")


def _origins_of(host: str) -> tuple[str, str]:
    # https stands here for a proxy on the same machine that adds TLS and keeps the Host.
    return f"http://{host}", f"https://{host}"


async def _whole_body(headers: Headers, receive: Receive) -> bytes | None:
    """Read a body that must be small and come soon; None when the rest of it never will."""
    too_large = Refusal(413, "TOO_LARGE", f"A request holds at most {BODY_BYTES_MAX} bytes.")
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > BODY_BYTES_MAX:
        raise too_large
    body: bytes = b""
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += bytes(message.get("body", b""))
                if len(body) > BODY_BYTES_MAX:
                    raise too_large
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise Refusal(408, "TOO_SLOW", "The request did not arrive in time.") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand a body on in one piece."""
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pieces.pop() if pieces else await receive()

    return replay
