"""Resting orders with an end of their own (good till date), soonest first."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from hft.simulator.orders import OPEN, VenueOrder

SWEEP_FROM = 1_024
"""So many notes are kept before those of orders that are done are looked for."""


class Expiries:
    """Notes of when orders expire; an order that ends before leaves its note behind for a while.

    Notes of ended orders are swept out whenever the notes have doubled, so there are never more
    than twice as many as orders that wait (or `SWEEP_FROM`).
    """

    def __init__(self) -> None:
        self._notes: list[tuple[int, str, int, VenueOrder]] = []
        self._sweep_at = SWEEP_FROM

    def __len__(self) -> int:
        return len(self._notes)

    def put(self, order: VenueOrder) -> None:
        """Note when a resting order expires; twice is once."""
        if len(self._notes) >= self._sweep_at:
            self._sweep()
        due_ms = order.request.good_till_ms
        heappush(self._notes, (due_ms, order.symbol.name, order.order_id, order))

    def due(self, now_ms: int) -> Iterator[VenueOrder]:
        """Take out the open orders whose time is over."""
        while self._notes and self._notes[0][0] <= now_ms:
            order = heappop(self._notes)[-1]
            if order.status in OPEN:
                yield order

    def _sweep(self) -> None:
        waiting = {note[:3]: note for note in self._notes if note[-1].status in OPEN}
        self._notes = list(waiting.values())
        heapify(self._notes)
        self._sweep_at = max(SWEEP_FROM, 2 * len(self._notes))
