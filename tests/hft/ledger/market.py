"""Market records made by hand, and published as a feed does."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from hft.clock import monotonic_ns
from hft.events import MARKET, MarketFlag, MarketKind
from ringbuf.layout import TAIL
from ringbuf.spsc import Ring

Records = npt.NDArray[np.void]
MINUTE_0 = 1_764_000_000_000 // 60_000 * 60_000
_numbers = count(1)


def a_trade(ms: int, price: float, qty: float = 0.01, **fields: Any) -> Records:
    """One trade at so many milliseconds after MINUTE_0; the taker bought unless `flags` differ."""
    values = {"kind": MarketKind.TRADE, "price": price, "qty": qty, "venue_ms": MINUTE_0 + ms}
    return _record(values | fields)


def a_top(recv_ns: int, bid: float, ask: float, **fields: Any) -> Records:
    """One book top, received at that local time."""
    values = {"kind": MarketKind.BOOK_TOP, "price": bid, "price2": ask, "recv_ns": recv_ns}
    return _record({"venue_ms": MINUTE_0} | values | fields)


def _record(values: dict[str, Any]) -> Records:
    made = np.zeros(1, MARKET)
    for name, value in ({"seq": next(_numbers), "recv_ns": monotonic_ns()} | values).items():
        made[name] = value
    return made


def publish(ring: Ring, *records: Records) -> None:
    """Lay records into a market ring, whoever still holds its slots, and move the tail."""
    every = np.concatenate(records)
    tail, slots = int(ring.words[TAIL]), len(ring.slots)
    for at, record in enumerate(every):
        ring.slots[(tail + at) % slots] = record
    ring.words[TAIL] = tail + len(every)


def many_trades(number: int, spacing_ms: int = 1) -> Records:
    """So many trades of BTCUSDT, evenly spaced, with rising prices."""
    made = np.zeros(number, MARKET)
    steps = np.arange(number)
    made["seq"], made["kind"], made["qty"] = steps + 1, MarketKind.TRADE, 0.001
    made["venue_ms"], made["price"] = MINUTE_0 + steps * spacing_ms, 60_000 + steps * 0.1
    made["recv_ns"] = monotonic_ns()
    return made


GAP, SOLD = int(MarketFlag.GAP), int(MarketFlag.BUYER_IS_MAKER)
