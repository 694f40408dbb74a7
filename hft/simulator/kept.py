"""What a state held when it was opened, and what may keep rows of its own in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from hft.simulator.outcomes import Outcome
from hft.simulator.symbols import Symbol


class Track(msgspec.Struct):
    """Of an open order: when it came, when it took its place, how many amendments are written."""

    number: int
    queue: int
    amendments: int = 0


class Kept(msgspec.Struct):
    """What a state held when it was opened; an empty one for a new state."""

    restored: bool = False
    time_ms: int = 0
    next_number: int = 1
    tracks: dict[int, Track] = {}
    incomes: dict[int, int] = {}
    """By account, the number of its latest income or move of margin, 0 where it has none."""
    names: dict[int, str] = {}
    """What the accounts that ever were there are called."""


class Room(Protocol):
    """What keeps rows of its own beside orders and accounts: conditional orders, say."""

    name: str

    def changes(
        self, outcomes: Sequence[Outcome], *, every: bool
    ) -> Iterable[tuple[str, bytes | None]]:
        """Give the rows that changed, None for those that go.

        `every`: look also at what no outcome tells of; it is asked for once a second.
        """

    def restore(
        self, rows: Iterable[tuple[str, bytes]], symbol_of: Callable[[str], Symbol]
    ) -> None:
        """Take back the rows of a state; orders and accounts are there already.

        `symbol_of` finds a symbol by its name, and refuses the state where it is not listed.
        """
