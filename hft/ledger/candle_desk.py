"""Keeping one-minute candles: in the segment with every look at the tape, in the database once a
minute is over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from hft.events import MarketKind
from hft.ledger.candle_fold import CandleFold
from hft.ledger.candle_store import store_heard
from hft.ledger.courier import Call, Courier
from hft.ledger.inserting import Row
from hft.ledger.schema import FROM_FEED
from hft.ledger.venues import venue_of
from hft.seats import shard_of
from hft.state.blocks import CANDLES
from hft.state.candles import MINUTE_MS, Columns
from hft.state.tape import read_tape, written
from hft.topology import House
from hft.units import NS_PER_S

STORE_EVERY_NS = NS_PER_S
GRACE_MS = 2_000
"""How long after its end, by the venue's time, a minute may still get trades."""


_CLOCK = (MarketKind.TRADE, MarketKind.MARK_PRICE)
"""What comes over the same connection as the trades tells that none of a minute is on its way.  The
books come over another one: they go on while trades are being missed."""


class CandleDesk:
    """Folds what the tape brings, and sends finished minutes through the courier.

    Everything a restarted ledger needs lies in the block, with the number of records that are in
    it; what a killed one laid into the tape and did not fold is folded by the next.
    """

    def __init__(self, house: House, engine: Engine, courier: Courier, rest_url: str) -> None:
        self._house = house
        self._engine = engine
        self._courier = courier
        self._rest_url = rest_url
        self._symbols = house.symbols()
        value = house.candles.read()
        self._columns = Columns(np.zeros(1, CANDLES) if value is None else value)
        self._clock_ms = np.zeros(len(house.shards), np.int64)
        self._stored: dict[tuple[int, int], tuple[int, int]] = {}
        self._storing: Call | None = None
        self._due_ns = 0
        self._fold: CandleFold | None = None

    def ready(self) -> bool:
        """Say whether the sizes of all symbols are known; execution writes them at its start."""
        if self._fold is None:
            specs = self._house.spec[: len(self._symbols)]
            if not (specs["tick_e8"].all() and specs["lot_e8"].all()):
                return False
            tick_e8, lot_e8 = specs["tick_e8"].copy(), specs["lot_e8"].copy()
            self._fold = CandleFold(self._columns, tick_e8, lot_e8)
            through = int(self._columns.value[0]["through"])
            if through < written(self._house):
                left = read_tape(self._house, through)
                self.take(left.records, left.written)
        return True

    def take(self, records: npt.NDArray[np.void], through: int) -> None:
        """Fold records of the tape, which holds `through` with them."""
        assert self._fold is not None, "records come only once the desk is ready"
        self._fold.add(records)
        shards = len(self._house.shards)
        newest_ms = np.zeros(len(self._symbols), np.int64)
        clock = records[np.isin(records["kind"], _CLOCK)]
        np.maximum.at(newest_ms, clock["symbol"].astype(np.int64), clock["venue_ms"])
        for symbol, told_ms in enumerate(newest_ms.tolist()):
            shard = shard_of(symbol, shards)
            self._clock_ms[shard] = max(int(self._clock_ms[shard]), told_ms)
        self._columns.value[0]["through"] = through
        self._publish()

    def work(self, now_ns: int) -> None:
        """Store the minutes that are over and changed, if it is time to."""
        if now_ns >= self._due_ns and (self._storing is None or self._storing.done):
            self._due_ns = now_ns + STORE_EVERY_NS
            self._store(unfinished=False)

    def end(self) -> bool:
        """Store every candle as it stands; says when that is done."""
        if self._storing is None or self._storing.done:
            return not self._store(unfinished=True)
        return False

    def _store(self, *, unfinished: bool) -> bool:
        venue = venue_of(self._house, self._rest_url)
        if not venue:
            return False
        self._meet(venue)
        rows = self._rows(venue, unfinished=unfinished)
        if not rows:
            return False
        self._storing = Call(lambda: store_heard(self._engine, rows))
        self._courier.send(self._storing)
        return True

    def _meet(self, venue: str) -> None:
        """Note whose prices these are; those of another venue are forgotten."""
        value = self._columns.value[0]
        if value["venue"] == venue.encode():
            return
        if value["venue"]:
            for table in self._columns.of.values():
                table[:] = 0
        value["venue"] = venue.encode()
        self._publish()

    def _rows(self, venue: str, *, unfinished: bool) -> list[Row]:
        """Make rows of what was not stored as it stands, and remember that it is."""
        rows: list[Row] = []
        minutes = self._columns.of["minute_ms"]
        shards, kept = len(self._house.shards), {}
        for symbol, name in enumerate(self._symbols):
            over_ms = int(self._clock_ms[shard_of(symbol, shards)]) - MINUTE_MS - GRACE_MS
            spec = self._house.spec[symbol]
            for place in np.flatnonzero(minutes[symbol]).tolist():
                candle = self._columns.candle(
                    symbol, place, int(spec["tick_e8"]), int(spec["lot_e8"])
                )
                if not unfinished and candle.minute_ms > over_ms:
                    continue
                key, told = (symbol, candle.minute_ms), (candle.trades, candle.whole)
                kept[key] = told
                if self._stored.get(key) != told:
                    row: Row = {"venue": venue, "symbol": name, **candle._asdict()}
                    if candle.minute_ms > over_ms:
                        row["whole"] = 0
                    rows.append(row | {"source": FROM_FEED})
        self._stored = kept
        return rows

    def _publish(self) -> None:
        self._house.candles.write_bytes(self._columns.value.tobytes())
