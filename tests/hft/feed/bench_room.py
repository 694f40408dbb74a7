"""A market ring on scratch memory, and plain readers of what lies in it."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hft.events import MARKET, MarketFlag
from hft.feed.inbox import Inbox, Taken
from hft.feed.rows import Tables
from hft.state.blocks import FEED_LINK
from ringbuf.layout import RingLayout
from ringbuf.memory import Segment
from ringbuf.spsc import Consumer, Ring

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


class Bench:
    """One inbox before one ring, with everything it counts."""

    def __init__(self, symbols: Sequence[str] = SYMBOLS, slots: int = 1 << 14) -> None:
        shape = RingLayout(MARKET, slots)
        segment = Segment("scratch", mmap.mmap(-1, shape.nbytes))
        self.ring = Ring.create(segment, 0, shape, 0)
        self.consumer = Consumer(self.ring)
        self.complaints: list[str] = []
        self.counters: npt.NDArray[np.void] = np.zeros(1, dtype=FEED_LINK)
        self.restart(symbols)

    def restart(self, symbols: Sequence[str] = SYMBOLS) -> None:
        """Open the ring anew, as a fresh feed process does."""
        self.tables = Tables(self.ring, symbols)
        self.inbox = Inbox(self.tables, self.counters, self.complaints.append)

    def feed(self, data: bytes, recv_ns: int = 1_000, offset_ns: int = 5) -> Taken:
        """Hand `data` over as one receipt, or several where it is larger than the room."""
        total = Taken()
        while True:
            room = self.inbox.room()
            part, data = data[: len(room)], data[len(room) :]
            room[: len(part)] = part
            taken = self.inbox.take(len(part), recv_ns, offset_ns)
            total.published += taken.published
            total.touched |= taken.touched
            total.control = total.control + taken.control
            total.broken = taken.broken
            if not data or taken.broken:
                return total

    def events(self) -> npt.NDArray[np.void]:
        """Take every event out of the ring."""
        count = self.consumer.waiting()
        events = self.consumer.copy(count)
        self.consumer.release(count)
        return events

    def count(self, name: str) -> int:
        """One of the link's counters."""
        return int(self.counters[0][name])


def gaps(events: npt.NDArray[np.void]) -> list[bool]:
    """Say of each event whether it carries GAP."""
    return [bool(flags & MarketFlag.GAP) for flags in events["flags"]]


def values(events: npt.NDArray[np.void]) -> list[tuple[object, ...]]:
    """What the venue said in each event, without GAP."""
    names = ("kind", "symbol", "venue_ms", "price", "qty", "price2", "qty2")
    flags = events["flags"] & ~np.uint8(MarketFlag.GAP)
    return [
        (*(event[name].item() for name in names), int(flag))
        for event, flag in zip(events, flags, strict=True)
    ]


def agg_trade(trade_id: int, symbol: str = "BTCUSDT", price: str = "83434.40") -> bytes:
    """An aggTrade as the venue writes it in 2026."""
    return (
        b'{"e":"aggTrade","E":1791391082024,"a":%d,"s":"%b","p":"%b","q":"0.016","nq":"0.016",'
        b'"f":8154045700,"l":8154045704,"T":1791391081874,"m":true,"st":1}'
        % (trade_id, symbol.encode(), price.encode())
    )


def book_ticker(symbol: str = "BTCUSDT", bid: str = "84788.20", ask: str = "84788.30") -> bytes:
    """A bookTicker as the venue writes it in 2026."""
    return (
        b'{"e":"bookTicker","u":11730346419457,"s":"%b","ps":"%b","b":"%b","B":"5.923","a":"%b",'
        b'"A":"2.824","T":1791091007473,"E":1791091007473,"st":1}'
        % (symbol.encode(), symbol.encode(), bid.encode(), ask.encode())
    )
