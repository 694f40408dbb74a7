"""The REST connection against a scripted local server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from hft.binance.budget import Use
from hft.binance.rest import BudgetSpent, Rest, VenueError, VenueUnknown, VenueUnreachable
from hft.binance.signing import HmacSigner
from hft.clock import monotonic_ns, wall_ms
from hft.config import Keys
from hft.errors import AuthError
from hft.units import NS_PER_S

KEYS = Keys("k" * 64, "s" * 64)
Reply = tuple[int, str, dict[str, str]]


class Script:
    """What the server will answer, and what it was asked."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, str]] = []
        self.keys: list[str] = []

    def then(self, status: int, body: str, **headers: str) -> Script:
        self.replies.append((status, body, headers))
        return self


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def rest(script: Script) -> Iterator[Rest]:
    class Handler(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            parts = urlsplit(self.path)
            script.asked.append((self.command, parts.path, parts.query))
            script.keys.append(self.headers.get("X-MBX-APIKEY", ""))
            if parts.path == "/fapi/v1/time":
                status, body, headers = 200, f'{{"serverTime":{wall_ms() + 5000}}}', {}
            else:
                status, body, headers = script.replies.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    connection = Rest(f"http://127.0.0.1:{server.server_port}", KEYS, timeout_s=2.0)
    yield connection
    connection.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_signed_call_is_signed_over_exactly_what_was_transmitted(
    rest: Rest, script: Script
) -> None:
    script.then(200, "[]")
    assert rest.user_trades("BTCUSDT", from_id=7) == []
    _, path, query = script.asked[0]
    assert path == "/fapi/v1/userTrades"
    assert script.keys == [KEYS.api_key]
    raw, _, signature = query.rpartition("&signature=")
    assert HmacSigner(KEYS.secret_key).sign(raw.encode()) == signature
    params = dict(parse_qsl(raw))
    assert (params["symbol"], params["fromId"], params["recvWindow"]) == ("BTCUSDT", "7", "5000")
    assert abs(int(params["timestamp"]) - wall_ms()) < 2000


def test_a_refusal_carries_the_venues_words(rest: Rest, script: Script) -> None:
    script.then(400, '{"code":-2013,"msg":"Order does not exist."}')
    with pytest.raises(VenueError) as caught:
        rest.order_status("BTCUSDT", "x")
    assert (caught.value.code, caught.value.http_status) == (-2013, 400)
    assert caught.value.message == "Order does not exist."


def test_slow_down_says_for_how_long(rest: Rest, script: Script) -> None:
    script.then(429, '{"code":-1003,"msg":"Too many requests"}', Retry_After="7")
    with pytest.raises(VenueError) as caught:
        rest.balance()
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (408, '{"code":-1007,"msg":"Timeout"}'),
        (503, "Unknown error, please check your request or try again later."),
        (502, "<html>bad gateway</html>"),
        (200, "<html>not JSON</html>"),
    ],
)
def test_answers_that_say_nothing_are_unknown(
    rest: Rest, script: Script, status: int, body: str
) -> None:
    script.then(status, body)
    with pytest.raises(VenueUnknown):
        rest.place({"symbol": "BTCUSDT"})
    assert len(script.asked) == 1, "an order is never sent again"


def test_the_firewalls_page_is_a_refusal(rest: Rest, script: Script) -> None:
    script.then(403, "<html>blocked</html>")
    with pytest.raises(VenueError) as caught:
        rest.balance()
    assert (caught.value.code, caught.value.http_status) == (0, 403)


@pytest.mark.parametrize("code", [-2014, -2015, -1022])
def test_a_refused_key_is_auth_error(rest: Rest, script: Script, code: int) -> None:
    script.then(401, f'{{"code":{code},"msg":"no"}}')
    with pytest.raises(AuthError, match="AUTH_ERROR"):
        rest.account()


def test_without_a_key_nothing_signed_is_sent(rest: Rest) -> None:
    with pytest.raises(AuthError, match="AUTH_ERROR"):
        Rest("http://127.0.0.1:1", None).account()


def test_a_refused_timestamp_measures_the_clock_and_asks_once_more(
    rest: Rest, script: Script
) -> None:
    script.then(400, '{"code":-1021,"msg":"outside of the recvWindow"}').then(200, "[]")
    assert rest.balance() == []
    first, last = (dict(parse_qsl(script.asked[index][2])) for index in (0, -1))
    assert int(last["timestamp"]) - int(first["timestamp"]) >= 4900
    assert abs(rest.offset.offset_ns - 5_000_000_000) < 100_000_000


def test_the_matching_engines_word_on_a_timestamp_is_taken_like_that(
    rest: Rest, script: Script
) -> None:
    script.then(400, '{"code":-5028,"msg":"outside of the ME recvWindow"}').then(200, "[]")
    assert rest.cancel_all("BTCUSDT") == []


def test_who_is_told_to_wait_is_not_asked_again_before_its_time(rest: Rest, script: Script) -> None:
    script.then(429, '{"code":-1003,"msg":"Too many requests"}', Retry_After="7")
    with pytest.raises(VenueError):
        rest.balance()
    with pytest.raises(BudgetSpent) as caught:
        rest.balance()
    assert 6.0 < caught.value.retry_after_s <= 7.0
    assert len(script.asked) == 1
    script.then(200, "[]")
    assert rest.cancel_all("BTCUSDT") == [], "a cancel may try"


def test_patience_waits_as_long_as_the_venue_says_and_no_longer(rest: Rest, script: Script) -> None:
    rest.patience_s = 5.0
    script.then(418, '{"code":-1003,"msg":"banned"}', Retry_After="1").then(200, "[]")
    began_ns = monotonic_ns()
    assert rest.balance() == []
    assert monotonic_ns() - began_ns >= NS_PER_S
    script.then(418, '{"code":-1003,"msg":"banned"}', Retry_After="60")
    with pytest.raises(VenueError, match="banned"):
        rest.balance()
    with pytest.raises(BudgetSpent):
        rest.cancel_all("BTCUSDT")


def test_the_weight_it_told_is_known(rest: Rest, script: Script) -> None:
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    limits = json.dumps({"symbols": [], "rateLimits": [{**limit, "limit": 100}]})
    script.then(200, limits, X_MBX_USED_WEIGHT_1M="78")
    rest.sync_clock(1)
    rest.exchange_info()
    assert rest.weight_used >= 78
    with pytest.raises(BudgetSpent):
        rest.balance()
    rest.use = Use.CANCEL
    script.then(200, "[]", X_MBX_USED_WEIGHT_1M="83")
    assert rest.balance() == []
    assert rest.weight_used >= 83


def test_a_venue_that_is_not_there_cannot_have_got_anything() -> None:
    rest = Rest("http://127.0.0.1:1", KEYS)
    with pytest.raises(VenueUnreachable, match="no answer"):
        rest.server_time_ms()
    rest.close()


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (400, '{"code":-1021,"msg":"outside of the recvWindow"}', VenueError),
        (503, '{"code":-1000,"msg":"Unknown error"}', VenueUnknown),
        (307, "{}", VenueError),
    ],
)
def test_an_order_is_sent_once_whatever_the_answer(
    rest: Rest, script: Script, status: int, body: str, wanted: type[Exception]
) -> None:
    script.then(status, body, Location="/fapi/v1/order")
    with pytest.raises(wanted) as told:
        rest.place_once("/fapi/v1/order", {"symbol": "BTCUSDT", "timestamp": 7}, 1.0)
    assert not isinstance(told.value, VenueUnreachable)
    ((method, path, query),) = script.asked
    assert (method, path) == ("POST", "/fapi/v1/order")
    assert query.startswith("symbol=BTCUSDT&timestamp=7&signature=")
