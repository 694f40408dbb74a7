"""The candle intervals of the venue: where each begins and ends, in milliseconds UTC.

Weeks begin on Monday and months with the calendar; all others are counted from 1970-01-01.
"""

from __future__ import annotations

from hft.simulator.refusals import refusal

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
FIRST_MONDAY_MS = 4 * DAY_MS
"""1970-01-05; the first day of all was a Thursday."""
MONTH = "1M"

FIXED_MS: dict[str, int] = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": WEEK_MS,
}
INTERVALS = (*FIXED_MS, MONTH)
SHORTEST_MONTH_MS = 28 * DAY_MS


def check_interval(interval: str) -> str:
    """Give the interval back if the venue has it.

    Raises:
        Refusal: -1120, it has not.
    """
    if interval not in INTERVALS:
        raise refusal(-1120)
    return interval


def length_ms(interval: str) -> int:
    """Give the length of an interval; of a month, the least it can have."""
    return FIXED_MS.get(interval, SHORTEST_MONTH_MS)


def open_of(interval: str, time_ms: int) -> int:
    """Give when the candle begins that holds a time."""
    if interval == MONTH:
        return month_start_ms(month_of(time_ms))
    origin_ms = FIRST_MONDAY_MS if interval == "1w" else 0
    return time_ms - (time_ms - origin_ms) % FIXED_MS[interval]


def step(interval: str, open_ms: int, candles: int) -> int:
    """Give when the candle begins that is so many after (or, negative, before) another."""
    if interval == MONTH:
        return month_start_ms(month_of(open_ms) + candles)
    return open_ms + candles * FIXED_MS[interval]


def month_of(time_ms: int) -> int:
    """Count the months from January of the year 0 to the one that holds a time."""
    # The civil calendar by whole numbers: years of this reckoning begin in March, so that the
    # day that comes every four years is a year's last.
    days = time_ms // DAY_MS + 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    return (era * 400 + year_of_era) * 12 + march_month + 2


def month_start_ms(month: int) -> int:
    """Give when a month of `month_of` begins."""
    year, march_month = divmod(month - 2, 12)
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * march_month + 2) // 5
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return (era * 146_097 + day_of_era - 719_468) * DAY_MS
