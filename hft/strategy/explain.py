"""Codes into sentences, written once: for the page, the log and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hft.events import LatchReason, Unfit, Verdict
from hft.state.trips import BREAKERS
from hft.strategy.figure import Figure
from hft.strategy.load import StrategySpec

VERDICTS = {
    Verdict.NONE: "no decision yet",
    Verdict.WARMING_UP: "warming up: {distance:g} of {needed:g}",
    Verdict.COOLING_DOWN: "cooling down: {distance:.1f} s of {needed:.1f} s",
    Verdict.NO_SIGNAL: "waiting: no signal, {distance:+g} of {needed:+g} needed",
    Verdict.EDGE_BELOW_FEES: "waiting: the move is worth less than its fees, {distance:+g}",
    Verdict.IN_FLIGHT: "waiting for the answer to an order",
    Verdict.PRICE_GATE: "waiting: price {distance:g}, {needed:g} needed",
    Verdict.HOLDING: "holding a position",
    Verdict.ENTER: "wants to enter a position",
    Verdict.EXIT: "wants to close the position",
    Verdict.GAP: "market data has a hole: starting over",
    Verdict.INTENTS_FULL: "orders refused: execution does not take them as fast as they come",
}
"""What every verdict says when the strategy has no words of its own for it."""

UNFIT = {
    Unfit.NONE: "fit to trade",
    Unfit.STARTING: "the house is starting",
    Unfit.FEED_STALE: "the market data is too old",
    Unfit.FEED_DOWN: "the feed is down",
    Unfit.STRATEGY_DOWN: "the strategy is down",
    Unfit.ORDER_SESSION_DOWN: "there is no connection for orders",
    Unfit.USER_STREAM_DOWN: "there is no connection for fills",
    Unfit.NOT_RECONCILED: "the account was not yet compared with the venue",
    Unfit.ORDERS_UNKNOWN: "the fate of an order is unknown",
    Unfit.REPORTS_BACKED_UP: "reports are not taken as fast as they come",
    Unfit.LEDGER_DOWN: "the ledger is down",
    Unfit.CLOCK_UNKNOWN: "the venue's clock is unknown",
    Unfit.POSITIONS_DISAGREE: "our position and the venue's disagree",
    Unfit.ACCOUNT_STALE: "the account was not checked for too long",
    Unfit.CLOCK_UNCERTAIN: "the venue's clock is not certain enough",
    Unfit.RATE_LIMITED: "the venue's request limits are used up",
    Unfit.BANNED: "the venue answers nobody at this address for a while",
}

LATCHES = {
    LatchReason.NONE: "nobody ordered a halt",
    LatchReason.START_UP: "halted since the start: START lets it trade",
    LatchReason.PERSON: "halted by hand",
    LatchReason.MAX_LOSS: "the loss limit is reached",
    LatchReason.TARGET_PROFIT: "the target profit is reached",
    LatchReason.DEATHS: "halted: a process died too often",
    LatchReason.FLATTEN: "halted to close the position",
    LatchReason.EXECUTION_LOST: "halted: execution did not come back",
    LatchReason.DAILY_LOSS: "the day's loss limit is reached",
    LatchReason.DRAWDOWN: "the drawdown from the session's peak is reached",
    LatchReason.ERROR_RATE: "too many errors in a minute",
    LatchReason.REJECT_RATE: "too many rejected orders in a minute",
    LatchReason.LATENCY: "orders took longer than max_latency_ms",
    LatchReason.RING_DEPTH: "the strategy is too far behind the market",
}


def explain_verdict(told: Mapping[str, Any] | Any, spec: StrategySpec | None = None) -> str:
    """Say a VERDICT record in one sentence, in the words of the strategy where it has some.

    `told` has the fields ``verdict``, ``distance``, ``needed`` and ``detail``: the record of the
    block, or a dict.  `spec` is the strategy it came from.
    """
    try:
        code = Verdict(int(told["verdict"]))
    except ValueError:
        return f"verdict {int(told['verdict'])}"
    template = spec.explain.get(code, VERDICTS[code]) if spec else VERDICTS[code]
    values = {name: Figure(told[name]) for name in ("distance", "needed")}
    return template.format(**values, **detail_of(told, spec.detail if spec else ()))


def detail_of(told: Mapping[str, Any] | Any, names: Sequence[str]) -> dict[str, Figure]:
    """Name the detail values of a VERDICT record."""
    return {name: Figure(value) for name, value in zip(names, told["detail"], strict=False)}


def explain_unfit(code: int) -> str:
    """Say why the house is not fit to trade."""
    return _sentence(UNFIT, code, "unfit")


def explain_latch(code: int, *, reduces: bool = False) -> str:
    """Say who or what ordered the halt, or with `reduces` that only smaller positions pass."""
    said = _sentence(LATCHES, code, "latch reason")
    if code not in BREAKERS:
        return said
    return f"{'only smaller positions pass' if reduces else 'halted'}: {said}"


def _sentence(table: Mapping[Any, str], code: int, what: str) -> str:
    return table.get(int(code), f"{what} {int(code)}")
