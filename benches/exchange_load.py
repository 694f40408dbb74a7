"""Clients that ask the exchange for as much as it can give, and look at every answer."""

from __future__ import annotations

import base64
import selectors
import socket
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

import orjson

from benches.report import WrongAnswer, expect
from hft.clock import Deadline, monotonic_ns, wall_ms
from hft.simulator.signing import session_payload, sign
from hft.wire.frames import Opcode, client_frame

API_KEY, API_SECRET = "k" * 64, "s" * 64
CONNECTIONS = 4
WINDOW = 16
"""Requests that one connection has under way at once."""
PATIENCE_S = 60.0
RECEIVE_BYTES = 1 << 18
_SYMBOL = "BTCUSDT"

Check = Callable[[bytes, int], None]
Split = Callable[[bytearray], Iterator[bytes]]


def order_terms(name: str, price: str) -> dict[str, str]:
    """A limit order that rests far below the market until it is cancelled."""
    return {
        "symbol": _SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.002",
        "price": price,
        "newClientOrderId": name,
        "recvWindow": "60000",
        "timestamp": str(wall_ms()),
    }


def cancel_terms(name: str) -> dict[str, str]:
    """The cancel of an order by its name."""
    return {
        "symbol": _SYMBOL,
        "origClientOrderId": name,
        "recvWindow": "60000",
        "timestamp": str(wall_ms()),
    }


def rest_requests(pairs: int, price: str, line: int) -> list[bytes]:
    """Place and cancel, again and again, signed beforehand."""
    requests = []
    for number in range(pairs):
        name = order_name(line, number)
        for method, terms in (("POST", order_terms(name, price)), ("DELETE", cancel_terms(name))):
            query = urlencode(terms)
            signed = f"{query}&signature={sign(API_SECRET, query.encode())}"
            requests.append(
                f"{method} /fapi/v1/order?{signed} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"User-Agent: bench\r\nAccept: */*\r\nX-MBX-APIKEY: {API_KEY}\r\n\r\n".encode()
            )
    return requests


def session_requests(pairs: int, price: str, line: int) -> list[bytes]:
    """The same over the WebSocket API, each request framed and masked."""
    requests = []
    for number in range(pairs):
        name = order_name(line, number)
        for at, (method, terms) in enumerate(
            (("order.place", order_terms(name, price)), ("order.cancel", cancel_terms(name)))
        ):
            params: dict[str, object] = {"apiKey": API_KEY, **terms}
            params["signature"] = sign(API_SECRET, session_payload(params))
            message = {"id": 2 * number + at, "method": method, "params": params}
            requests.append(client_frame(Opcode.TEXT, orjson.dumps(message)))
    return requests


def order_name(line: int, number: int) -> str:
    """What an order of a connection is called."""
    return f"bench-{line}-{number}"


def split_http(held: bytearray) -> Iterator[bytes]:
    """Take whole HTTP replies off a buffer; gives their bodies.

    Raises:
        WrongAnswer: one is not 200.
    """
    while True:
        end = held.find(b"\r\n\r\n")
        if end < 0:
            return
        at = held.find(b"Content-Length: ") + 16
        last = end + 4 + int(held[at : held.index(b"\r", at)])
        if len(held) < last:
            return
        body = bytes(held[end + 4 : last])
        if held[9:12] != b"200":
            raise WrongAnswer(f"an order was refused: {body!r}")
        del held[:last]
        yield body


def split_frames(held: bytearray) -> Iterator[bytes]:
    """Take whole text frames of a server off a buffer; gives their payloads."""
    at, end = 0, len(held)
    while at + 4 <= end:
        size, first = held[at + 1], at + 2
        if size == 126:
            size, first = int.from_bytes(held[at + 2 : at + 4], "big"), at + 4
        if first + size > end:
            break
        if held[at] != 0x81:
            raise WrongAnswer(f"a frame that is no text: {held[at]:#x}")
        yield bytes(held[first : first + size])
        at = first + size
    del held[:at]


def check_rest(line: int) -> Check:
    """Each reply is the order's that was asked for, in its turn."""

    def check(body: bytes, number: int) -> None:
        _check_order(orjson.loads(body), line, number)

    return check


def check_session(line: int) -> Check:
    """Each reply repeats the id of its request and tells of its order."""

    def check(body: bytes, number: int) -> None:
        reply = orjson.loads(body)
        if reply["status"] != 200:
            raise WrongAnswer(f"an order was refused: {body!r}")
        expect("id of a reply", reply["id"], number)
        _check_order(reply["result"], line, number)

    return check


def _check_order(order: dict[str, object], line: int, number: int) -> None:
    wanted = (order_name(line, number // 2), "CANCELED" if number % 2 else "NEW")
    if (order["clientOrderId"], order["status"]) != wanted:
        raise WrongAnswer(f"{order} instead of {wanted}")


class Line:
    """One connection with requests under way."""

    def __init__(self, link: socket.socket, requests: Sequence[bytes], form: tuple[Split, Check]):
        self.link = link
        self._requests = requests
        self._split, self._check = form
        self._sent = self._done = 0
        self._held = bytearray()

    def fill(self) -> None:
        """Send as much as the window lets through."""
        last = min(len(self._requests), self._done + WINDOW)
        if last > self._sent:
            self.link.sendall(b"".join(self._requests[self._sent : last]))
            self._sent = last

    def take(self) -> bool:
        """Take in replies; says whether all have come."""
        data = self.link.recv(RECEIVE_BYTES)
        if not data:
            raise WrongAnswer("the exchange closed a connection")
        self._held += data
        for body in self._split(self._held):
            self._check(body, self._done)
            self._done += 1
        if self._done - WINDOW // 2 >= self._sent - WINDOW:
            self.fill()
        return self._done == len(self._requests)


class Follower:
    """A user stream that hears of every order twice: it is new, and it is cancelled."""

    def __init__(self, link: socket.socket, orders: int) -> None:
        self.link = link
        self._left = 2 * orders
        self._held = bytearray()

    def fill(self) -> None:
        """Nothing is asked here."""

    def take(self) -> bool:
        """Take in events; says whether all have come."""
        data = self.link.recv(RECEIVE_BYTES)
        if not data:
            raise WrongAnswer("the exchange closed the user stream")
        self._held += data
        for payload in split_frames(self._held):
            if not payload.startswith(b'{"e":"ORDER_TRADE_UPDATE"'):
                raise WrongAnswer(f"an event nobody expects: {payload!r}")
            self._left -= 1
        return self._left == 0


def follow(port: int, orders: int) -> Follower:
    """Follow the account that trades, through so many orders."""
    with dial(port) as link:
        keyed = f"Host: x\r\nX-MBX-APIKEY: {API_KEY}\r\nContent-Length: 0\r\n\r\n"
        link.sendall(f"POST /fapi/v1/listenKey HTTP/1.1\r\n{keyed}".encode())
        key = orjson.loads(first_body(link))["listenKey"]
    return Follower(dial(port, f"/private/ws?listenKey={key}"), orders)


def first_body(link: socket.socket) -> bytes:
    """Receive one HTTP reply; gives its body."""
    held = bytearray()
    while True:
        held += link.recv(RECEIVE_BYTES)
        for body in split_http(held):
            return body


def drive(lines: Sequence[Line | Follower]) -> float:
    """Ask everything and take every reply; gives the seconds that it took."""
    with selectors.DefaultSelector() as watched:
        for line in lines:
            watched.register(line.link, selectors.EVENT_READ, line)
        deadline, started_ns = Deadline(PATIENCE_S), monotonic_ns()
        for line in lines:
            line.fill()
        while watched.get_map():
            for key, _ in watched.select(1):
                if key.data.take():
                    watched.unregister(key.fileobj)
            if deadline.passed():
                raise WrongAnswer(f"not answered within {PATIENCE_S:g} s")
        return (monotonic_ns() - started_ns) / 1e9


def dial(port: int, path: str = "") -> socket.socket:
    """Connect, and upgrade to a WebSocket where a path is given."""
    link = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if path:
        key = base64.b64encode(bytes(16)).decode()
        lines = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        lines += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        link.sendall(f"{lines}Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += link.recv(1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise WrongAnswer(f"no WebSocket at {path}: {head!r}")
    return link
