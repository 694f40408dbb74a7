"""The lines about the venue's limits, its clock and the countdown."""

from __future__ import annotations

from dashboard.allowance import allowance_of, clock_line, countdown_line, limits_line
from hft.units import NS_PER_MS, NS_PER_S

NOW_NS = 1_000 * NS_PER_S
WALL_NS = 1_790_000_040_000 * NS_PER_MS  # The first moment of a minute.
USED = {
    "weight_used": 120,
    "weight_limit": 2_400,
    "orders_10s_used": 3,
    "orders_10s_limit": 300,
    "orders_1m_used": 9,
    "orders_1m_limit": 1_200,
    "clock_offset_ns": 0,
}


def test_what_is_used_is_told_with_what_there_is() -> None:
    assert limits_line({}, NOW_NS, WALL_NS) == "not known yet"
    line = limits_line(USED, NOW_NS, WALL_NS + 30 * NS_PER_S)
    assert line == "weight 120 of 2400 a minute, orders 3 of 300 in 10 s, 9 of 1200 a minute"


def test_a_pace_that_is_too_fast_a_limit_and_a_ban_are_told() -> None:
    hasty = {**USED, "weight_used": 1_200}
    assert "full in 12 s" in limits_line(hasty, NOW_NS, WALL_NS + 12 * NS_PER_S)
    limited = {**USED, "limited_until_ns": NOW_NS + 7 * NS_PER_S}
    assert "requests wait 7 s, orders go on" in limits_line(limited, NOW_NS, WALL_NS)
    banned = {**limited, "banned_until_ns": NOW_NS + 120 * NS_PER_S}
    assert limits_line(banned, NOW_NS, WALL_NS) == "banned for 120 s: nothing is sent"


def test_the_clock_is_told_with_its_uncertainty_and_the_countdown_with_its_age() -> None:
    assert clock_line({}) == "not measured yet"
    known = {"clock_offset_ns": -1_500_000, "clock_error_ns": 700_000}
    assert clock_line(known) == "-1.5 ms, give or take 0.7 ms"
    assert countdown_line({}, NOW_NS) == "off"
    armed = {"countdown_armed": 1, "countdown_ns": NOW_NS - 4 * NS_PER_S}
    assert countdown_line(armed, NOW_NS) == "armed, last said 4 s ago"


def test_the_same_is_told_in_numbers_and_what_nobody_knows_is_none() -> None:
    unknown = allowance_of({}, NOW_NS, WALL_NS)
    assert unknown["limits"] == []
    assert (unknown["clock_offset_ms"], unknown["countdown_said_s"]) == (None, None)
    limited = {**USED, "limited_until_ns": NOW_NS + 7 * NS_PER_S, "clock_error_ns": 700_000}
    armed = {**limited, "countdown_armed": 1, "countdown_ns": NOW_NS - 3 * NS_PER_S}
    told = allowance_of(armed, NOW_NS, WALL_NS)
    assert told["limits"][0] == {"name": "weight, a minute", "used": 120, "limit": 2_400}
    assert (told["limited_s"], told["banned_s"]) == (7.0, 0.0)
    assert (told["clock_offset_ms"], told["clock_error_ms"]) == (0.0, 0.7)
    assert (told["countdown_armed"], told["countdown_said_s"]) == (True, 3.0)
