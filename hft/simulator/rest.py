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
    stream_calls,
)
from hft.simulator.calls import KEYED, PUBLIC, SIGNED, Call, Route, check_time
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
    ("GET", "/fapi/v1/ping"): Route(market_calls.ping, PUBLIC),
    ("GET", "/fapi/v1/time"): Route(market_calls.server_time, PUBLIC),
    ("GET", "/fapi/v1/exchangeInfo"): Route(market_calls.info, PUBLIC),
    ("GET", "/fapi/v1/depth"): Route(market_calls.depth, PUBLIC, market_calls.depth_weight),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(
        market_calls.book_ticker, PUBLIC, market_calls.one_or_all(2, 5)
    ),
    ("GET", "/fapi/v1/ticker/price"): Route(
        market_calls.price, PUBLIC, market_calls.one_or_all(1, 2)
    ),
    ("GET", "/fapi/v2/ticker/price"): Route(
        market_calls.price, PUBLIC, market_calls.one_or_all(1, 2)
    ),
    ("GET", "/fapi/v1/premiumIndex"): Route(
        market_calls.premium_index, PUBLIC, market_calls.one_or_all(1, 10)
    ),
    ("POST", "/fapi/v1/order"): Route(order_calls.place, SIGNED, 0, 1),
    ("GET", "/fapi/v1/order"): Route(order_calls.query, SIGNED),
    ("DELETE", "/fapi/v1/order"): Route(order_calls.cancel, SIGNED),
    ("PUT", "/fapi/v1/order"): Route(amend_calls.amend, SIGNED, 0, 1),
    ("GET", "/fapi/v1/orderAmendment"): Route(amend_calls.amendments, SIGNED),
    ("POST", "/fapi/v1/batchOrders"): Route(batch_calls.place, SIGNED, 5, 5),
    ("PUT", "/fapi/v1/batchOrders"): Route(batch_calls.amend, SIGNED, 5, 5),
    ("DELETE", "/fapi/v1/batchOrders"): Route(batch_calls.cancel, SIGNED),
    ("GET", "/fapi/v1/openOrder"): Route(order_calls.open_order, SIGNED),
    ("GET", "/fapi/v1/openOrders"): Route(
        order_calls.open_orders, SIGNED, market_calls.one_or_all(1, 40)
    ),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route(order_calls.cancel_all, SIGNED),
    ("GET", "/fapi/v1/allOrders"): Route(order_calls.all_orders, SIGNED, 5),
    ("POST", "/fapi/v1/countdownCancelAll"): Route(order_calls.countdown, SIGNED, 10),
    ("GET", "/fapi/v1/userTrades"): Route(order_calls.user_trades, SIGNED, 5),
    ("GET", "/fapi/v1/rateLimit/order"): Route(market_calls.order_rate_limits, SIGNED),
    ("GET", "/fapi/v2/balance"): Route(account_calls.balance, SIGNED, 5),
    ("GET", "/fapi/v3/balance"): Route(account_calls.balance, SIGNED, 5),
    ("GET", "/fapi/v2/account"): Route(account_calls.account_v2, SIGNED, 5),
    ("GET", "/fapi/v3/account"): Route(account_calls.account_v3, SIGNED, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(account_calls.position_risk_v2, SIGNED, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(account_calls.position_risk_v3, SIGNED, 5),
    ("POST", "/fapi/v1/leverage"): Route(account_calls.leverage, SIGNED),
    ("POST", "/fapi/v1/marginType"): Route(account_calls.margin_type, SIGNED),
    ("GET", "/fapi/v1/commissionRate"): Route(account_calls.commission_rate, SIGNED, 20),
    ("GET", "/fapi/v1/leverageBracket"): Route(account_calls.leverage_bracket, SIGNED),
    ("GET", "/fapi/v1/income"): Route(account_calls.income, SIGNED, 30),
    ("POST", "/fapi/v1/listenKey"): Route(stream_calls.start, KEYED),
    ("PUT", "/fapi/v1/listenKey"): Route(stream_calls.extend, KEYED),
    ("DELETE", "/fapi/v1/listenKey"): Route(stream_calls.stop, KEYED),
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
