"""Statistics of a market that nobody here counts: made up, smooth, the same whenever asked.

Open interest and the leanings of accounts are told as waves of time, each contract with its own.
"""

from __future__ import annotations

from zlib import crc32

from hft.simulator.history import History
from hft.simulator.intervals import DAY_MS, HOUR_MS
from hft.units import E8

MILLION = 1_000_000
OPEN_WORTH_E8 = 5_000_000_000 * E8
_MASK = (1 << 64) - 1


def chance(name: str, number: int) -> int:
    """Give a number below 2**64 that looks like chance, the same for the same question."""
    value = (crc32(name.encode()) * 0x9E37_79B9_7F4A_7C15 + number) & _MASK
    value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB & _MASK
    return value ^ value >> 31


def wave_e6(name: str, time_ms: int, period_ms: int) -> int:
    """Give a value between -1,000,000 and 1,000,000 that changes slowly with time."""
    number, part_ms = divmod(time_ms, period_ms)
    before, after = (
        chance(name, place) % (2 * MILLION + 1) - MILLION for place in (number, number + 1)
    )
    return before + (after - before) * part_ms // period_ms


def open_lots(history: History, time_ms: int) -> int:
    """Give the open interest of a contract at a time, 0 before it had a price."""
    ticks = history.candles.close_before(time_ms)
    if not ticks:
        return 0
    name = f"open interest {history.symbol.name}"
    swing_e6 = 60_000 * wave_e6(name, time_ms, 3 * DAY_MS) + 4_000 * wave_e6(name, time_ms, HOUR_MS)
    worth_e8 = OPEN_WORTH_E8 + OPEN_WORTH_E8 // MILLION * (swing_e6 // MILLION)
    return worth_e8 // history.symbol.notional_e8(ticks, 1)


def long_share_e4(kind: str, symbol_name: str, time_ms: int) -> int:
    """Give the share of accounts (or positions) that are long, in units of 0.0001."""
    name = f"{kind} {symbol_name}"
    swing_e4 = 900 * wave_e6(name, time_ms, DAY_MS) + 60 * wave_e6(name, time_ms, HOUR_MS)
    return 5_400 + swing_e4 // MILLION
