"""A venue whose prices stand still until a test moves them, over real sockets, with its faults."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import requests

from hft.binance.rest import Rest
from hft.clock import wall_ns
from hft.simulator.fault_kinds import Scenario
from hft.simulator.matching import BUY, SELL
from hft.units import E8, NS_PER_MS, NS_PER_S
from tests.hft.simulator.clocked import Clocked, clocked

from .rig import KEYS, SYMBOL, Venue

MIDDLE_TICKS = 600_000
DEPTH_LOTS = 1_000_000


class QuietVenue(Venue):
    """At 60000, a tick of spread either side, deep enough for every test."""

    def __init__(self, served: Clocked) -> None:
        self.url = f"http://127.0.0.1:{served.port}"
        self.rest = Rest(self.url, KEYS)
        self.begins_after = 0
        self._exchange = served.venue.exchange
        self._listing = self._exchange.listings[SYMBOL]
        for side in (BUY, SELL):
            place = (MIDDLE_TICKS - side, DEPTH_LOTS)
            self._exchange.house_order(self._listing, side, place, 0)
        self.move_last(60_000.0)

    def move_last(self, price: float) -> None:
        """Let the last price be another."""
        self._listing.last_ticks = round(price * 10)

    def move_mark(self, price: float) -> None:
        """Let the mark price be another."""
        self._listing.mark_e8 = round(price * E8)

    def tidy_up(self) -> None:
        self.forget_faults()
        self.rest.cancel_all_algos(SYMBOL)
        super().tidy_up()
        self.move_last(60_000.0)
        self.move_mark(60_000.0)

    def fail(self, kind: str, **more: Any) -> None:
        """Switch a fault on."""
        told = requests.post(f"{self.url}/sim/faults", json={"kind": kind, **more}, timeout=5)
        assert told.ok, told.text

    def forget_faults(self) -> None:
        """Switch every fault off."""
        assert requests.delete(f"{self.url}/sim/faults", timeout=5).ok

    def clock_is_off(self) -> bool:
        """Say whether the venue's clock differs from ours by seconds."""
        return abs(self.rest.server_time_ms() - wall_ns() // NS_PER_MS) > NS_PER_S // NS_PER_MS

    def waiting(self) -> list[Any]:
        """The orders that wait for their trigger."""
        rows: list[Any] = self.rest.open_algo_orders(SYMBOL)
        return rows

    def close(self) -> None:
        self.rest.close()


@contextlib.contextmanager
def quiet_venue() -> Iterator[QuietVenue]:
    with clocked(clock=lambda: wall_ns() // NS_PER_MS, faults=Scenario()) as served:
        venue = QuietVenue(served)
        try:
            yield venue
        finally:
            venue.close()
