"""What conditions allow right now: fitness, which heals by itself."""

from __future__ import annotations

from typing import NamedTuple

from hft.events import TradingState, Unfit


class Conditions(NamedTuple):
    """What fitness depends on; all true is fit, but for the last two.

    Without the order session it still is, as long as orders can go over REST.
    """

    session_up: bool
    stand_by_open: bool
    stream_up: bool
    clock_known: bool
    reconciled: bool
    positions_agree: bool
    nothing_unknown: bool
    reports_have_room: bool
    ledger_runs: bool
    feed_runs: bool
    feed_fresh: bool
    strategy_runs: bool
    clock_certain: bool = True
    banned: bool = False
    limited: bool = False


def fitness_of(now: Conditions) -> tuple[TradingState, Unfit]:
    """Give the trading state the conditions allow, and the gravest reason when it is not ACTIVE."""
    reason = _halting(now)
    if reason is not Unfit.NONE:
        return TradingState.HALTED, reason
    reason = _reducing(now)
    if reason is not Unfit.NONE:
        return TradingState.REDUCING, reason
    return TradingState.ACTIVE, Unfit.NONE if now.session_up else Unfit.ORDER_SESSION_DOWN


def _halting(now: Conditions) -> Unfit:
    """Without these an order could not be sent, followed or trusted."""
    if not now.session_up and not now.stand_by_open:
        return Unfit.ORDER_SESSION_DOWN
    if not now.stream_up:
        return Unfit.USER_STREAM_DOWN
    if not now.clock_known:
        return Unfit.CLOCK_UNKNOWN
    if now.banned:
        return Unfit.BANNED
    if not now.reconciled:
        return Unfit.NOT_RECONCILED
    return Unfit.NONE


def _reducing(now: Conditions) -> Unfit:
    # An order in doubt counts as open, and of positions that differ the smallest counts: what
    # makes a position smaller then does so whatever turns out to be true.
    if not now.positions_agree:
        return Unfit.POSITIONS_DISAGREE
    if not now.nothing_unknown:
        return Unfit.ORDERS_UNKNOWN
    if not now.feed_runs:
        return Unfit.FEED_DOWN
    if not now.feed_fresh:
        return Unfit.FEED_STALE
    if not now.strategy_runs:
        return Unfit.STRATEGY_DOWN
    if not now.clock_certain:
        return Unfit.CLOCK_UNCERTAIN
    if now.limited:
        return Unfit.RATE_LIMITED
    if not now.reports_have_room:
        # A dead ledger matters from here on: until now its ring kept what it will read.
        return Unfit.REPORTS_BACKED_UP if now.ledger_runs else Unfit.LEDGER_DOWN
    return Unfit.NONE
