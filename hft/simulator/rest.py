"""The REST door: a raw request in, status and JSON out, by one table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec
import orjson

from hft.simulator import (
    account_calls,
    amend_calls,
    batch_calls,
    market_calls,
    order_calls,
    setting_calls,
    stream_calls,
)
from hft.simulator.calls import PUBLIC, SIGNED, Call, Route, check_time
from hft.simulator.limits import HANDSHAKE_WEIGHT, Throttled
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.signing import is_signed, rest_payload
from hft.simulator.venue import Venue

Headers = tuple[tuple[str, str], ...]


class Request(msgspec.Struct, frozen=True):
    """An HTTP request as it came; query and body are raw bytes."""

    method: str
    path: str
    query: bytes
    body: bytes
    api_key: str
    address: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What goes back: HTTP status, JSON body, extra headers."""

    status: int
    body: bytes
    headers: Headers = ()


ROUTES: dict[tuple[str, str], Route] = {
    **market_calls.ROUTES,
    **order_calls.ROUTES,
    **amend_calls.ROUTES,
    **batch_calls.ROUTES,
    **account_calls.ROUTES,
    **setting_calls.ROUTES,
    **stream_calls.ROUTES,
}


class RestDoor:
    """Answers REST requests, one after the other."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def answer(self, request: Request) -> Reply:
        """Answer one request; a refusal becomes its error body."""
        venue = self._venue
        venue.counts.rest_requests += 1
        if request.method == "GET" and request.path == "/sim/state":
            return Reply(200, orjson.dumps(self.state()))
        now_ms = venue.now_ms()
        route = ROUTES.get((request.method, request.path))
        address, account_id = request.address, 0
        orders = 0 if route is None else route.orders
        try:
            params = _params(request)
            weight = 0 if route is None else route.weigh(params)
            venue.limits.spend(address, request.path, weight, now_ms)
            if route is None:
                raise refusal(-5000, request.path, request.method)
            account_id = self._authenticate(route, request, params, now_ms)
            venue.limits.spend_orders(account_id, orders, now_ms)
            if account_id and request.method != "GET" and not orders:
                venue.exchange.touched.add(account_id)
            result = route.handler(Call(venue, params, now_ms, account_id))
        except Refusal as refused:
            used = self._used(address, account_id if orders else 0, now_ms)
            return self._refuse(refused, used)
        finally:
            venue.flush(now_ms)
        used = self._used(address, account_id if orders else 0, now_ms)
        return Reply(200, orjson.dumps(result), used)

    def admit_socket(self, address: str, *, session: bool) -> Reply | None:
        """Count a WebSocket handshake; gives the refusal if there is one."""
        venue = self._venue
        now_ms = venue.now_ms()
        try:
            if session:
                venue.limits.spend(address, "", HANDSHAKE_WEIGHT, now_ms)
            else:
                venue.limits.check_streams(address, now_ms)
        except Throttled as refused:
            return self._refuse(refused, self._used(address, 0, now_ms))
        return None

    def state(self) -> dict[str, object]:
        """Describe this run of the simulator."""
        venue = self._venue
        return {
            "account_epoch": venue.account_epoch,
            "seed": venue.seed,
            "symbols": list(venue.exchange.listings),
            "server_time_ms": venue.said_ms(venue.now_ms()),
            "faults": venue.describe_faults(),
            "market": venue.describe_market(),
            "state": venue.describe_state(),
            "limits": "venue" if venue.limits.enforced else "off",
            "counts": {
                **msgspec.structs.asdict(venue.counts),
                "stream_frames": venue.hub.frames_sent,
                "orders": sum(len(desk.orders) for desk in venue.exchange.desks.values()),
                "fills": sum(len(desk.fills) for desk in venue.exchange.desks.values()),
            },
            "connections": {
                "streams": venue.counts.stream_connections,
                "sessions": venue.counts.session_connections,
            },
        }

    def _authenticate(
        self, route: Route, request: Request, params: Mapping[str, str], now_ms: int
    ) -> int:
        if route.security == PUBLIC:
            return 0
        known = self._venue.credentials_of(request.api_key)
        if route.security == SIGNED:
            check_time(params, self._venue.said_ms(now_ms))
            payload, signature = rest_payload(request.query, request.body)
            if not signature:
                raise refusal(-1102, "signature")
            if not is_signed(known.api_secret, payload, signature):
                raise refusal(-1022)
        return known.account_id

    def _refuse(self, refused: Refusal, headers: Headers) -> Reply:
        self._venue.counts.refusals += 1
        if isinstance(refused, Throttled):
            self._venue.counts.throttled += 1
            headers = (*headers, ("Retry-After", str(refused.wait_s)))
        return Reply(refused.status, orjson.dumps(refused.body()), headers)

    def _used(self, address: str, account_id: int, now_ms: int) -> Headers:
        """Say what was used: the weight always, orders when an account is named."""
        limits = self._venue.limits
        weight = (("X-MBX-USED-WEIGHT-1M", str(limits.weight(address, now_ms))),)
        if not account_id:
            return weight
        ten_seconds, minute = limits.order_counts(account_id, now_ms)
        return (
            *weight,
            ("X-MBX-ORDER-COUNT-10S", str(ten_seconds)),
            ("X-MBX-ORDER-COUNT-1M", str(minute)),
        )


def _params(request: Request) -> dict[str, str]:
    """Read the parameters of query and body; a name in both is the query's."""
    params = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    params.update(parse_qsl(request.query.decode("utf-8", "replace"), keep_blank_values=True))
    return params


def http_bytes(reply: Reply, *, close: bool) -> bytes:
    """Put a reply into the bytes of HTTP."""
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(reply.body)}",
        "Cache-Control: no-cache, no-store, must-revalidate",
        "Access-Control-Allow-Origin: *",
        f"Connection: {'close' if close else 'keep-alive'}",
    ]
    lines += [f"{name}: {value}" for name, value in reply.headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body
