"""The supervisor's hand on the latch: what a person or a death ordered, and its copy on disk.

Halted means: a halt, by either hand, later than the last resume by a person.  The supervisor
writes its own pair of words only; the gate's pair is execution's.  ``D/latch.json`` keeps the
outcome, so that a restart does not forget.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from hft.clock import monotonic_ns, wall_ms
from hft.events import LatchReason
from hft.state.latch import latch_of
from hft.topology import House


class SupervisorLatch:
    """Writes `latch_supervisor`, watches `latch_gate`, and keeps the file in step."""

    def __init__(self, house: House, path: Path) -> None:
        self._own = house.latch_supervisor[0]
        self._gate = house.latch_gate[0]
        self._path = path
        self._saved: tuple[bool, int] | None = None

    def begin(self, *, halted: bool) -> None:
        """Start a run: halted with what the last run left on record, or open (the demo)."""
        if halted:
            self.halt(self._remembered())
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
        """Say what the newest halt was for; NONE while not halted."""
        return latch_of(self._own, self._gate).reason

    def save(self) -> bool:
        """Write the file when the outcome differs from what it says; tells whether it did."""
        outcome = (self.halted(), int(self.reason()))
        if outcome == self._saved:
            return False
        self._saved = outcome
        text = orjson.dumps(
            {"halted": outcome[0], "reason": self.reason().name, "wall_ms": wall_ms()}
        )
        fresh = self._path.with_suffix(".tmp")
        fresh.write_bytes(text)
        fresh.replace(self._path)
        return True

    def _remembered(self) -> LatchReason:
        try:
            kept = orjson.loads(self._path.read_bytes())
            name = kept["reason"] if kept["halted"] else "START_UP"
            return LatchReason[name]
        except FileNotFoundError:
            return LatchReason.START_UP
        except (orjson.JSONDecodeError, KeyError, TypeError):
            # A half-written or foreign file: the safe reading is that somebody halted.
            return LatchReason.PERSON
