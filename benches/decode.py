"""The claim: decoding a market message costs a fraction of what the fastest JSON libraries take.

The same messages go through the compiled decoder into a ring, framing included, and through json,
orjson and msgspec typed structs into floats, payload alone: their framing would come on top.  The
receive loops of the usual libraries, which decode nothing, stand beside ours, which does.
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

from benches.receivers import LIBRARIES, by_us, is_installed
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from benches.trades import BOOK_TOP, FIRST_TRADE, MARK, SYMBOL, trade
from benches.venue import text_frame
from hft.clock import monotonic_ns
from hft.events import MARKET
from hft.feed.decode import decode
from hft.feed.rows import TOLD, Tables
from hft.feed.scan import FIELDS
from hft.feed.tokens import GUARD_BYTES
from hft.state.blocks import FEED_LINK
from ringbuf.addressed import AddressTable
from ringbuf.layout import TAIL, RingLayout
from ringbuf.memory import Segment
from ringbuf.spsc import Ring, jump_to_tail

FRAMES = 1000
RING_SLOTS = 1024
PASSES, QUICK_PASSES = 400, 40
RECEIVED, QUICK_RECEIVED = 500_000, 20_000

Answer = tuple[float, float]
"""The two numbers of a message that matter most, as `KINDS` names them."""


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


class MarkPrice(msgspec.Struct):
    """What a typed decoder reads of a markPriceUpdate."""

    s: str
    p: str
    i: str
    r: str
    E: int


class Kind(msgspec.Struct, frozen=True):
    """One kind of message: its type, the letters of its two numbers, the event's fields."""

    typed: type[msgspec.Struct]
    letters: tuple[str, str]
    fields: tuple[str, str]


KINDS = {
    "aggtrade": Kind(AggTrade, ("p", "q"), ("price", "qty")),
    "bookticker": Kind(BookTicker, ("b", "a"), ("price", "price2")),
    "markprice": Kind(MarkPrice, ("p", "i"), ("price", "price2")),
}


def payloads(kind: str, count: int) -> list[bytes]:
    """Make `count` messages of one kind, no two alike."""
    made = []
    for number in range(count):
        cents = 6_499_090 + number * 7 % 1000
        price, above = f"{cents // 100}.{cents % 100:02d}", f"{cents // 100 + 1}.{cents % 100:02d}"
        if kind == "aggtrade":
            made.append(trade(FIRST_TRADE + number, price, f"{number % 97 / 1000 + 0.001:.3f}"))
            continue
        payload = BOOK_TOP if kind == "bookticker" else MARK
        for known in (b"60000.00", b"60000.05"):
            payload = payload.replace(known, price.encode())
        made.append(payload.replace(b"60000.10", above.encode()))
    return made


class Compiled:
    """The compiled decoder with everything it writes to, in private memory."""

    def __init__(self, messages: list[bytes]) -> None:
        stream = b"".join(map(text_frame, messages))
        self._end = len(stream)
        self._buffer = np.zeros(self._end + GUARD_BYTES, np.uint8)
        self._buffer[: self._end] = np.frombuffer(stream, np.uint8)
        shape = RingLayout(MARKET, RING_SLOTS)
        memory = Segment("bench", mmap.mmap(-1, shape.nbytes))
        self._ring = Ring.create(memory, 0, shape, 0)
        tables = Tables(self._ring, [SYMBOL])
        self._told = np.zeros(1, TOLD)
        self._table = AddressTable(
            (
                self._buffer, tables.words, tables.slots, tables.rows, tables.desk,
                np.zeros(1, FEED_LINK), np.zeros(1, MARKET), np.zeros(FIELDS, np.int64), self._told,
                tables.parked,
            )
        )  # fmt: skip
        self._tables = tables

    def decode_all(self) -> int:
        """Decode every frame once; how many events were published."""
        self._tables.rows["last_trade_id"] = 0
        self._told["published"] = 0
        decode(self._table.address, 0, self._end, 1, 1)
        jump_to_tail(self._ring.words)
        return int(self._told[0]["published"])

    def events(self, count: int) -> npt.NDArray[np.void]:
        """The newest `count` events in order."""
        tail = int(self._ring.words[TAIL])
        newest: npt.NDArray[np.void] = self._ring.slots[np.arange(tail - count, tail) % RING_SLOTS]
        return newest


def by_msgspec(kind: Kind) -> Callable[[bytes], Answer]:
    """Make a reader on typed structs."""
    read = msgspec.json.Decoder(kind.typed).decode
    one, other = kind.letters

    def answer(payload: bytes) -> Answer:
        message = read(payload)
        return float(getattr(message, one)), float(getattr(message, other))

    return answer


def _by_dict(loads: Callable[[bytes], dict[str, str]]) -> Callable[[Kind], Reader]:
    def make(kind: Kind) -> Reader:
        one, other = kind.letters

        def answer(payload: bytes) -> Answer:
            message = loads(payload)
            return float(message[one]), float(message[other])

        return answer

    return make


Reader = Callable[[bytes], Answer]
BASELINES: dict[str, Callable[[Kind], Reader]] = {
    "msgspec": by_msgspec,
    "orjson": _by_dict(orjson.loads),
    "json": _by_dict(json.loads),
}


def check(kind: Kind, messages: list[bytes], compiled: Compiled) -> None:
    """Refuse to measure decoders that do not agree on every number."""
    if compiled.decode_all() != len(messages):
        raise WrongAnswer(f"the compiled decoder did not read all {len(messages)} frames")
    readers = {name: make(kind) for name, make in BASELINES.items()}
    one, other = kind.fields
    for payload, event in zip(messages, compiled.events(len(messages)), strict=True):
        found = (float(event[one]), float(event[other]))
        for name, reader in readers.items():
            if reader(payload) != found:
                raise WrongAnswer(f"{name} and the compiled decoder differ on {payload!r}")


def measure_kind(name: str, passes: int, metrics: Metrics) -> list[Row]:
    """Measure the compiled decoder on one kind of message, and on trades the baselines too."""
    kind, messages = KINDS[name], payloads(name, FRAMES)
    compiled = Compiled(messages)
    check(kind, messages, compiled)
    rows = [
        _keep(metrics, name, f"{name}, compiled, framing included", compiled.decode_all, passes)
    ]
    if name == "aggtrade":
        for library, make in BASELINES.items():
            reader = make(kind)

            def one_pass(reader: Reader = reader) -> None:
                for payload in messages:
                    reader(payload)

            what = f"{name}, {library}, payload alone"
            rows.append(_keep(metrics, library, what, one_pass, max(3, passes // 10), slow=True))
    return rows


def measure(quick: bool) -> Outcome:
    """Messages per second on one core: decoders by their best pass, receive loops over a socket."""
    metrics: Metrics = {}
    rows = []
    for name in KINDS:
        rows += measure_kind(name, QUICK_PASSES if quick else PASSES, metrics)
    notes = ["the best pass of each decoder: other load on the machine only adds"]
    notes.append("depth is absent: the feed subscribes to no depth stream")
    count = QUICK_RECEIVED if quick else RECEIVED
    metrics["received_per_s"] = round(by_us(10 * count))
    what = "over a socket: ours, decoded into a ring"
    rows.append(Row(what, metrics["received_per_s"], "messages/s"))
    for name, (module, loop) in LIBRARIES.items():
        if not is_installed(module):
            notes.append(f"{name} is absent: it is not installed")
            continue
        metrics[f"{name}_per_s"] = round(loop(count))
        row = Row(f"over a socket: {name}", metrics[f"{name}_per_s"], "messages/s", baseline=True)
        rows.append(row)
    for name in ("msgspec", "websocket_client"):
        ratio = metrics["aggtrade_per_s"] / metrics[f"{name}_per_s"]
        metrics[f"over_{name}"] = round(ratio, 1)
        rows.append(Row(f"compiled over {name}", ratio, "times"))
    return Outcome(rows, metrics, notes)


def _keep(
    metrics: Metrics, name: str, what: str, work: Callable[[], object], passes: int, *,
    slow: bool = False,
) -> Row:  # fmt: skip
    best_ns = min(_timed(work) for _ in range(passes)) / FRAMES
    metrics[f"{name}_per_s"] = round(1e9 / best_ns)
    return Row(what, metrics[f"{name}_per_s"], "messages/s", baseline=slow)


def _timed(work: Callable[[], object]) -> int:
    started_ns = monotonic_ns()
    work()
    return monotonic_ns() - started_ns


if __name__ == "__main__":
    sys.exit(run("decode", measure))
