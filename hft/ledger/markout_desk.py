"""Measuring where the mid price went 100 ms, 1 s and 10 s after each fill.

Every horizon is measured as soon as it is over, so that the tape needs to reach back to the last
look only; what a restarted ledger finds unmeasured it measures as long as the tape still has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from sqlalchemy import Engine

from hft.events import MarketKind, Side
from hft.ledger.courier import Call, Courier
from hft.ledger.inserting import Row
from hft.ledger.markout_store import Since, Told, read_told, store_markouts
from hft.ledger.markouts import Known, mids_at
from hft.ledger.status import Status
from hft.state.tape import read_tape
from hft.topology import House
from hft.units import NS_PER_MS, NS_PER_S

HORIZONS_MS = (100, 1_000, 10_000)
LOOK_EVERY_NS = 200 * NS_PER_MS
PATIENCE_NS = 60 * NS_PER_S
"""How long a book may stand still before we say that nobody knows whether it did."""
CLOCKS_DIFFER_MS = 60_000


class Waiting(msgspec.Struct):
    """A fill and the horizons it still has no markout of."""

    row_id: int
    symbol: int
    sign: int
    local_ns: int
    mid_e8: int | None
    horizons_ms: list[int]


class MarkoutDesk:
    """Follows the fills that were stored, and stores their markouts through the courier."""

    def __init__(self, house: House, engine: Engine, courier: Courier, status: Status) -> None:
        self._house = house
        self._engine = engine
        self._courier = courier
        self._status = status
        self._symbols = house.symbols()
        self._waiting: list[Waiting] = []
        self._reading: Call | None = None
        self._storing: list[Call] = []
        self._due_ns = 0
        self._trades_seen = -1
        started_ms = int(house.run[0]["started_wall_ns"]) // NS_PER_MS
        records = read_tape(house).records
        oldest_ns = int(records["recv_ns"].min()) if len(records) else 0
        self._since = Since(0, oldest_ns, started_ms - CLOCKS_DIFFER_MS)

    def waiting(self) -> int:
        """How many fills still wait for the end of a horizon."""
        return len(self._waiting)

    def work(self, now_ns: int) -> None:
        """Take up new fills and measure what can be measured, if it is time to."""
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + LOOK_EVERY_NS
        if self._waiting:
            self._measure(now_ns)
        account_epoch = bytes(self._house.identity[0]["account_epoch"]).decode()
        if account_epoch and self._status.trades != self._trades_seen and self._has_read():
            self._trades_seen = self._status.trades
            self._send_reading(account_epoch)

    def end(self) -> bool:
        """Say whether nothing is under way; what still waits at the end is never measured."""
        self._storing = [job for job in self._storing if not job.done]
        return self._has_read() and not self._storing

    def _has_read(self) -> bool:
        return self._reading is None or self._reading.done

    def _send_reading(self, account_epoch: str) -> None:
        found: list[Told] = []
        since = self._since
        self._reading = Call(
            lambda: found.extend(read_told(self._engine, account_epoch, since)),
            lambda: self._take(found),
        )
        self._courier.send(self._reading)

    def _take(self, found: Sequence[Told]) -> None:
        for told in found:
            self._since = self._since._replace(row_id=told.row_id)
            left = [each for each in HORIZONS_MS if each not in told.horizons_ms]
            if left and told.symbol in self._symbols:
                symbol, sign = self._symbols.index(told.symbol), int(Side[told.side])
                self._waiting.append(
                    Waiting(told.row_id, symbol, sign, told.local_ns, told.mid_e8, left)
                )

    def _measure(self, now_ns: int) -> None:
        records = read_tape(self._house).records
        tops = records[records["kind"] == MarketKind.BOOK_TOP]
        rows: list[Row] = []
        for symbol in {each.symbol for each in self._waiting}:
            own = [each for each in self._waiting if each.symbol == symbol]
            rows += self._measure_symbol(own, tops[tops["symbol"] == symbol], now_ns)
        self._waiting = [each for each in self._waiting if each.horizons_ms]
        if rows:
            stored: list[int] = []
            job = Call(
                lambda: stored.append(store_markouts(self._engine, rows)),
                lambda: self._count(stored[-1]),
            )
            self._storing = [each for each in self._storing if not each.done] + [job]
            self._courier.send(job)

    def _count(self, stored: int) -> None:
        self._status.markouts += stored

    def _measure_symbol(
        self, fills: Sequence[Waiting], tops: np.ndarray[tuple[int], np.dtype[np.void]], now_ns: int
    ) -> list[Row]:
        """Make rows of what is known now; what never will be is counted and waits no longer."""
        tick_e8 = int(self._house.spec[fills[0].symbol]["tick_e8"])
        pairs = [(fill, horizon) for fill in fills for horizon in (0, *fill.horizons_ms)]
        times_ns = np.array([fill.local_ns + h * NS_PER_MS for fill, h in pairs], np.int64)
        mids_e8, known = mids_at(tops, times_ns, tick_e8)
        known[(known == Known.NOT_YET) & (times_ns < now_ns - PATIENCE_NS)] = Known.NEVER
        known[times_ns > now_ns] = Known.NOT_YET
        rows: list[Row] = []
        for (fill, horizon), mid, state in zip(pairs, mids_e8.tolist(), known, strict=True):
            if horizon == 0:
                self._begin(fill, mid, Known(state))
            elif state != Known.NOT_YET and fill.mid_e8 is not None:
                fill.horizons_ms.remove(horizon)
                if state == Known.YES:
                    rows.append(_row(fill, horizon, mid))
                else:
                    self._status.no_markouts += 1
        return rows

    def _begin(self, fill: Waiting, mid_e8: int, known: Known) -> None:
        if fill.mid_e8 is None and known is Known.YES:
            fill.mid_e8 = mid_e8
        elif fill.mid_e8 is None and known is Known.NEVER:
            self._status.no_markouts += len(fill.horizons_ms)
            fill.horizons_ms.clear()


def _row(fill: Waiting, horizon_ms: int, then_e8: int) -> Row:
    assert fill.mid_e8 is not None
    return {
        "trade_row": fill.row_id,
        "horizon_ms": horizon_ms,
        "mid_e8": fill.mid_e8,
        "then_e8": then_e8,
        "move_e8": fill.sign * (then_e8 - fill.mid_e8),
    }
