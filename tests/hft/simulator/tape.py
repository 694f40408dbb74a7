"""Makes small recordings by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

START_MS = 1_700_000_000_000


class Tape:
    """Writes a recording line by line, ten milliseconds apart."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.now_ms = START_MS

    def add(self, stream: str, data: dict[str, Any]) -> None:
        self.now_ms += 10
        data = {"e": data.pop("e"), "E": self.now_ms, **data}
        envelope = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
        self.lines.append(f"{self.now_ms * 1000} {envelope}")

    def ticker(self, bid: str, bid_qty: str, ask: str, ask_qty: str) -> None:
        data = {"e": "bookTicker", "u": 100 + 5 * len(self.lines), "s": "BTCUSDT"}
        quotes = {"b": bid, "B": bid_qty, "a": ask, "A": ask_qty, "T": self.now_ms}
        self.add("btcusdt@bookTicker", {**data, **quotes})

    def trade(self, price: str, quantity: str, *, maker: bool, kind: str = "MARKET") -> None:
        data = {"e": "trade", "T": self.now_ms, "s": "BTCUSDT", "t": 1 + len(self.lines)}
        print_ = {"p": price, "q": quantity, "X": kind, "m": maker}
        self.add("btcusdt@trade", {**data, **print_})

    def depth(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        last = 100 + 5 * len(self.lines)
        data = {"e": "depthUpdate", "T": self.now_ms, "s": "BTCUSDT", "U": last - 3, "u": last}
        self.add("btcusdt@depth@0ms", {**data, "pu": last - 5, "b": bids, "a": asks})

    def mark(self, price: str) -> None:
        data = {"e": "markPriceUpdate", "s": "BTCUSDT", "p": price, "i": price}
        rate = {"r": "0.00010000", "T": START_MS + 3_600_000}
        self.add("btcusdt@markPrice@1s", {**data, **rate})

    def write(self, path: Path) -> Path:
        text = "\n".join(self.lines) + "\n"
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text)
        return path
