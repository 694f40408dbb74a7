"""Recordings of the market: a small one of our own making, and the real ones where they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REAL = ("btcusdt_20230405.dat.gz", "btcusdt_20240718.gz", "ethusdt_20240718.gz")
OUTSIDE_THE_BOOK = ("INSURANCE_FUND", "ADL")


def write_small(path: Path, messages: int = 1200) -> Path:
    """A recording in the real format: walks, bursts of equal prices, one insurance-fund print."""
    stamp_us, price, update, trade = 1_721_347_020_000_000, 639_439, 4_984_028_370_881, 5_100_000
    with gzip.open(path, "wt") as file:
        for number in range(messages):
            stamp_us += 2_500 + (number % 7) * 300
            venue_ms = stamp_us // 1000 + 1500
            price += (number * 7919) % 11 - 5
            update += 17
            book = {
                "e": "bookTicker", "u": update, "s": "BTCUSDT",
                "b": f"{price / 10:.2f}", "B": f"{1 + number % 9}.{number % 1000:03d}",
                "a": f"{(price + 1) / 10:.2f}", "A": f"0.{1 + number % 999:03d}",
                "T": venue_ms, "E": venue_ms,
            }  # fmt: skip
            _line(file, stamp_us, "btcusdt@bookTicker", book)
            if number % 3 == 0:
                trade += 1
                cause = "INSURANCE_FUND" if number == 600 else "MARKET"
                tick = {
                    "e": "trade", "E": venue_ms, "T": venue_ms, "s": "BTCUSDT", "t": trade,
                    "p": f"{(price + number % 2) / 10:.2f}", "q": f"0.{1 + number % 99:03d}",
                    "X": cause, "m": number % 2 == 0,
                }  # fmt: skip
                _line(file, stamp_us + 100, "btcusdt@trade", tick)
            if number % 100 == 0:
                mark = {
                    "e": "markPriceUpdate", "E": venue_ms, "s": "BTCUSDT",
                    "p": f"{price / 10:.8f}", "P": f"{price / 10:.8f}", "i": f"{price / 10:.8f}",
                    "r": "0.00010000", "T": venue_ms + 10_000_000,
                }  # fmt: skip
                _line(file, stamp_us + 200, "btcusdt@markPrice@1s", mark)
    return path


def _line(file: Any, stamp_us: int, stream: str, data: dict[str, Any]) -> None:
    file.write(f"{stamp_us} {json.dumps({'stream': stream, 'data': data})}\n")


def messages(path: Path) -> Iterator[dict[str, Any]]:
    """Every message of a recording, bare."""
    with gzip.open(path, "rt") as file:
        for line in file:
            body = json.loads(line.split(" ", 1)[1])
            yield body.get("data", body)


def expected_tops(path: Path) -> list[tuple[float, float, float, float]]:
    """Bid, quantity, ask, quantity of every bookTicker, in order."""
    return [
        (float(m["b"]), float(m["B"]), float(m["a"]), float(m["A"]))
        for m in messages(path)
        if m.get("e") == "bookTicker"
    ]


def expected_trades(path: Path) -> list[tuple[float, float]]:
    """Price and quantity of every trade made in the book, in order."""
    return [
        (float(m["p"]), float(m["q"]))
        for m in messages(path)
        if m.get("e") == "trade" and m.get("X") not in OUTSIDE_THE_BOOK
    ]
