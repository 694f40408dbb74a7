"""The REST door: a raw request in, status and JSON out, by one table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
import orjson

from hft.clock import monotonic_ns
from hft.errors import HftError
from hft.simulator import (
    account_calls,
    algo_calls,
    amend_calls,
    batch_calls,
    contract_calls,
    funding_calls,
    history_calls,
    market_calls,
    order_calls,
    setting_calls,
    statistics_calls,
    stream_calls,
)
from hft.simulator.calls import PUBLIC, SIGNED, Call, Route
from hft.simulator.deposits import DEPOSIT_PATH, deposit
from hft.simulator.doorman import Doorman, trades
from hft.simulator.limits import HANDSHAKE_WEIGHT, POOLS, Throttled
from hft.simulator.mishaps import report_mishap
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.replies import Headers, Reply, Request, http_bytes
from hft.simulator.signing import rest_payload
from hft.simulator.venue import Venue
from hft.units import NS_PER_MS

__all__ = ["ROUTES", "Reply", "Request", "RestDoor", "http_bytes"]

PARAMETERS_MAX = 200
STATE_PATH = "/sim/state"

ROUTES: dict[tuple[str, str], Route] = {
    **market_calls.ROUTES,
    **history_calls.ROUTES,
    **funding_calls.ROUTES,
    **contract_calls.ROUTES,
    **statistics_calls.ROUTES,
    **order_calls.ROUTES,
    **amend_calls.ROUTES,
    **batch_calls.ROUTES,
    **algo_calls.ROUTES,
    **account_calls.ROUTES,
    **setting_calls.ROUTES,
    **stream_calls.ROUTES,
}

_PREFLIGHT: Headers = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ("Access-Control-Allow-Headers", "X-MBX-APIKEY, Content-Type"),
)


class RestDoor:
    """Answers REST requests, one after the other."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._doorman = Doorman(venue)

    def answer(self, request: Request) -> Reply:
        """Answer one request; a refusal, or a bug, becomes its error body."""
        venue = self._venue
        began_ns, now_ms = monotonic_ns(), venue.now_ms()
        venue.counts.rest_requests += 1
        asked = _Asked(request)
        status = 200
        more: Headers = ()
        try:
            try:
                result = self._carry_out(asked, now_ms)
            finally:
                venue.flush(now_ms)
            body = b"" if result is None else orjson.dumps(result)
        except Refusal as refused:
            status, body, more = self._refuse(refused)
        except HftError:
            # What happened could not be written down: nobody may hear of it, the exchange ends.
            raise
        except Exception as error:  # noqa: BLE001  Told on stderr; the others go on trading.
            what = f"{request.method} {request.path}"
            status, body, more = self._refuse(report_mishap(venue, what, error))
        took = f"{(monotonic_ns() - began_ns) // NS_PER_MS}ms"
        return Reply(status, body, (*self._used(asked, now_ms), ("x-response-time", took), *more))

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
            status, body, more = self._refuse(refused)
            weight = ("X-MBX-USED-WEIGHT-1M", str(venue.limits.weight(address, now_ms)))
            return Reply(status, body, (weight, *more))
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

    def _carry_out(self, asked: _Asked, now_ms: int) -> object:
        request, method = asked.request, asked.method
        if request.path.startswith("/sim/"):
            if (method, request.path) == ("GET", STATE_PATH):
                return self.state()
            if (method, request.path) == ("POST", DEPOSIT_PATH):
                return deposit(self._venue, request, now_ms)
        if method == "OPTIONS":
            return None
        limits = self._venue.limits
        route = ROUTES.get((method, request.path))
        params: Mapping[str, str] = {}
        problem: Refusal | None = None
        try:
            params = _params(request)
        except Refusal as refused:
            # It has cost its weight all the same.
            problem = refused
        weight = 0 if route is None else route.weigh(params)
        limits.spend(request.address, request.path, weight, now_ms)
        if route is None:
            raise refusal(-5000, request.path, request.method)
        if problem is not None:
            raise problem
        account_id = self._authenticate(route, asked, params, now_ms)
        if route.orders:
            asked.counted_id = account_id
            limits.spend_orders(account_id, route.orders, now_ms)
        elif account_id and method != "GET":
            # What sets something up has no outcome that says so.
            self._venue.exchange.touched.add(account_id)
        return route.handler(Call(self._venue, params, now_ms, account_id))

    def _authenticate(
        self, route: Route, asked: _Asked, params: Mapping[str, str], now_ms: int
    ) -> int:
        if route.security == PUBLIC:
            return 0
        request, doorman = asked.request, self._doorman
        trading = trades(asked.method, route)
        known = doorman.known(request.api_key, request.address, trading=trading)
        if route.security == SIGNED:
            doorman.check_time(params, now_ms)
            doorman.check_signature(known, *rest_payload(request.query, request.body))
        return known.account_id

    def _refuse(self, refused: Refusal) -> tuple[int, bytes, Headers]:
        counts = self._venue.counts
        counts.refusals += 1
        more: Headers = ()
        if isinstance(refused, Throttled):
            counts.throttled += 1
            more = (("Retry-After", str(refused.wait_s)),)
        return refused.status, orjson.dumps(refused.body()), more

    def _used(self, asked: _Asked, now_ms: int) -> Headers:
        """Say what was used: the weight, orders where they were counted."""
        if asked.method == "OPTIONS":
            return _PREFLIGHT
        limits, request = self._venue.limits, asked.request
        if request.path in POOLS:
            # What has a limit of its own does not tell the weight, as on the live venue.
            return ()
        weight = ("X-MBX-USED-WEIGHT-1M", str(limits.weight(request.address, now_ms)))
        if not asked.counted_id:
            return (weight,)
        ten_seconds, minute = limits.order_counts(asked.counted_id, now_ms)
        return (
            weight,
            ("X-MBX-ORDER-COUNT-10S", str(ten_seconds)),
            ("X-MBX-ORDER-COUNT-1M", str(minute)),
        )


class _Asked:
    """One request while it is answered."""

    def __init__(self, request: Request) -> None:
        self.request = request
        # A HEAD is a GET whose body is left out when it is written.
        self.method = "GET" if request.method == "HEAD" else request.method
        self.counted_id = 0
        """The account whose orders it counts to; 0: it does not."""


def _params(request: Request) -> dict[str, str]:
    """Read the parameters of query and body; a name in both is the query's.

    Raises:
        Refusal: -1101, one of them has a name twice, or there are too many.
    """
    params = _fields(request.query)
    if request.body:
        return {**_fields(request.body), **params}
    return params


def _fields(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    if raw.count(b"&") >= PARAMETERS_MAX:
        raise refusal(-1101, text="Too many parameters sent for this endpoint.")
    text = raw.decode("utf-8", "replace")
    if "%" in text or "+" in text:
        pairs = parse_qsl(text, keep_blank_values=True)
        fields = dict(pairs)
        count = len(pairs)
    else:
        fields, count = {}, 0
        for part in text.split("&"):
            if part:
                name, _, fields[name] = part.partition("=")
                count += 1
    if len(fields) != count:
        raise refusal(-1101)
    return fields
