"""Fills in parts: the sizes of the matches a user's order is cut into.

Pure: what is cut is one match after the other, so that every piece is booked as any match is and
money stays exact.
"""

from __future__ import annotations

from hft.simulator.fault_kinds import PartialFills
from hft.simulator.faults import Faults
from hft.simulator.symbols import Symbol


class FillCutter:
    """Says how many lots of a match come first; the core asks again for what is left."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._planned: list[int] = []

    def __call__(self, symbol: Symbol, lots: int) -> int:
        """Give the lots of the next piece, at least one and at most `lots`."""
        if sum(self._planned) != lots:
            # Another match than the one that was cut before.
            self._planned = self._plan(symbol, lots)
        return self._planned.pop()

    def _plan(self, symbol: Symbol, lots: int) -> list[int]:
        for armed, fault in self._faults.of(PartialFills):
            if fault.symbol in (None, symbol.name) and lots > 1 and armed.strikes():
                pieces = armed.chance.randint(2, min(fault.pieces, lots))
                cuts = sorted(armed.chance.sample(range(1, lots), pieces - 1))
                ends = zip([0, *cuts], [*cuts, lots], strict=True)
                return [end - start for start, end in ends]
        return [lots]
