"""The WebSocket API door: one JSON request per frame, the same handlers as REST behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson

from hft.simulator import account_calls, amend_calls, market_calls, order_calls, stream_calls
from hft.simulator.calls import PUBLIC, SIGNED, Call, Route, check_time
from hft.simulator.limits import Throttled
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.signing import is_signed, session_payload, text_of
from hft.simulator.symbols import RATE_LIMITS
from hft.simulator.venue import Venue

METHODS: dict[str, Route] = {
    **market_calls.METHODS,
    **order_calls.METHODS,
    **amend_calls.METHODS,
    **account_calls.METHODS,
    **stream_calls.METHODS,
}


class SessionDoor:
    """Answers the requests of one WebSocket API connection."""

    def __init__(self, venue: Venue, *, rate_limits: bool = True, address: str = "") -> None:
        self._venue = venue
        self._rate_limits = rate_limits
        self._address = address

    def answer(self, message: str) -> bytes:
        """Answer one text frame; everything wrong with it becomes an error reply."""
        venue = self._venue
        venue.counts.session_requests += 1
        now_ms = venue.now_ms()
        reply: dict[str, object] = {"id": None}
        account_id = orders = 0
        shown = self._rate_limits
        try:
            request = _read(message)
            reply["id"] = request.get("id")
            route, params = _route_of(request)

            shown = _wants_limits(request, params, default=shown)
            texts = {name: text_of(value) for name, value in params.items()}
            venue.limits.spend(self._address, "", route.weigh(texts), now_ms)
            account_id = self._authenticate(route, params, texts, now_ms)
            orders = route.orders
            venue.limits.spend_orders(account_id, orders, now_ms)
            result = route.handler(Call(venue, texts, now_ms, account_id))
            reply.update(status=200, result=result)
        except Refusal as refused:
            venue.counts.refusals += 1
            reply.update(status=refused.status, error=self._error(refused, now_ms))
        venue.publisher.keep(now_ms)
        if shown and reply.get("status") != 401:
            reply["rateLimits"] = self._limit_rows(account_id if orders else 0, now_ms)
        return orjson.dumps(reply)

    def _authenticate(
        self, route: Route, params: dict[str, object], texts: Mapping[str, str], now_ms: int
    ) -> int:
        if route.security == PUBLIC:
            return 0
        known = self._venue.credentials_of(texts.get("apiKey", ""))
        if route.security == SIGNED:
            check_time(texts, self._venue.said_ms(now_ms))
            signature = texts.get("signature", "")
            if not signature:
                raise refusal(-1102, "signature")
            payload = session_payload(params)
            if not is_signed(known.api_secret, payload, signature.encode()):
                raise refusal(-1022)
        return known.account_id

    def _error(self, refused: Refusal, now_ms: int) -> dict[str, object]:
        error = refused.body()
        if isinstance(refused, Throttled):
            self._venue.counts.throttled += 1
            error["data"] = {"serverTime": now_ms, "retryAfter": refused.until_ms}
        return error

    def _limit_rows(self, account_id: int, now_ms: int) -> list[dict[str, object]]:
        """Say what was used: the weight always, orders when an account is named."""
        limits = self._venue.limits
        rows = [{**RATE_LIMITS[0], "count": limits.weight(self._address, now_ms)}]
        if account_id:
            ten_seconds, minute = limits.order_counts(account_id, now_ms)
            rows.append({**RATE_LIMITS[2], "count": ten_seconds})
            rows.append({**RATE_LIMITS[1], "count": minute})
        return rows


def _read(message: str) -> dict[str, object]:
    try:
        request = orjson.loads(message)
    except orjson.JSONDecodeError:
        raise refusal(-1000, text="Invalid JSON in request.") from None
    if not isinstance(request, dict):
        raise refusal(-1000, text="A request is a JSON object.")
    params = request.get("params")
    if isinstance(params, dict) and any(isinstance(value, float) for value in params.values()):
        # A signature counts a number in the text it was sent as (0.010, not 0.01).
        request["params"] = json.loads(message, parse_float=str)["params"]
    return request


def _route_of(request: dict[str, object]) -> tuple[Route, dict[str, object]]:
    method = request.get("method")
    route = METHODS.get(method) if isinstance(method, str) else None
    if route is None:
        raise refusal(-1000, text=f"Unknown method {method!r}.")
    params = request.get("params") or {}
    if not isinstance(params, dict):
        raise refusal(-1102, "params")
    return route, params


def _wants_limits(request: dict[str, object], params: dict[str, object], *, default: bool) -> bool:
    for holder in (request, params):
        if "returnRateLimits" in holder:
            return text_of(holder["returnRateLimits"]) == "true"
    return default
