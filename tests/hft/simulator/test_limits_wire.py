from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket

from hft.simulator.__main__ import main
from hft.simulator.limits import BAN_FIRST_MS, STRIKES_MAX, Limits, Throttled

from .clocked import START_MS, Clocked, clocked
from .wire import API_KEY, eventually, receive, running, sign

ALL_ORDERS = "/fapi/v1/openOrders"
ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "IOC",
    "price": "58500.0",
    "quantity": "0.010",
}
"""Nobody sells: it expires at once, and counts."""
SESSION = "/ws-fapi/v1"
HERE = "127.0.0.1"
TEN_S = 10_000
MINUTE = 60_000


@pytest.fixture
def venue() -> Iterator[Clocked]:
    with clocked() as running:
        yield running


def use_up(venue: Clocked) -> None:
    """Leave nothing of this minute's weight."""
    for count in range(1, 61):
        reply = venue.signed("GET", ALL_ORDERS)
        assert reply.status_code == 200
        assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(40 * count)


def get_banned(venue: Clocked) -> requests.Response:
    """Go on against refusals until the ban; gives the first answer of it."""
    use_up(venue)
    for _ in range(STRIKES_MAX):
        assert venue.raw("GET", "/fapi/v1/ping").status_code == 429
    return venue.raw("GET", "/fapi/v1/ping")


def call(link: websocket.WebSocket, now_ms: int, method: str, **params: Any) -> Any:
    params = {"apiKey": API_KEY, "timestamp": now_ms, **params}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = sign(text)
    link.send(json.dumps({"id": 1, "method": method, "params": params}))
    return receive(link)


def test_a_used_up_weight_is_429_until_the_minute_ends(venue: Clocked) -> None:
    venue.now_ms += 15_500
    use_up(venue)
    refused = venue.raw("GET", "/fapi/v1/time")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "45"
    assert refused.headers["X-MBX-USED-WEIGHT-1M"] == "2401"
    assert refused.json() == {
        "code": -1003,
        "msg": "Too many requests; current limit is 2400 requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
    }
    venue.now_ms = START_MS + MINUTE
    served = venue.raw("GET", "/fapi/v1/time")
    assert (served.status_code, served.headers["X-MBX-USED-WEIGHT-1M"]) == (200, "1")


def test_who_goes_on_is_banned_for_longer_each_time(venue: Clocked) -> None:
    banned = get_banned(venue)
    until_ms = START_MS + BAN_FIRST_MS
    assert (banned.status_code, banned.headers["Retry-After"]) == (418, "120")
    assert banned.json() == {
        "code": -1003,
        "msg": f"Way too many requests; IP(127.0.0.1) banned until {until_ms}. "
        "Please use the websocket for live updates to avoid bans.",
    }
    venue.now_ms = until_ms - 1
    assert venue.raw("GET", "/no/such/path").status_code == 418
    assert venue.signed("POST", "/fapi/v1/order", **ORDER).headers["Retry-After"] == "1"
    venue.now_ms = until_ms
    assert get_banned(venue).headers["Retry-After"] == "240"


def test_a_ban_leaves_streams_and_other_addresses_alone(venue: Clocked) -> None:
    get_banned(venue)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused, venue.socket(SESSION):
        pass
    assert refused.value.status_code == 418
    with venue.socket("/market/ws") as link:
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":3}')
        assert receive(link) == {"result": [], "id": 3}
    venue.venue.limits.spend("192.0.2.7", "/fapi/v1/ping", 1, venue.now_ms)


def test_the_301st_order_within_ten_seconds_is_refused_and_the_next_ten_begin_anew(
    venue: Clocked,
) -> None:
    with venue.socket(SESSION) as link:
        for count in range(1, 300):
            rows = call(link, venue.now_ms, "order.place", **ORDER)["rateLimits"]
            assert [row["count"] for row in rows] == [5, count, count]
        last = venue.signed("POST", "/fapi/v1/order", **ORDER)
        assert last.status_code == 200, last.text
        assert last.headers["X-MBX-ORDER-COUNT-10S"] == "300"
        venue.now_ms += 3_000
        refused = venue.signed("POST", "/fapi/v1/order", **ORDER)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
        text = "Too many new orders; current limit is 300 orders per TEN_SECONDS."
        assert refused.json() == {"code": -1015, "msg": text}
        error = call(link, venue.now_ms, "order.place", **ORDER)
        assert (error["status"], error["error"]["code"]) == (429, -1015)
        assert error["error"]["data"]["retryAfter"] == START_MS + TEN_S
        assert [row["count"] for row in error["rateLimits"]] == [5, 300, 300]
        assert venue.signed("GET", ALL_ORDERS).status_code == 200
        venue.now_ms = START_MS + TEN_S
        served = venue.signed("POST", "/fapi/v1/order", **ORDER)
    assert (served.status_code, served.headers["X-MBX-ORDER-COUNT-1M"]) == (200, "301")


def test_sessions_share_the_weight_of_their_address(venue: Clocked) -> None:
    with venue.socket(SESSION) as link:
        link.send('{"id":7,"method":"time"}')
        assert receive(link)["rateLimits"][0]["count"] == 6
        assert venue.raw("GET", "/fapi/v1/ping").headers["X-MBX-USED-WEIGHT-1M"] == "7"
        for _ in range(59):
            venue.signed("GET", ALL_ORDERS)
        for _ in range(34):
            link.send('{"id":7,"method":"ping"}')
            last = receive(link)
        assert last["error"]["code"] == -1003
        assert (last["status"], last["rateLimits"][0]["count"]) == (429, 2401)
        assert last["error"]["data"] == {
            "serverTime": START_MS,
            "retryAfter": START_MS + MINUTE,
        }
        # What weighs nothing goes through.
        assert call(link, venue.now_ms, "order.place", **ORDER)["status"] == 200


def test_what_is_announced_is_what_is_enforced(venue: Clocked) -> None:
    rows = venue.raw("GET", "/fapi/v1/exchangeInfo").json()["rateLimits"]
    limits, most = Limits(enforced=True), {}
    for row in rows:
        key = (row["rateLimitType"], row["intervalNum"])
        most[key] = row["limit"]
    for _ in range(most["REQUEST_WEIGHT", 1]):
        limits.spend(HERE, "/", 1, START_MS)
    with pytest.raises(Throttled):
        limits.spend(HERE, "/", 1, START_MS)
    for count in range(most["ORDERS", 1]):
        now_ms = START_MS + count // most["ORDERS", 10] * TEN_S
        limits.spend_orders(1, 1, now_ms)
    with pytest.raises(Throttled, match="1200 orders per MINUTE") as refused:
        limits.spend_orders(1, 1, now_ms + TEN_S)
    assert refused.value.until_ms == START_MS + MINUTE
    limits.spend_orders(2, 1, now_ms)


@pytest.mark.parametrize(
    ("path", "weight"),
    [
        ("/fapi/v1/ping", 1),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=50", 2),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=100", 5),
        ("/fapi/v1/depth?symbol=BTCUSDT", 10),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20),
        ("/fapi/v1/ticker/bookTicker?symbol=BTCUSDT", 2),
        ("/fapi/v1/ticker/bookTicker", 5),
        ("/fapi/v2/ticker/price?symbol=BTCUSDT", 1),
        ("/fapi/v1/ticker/price", 2),
        ("/fapi/v1/premiumIndex?symbol=BTCUSDT", 1),
        ("/fapi/v1/premiumIndex", 10),
    ],
)
def test_a_request_weighs_what_the_venue_says(path: str, weight: int) -> None:
    with clocked() as venue:
        where, _, query = path.partition("?")
        reply = venue.raw("GET", where, query)
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_funding_and_statistics_have_limits_of_their_own() -> None:
    limits = Limits(enforced=True)
    for path, most in (("/fapi/v1/fundingRate", 500), ("/futures/data/basis", 1_000)):
        for _ in range(most):
            limits.spend(HERE, path, 0, START_MS)
        with pytest.raises(Throttled) as refused:
            limits.spend(HERE, path, 0, START_MS)
        assert (refused.value.status, refused.value.code) == (429, -1003)
    with pytest.raises(Throttled):
        limits.spend(HERE, "/fapi/v1/fundingInfo", 0, START_MS)
    limits.spend(HERE, "/fapi/v1/ping", 1, START_MS)
    limits.spend(HERE, "/fapi/v1/fundingInfo", 0, START_MS + 5 * MINUTE)


def test_limits_that_are_off_count_and_refuse_nobody() -> None:
    limits = Limits(enforced=False)
    for _ in range(1_300):
        limits.spend(HERE, "/fapi/v1/fundingRate", 40, START_MS)
        limits.spend_orders(1, 5, START_MS)
    assert limits.weight(HERE, START_MS) == 52_000
    assert limits.order_counts(1, START_MS) == (6_500, 1_300)


def test_the_process_keeps_the_limits_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "default: venue" in capsys.readouterr().out
    assert main(["--port", "0", "--limits", "some"]) == 4
    with running("--limits", "venue") as simulator:
        assert simulator.get("/sim/state")["limits"] == "venue"
        eventually(lambda: simulator.signed("GET", ALL_ORDERS).status_code == 429)
        assert simulator.get("/sim/state")["counts"]["throttled"] == 1
    with running("--limits", "off") as simulator:
        assert simulator.get("/sim/state")["limits"] == "off"
