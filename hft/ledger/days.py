"""Days and hours as the viewer's clock has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from hft.errors import HftError
from hft.ledger.books import Books
from hft.ledger.fills import Wholes
from hft.ledger.pnl import exact_sum
from hft.ledger.trips import shown_trips

MS_PER_S = 1000
QUARTER_MS = 900_000
ONE_DAY = timedelta(days=1)


class UnknownZone(HftError):
    """There is no such time zone."""


class Day(msgspec.Struct, frozen=True):
    """One day of a zone on which something happened.

    From `from_ms` (inclusive) to `to_ms` (exclusive): 23 or 25 hours where the clocks change.
    `wins` and `losses` count the round trips that ended on it.
    """

    day: str
    from_ms: int
    to_ms: int
    count: int
    net_e8: int
    fees_e8: int
    wins: int
    losses: int


class _Bounds(NamedTuple):
    first: date
    midnights_ms: Wholes


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """Find a zone by its IANA name.

    Raises:
        UnknownZone: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise UnknownZone(
            "zone: there is no such time zone; write an IANA name such as Europe/Berlin"
        ) from problem


def list_days(books: Books, zone: ZoneInfo) -> list[Day]:
    """The days of a zone with trades or payments since the marker, newest first."""
    fills, payments = books.shown()
    trips = shown_trips(books)
    times = (fills.ts_ms, payments.ts_ms)
    seen = [column for column in times if len(column)]
    if not seen:
        return []
    bounds = _bounds(min(int(c[0]) for c in seen), max(int(c[-1]) for c in seen), zone)
    of_fill, of_payment = (_starts(column, bounds.midnights_ms) for column in times)
    of_trip = _starts(trips.closed_ms, bounds.midnights_ms)
    days = []
    for number in np.flatnonzero(np.diff(of_fill) + np.diff(of_payment))[::-1].tolist():
        mine, paid, ended = (
            slice(starts[number], starts[number + 1]) for starts in (of_fill, of_payment, of_trip)
        )
        fees_e8 = exact_sum(fills.fee_e8[mine]) + exact_sum(payments.cost_e8[paid])
        received_e8 = exact_sum(fills.pnl_e8[mine]) + exact_sum(payments.funding_e8[paid])
        net_of_trips = trips.net_e8[ended]
        days.append(
            Day(
                day=(bounds.first + number * ONE_DAY).isoformat(),
                from_ms=int(bounds.midnights_ms[number]),
                to_ms=int(bounds.midnights_ms[number + 1]),
                count=int(mine.stop - mine.start),
                net_e8=received_e8 - fees_e8,
                fees_e8=fees_e8,
                wins=int((net_of_trips > 0).sum()),
                losses=int((net_of_trips < 0).sum()),
            )
        )
    return days


def midnight_before(ms: int, zone: ZoneInfo) -> int:
    """When the day of a zone began that holds a time."""
    return _midnight_ms(datetime.fromtimestamp(ms / MS_PER_S, zone).date(), zone)


def hours_of(ts_ms: Wholes, zone: ZoneInfo) -> Wholes:
    """The hour, 0 to 23, that a zone's clock showed at each time.

    Clocks are changed by whole quarters of an hour.
    """
    quarters, which = np.unique(ts_ms // QUARTER_MS, return_inverse=True)
    told = [
        datetime.fromtimestamp(quarter * QUARTER_MS // MS_PER_S, zone).hour
        for quarter in quarters.tolist()
    ]
    return np.array(told, np.int64)[which]


def _bounds(from_ms: int, to_ms: int, zone: ZoneInfo) -> _Bounds:
    first, last = (datetime.fromtimestamp(ms / MS_PER_S, zone).date() for ms in (from_ms, to_ms))
    count = (last - first).days + 2
    midnights_ms = [_midnight_ms(first + number * ONE_DAY, zone) for number in range(count)]
    return _Bounds(first, np.array(midnights_ms, np.int64))


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    """When a day begins: where the clock jumps over midnight, at the jump."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(begins.astimezone(UTC).timestamp()) * MS_PER_S


def _starts(ts_ms: Wholes, midnights_ms: Wholes) -> Wholes:
    return np.searchsorted(ts_ms, midnights_ms)
