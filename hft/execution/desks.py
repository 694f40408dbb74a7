"""The intent desks of the house, one for each shard, taken in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hft.execution.intents import BURST_MAX, IntentDesk


class Desks:
    """Shares one burst out among the shards, so that none of them waits for a busy one."""

    def __init__(self, desks: Sequence[IntentDesk]) -> None:
        self._desks = desks
        self._share = max(1, BURST_MAX // len(desks))
        self._first = 0

    def __iter__(self) -> Iterator[IntentDesk]:
        return iter(self._desks)

    def work(self) -> int:
        """Handle a share of a burst of every shard, beginning with another one each time."""
        count, desks = 0, self._desks
        for place in range(self._first, self._first + len(desks)):
            count += desks[place % len(desks)].work(self._share)
        self._first = (self._first + 1) % len(desks)
        return count

    def waiting(self) -> int:
        """Intents in the rings."""
        return sum(desk.waiting() for desk in self._desks)
