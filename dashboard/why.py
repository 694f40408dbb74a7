"""Why it does not trade: one sentence, every gate in order, and what was counted."""

from __future__ import annotations

from typing import Any

from dashboard.look import Look
from dashboard.sentences import sentence
from dashboard.watch import Watch
from dashboard.why_gate import RED, Gate
from dashboard.why_house import house_gates
from dashboard.why_risk import risk_gates
from dashboard.why_strategy import GROUP, gates_of, strategy_gates, symbol_name
from hft.strategy.explain import explain_verdict

GROUPS = (("house", house_gates), (GROUP, strategy_gates), ("risk", risk_gates))


def gate_rows(look: Look) -> list[dict[str, Any]]:
    """Tell every gate in the order in which an order meets them."""
    return [{"group": group, **gate.row()} for group, gates in GROUPS for gate in gates(look)]


def why_sentence(look: Look) -> str:
    """Say what stops an order now; when nothing of the house does, what the strategy says."""
    stops = _first_red(house_gates(look))
    if stops is not None:
        trading = look.safety["trading_sentence"]
        return str(trading) if stops.name == "trading" else _both(stops.sentence, trading)
    return verdict_sentence(look)


def verdict_sentence(look: Look) -> str:
    """Say what the strategy says, and of which symbol where there are several."""
    if look.verdict is None:
        return "No decision yet."
    told = sentence(explain_verdict(look.verdict, look.spec))
    return told if len(look.markets) < 2 else f"{_symbol_of(look)}: {told}"


def summary(look: Look) -> dict[str, Any]:
    """Tell the sentence and the gates, what the page always shows, and of which symbol they are."""
    return {
        "sentence": why_sentence(look),
        "verdict_sentence": verdict_sentence(look),
        "symbol": None if look.verdict is None else _symbol_of(look),
        "gates": gate_rows(look),
    }


def of_symbol(told: dict[str, Any], watch: Watch, symbol: str, after_ms: int) -> dict[str, Any]:
    """Turn what `View.explain` tells into what is so for another symbol than the nearest to firing.

    An unknown symbol, or one that nothing was decided on yet, changes nothing.
    """
    row = next((row for row in told["shards"] if row["symbol"] == symbol), None)
    strip = watch.strip_of(symbol if row else told["symbol"]).told(after_ms)
    if row is None or told["symbol"] == symbol:
        return {**told, "strip": strip}
    said = row["sentence"] if len(told["shards"]) < 2 else f"{symbol}: {row['sentence']}"
    is_strategy_s = told["sentence"] == told["verdict_sentence"]
    return {
        **told,
        "sentence": said if is_strategy_s else told["sentence"],
        "verdict_sentence": said,
        "symbol": symbol,
        "gates": gates_of(told["gates"], row),
        "verdict": {
            **told["verdict"],
            **{name: row[name] for name in ("name", "sentence", "distance", "needed", "age_ms")},
        },
        "strip": strip,
    }


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


def _symbol_of(look: Look) -> str:
    assert look.verdict is not None
    return symbol_name([row["symbol"] for row in look.markets], look.verdict["symbol"])


def _both(first: str, trading: str) -> str:
    return first if first == trading else f"{first} {trading}"
