"""Every rule of the breaker: at its limit, what it says, and that 0 switches it off."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.events import LatchReason, MeasuredFrom
from hft.risk.gate import Gate
from hft.state.decision import Limits, Measures, Trip
from hft.units import E8

OFF = Limits(0, 0, 0, 0, 0, 0, 0)
CALM = Measures(
    0, 0, 0, session_wall_ms=1, peak_wall_ms=2, day_wall_ms=3, minute_wall_ms=4, wall_ms=5
)


def breach(measured: dict[str, int], **limits: int) -> Trip | None:
    return Gate().breach(CALM._replace(**measured), msgspec.structs.replace(OFF, **limits))


@pytest.mark.parametrize(
    ("limits", "calm", "reached", "trip"),
    [
        (
            {"max_loss_e8": 10 * E8},
            {"pnl_e8": -10 * E8 + 1},
            {"pnl_e8": -10 * E8},
            Trip(LatchReason.MAX_LOSS, -10 * E8, -10 * E8, MeasuredFrom.SESSION_START, 1, 5),
        ),
        (
            {"max_daily_loss_e8": 7},
            {"day_pnl_e8": -6, "pnl_e8": -50},
            {"day_pnl_e8": -8, "pnl_e8": 50},
            Trip(LatchReason.DAILY_LOSS, -8, -7, MeasuredFrom.DAY_START, 3, 5),
        ),
        (
            {"max_drawdown_e8": 7},
            {"pnl_e8": 94, "peak_pnl_e8": 100},
            {"pnl_e8": 92, "peak_pnl_e8": 100},
            Trip(LatchReason.DRAWDOWN, -8, -7, MeasuredFrom.PEAK, 2, 5),
        ),
        (
            {"target_profit_e8": 7},
            {"pnl_e8": 6},
            {"pnl_e8": 7},
            Trip(LatchReason.TARGET_PROFIT, 7, 7, MeasuredFrom.SESSION_START, 1, 5),
        ),
        (
            {"max_errors_per_min": 3},
            {"errors": 3},
            {"errors": 4},
            Trip(LatchReason.ERROR_RATE, 4, 3, MeasuredFrom.LAST_MINUTE, 4, 5),
        ),
        (
            {"max_rejects_per_min": 3},
            {"rejects": 3},
            {"rejects": 4},
            Trip(LatchReason.REJECT_RATE, 4, 3, MeasuredFrom.LAST_MINUTE, 4, 5),
        ),
        (
            {"latency_max_ns": 900},
            {"latency_p99_ns": 900},
            {"latency_p99_ns": 901},
            Trip(LatchReason.LATENCY, 901, 900, MeasuredFrom.LAST_MINUTE, 4, 5),
        ),
        (
            {"ring_depth_max": 64},
            {"ring_depth": 64},
            {"ring_depth": 65},
            Trip(LatchReason.RING_DEPTH, 65, 64, MeasuredFrom.NOW, 5, 5),
        ),
    ],
)
def test_each_rule_trips_at_its_limit_and_says_what_it_measured_since_when(
    limits: dict[str, int], calm: dict[str, int], reached: dict[str, int], trip: Trip
) -> None:
    assert breach(calm, **limits) is None
    assert breach(reached, **limits) == trip


amounts = st.integers(-(10**17), 10**17)
counts = st.integers(0, 10**6)


@given(st.builds(Measures, amounts, amounts, amounts, counts, counts, counts, counts))
def test_limits_of_zero_are_off_whatever_happens(measured: Measures) -> None:
    assert Gate().breach(measured, OFF) is None


@given(pnl=amounts, loss=st.integers(1, 10**17), rejects=counts, most=st.integers(1, 100))
def test_a_loss_is_told_before_anything_that_merely_goes_badly(
    pnl: int, loss: int, rejects: int, most: int
) -> None:
    trip = breach({"pnl_e8": pnl, "rejects": rejects}, max_loss_e8=loss, max_rejects_per_min=most)
    if pnl <= -loss:
        assert trip is not None
        assert trip.reason is LatchReason.MAX_LOSS
    elif rejects > most:
        assert trip is not None
        assert trip.reason is LatchReason.REJECT_RATE
    else:
        assert trip is None
