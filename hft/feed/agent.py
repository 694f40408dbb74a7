"""The feed process: the venue's market streams in, MARKET events and TOP blocks out."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hft.agent.contract import Context
from hft.config import Network
from hft.events import MARKET, Role
from hft.feed.decode import decode, offer
from hft.feed.inbox import Inbox
from hft.feed.link import Link, LinkPlan, Stream
from hft.feed.receive import entry, no_receipts
from hft.feed.rows import Tables
from hft.seats import seat_of
from hft.state.blocks import FEED_LINK
from hft.wire.frames import Opcode
from ringbuf.addressed import AddressTable
from ringbuf.layout import RingLayout
from ringbuf.memory import Segment
from ringbuf.parking import Duty
from ringbuf.spsc import Ring

PUBLIC, MARKET_LINK = 0, 1
"""Index of each link's record; the venue serves the two kinds of streams on two routes."""


def link_plans(
    network: Network, symbols: Sequence[str], own: Sequence[int]
) -> tuple[LinkPlan, LinkPlan]:
    """Say which streams come over which connection, in the raw form: no envelope to read.

    `own` are the indices of the symbols to subscribe to.
    """
    books, trades = [], []
    for index in own:
        name = symbols[index].lower()
        books.append(Stream(f"{name}@bookTicker", index, "book_ns"))
        trades.append(Stream(f"{name}@aggTrade", index, "trade_ns"))
        trades.append(Stream(f"{name}@markPrice@1s", index, "mark_ns"))
        trades.append(Stream(f"{name}@forceOrder", index, ""))
    return (
        LinkPlan("public", _url(network, "public", books), network.ca_file, books, "book_gap"),
        LinkPlan("market", _url(network, "market", trades), network.ca_file, trades, "trade_gap"),
    )


def _url(network: Network, route: str, streams: Sequence[Stream]) -> str:
    return f"{network.ws_url}/{route}/ws/{'/'.join(stream.name for stream in streams)}"


class FeedAgent:
    """Reads both links and publishes what they bring, in the order it came.

    `symbols` are all of the house, so that an index means the same everywhere; only those of this
    process's shard are subscribed to.
    """

    def __init__(self, context: Context, network: Network, symbols: Sequence[str]) -> None:
        self._context = context
        self._network = network
        self._symbols = symbols
        self._own = context.house.symbols_of(context.seat.shard)
        self._links: list[Link] = []
        self._receipts = no_receipts(2)
        self._table = AddressTable((self._receipts,))

    def on_start(self) -> None:
        """Open the ring and the tables, and begin to dial."""
        house, shard = self._context.house, self._context.shard
        bell = self._context.bells[seat_of(Role.STRATEGY, shard.number)]
        self._tables = Tables(shard.market, self._symbols, bell)
        for symbol in self._own:
            value = house.top[symbol].read_bytes()
            if value is not None:
                self._tables.load_top(symbol, value)
        for index, plan in enumerate(link_plans(self._network, self._symbols, self._own)):
            counters = shard.feed_link[index : index + 1]
            receipt = self._receipts[index : index + 1]
            self._links.append(Link(self._context, plan, self._tables, counters, receipt))

    def do_work(self, now_ns: int) -> int:
        """Read both links once; counts the events published, and 1 for each link with bytes."""
        receipts = frames = published = 0
        ready = self._context.parking.look()
        for link in self._links:
            taken = link.work(now_ns, ready)
            if taken is None:
                continue
            if taken.touched:
                self._commit_tops(taken.touched)
            receipts += 1
            frames += taken.frames
            published += taken.published
        if frames:
            self._context.count_in(frames)
            self._context.count_out(published)
        return receipts + published

    def inlets(self) -> Sequence[Ring]:
        """Nothing comes to the feed through shared memory."""
        return ()

    def duty(self) -> Duty:
        """Receive and decode what plain sockets have."""
        return Duty(int(entry().address), self._table.address)

    def drain(self, now_ns: int) -> bool:
        """Close the links; nothing is held, as every event is published when it is decoded."""
        self.on_close()
        return True

    def on_close(self) -> None:
        """Close the links."""
        for link in self._links:
            link.close()
        self._links.clear()

    def _commit_tops(self, touched: int) -> None:
        tops, tables = self._context.house.top, self._tables
        for symbol in self._own:
            if touched >> symbol & 1:
                tops[symbol].write_bytes(tables.top_bytes(symbol))


def hot_functions() -> tuple[Callable[..., Any], ...]:
    """The compiled functions the feed calls; more signatures after READY: a late compilation."""
    return decode, offer


def warm() -> None:
    """Compile what the feed calls, by reading one frame of each way on scratch memory."""
    shape = RingLayout(MARKET, 2)
    segment = Segment("scratch", mmap.mmap(-1, shape.nbytes))
    tables = Tables(Ring.create(segment, 0, shape, 0), ["BTCUSDT"])
    inbox = Inbox(tables, np.zeros(1, dtype=FEED_LINK), lambda text: None)
    fast = b'{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1.5","i":"1.5","r":"0.1"}'
    for payload in (fast, fast.replace(b":", b": ")):
        frame = bytes((0x80 | Opcode.TEXT, len(payload))) + payload
        inbox.room()[: len(frame)] = frame
        inbox.take(len(frame), 0, 0)
    entry()
