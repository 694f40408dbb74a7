"""Reads a recording of the real exchange: lines `<stamp> {"stream": ..., "data": ...}`.

The stamp is the recorder's clock in micro- or nanoseconds.  Files may be gigabytes, plain or
gzip, so lines are read one at a time; what cannot be played is counted and left out.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson

from hft.errors import ConfigError
from hft.simulator.symbols import Symbol, symbol_for
from hft.units import NS_PER_MS

GZIP_MAGIC = b"\x1f\x8b"
HEAD_LINES = 20_000
UNSTAMPED_MAX = 20
# What can be played, and the fields without which it cannot.
PLAYED: dict[str, tuple[str, ...]] = {
    "trade": ("E", "T", "p", "q", "t", "m"),
    "aggTrade": ("p", "q", "m"),
    "bookTicker": ("u", "b", "B", "a", "A"),
    "markPriceUpdate": ("E", "p"),
    "depthUpdate": ("u", "b", "a"),
    "forceOrder": ("o",),
}
_DATA_KEY = b'"data":'
_STREAM = re.compile(rb'^\{\s*"stream"\s*:\s*"([^"\\]+)"\s*,\s*$')
_STREAM_SUFFIX = {
    "trade": "@trade",
    "aggTrade": "@aggTrade",
    "bookTicker": "@bookTicker",
    "markPriceUpdate": "@markPrice@1s",
    "depthUpdate": "@depth@0ms",
    "forceOrder": "@forceOrder",
}


class Recorded(msgspec.Struct):
    """One message: when it was received, its stream, its bytes and what they say."""

    stamp_ns: int
    stream: str
    payload: bytes
    data: dict[str, Any]
    derived: bool = False

    @property
    def kind(self) -> str:
        """The event name."""
        return cast(str, self.data["e"])

    @property
    def time_ms(self) -> int:
        """When it happened, by the clock of the recorded venue."""
        return cast(int, self.data.get("E") or self.stamp_ns // NS_PER_MS)

    @property
    def symbol(self) -> str:
        """The symbol it speaks of."""
        return cast(str, self.data["o"]["s"] if self.data["e"] == "forceOrder" else self.data["s"])


class Head(msgspec.Struct, frozen=True):
    """What the beginning of a recording tells: symbols, streams, who has aggTrade and trade."""

    symbols: tuple[Symbol, ...]
    streams: frozenset[str]
    with_aggregates: frozenset[str]
    with_trades: frozenset[str]
    first_ms: int


def lines_of(path: Path) -> Iterator[bytes]:
    """Read the lines of a plain or gzip file.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == GZIP_MAGIC
        with ExitStack() as files:
            raw = files.enter_context(path.open("rb"))
            yield from files.enter_context(gzip.GzipFile(fileobj=raw)) if packed else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the recording {path}: {error}") from error


def parse_line(line: bytes) -> Recorded | None:
    """Read one line; None when it is not a stamped stream message that can be played."""
    stamp, _, rest = line.partition(b" ")
    if not stamp.isdigit() or not 10 <= len(stamp) <= 20:
        return None
    try:
        stream, payload, data = _unwrap(rest.strip())
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    if not isinstance(data, dict) or not _is_played(data):
        return None
    if not stream:
        stream = _named(data).lower() + _STREAM_SUFFIX[data["e"]]
    return Recorded(_to_ns(stamp), stream, payload, data)


def parse_snapshot(line: bytes, symbol: str) -> Recorded | None:
    """Read a line that is a REST answer of depth; None when it is not, or whose is not known."""
    stamp, _, rest = line.partition(b" ")
    if not symbol or b'"lastUpdateId"' not in rest or not stamp.isdigit():
        return None
    try:
        told = orjson.loads(rest)
        data = {
            "e": "snapshot",
            "s": symbol,
            "u": int(told["lastUpdateId"]),
            "b": told["bids"],
            "a": told["asks"],
            **{key: told[key] for key in "ET" if key in told},
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return Recorded(_to_ns(stamp), f"{symbol.lower()}@snapshot", b"", data)


def read_head(path: Path) -> Head:
    """Look at the beginning of a recording.

    Raises:
        ConfigError: it cannot be read, or it is no recording this simulator can play.
    """
    decimals: dict[str, list[int]] = {}
    streams: set[str] = set()
    kinds: dict[str, set[str]] = {"aggTrade": set(), "trade": set()}
    seen = first_ms = 0
    for number, line in enumerate(lines_of(path)):
        if number >= HEAD_LINES:
            break
        message = parse_line(line)
        if message is None:
            if not seen and number >= UNSTAMPED_MAX:
                break
            continue
        seen += 1
        first_ms = first_ms or message.time_ms
        streams.add(message.stream)
        prices, quantities = _texts(message)
        if prices:
            digits = decimals.setdefault(message.symbol, [0, 0, 0, 0])
            digits[0] = max(digits[0], *map(_decimals, prices))
            digits[1] = max(digits[1], *map(_decimals, quantities))
            digits[2] = max(digits[2], *map(_needed, prices))
            digits[3] = max(digits[3], *map(_needed, quantities))
        if message.kind in kinds:
            kinds[message.kind].add(message.symbol)
    if not decimals:
        raise ConfigError(
            f"{path} cannot be played: its lines are not a receive stamp (micro- or "
            'nanoseconds), a blank and {"stream": ..., "data": ...}'
        )
    symbols = tuple(
        symbol_for(name, (digits[0], digits[1]), number, (digits[2], digits[3]))
        for number, (name, digits) in enumerate(decimals.items())
    )
    with_aggregates, with_trades = (frozenset(names) for names in kinds.values())
    return Head(symbols, frozenset(streams), with_aggregates, with_trades, first_ms)


def _unwrap(text: bytes) -> tuple[str, bytes, Any]:
    """Give stream, data bytes and data of an envelope; the bytes are kept as recorded."""
    head, key, tail = text.partition(_DATA_KEY)
    found = _STREAM.match(head) if key else None
    if found is not None and tail.endswith(b"}"):
        payload = tail[:-1].strip()
        return found.group(1).decode(), payload, orjson.loads(payload)
    whole = orjson.loads(text)
    if "stream" in whole:
        return whole["stream"], orjson.dumps(whole["data"]), whole["data"]
    return "", text, whole


def _is_played(data: dict[str, Any]) -> bool:
    kind = data.get("e")
    fields = PLAYED.get(kind) if isinstance(kind, str) else None
    return fields is not None and bool(_named(data)) and all(name in data for name in fields)


def _named(data: dict[str, Any]) -> str:
    order = data.get("o")
    name = order.get("s") if isinstance(order, dict) else data.get("s")
    return name if isinstance(name, str) else ""


def _to_ns(stamp: bytes) -> int:
    """Bring a stamp in seconds to nanoseconds (told by its digits) to nanoseconds."""
    digits = len(stamp)
    power = 0 if digits >= 19 else 3 if digits >= 16 else 6 if digits >= 13 else 9
    return int(int(stamp) * 10**power)


def _texts(message: Recorded) -> tuple[list[str], list[str]]:
    """Give the prices and quantities a message holds; none for what is no trade and no book."""
    data = message.data
    if message.kind in ("trade", "aggTrade"):
        return [data["p"]], [data["q"]]
    if message.kind == "bookTicker":
        return [data["b"], data["a"]], [data["B"], data["A"]]
    if message.kind == "depthUpdate":
        rows = [*data["b"], *data["a"]]
        return [row[0] for row in rows], [row[1] for row in rows]
    return [], []


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _needed(text: str) -> int:
    return len(text.partition(".")[2].rstrip("0"))
