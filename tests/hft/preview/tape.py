"""Market records made by hand, and a private house they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hft.agent.scratch import scratch_house
from hft.events import MARKET, MarketKind
from hft.state import blocks
from hft.state.histogram import bin_of
from hft.state.tape import lay_stretch
from hft.topology import House
from hft.units import E8

TICK_E8, LOT_E8 = 10_000_000, 100_000
MS = 1_000_000


def house_of(*symbols: str, shards: int = 1, round_trip_ms: int = 0) -> House:
    """A house with steps, fees and size limits; its orders took `round_trip_ms`, 0: none sent."""
    house = scratch_house("tape", symbols or ("BTCUSDT",), shards=shards)
    house.run[0]["maker_fee"], house.run[0]["taker_fee"] = 0.0002, 0.0005
    house.spec["tick_e8"], house.spec["lot_e8"] = TICK_E8, LOT_E8
    limits = np.zeros(1, blocks.LIMITS)
    limits["max_order_size_e8"], limits["max_position_e8"] = E8 // 10, E8
    house.limits.write_bytes(limits.tobytes())
    if round_trip_ms:
        place = bin_of(round_trip_ms * MS)
        house.latency[blocks.Leg.ORDER_ROUND_TRIP]["bins"][place] = 9
    return house


def fill_tape(house: House, records: npt.NDArray[np.void]) -> None:
    """Lay records as the newest ones of a house, as the ledger does."""
    lay_stretch(house.tape, 0, records[: blocks.TAPE_RECORDS])
    lay_stretch(house.tape, blocks.TAPE_RECORDS, records[blocks.TAPE_RECORDS :])
    head = np.zeros(1, blocks.TAPE_HEAD)
    head["written"] = len(records)
    house.tape_head.write_bytes(head.tobytes())


class Tape:
    """Records in order; every one is `step_ms` after the one before unless it says otherwise."""

    def __init__(self, step_ms: int = 1) -> None:
        self._rows: list[dict[str, Any]] = []
        self._now_ns = 1_000_000 * MS
        self._step_ns = step_ms * MS

    def trade(self, price: float, qty: float = 1.0, *, symbol: int = 0) -> Tape:
        return self._add(kind=MarketKind.TRADE, price=price, qty=qty, symbol=symbol)

    def book(self, bid: float, ask: float, *, symbol: int = 0) -> Tape:
        return self._add(kind=MarketKind.BOOK_TOP, price=bid, price2=ask, symbol=symbol)

    def _add(self, **fields: Any) -> Tape:
        self._now_ns += self._step_ns
        self._rows.append({"seq": len(self._rows) + 1, "recv_ns": self._now_ns, **fields})
        return self

    def records(self) -> npt.NDArray[np.void]:
        made = np.zeros(len(self._rows), MARKET)
        for at, row in enumerate(self._rows):
            for name, value in row.items():
                made[at][name] = value
        return made


def wandering(count: int, seed: int = 1) -> npt.NDArray[np.void]:
    """A market that wanders: books and trades of one symbol, about 10 ms apart."""
    random = np.random.default_rng(seed)
    made = np.zeros(count, MARKET)
    made["seq"] = np.arange(1, count + 1)
    made["recv_ns"] = 10**12 + np.cumsum(random.integers(1, 20 * MS, count))
    middle = 60_000 + np.cumsum(random.normal(0, 3, count)).round(1)
    is_book = random.random(count) < 0.5
    made["kind"] = np.where(is_book, MarketKind.BOOK_TOP, MarketKind.TRADE)
    made["price"] = np.where(is_book, middle - 0.1, middle)
    made["price2"], made["qty"] = middle + 0.1, random.exponential(0.1, count)
    return made
