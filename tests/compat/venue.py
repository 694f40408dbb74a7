"""A simulator as its own process, and what the tests ask it for beside the client they prove.

The clients live in environments of their own (`make test-compat`), because what they pin
contradicts what the engine pins.  The simulator runs in the engine's.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from hft.clock import Deadline, sleep_s, wall_ms

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / os.environ.get("HFT_PYTHON", ".venv/bin/python")
"""The engine's interpreter, which runs the simulator."""
API_KEY = "k" * 64
API_SECRET = "s" * 64
WAIT_S = 10.0
LEVERAGE = 20
"""What every symbol is set to before a test."""
NEAR = 12.0
"""A distance in USDT that this market crosses within seconds, and not between two requests."""
SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Venue:
    """Where a running simulator listens; asks it without any client's help."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.url = str(line["listening"])
        self.host = self.url.partition("://")[2]
        self.session = requests.Session()

    def get(self, path: str) -> Any:
        return self.session.get(self.url + path, timeout=WAIT_S).json()

    def signed(self, method: str, path: str, **params: Any) -> Any:
        query = urlencode({**params, "timestamp": wall_ms()})
        signature = hmac.new(API_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        address = f"{self.url}{path}?{query}&signature={signature}"
        headers = {"X-MBX-APIKEY": API_KEY}
        return self.session.request(method, address, headers=headers, timeout=WAIT_S).json()

    def touch(self, symbol: str = "BTCUSDT") -> tuple[float, float]:
        """Give best bid and ask."""
        book = self.get(f"/fapi/v1/ticker/bookTicker?symbol={symbol}")
        return float(book["bidPrice"]), float(book["askPrice"])

    def away(self, share: float, symbol: str = "BTCUSDT") -> float:
        """Give a whole price, this share of the bid above (or below) it."""
        return float(round(self.touch(symbol)[0] * (1 + share)))

    def held(self, symbol: str = "BTCUSDT") -> dict[str, float]:
        """Give the position of each position side that is not flat."""
        rows = self.signed("GET", "/fapi/v2/positionRisk", symbol=symbol)
        held = {row["positionSide"]: float(row["positionAmt"]) for row in rows}
        return {side: amount for side, amount in held.items() if amount}

    def open_ids(self, symbol: str = "BTCUSDT") -> list[int]:
        """List the ids of the open orders."""
        rows = self.signed("GET", "/fapi/v1/openOrders", symbol=symbol)
        return [row["orderId"] for row in rows]

    def reset(self) -> None:
        """Leave no order and no position behind, and every setting as a new account has it."""
        for symbol in SYMBOLS:
            self.signed("DELETE", "/fapi/v1/allOpenOrders", symbol=symbol)
            self.signed("DELETE", "/fapi/v1/algoOpenOrders", symbol=symbol)
            self.flatten(symbol)
            self.signed("POST", "/fapi/v1/marginType", symbol=symbol, marginType="CROSSED")
            self.signed("POST", "/fapi/v1/leverage", symbol=symbol, leverage=LEVERAGE)
        self.signed("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")

    def flatten(self, symbol: str) -> None:
        """Close what is held."""
        for side, amount in self.held(symbol).items():
            self._close(symbol, side, amount)

    def _close(self, symbol: str, side: str, amount: float) -> None:
        order = {"symbol": symbol, "type": "MARKET", "quantity": f"{abs(amount):.3f}"}
        order["side"] = "SELL" if amount > 0 else "BUY"
        if side == "BOTH":
            order["reduceOnly"] = "true"
        self.signed("POST", "/fapi/v1/order", **order, positionSide=side)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Venue]:
    """Run one that refuses nobody for haste: all these clients are one address."""
    command = [str(PYTHON), "-m", "hft.simulator", "--port", "0", "--limits", "off"]
    command += ["--api-key", API_KEY, "--api-secret", API_SECRET, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    venue = Venue(json.loads(process.stdout.readline()))
    try:
        yield venue
    finally:
        venue.session.close()
        process.terminate()
        code = process.wait(WAIT_S)
        process.stdout.close()
    assert code == 0


def eventually(condition: Any, wait_s: float = WAIT_S) -> Any:
    """Ask until the answer is true; gives it."""
    deadline = Deadline(wait_s)
    while not (answer := condition()):
        assert not deadline.passed(), "the condition did not come true"
        sleep_s(0.02)
    return answer


def stops_nearby(
    venue: Venue, place: Callable[[str, float], Any], refused: type[Exception]
) -> list[Any]:
    """Place a stop on either side of the market, again when it has run over one meanwhile."""
    while True:
        bid, ask = venue.touch()
        try:
            return [place("BUY", round(ask + NEAR, 1)), place("SELL", round(bid - NEAR, 1))]
        except refused as problem:
            if "immediately trigger" not in str(problem):
                raise
            venue.signed("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")
            venue.flatten("BTCUSDT")  # The first of the two may have fired meanwhile.
