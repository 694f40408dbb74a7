"""The supervisor's hand on the latch: what a person or a death ordered, and its copy on disk.

Halted means: a halt, by either hand, later than the last resume by a person.  The supervisor
writes its own words only; the gate's are execution's.  ``D/latch.json`` keeps the outcome and what
tripped, so that a restart does not forget.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import orjson

from hft.boot import try_private
from hft.clock import monotonic_ns, wall_ms
from hft.events import LatchReason, MeasuredFrom, OnTrip
from hft.state.decision import Trip
from hft.state.latch import latch_of
from hft.state.trips import describe, newest_trip, write_trip
from hft.strategy.explain import explain_latch
from hft.topology import House
from hft.units import NS_PER_S

_AGAIN_AFTER_NS = NS_PER_S


class _Tripped(msgspec.Struct):
    """A trip as the file keeps it, by names."""

    rule: str
    measured: int
    limit: int
    measured_from: str
    since_wall_ms: int
    tripped_wall_ms: int
    on_trip: str
    closed: bool = False
    said: str = ""

    def trip(self) -> Trip:
        """The trip it tells of.

        Raises:
            KeyError: a name this build does not know.
        """
        return Trip(
            LatchReason[self.rule],
            self.measured,
            self.limit,
            MeasuredFrom[self.measured_from],
            self.since_wall_ms,
            self.tripped_wall_ms,
        )


class _Kept(msgspec.Struct):
    """The file."""

    halted: bool
    reason: str
    wall_ms: int = 0
    reduce: bool = False
    trip: _Tripped | None = None


class SupervisorLatch:
    """Writes `latch_supervisor`, watches `latch_gate`, and keeps the file in step."""

    def __init__(self, house: House, path: Path) -> None:
        self._own = house.latch_supervisor[0]
        self._gate = house.latch_gate[0]
        self._path = path
        self._saved: tuple[bool, bool, int, int, int] | None = None
        self._again_ns = 0
        self.trouble = ""
        """Why the file does not say what holds; it is tried again."""
        self.closed_ns = 0
        """The trip (by its time) after which everything was closed, where `on_trip` asks for it."""

    def begin(self, *, halted: bool) -> None:
        """Start a run: halted with what the last run left on record, or open (the demo)."""
        if halted:
            self.halt(self._remember())
        else:
            self.resume()

    def halt(self, reason: LatchReason) -> None:
        """Order a halt; only a deliberate `resume` lifts it."""
        self._own["halt_reason"] = reason
        self._own["halt_ns"] = monotonic_ns()
        self.save()

    def resume(self) -> None:
        """Lift every halt ordered so far, by whichever hand."""
        self._own["resume_ns"] = monotonic_ns()
        self.save()

    def halted(self) -> bool:
        """Say whether a halt is in force."""
        return latch_of(self._own, self._gate).halted

    def reason(self) -> LatchReason:
        """Say what the newest order to halt or to reduce was for; NONE while neither holds."""
        return latch_of(self._own, self._gate).reason

    def trip(self) -> tuple[Trip, OnTrip, int] | None:
        """Give the newest trip of a breaker since the last resume, see `newest_trip`."""
        return newest_trip(self._own, self._gate)

    def sentence(self) -> str:
        """Say what the latch holds back, and which breaker measured what, when one tripped."""
        latch = latch_of(self._own, self._gate)
        said = explain_latch(latch.reason, reduces=latch.reduce and not latch.halted)
        tripped = self.trip()
        return said if tripped is None else f"{said}: {describe(tripped[0])}"

    def save(self) -> bool:
        """Write the file when the outcome differs from what it says; tells whether it changed."""
        latch, tripped = latch_of(self._own, self._gate), self.trip()
        trip_ns = tripped[2] if tripped else 0
        outcome = (latch.halted, latch.reduce, int(latch.reason), trip_ns, self.closed_ns)
        changed = outcome != self._saved
        if not changed and (not self.trouble or monotonic_ns() < self._again_ns):
            return False
        self._saved, self._again_ns = outcome, monotonic_ns() + _AGAIN_AFTER_NS
        kept = _Kept(latch.halted, latch.reason.name, wall_ms(), latch.reduce)
        if tripped is not None:
            kept.trip = _named(*tripped[:2], closed=trip_ns == self.closed_ns)
        self.trouble = try_private(self._path, orjson.dumps(msgspec.to_builtins(kept)))
        return changed

    def _remember(self) -> LatchReason:
        """Read the file: the reason of the halt to begin with, and what had tripped."""
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
            if not (kept.halted or kept.reduce):
                return LatchReason.START_UP
            if kept.trip is not None:
                now_ns = monotonic_ns()
                write_trip(self._own, kept.trip.trip(), OnTrip[kept.trip.on_trip], now_ns)
                self.closed_ns = now_ns if kept.trip.closed else 0
            return LatchReason[kept.reason]
        except FileNotFoundError:
            return LatchReason.START_UP
        except (msgspec.DecodeError, KeyError):
            # A half-written or foreign file: the safe reading is that somebody halted.
            return LatchReason.PERSON


def _named(trip: Trip, on_trip: OnTrip, *, closed: bool) -> _Tripped:
    return _Tripped(
        trip.reason.name,
        trip.measured,
        trip.limit,
        trip.measured_from.name,
        trip.since_wall_ms,
        trip.tripped_wall_ms,
        on_trip.name,
        closed,
        describe(trip),
    )
