"""The claim: decoding a market message costs a fraction of what the fastest JSON libraries take.

The same frames, aggTrade and bookTicker in the combined envelope, go through the compiled decoder
into a ring, framing included, and through json, orjson and msgspec typed structs into floats,
payload alone: their framing would come on top.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from hft.clock import monotonic_ns
from hft.events import MARKET, MarketKind
from hft.feed.decode import decode
from hft.feed.rows import Tables
from hft.feed.tokens import GUARD_BYTES
from hft.state.blocks import FEED_LINK
from ringbuf.layout import TAIL, RingLayout
from ringbuf.memory import Segment
from ringbuf.spsc import Ring, jump_to_tail

FRAMES = 1000
RING_SLOTS = 1024
PASSES = 400
QUICK_PASSES = 20
FIRST_TRADE = 3_404_749_954

Answer = tuple[float, float]
"""Price and quantity of a trade; bid and ask of a book top."""


class AggTrade(msgspec.Struct):
    """What a typed decoder reads of an aggTrade."""

    s: str
    a: int
    p: str
    q: str
    T: int
    m: bool


class BookTicker(msgspec.Struct):
    """What a typed decoder reads of a bookTicker."""

    s: str
    b: str
    B: str
    a: str
    A: str
    T: int


class AggTradeMessage(msgspec.Struct):
    """An aggTrade in its envelope."""

    stream: str
    data: AggTrade


class BookTickerMessage(msgspec.Struct):
    """A bookTicker in its envelope."""

    stream: str
    data: BookTicker


_agg_trade = msgspec.json.Decoder(AggTradeMessage).decode
_book_ticker = msgspec.json.Decoder(BookTickerMessage).decode


def payloads(count: int) -> list[bytes]:
    """Make `count` messages, trade and book top in turn, no two alike."""
    made = []
    for number in range(count):
        ms, cents = 1_786_171_884_471 + number, 6_499_090 + number * 7 % 1000
        price, above = f"{cents // 100}.{cents % 100:02d}", f"{cents // 100 + 1}.{cents % 100:02d}"
        qty = f"{number % 97 / 1000 + 0.001:.3f}"
        common = {"s": "BTCUSDT", "T": ms, "st": 1}
        if number % 2:
            kind, rest = "bookTicker", {"u": ms, "E": ms + 2, "a": above, "A": "8.110"}
            rest |= {"b": price, "B": qty}
        else:
            trade = FIRST_TRADE + number // 2
            kind, rest = "aggTrade", {"E": ms + 150, "a": trade, "p": price, "q": qty, "nq": qty}
            rest |= {"f": trade * 2, "l": trade * 2, "m": True}
        stream = f"btcusdt@{kind}"
        made.append(orjson.dumps({"stream": stream, "data": {"e": kind, **rest, **common}}))
    return made


def framed(messages: list[bytes]) -> bytes:
    """Wrap messages as a server does: one unmasked text frame each."""
    frames = []
    for payload in messages:
        size = len(payload)
        head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
        frames.append(head + payload)
    return b"".join(frames)


class Compiled:
    """The compiled decoder with everything it writes to, in private memory."""

    def __init__(self, messages: list[bytes]) -> None:
        stream = framed(messages)
        self._end = len(stream)
        self._buffer = np.zeros(self._end + GUARD_BYTES, np.uint8)
        self._buffer[: self._end] = np.frombuffer(stream, np.uint8)
        shape = RingLayout(MARKET, RING_SLOTS)
        memory = Segment("bench", mmap.mmap(-1, shape.nbytes))
        self._ring = Ring.create(memory, 0, shape, 0)
        tables = Tables(self._ring, ["BTCUSDT"])
        self._link = np.zeros(FEED_LINK.itemsize, np.uint8)
        self._spare = np.zeros(MARKET.itemsize, np.uint8)
        self._tables = tables

    def decode_all(self) -> int:
        """Decode every frame once; how many events were published."""
        tables = self._tables
        tables.rows["last_trade_id"] = 0
        told = decode(
            self._buffer, (0, self._end), (1, 1), tables.words, tables.slot_bytes,
            tables.row_bytes, tables.desk_bytes, self._link, self._spare,
        )  # fmt: skip
        jump_to_tail(self._ring.words)
        return int(told[3])

    def events(self, count: int) -> npt.NDArray[np.void]:
        """The newest `count` events in order."""
        tail = int(self._ring.words[TAIL])
        newest: npt.NDArray[np.void] = self._ring.slots[np.arange(tail - count, tail) % RING_SLOTS]
        return newest


def by_msgspec(payload: bytes, number: int) -> Answer:
    """Decode one message with typed structs."""
    if number % 2:
        top = _book_ticker(payload).data
        return float(top.b), float(top.a)
    trade = _agg_trade(payload).data
    return float(trade.p), float(trade.q)


def _from_dict(data: dict[str, str]) -> Answer:
    return (
        (float(data["b"]), float(data["a"]))
        if data["e"] == "bookTicker"
        else (float(data["p"]), float(data["q"]))
    )


def by_orjson(payload: bytes, number: int) -> Answer:
    """Decode one message with orjson."""
    return _from_dict(orjson.loads(payload)["data"])


def by_json(payload: bytes, number: int) -> Answer:
    """Decode one message with the standard library."""
    return _from_dict(json.loads(payload)["data"])


BASELINES: dict[str, Callable[[bytes, int], Answer]] = {
    "msgspec": by_msgspec,
    "orjson": by_orjson,
    "json": by_json,
}


def check(messages: list[bytes], compiled: Compiled) -> None:
    """Refuse to measure decoders that do not agree on every number."""
    if compiled.decode_all() != len(messages):
        raise WrongAnswer(f"the compiled decoder did not read all {len(messages)} frames")
    for number, (payload, event) in enumerate(
        zip(messages, compiled.events(len(messages)), strict=True)
    ):
        book = event["kind"] == MarketKind.BOOK_TOP
        found = (float(event["price"]), float(event["price2" if book else "qty"]))
        for name, decoder in BASELINES.items():
            if decoder(payload, number) != found:
                raise WrongAnswer(f"message {number}: {name} and the compiled decoder differ")


def measure(quick: bool) -> Outcome:
    """Nanoseconds per message, the best of all passes, for the decoder and its baselines."""
    passes = QUICK_PASSES if quick else PASSES
    messages = payloads(FRAMES)
    compiled = Compiled(messages)
    check(messages, compiled)
    metrics: Metrics = {}
    best = min(_timed(compiled.decode_all) for _ in range(passes)) / FRAMES
    metrics["compiled_ns"] = round(best, 1)
    rows = [Row("compiled, framing included", best, "ns per message")]
    for name, decoder in BASELINES.items():

        def one_pass(decoder: Callable[[bytes, int], Answer] = decoder) -> None:
            for number, payload in enumerate(messages):
                decoder(payload, number)

        best = min(_timed(one_pass) for _ in range(max(3, passes // 10))) / FRAMES
        metrics[f"{name}_ns"] = round(best, 1)
        rows.append(Row(f"{name}, payload alone", best, "ns per message", baseline=True))
    metrics["msgspec_over_compiled"] = round(metrics["msgspec_ns"] / metrics["compiled_ns"], 1)
    return Outcome(rows, metrics, ["the best pass of each: other load on the machine only adds"])


def _timed(work: Callable[[], object]) -> int:
    started_ns = monotonic_ns()
    work()
    return monotonic_ns() - started_ns


if __name__ == "__main__":
    sys.exit(run("decode", measure))
