"""The claim: 3,000 signed orders/s through each door, 50,000 stream messages/s to ten clients.

An order is placed and cancelled again, and only the placing counts: a figure of 3,000 is 6,000
requests.  One process is the exchange and one is all its clients.  Every reply is compared with its
request, every message is taken out of its frame and must carry the next number.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import orjson

from benches import exchange_load as load
from benches.exchange_core import core
from benches.exchange_ears import listen
from benches.exchange_venues import STREAM, Echo, busy_streams, exchange, forked, poured_streams
from benches.report import Metrics, Outcome, Row, run

PAIRS, QUICK_PAIRS = 5_000, 600
"""Orders of one connection, each with its cancel."""
TRADES, QUICK_TRADES = 60_000, 10_000
CLIENTS = 10
AWAY = 0.97
_PAYLOAD = (
    b'{"e":"trade","E":1791391082025,"T":1791391082024,"s":"BTCUSDT","t":%d,"p":"60000.00",'
    b'"q":"0.007","X":"MARKET","m":false,"st":1}'
)

Requests = Callable[[int, str, int], list[bytes]]


def orders(port: int, pairs: int, *, session: bool) -> float:
    """Orders per second through one door, told on the user stream too."""
    path = "/ws-fapi/v1" if session else ""
    price = far_price(port)
    make: Requests = load.session_requests if session else load.rest_requests
    split = load.split_frames if session else load.split_http
    check = load.check_session if session else load.check_rest
    with contextlib.ExitStack() as undo:
        follower = load.follow(port, load.CONNECTIONS * pairs)
        undo.enter_context(follower.link)
        lines: list[load.Line | load.Follower] = [follower]
        for number in range(load.CONNECTIONS):
            link = undo.enter_context(load.dial(port, path))
            requests = make(pairs, price, number)
            lines.append(load.Line(link, requests, (split, check(number))))
        return load.CONNECTIONS * pairs / load.drive(lines)


def echoes(pairs: int, *, session: bool) -> float:
    """The same requests to a server that does no work; half of its answers, to compare."""
    path = "/ws-fapi/v1" if session else ""
    make: Requests = load.session_requests if session else load.rest_requests
    split = load.split_frames if session else load.split_http
    with contextlib.ExitStack() as undo:
        port = undo.enter_context(forked(lambda _: Echo))
        lines = []
        for number in range(load.CONNECTIONS):
            link = undo.enter_context(load.dial(port, path))
            lines.append(load.Line(link, make(pairs, "1.0", number), (split, _any)))
        return load.CONNECTIONS * pairs / load.drive(lines)


def _any(body: bytes, _: int) -> None:
    orjson.loads(body)


def far_price(port: int) -> str:
    """A price below the market that its limits still allow."""
    with load.dial(port) as link:
        link.sendall(b"GET /fapi/v1/ticker/bookTicker?symbol=BTCUSDT HTTP/1.1\r\nHost: x\r\n\r\n")
        top = orjson.loads(load.first_body(link))
    return f"{float(top['bidPrice']) * AWAY:.1f}"


def streams(trades: int) -> tuple[float, float]:
    """Messages per second to all clients: of the exchange, and of plain writes."""
    rates = []
    for serve in (
        busy_streams(CLIENTS, trades),
        poured_streams(CLIENTS, trades, _PAYLOAD),
    ):
        with contextlib.ExitStack() as undo:
            port = undo.enter_context(forked(serve))
            dialled = [load.dial(port, f"/public/ws/{STREAM}") for _ in range(CLIENTS)]
            links = [undo.enter_context(link) for link in dialled]
            rates.append(listen(links, trades))
    return rates[0], rates[1]


def measure(quick: bool) -> Outcome:
    """Measure both doors, the streams and the core."""
    pairs, trades = (QUICK_PAIRS, QUICK_TRADES) if quick else (PAIRS, TRADES)
    rows: list[Row] = []
    metrics: Metrics = {}
    for name, what, session in (("rest", "REST", False), ("session", "WebSocket API", True)):
        with exchange() as port:
            per_s = orders(port, pairs, session=session)
        echo_per_s = echoes(pairs, session=session)
        metrics[f"{name}_orders_per_s"] = round(per_s)
        metrics[f"{name}_echo_per_s"] = round(echo_per_s)
        metrics[f"{name}_ratio"] = round(per_s / echo_per_s, 3)
        rows += [
            Row(f"signed orders over {what}, each cancelled", per_s, "orders/s"),
            Row("the same requests to a server that does no work", echo_per_s, "orders/s", True),
        ]
    per_s, plain_per_s = streams(trades)
    metrics["stream_messages_per_s"] = round(per_s)
    metrics["plain_messages_per_s"] = round(plain_per_s)
    metrics["stream_ratio"] = round(per_s / plain_per_s, 3)
    rows += [
        Row(f"trades made and sent to {CLIENTS} clients", per_s, "messages/s"),
        Row("plain writes of such messages", plain_per_s, "messages/s", True),
    ]
    core_rows, core_metrics = core(quick)
    return Outcome(
        rows + core_rows,
        {**metrics, **core_metrics},
        [
            f"{load.CONNECTIONS} connections with {load.WINDOW} requests under way on each, and "
            "one user stream that must hear of every order",
        ],
    )


if __name__ == "__main__":
    sys.exit(run("exchange", measure))
