"""Where the trading state comes from, in one sentence, out of the house's own words."""

from __future__ import annotations

from collections.abc import Sequence

from hft.events import LatchReason, Unfit
from hft.state.values import Values
from hft.strategy.explain import explain_latch, explain_unfit

DISABLED = "Trading is turned off in the config file ([trading] enabled = false): START is refused."


def trading(state: str, latch: Values, account: Values, *, answers: bool, enabled: bool) -> str:
    """Say why the trading state is what it is.

    `latch` and `account` are as `HouseReader` gives them; `answers` says whether execution is
    alive, `enabled` whether the config file lets the house trade.
    """
    if latch["latched"]:
        reason = LatchReason.__members__.get(latch["reason"], LatchReason.NONE)
        words = explain_latch(reason, reduces=latch["state"] == "REDUCING")
        said = sentence(words if latch["trip"] is None else f"{words}: {latch['trip']}")
        if not enabled:
            return DISABLED if reason is LatchReason.START_UP else f"{said} {DISABLED}"
        return said if reason is LatchReason.START_UP else f"{said} START resumes."
    if not answers:
        return "Halted: execution does not answer, so nothing is sent."
    if state == "ACTIVE" and account.get("unfit") == Unfit.ORDER_SESSION_DOWN.name:
        return "Trading: orders go over REST, because the order session is down."
    if state == "ACTIVE":
        return "Trading: everything the house needs is there."
    if account.get("unfit") == Unfit.NONE.name:
        return "START was given; execution has not taken it up yet."
    unfit = explain_unfit(Unfit.__members__.get(account.get("unfit", ""), Unfit.STARTING))
    meaning = "Only smaller positions are let through" if state == "REDUCING" else "Halted"
    return f"{meaning} until it heals: {unfit}."


def readiness(missing: Sequence[str], *, halted: bool) -> str:
    """Say whether every part is fit, and whether orders go out, which is another question."""
    parts = f"Not fit: {', '.join(missing)}." if missing else "Every part is fit."
    return f"{parts} Trading is halted." if halted else parts


def sentence(words: str) -> str:
    """Begin with a capital and end with a full stop."""
    ended = words if words.endswith((".", "!", "?")) else f"{words}."
    return ended[:1].upper() + ended[1:]
