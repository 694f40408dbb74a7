"""What the house counted over the last minute, hour and session, from looks at its counters.

The counters only grow while their process lives, and begin anew with the next one; what the dead
one had counted is carried.  Memory is bounded: one row a second for an hour, and the strip's ring.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard.strip import Strip
from hft.denials import explain_denial
from hft.events import Denial, Verdict
from hft.seats import Seat
from hft.state.blocks import ACCOUNT, VERDICT
from hft.state.reader import ReadableHouse
from hft.units import NS_PER_MS, NS_PER_S

HOUR_S = 3600
_VERDICTS = int(VERDICT["counts"].shape[0])
_DENIALS = int(ACCOUNT["denied"].shape[0])
Longs = npt.NDArray[np.int64]


class Counts(NamedTuple):
    """What was counted in a window: by `Verdict` and by `Denial`, and since when."""

    verdicts: Longs
    denials: Longs
    since_ms: int

    def verdict_names(self) -> dict[str, int]:
        """Tell every verdict that came, by name."""
        return {each.name: int(self.verdicts[each]) for each in Verdict if self.verdicts[each]}

    def denial_names(self) -> dict[str, dict[str, Any]]:
        """Tell every denial that came, by name, with its sentence."""
        return {
            each.name: {"count": int(self.denials[each]), "sentence": explain_denial(each)}
            for each in Denial
            if each is not Denial.NONE and self.denials[each]
        }


class Carried:
    """Counters that survive the process that counts them."""

    def __init__(self, size: int) -> None:
        self._before = np.zeros(size, np.int64)
        self._last = np.zeros(size, np.int64)

    def add(self, counters: Longs) -> None:
        """Take a look; a counter that fell was begun anew, and all beside it with it."""
        if (counters < self._last).any():
            self._before += self._last
        self._last = counters.astype(np.int64)

    @property
    def total(self) -> Longs:
        """Everything counted so far."""
        return self._before + self._last


class Watch:
    """Samples the counters of verdicts and denials, and the way to firing.

    `sample` is to be called ten times a second, since an approach to firing may be over in a tenth;
    it only reads snapshots.  A strip is of one symbol: two distances make no line.
    """

    def __init__(self, house: ReadableHouse) -> None:
        self._house = house
        self._strips: dict[int, Strip] = {}
        self._nowhere = Strip()
        self._verdicts = [Carried(_VERDICTS) for _ in house.shards]
        self._denials = Carried(_DENIALS)
        self._rows = np.zeros((HOUR_S + 1, _VERDICTS + _DENIALS), np.int64)
        self._times_ms = np.zeros(HOUR_S + 1, np.int64)
        self._taken = 0
        self._next_ns = 0
        self._session_ms = 0

    def sample(self, now_ns: int) -> None:
        """Look once; counters are kept once a second, the strip takes every look."""
        now_ms = self._house.anchor.to_wall_ns(now_ns) // NS_PER_MS
        for shard, carried in zip(self._house.shards, self._verdicts, strict=True):
            told = shard.verdict.read()
            if told is not None:
                carried.add(told[0]["counts"])
                self._strips.setdefault(int(told[0]["symbol"]), Strip()).add(now_ms, told[0])
        account = self._house.account.read()
        if account is not None:
            self._denials.add(account[0]["denied"])
        if not self._session_ms:
            self._session_ms = self._counted_since_ms(now_ms)
        if now_ns >= self._next_ns:
            # A look that came late is followed by one in time, not by several at once.
            self._next_ns = max(self._next_ns + NS_PER_S, now_ns + NS_PER_S // 2)
            slot = self._taken % len(self._rows)
            self._rows[slot], self._times_ms[slot] = self._total(), now_ms
            self._taken += 1

    @property
    def strip(self) -> Strip:
        """The strip of the first symbol."""
        return self._strips.get(0, self._nowhere)

    def strip_of(self, symbol: str | None) -> Strip:
        """The strip of a symbol; an empty one when nothing was decided on it yet."""
        symbols = self._house.symbols()
        at = symbols.index(symbol) if symbol in symbols else -1
        return self._strips.get(at, self._nowhere)

    def minute(self) -> Counts:
        """Tell what was counted in the last minute."""
        return self._window(60)

    def hour(self) -> Counts:
        """Tell what was counted in the last hour."""
        return self._window(HOUR_S)

    def session(self) -> Counts:
        """Tell everything that was counted, also by a strategy that was replaced meanwhile."""
        return self._counts(self._total(), self._session_ms)

    def _window(self, seconds: int) -> Counts:
        """Subtract the newest row that is old enough; a younger watch tells since when it is."""
        if not self._taken:
            return self._counts(np.zeros(_VERDICTS + _DENIALS, np.int64), 0)
        kept = min(self._taken, len(self._rows))
        order = np.arange(self._taken - kept, self._taken) % len(self._rows)
        times = self._times_ms[order]
        at = int(np.searchsorted(times, times[-1] - 1000 * seconds, side="right")) - 1
        row = order[max(0, at)]
        return self._counts(self._total() - self._rows[row], int(self._times_ms[row]))

    def _total(self) -> Longs:
        verdicts = np.sum([carried.total for carried in self._verdicts], axis=0)
        return np.concatenate([verdicts, self._denials.total])

    def _counts(self, row: Longs, since_ms: int) -> Counts:
        return Counts(row[:_VERDICTS], row[_VERDICTS:], since_ms)

    def _counted_since_ms(self, now_ms: int) -> int:
        """Since when the blocks count: the run's start, or that of a strategy that came later."""
        started_ns = int(self._house.run[0]["started_wall_ns"])
        seat = self._house.orders_to[Seat.STRATEGY]
        if seat["restarts"] or int(self._house.run[0]["strategy_epoch"]):
            local_ns = int(self._house.vitals[Seat.STRATEGY]["started_ns"])
            started_ns = self._house.anchor.to_wall_ns(local_ns) if local_ns else 0
        return started_ns // NS_PER_MS or now_ms
