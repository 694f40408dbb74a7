"""Codes of the house as sentences for people."""

from __future__ import annotations

from hft.events import Verdict
from hft.state.values import Values, name_of


def words(name: str) -> str:
    """Read an enum name aloud: ``FEED_STALE`` is "feed stale"."""
    return name.lower().replace("_", " ")


def trading(state: str, latch: Values, account: Values, *, answers: bool) -> str:
    """Say why the trading state is what it is, in one sentence."""
    if latch["latched"]:
        return f"Halted: {words(latch['reason'])}. START lifts it."
    if not answers:
        return "Halted: execution does not answer, so nothing is sent."
    if state == "ACTIVE":
        return "Trading: everything the house needs is there."
    verb = "Only smaller positions" if state == "REDUCING" else "Halted"
    return f"{verb}: {words(account.get('unfit', 'STARTING'))}. This heals by itself."


def verdict(values: Values, strategy: str) -> tuple[str, str]:
    """Say why the strategy last did or did not act, with the name of the verdict."""
    name = name_of(Verdict, values["verdict"])
    return f"{strategy}: {words(name)}", name
