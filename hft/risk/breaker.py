"""The breaker: the session's results, and how well things go, against their limits.

Results are levels: whoever resumes below a loss limit is stopped again at once, since it is still
reached.  Rates and latency are of the last minute, which a resume begins anew.
"""

from __future__ import annotations

from hft.events import LatchReason, MeasuredFrom
from hft.state.decision import Limits, Measures, Trip


def breach(now: Measures, limits: Limits) -> Trip | None:
    """Say which limit is reached, the gravest first; a limit of 0 is switched off."""
    return _results(now, limits) or _quality(now, limits)


def _results(now: Measures, limits: Limits) -> Trip | None:
    """Results trip when they reach their limit."""
    session = MeasuredFrom.SESSION_START, now.session_wall_ms, now.wall_ms
    if limits.max_loss_e8 and now.pnl_e8 <= -limits.max_loss_e8:
        return Trip(LatchReason.MAX_LOSS, now.pnl_e8, -limits.max_loss_e8, *session)
    if limits.max_daily_loss_e8 and now.day_pnl_e8 <= -limits.max_daily_loss_e8:
        day = MeasuredFrom.DAY_START, now.day_wall_ms, now.wall_ms
        return Trip(LatchReason.DAILY_LOSS, now.day_pnl_e8, -limits.max_daily_loss_e8, *day)
    fallen_e8 = now.peak_pnl_e8 - now.pnl_e8
    if limits.max_drawdown_e8 and fallen_e8 >= limits.max_drawdown_e8:
        peak = MeasuredFrom.PEAK, now.peak_wall_ms, now.wall_ms
        return Trip(LatchReason.DRAWDOWN, -fallen_e8, -limits.max_drawdown_e8, *peak)
    if limits.target_profit_e8 and now.pnl_e8 >= limits.target_profit_e8:
        return Trip(LatchReason.TARGET_PROFIT, now.pnl_e8, limits.target_profit_e8, *session)
    return None


def _quality(now: Measures, limits: Limits) -> Trip | None:
    """What goes badly trips above its limit."""
    minute = MeasuredFrom.LAST_MINUTE, now.minute_wall_ms, now.wall_ms
    rules = (
        (LatchReason.ERROR_RATE, now.errors, limits.max_errors_per_min, minute),
        (LatchReason.REJECT_RATE, now.rejects, limits.max_rejects_per_min, minute),
        (LatchReason.LATENCY, now.latency_p99_ns, limits.latency_max_ns, minute),
        (
            LatchReason.RING_DEPTH,
            now.ring_depth,
            limits.ring_depth_max,
            (MeasuredFrom.NOW, now.wall_ms, now.wall_ms),
        ),
    )
    for reason, measured, limit, since in rules:
        if limit and measured > limit:
            return Trip(reason, measured, limit, *since)
    return None
