"""Numbers in the sentences of a strategy."""

from __future__ import annotations

HELD = "held"


class Figure(float):
    """A number that EXPLAIN may also write as a position: ``{position:held}`` is "long 0.01"."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec != HELD:
            return float.__format__(self, spec)
        if self == 0.0:
            return "flat"
        return f"{'long' if self > 0.0 else 'short'} {abs(self):g}"
