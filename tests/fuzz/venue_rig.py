"""A simulator under fire: requests made wrong on purpose, and what must hold whatever they are."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import websocket

from hft.clock import wall_ms
from tests.hft.simulator.raw import Answer, Wire, wire_to
from tests.hft.simulator.wire import API_KEY, API_SECRET, WAIT_S, sign

SYMBOLS = ("BTCUSDT", "ETHUSDT")
Pairs = list[tuple[str, str]]


class Target:
    """A running simulator with an order and a balance that nothing refused may touch."""

    def __init__(self, process: subprocess.Popen[str], port: int, stderr: Path) -> None:
        self.port = port
        self.process = process
        self.stderr = stderr
        self._memory = psutil.Process(process.pid)
        self._links = contextlib.ExitStack()
        self.wire = self._links.enter_context(wire_to(port))
        self.session = websocket.create_connection(
            f"ws://127.0.0.1:{port}/ws-fapi/v1?returnRateLimits=false", timeout=WAIT_S
        )
        self._links.callback(self.session.close)
        self.told = 0
        self.held: object = None
        self.restore()

    def close(self) -> None:
        self._links.close()

    def resident_bytes(self) -> int:
        return int(self._memory.memory_info().rss)

    def reconnect(self) -> None:
        """Begin anew after a request that ended the connection."""
        self.wire = self._links.enter_context(wire_to(self.port))

    def send(self, method: str, path: str, query: str, body: bytes) -> Answer:
        head = f"{method} {path}{'?' if query else ''}{query} HTTP/1.1\r\nHost: x\r\n"
        head += f"X-MBX-APIKEY: {API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wire.send(head.encode() + body)
        answer = self.wire.answer(head_only=method == "HEAD")
        if answer.headers["connection"] == "close":
            self.reconnect()
        return answer

    def call(self, method: str, path: str, **params: object) -> Any:
        query = urlencode({**params, "timestamp": wall_ms()})
        return json.loads(self.send(method, path, f"{query}&signature={sign(query)}", b"").body)

    def fire(self, route: tuple[str, str], pairs: Pairs, shape: Shape) -> Answer:
        """Send a request of one shape and check what must hold of every reply."""
        sent = [*pairs, ("timestamp", str(wall_ms()))] if shape.stamped else pairs
        text = "&".join(f"{quote(name)}={quote(value)}" for name, value in sent)
        query, body = ("", text) if shape.in_body else (text, "")
        if shape.signed:
            behind = f"signature={sign(query + body)}"
            query, body = (
                (query, f"{body}&{behind}") if shape.in_body else (f"{query}&{behind}", "")
            )
        answer = self.send(*route, query, body.encode())
        check(answer.status, answer.json_or_rows(), (route, pairs, shape))
        return answer

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Call a method of the WebSocket API, signed as its raw text is."""
        given = {"apiKey": API_KEY, "timestamp": wall_ms(), **params}
        texts = {name: _text(value) for name, value in given.items() if value is not None}
        payload = "&".join(f"{name}={texts[name]}" for name in sorted(texts))
        given["signature"] = sign(payload)
        self.session.send(json.dumps({"id": 1, "method": method, "params": given}))
        reply = json.loads(self.session.recv())
        error = reply.get("error", {"code": 0})
        check(reply["status"], error if "error" in reply else reply["result"], (method, params))
        assert reply["id"] == 1
        return reply

    def picture(self) -> object:
        """What the account holds, without what the market or the clock move."""
        account = self.call("GET", "/fapi/v3/account")
        orders = self.call("GET", "/fapi/v1/openOrders")
        held = [
            (row["symbol"], row["positionSide"], row["positionAmt"]) for row in account["positions"]
        ]
        return account["totalWalletBalance"], held, orders

    def settle(self, answer_status: int, what: object) -> None:
        """After a refusal all is as it was; after a success begin anew."""
        if answer_status == 200:
            self.restore()
            return
        now = self.picture()
        assert now == self.held, (what, now, self.held)

    def restore(self) -> None:
        """Leave one resting order and no position."""
        for symbol in SYMBOLS:
            self.call("POST", "/fapi/v1/countdownCancelAll", symbol=symbol, countdownTime=0)
            self.call("DELETE", "/fapi/v1/allOpenOrders", symbol=symbol)
            # One that waits for a price could fire behind the picture.
            self.call("DELETE", "/fapi/v1/algoOpenOrders", symbol=symbol)
        for row in self.call("GET", "/fapi/v3/account")["positions"]:
            amount = row["positionAmt"]
            side = "BUY" if amount.startswith("-") else "SELL"
            more = {"positionSide": row["positionSide"]}
            terms = {"side": side, "type": "MARKET", "quantity": amount.lstrip("-"), **more}
            self.call("POST", "/fapi/v1/order", symbol=row["symbol"], **terms)
        rest = {
            "newClientOrderId": "mine",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.010",
        }
        price = self.call("GET", "/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")["bidPrice"]
        away = str(round(float(price) * 0.97, 1))
        self.call("POST", "/fapi/v1/order", symbol="BTCUSDT", price=away, **rest)
        self.held = self.picture()

    def is_well(self) -> None:
        """It lives, and wrote no word of trouble since the last look."""
        assert self.process.poll() is None
        told = self.stderr.read_text()
        new, self.told = told[self.told :], len(told)
        assert new == ""


class Shape:
    """How a request is sent."""

    def __init__(self, *, in_body: bool, signed: bool, stamped: bool) -> None:
        self.in_body = in_body
        self.signed = signed
        self.stamped = stamped

    def __repr__(self) -> str:
        return f"Shape({vars(self)})"


def check(status: int, said: object, what: object) -> None:
    """Every reply is a success, or a refusal with a code of the venue."""
    assert status == 200 or 400 <= status < 500, (what, status, said)
    if status != 200:
        assert isinstance(said, dict), (what, said)
        assert isinstance(said["code"], int), (what, said)
        assert said["code"] < 0, (what, said)
        assert isinstance(said["msg"], str), (what, said)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@contextlib.contextmanager
def target(folder: Path) -> Iterator[Target]:
    """Run a simulator whose complaints are kept; at the end it must still be well."""
    command = [sys.executable, "-m", "hft.simulator", "--port", "0", "--limits", "off"]
    command += ["--seed", "3", "--api-key", API_KEY, "--api-secret", API_SECRET]
    stderr = folder / "stderr"
    with stderr.open("w") as complaints:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
        assert process.stdout is not None
        under_fire = Target(process, json.loads(process.stdout.readline())["port"], stderr)
        try:
            yield under_fire
            under_fire.is_well()
        finally:
            under_fire.close()
            process.terminate()
            code = process.wait(WAIT_S)
            process.stdout.close()
        assert code == 0


__all__ = ["Pairs", "Shape", "Target", "Wire", "target"]
