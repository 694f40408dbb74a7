"""Keeping the tape: the newest market records of all shards, copied from their rings unasked.

The ledger observes the rings (`ringbuf.observer`), so feed and strategy pay nothing; it looks at
most every 20 ms and at least every 100 ms, which is as long as it parks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hft.events import MarketFlag, MarketKind
from hft.state.blocks import TAPE_BATCH_MAX, TAPE_HEAD
from hft.state.tape import lay_stretch
from hft.topology import MARKET_SLOTS, House
from hft.units import NS_PER_MS
from ringbuf.observer import Observer

LOOK_EVERY_NS = 20 * NS_PER_MS
UNPUBLISHED_MAX = 64
"""The feed fills at most half as many slots before it publishes them; a test holds it to that."""
_LOOKS_MAX = MARKET_SLOTS // TAPE_BATCH_MAX + 1

Take = Callable[[npt.NDArray[np.void], int], None]
"""Is handed records in the order of the tape, and how many the tape holds with them."""


class TapeDesk:
    """Lays what is new into the tape, and hands it on to `take`.

    A restarted ledger goes on from the block's own words, and catches up from the rings.
    """

    def __init__(self, house: House, take: Take) -> None:
        self._house = house
        self._take = take
        head = house.tape_head.read()
        self._head = np.zeros(1, TAPE_HEAD) if head is None else head
        self._observers = [
            Observer(shard.market, int(taken), UNPUBLISHED_MAX)
            for shard, taken in zip(house.shards, self._head[0]["taken"], strict=False)
        ]
        self._due_ns = 0

    @property
    def written(self) -> int:
        """How many records the tape has ever held."""
        return int(self._head[0]["written"])

    @property
    def missed(self) -> int:
        """How many events were overwritten before they were copied."""
        return int(self._head[0]["missed"])

    def work(self, now_ns: int) -> None:
        """Copy what is new, if it is time to look."""
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + LOOK_EVERY_NS
            self.look()

    def look(self) -> None:
        """Copy what is new of every shard, at most about one ring of each."""
        for shard, observer in enumerate(self._observers):
            for _ in range(_LOOKS_MAX):
                before = observer.position
                events, missed = observer.read(TAPE_BATCH_MAX)
                if missed or len(events):
                    self._lay(shard, events, missed)
                if observer.position - before < TAPE_BATCH_MAX:
                    break

    def _lay(self, shard: int, events: npt.NDArray[np.void], missed: int) -> None:
        head = self._head[0]
        if missed:
            head["missed"] += np.uint64(missed)
            symbols = np.uint64(sum(1 << symbol for symbol in self._house.symbols_of(shard)))
            head["trade_gap"] |= symbols
            head["book_gap"] |= symbols
        for word, kind in (("trade_gap", MarketKind.TRADE), ("book_gap", MarketKind.BOOK_TOP)):
            if head[word]:
                head[word] = _mark_gaps(events, kind, int(head[word]))
        lay_stretch(self._house.tape, self.written, events)
        head["written"] += np.uint64(len(events))
        head["taken"][shard] = self._observers[shard].position
        self._house.tape_head.write_bytes(self._head.tobytes())
        self._take(events, self.written)


def _mark_gaps(events: npt.NDArray[np.void], kind: MarketKind, symbols: int) -> int:
    """Set GAP on the first event of a kind of each of `symbols` (bits); which still wait for it."""
    of_kind = np.flatnonzero(events["kind"] == kind)
    found, first = np.unique(events["symbol"][of_kind], return_index=True)
    for symbol, at in zip(found.tolist(), first.tolist(), strict=True):
        if symbols >> symbol & 1:
            events["flags"][of_kind[at]] |= MarketFlag.GAP
            symbols &= ~(1 << symbol)
    return symbols
