"""Why it does not trade: one sentence, every gate in order, and what was counted."""

from __future__ import annotations

from typing import Any

from dashboard.look import Look
from dashboard.sentences import sentence
from dashboard.watch import Watch
from dashboard.why_gate import RED, Gate
from dashboard.why_house import house_gates
from dashboard.why_risk import risk_gates
from dashboard.why_strategy import strategy_gates
from hft.strategy.explain import explain_verdict

GROUPS = (("house", house_gates), ("strategy", strategy_gates), ("risk", risk_gates))


def gate_rows(look: Look) -> list[dict[str, Any]]:
    """Tell every gate in the order in which an order meets them."""
    return [{"group": group, **gate.row()} for group, gates in GROUPS for gate in gates(look)]


def why_sentence(look: Look) -> str:
    """Say what stops an order now; when nothing of the house does, what the strategy says."""
    stops = _first_red(house_gates(look))
    if stops is not None:
        trading = look.safety["trading_sentence"]
        return str(trading) if stops.name == "trading" else _both(stops.sentence, trading)
    if look.verdict is None:
        return "No decision yet."
    return sentence(explain_verdict(look.verdict, look.spec))


def summary(look: Look) -> dict[str, Any]:
    """Tell the sentence and the gates: what the page always shows."""
    return {"sentence": why_sentence(look), "gates": gate_rows(look)}


def counts(watch: Watch) -> dict[str, Any]:
    """Tell verdicts and denials of the last minute, the last hour and the session."""
    minute, hour, session = watch.minute(), watch.hour(), watch.session()
    return {
        "counts": {
            "minute": minute.verdict_names(),
            "hour": hour.verdict_names(),
            "session": session.verdict_names(),
            "minute_since_ms": minute.since_ms,
            "hour_since_ms": hour.since_ms,
            "session_since_ms": session.since_ms,
        },
        "denials": {
            "minute": minute.denial_names(),
            "hour": hour.denial_names(),
            "session": session.denial_names(),
        },
    }


def _first_red(gates: list[Gate]) -> Gate | None:
    return next((gate for gate in gates if gate.colour == RED), None)


def _both(first: str, trading: str) -> str:
    return first if first == trading else f"{first} {trading}"
