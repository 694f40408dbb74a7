"""Which faults are armed, and when each strikes.

Pure: the same seed, the same faults and the same occurrences give the same strikes.  Every fault
has chance of its own, so that one does not move another.
"""

from __future__ import annotations

from random import Random
from typing import TypeVar

import msgspec
import orjson

from hft.simulator.fault_kinds import AnyFault, Fault, Scenario
from hft.simulator.refusals import Refusal

Kind = TypeVar("Kind", bound=Fault)


class Armed:
    """One fault with its chance and its counters."""

    def __init__(self, number: int, fault: AnyFault, seed: int) -> None:
        self.number = number
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self.chance = Random(f"{seed}/{number}")

    def strikes(self) -> bool:
        """Say whether this occurrence is struck, and count it."""
        self.seen += 1
        fault = self.fault
        if self.seen <= fault.after or self.spent() or self.chance.random() >= fault.probability:
            return False
        self.struck += 1
        return True

    def spent(self) -> bool:
        """Say whether it has struck as often as it may."""
        return self.fault.count is not None and self.struck >= self.fault.count

    def row(self) -> dict[str, object]:
        """Describe it for `/sim/state`."""
        fields: dict[str, object] = msgspec.to_builtins(self.fault)
        counters = {"seen": self.seen, "struck": self.struck, "active": not self.spent()}
        return {"id": self.number, **fields, **counters}


class Faults:
    """The armed faults in the order they were added; the first that strikes has the occurrence."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.armed: list[Armed] = []
        self._next = 1

    def add(self, scenario: Scenario) -> list[Armed]:
        """Arm every fault of a scenario; gives them with their numbers."""
        seed = self.seed if scenario.seed is None else scenario.seed
        added = []
        for fault in scenario.faults:
            added.append(Armed(self._next, fault, seed))
            self._next += 1
        self.armed += added
        return added

    def clear(self, number: int | None = None) -> int:
        """Disarm all, or one by its number; gives how many."""
        kept = [] if number is None else [one for one in self.armed if one.number != number]
        gone = len(self.armed) - len(kept)
        self.armed = kept
        return gone

    def of(self, family: type[Kind]) -> list[tuple[Armed, Kind]]:
        """Give the armed faults of a family."""
        return [(one, one.fault) for one in self.armed if isinstance(one.fault, family)]

    def rows(self) -> list[dict[str, object]]:
        """Describe all for `/sim/state`."""
        return [one.row() for one in self.armed]


def read_faults(body: bytes) -> Scenario:
    """Read what was posted: one fault, or a scenario.

    Raises:
        Refusal: it is neither; the text says where.
    """
    try:
        words = orjson.loads(body)
        if isinstance(words, dict) and "kind" in words:
            words = {"faults": [words]}
        return msgspec.convert(words, Scenario)
    except ValueError as error:
        raise Refusal(-1130, f"Faults not understood: {error}", 400) from None
