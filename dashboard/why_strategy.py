"""The gates inside the strategy, in the order in which the shipped ones ask them.

A strategy tells one verdict per event: what it names stops the order, what comes before it passed,
what comes after it was not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboard.look import Look
from dashboard.rows import milliseconds
from dashboard.sentences import sentence
from dashboard.why_gate import GREEN, GREY, RED, Gate, at_least_amber, plural
from hft.events import Role, Verdict
from hft.seats import seat_of, shard_of
from hft.state.reader import HouseReader, ReadableHouse
from hft.state.values import Values, name_of
from hft.strategy.explain import VERDICTS, explain_verdict
from hft.strategy.load import StrategySpec

Step = tuple[str, str, tuple[Verdict, ...]]
STEPS: tuple[Step, ...] = (
    ("gap", "Data without a hole", (Verdict.GAP,)),
    ("warm_up", "Warm-up", (Verdict.WARMING_UP,)),
    ("in_flight", "No order in flight", (Verdict.IN_FLIGHT,)),
    ("price_gate", "Price gate", (Verdict.PRICE_GATE,)),
    ("cool_down", "Cool-down", (Verdict.COOLING_DOWN,)),
    ("signal", "Signal", (Verdict.NO_SIGNAL, Verdict.HOLDING)),
    ("edge", "Edge above fees", (Verdict.EDGE_BELOW_FEES,)),
    ("intents", "Intents accepted", (Verdict.INTENTS_FULL,)),
)
_OF_EVERY_STRATEGY = (Verdict.GAP, Verdict.INTENTS_FULL)
"""The burst itself tells these, whatever the strategy is.

Only they show that something is amiss; all others stop most events of any healthy strategy.
"""
_AMISS = [name for name, _, codes in STEPS if codes[0] in _OF_EVERY_STRATEGY]
_ACTS = (Verdict.ENTER, Verdict.EXIT)
GROUP = "strategy"


def strategy_gates(look: Look) -> list[Gate]:
    """Tell the gates that the running strategy has: it counted them, or has words for them."""
    verdict, known = look.verdict, look.answers("strategy")
    steps = [step for step in STEPS if _is_used(verdict, look.spec, step[2])]
    stops = _where(steps, verdict if known else None)
    gates = []
    for at, (name, label, codes) in enumerate(steps):
        count = sum(int(look.minute.verdicts[code]) for code in codes)
        if at == stops and verdict is not None:
            words = sentence(explain_verdict(verdict, look.spec))
            gates.append(Gate(name, label, RED, words, count))
        elif at > stops:
            told = verdict is not None and known
            words = "Not reached." if told else "Not known: the strategy tells nothing."
            gates.append(Gate(name, label, GREY, words, count))
        else:
            amiss = count if codes[0] in _OF_EVERY_STRATEGY else 0
            gates.append(Gate(name, label, at_least_amber(GREEN, amiss), _passed(count), count))
    return gates


def _where(steps: Sequence[Step], verdict: Values | None) -> int:
    """Find the step that stops; behind the last when none does, before the first when unknown."""
    now = Verdict.NONE if verdict is None else verdict["verdict"]
    stops = next((at for at, step in enumerate(steps) if now in step[2]), None)
    if stops is None:
        return len(steps) if now in _ACTS else -1
    return stops


def _passed(count: int) -> str:
    stopped = f"; it stopped {plural(count, 'event')} in the last minute" if count else ""
    return f"Passed{stopped}."


def _is_used(verdict: Values | None, spec: StrategySpec | None, codes: tuple[Verdict, ...]) -> bool:
    counts = verdict["counts"] if verdict is not None else {}
    own = spec.explain if spec is not None else VERDICTS
    return any(code in own or counts.get(code.name) for code in codes) or codes[0] in (
        _OF_EVERY_STRATEGY
    )


def symbol_name(symbols: Sequence[str], index: int) -> str:
    """Name a symbol by its index; its number when the run has no such symbol."""
    return symbols[index] if index < len(symbols) else str(index)


def shard_rows(
    house: ReadableHouse, reader: HouseReader, spec: StrategySpec | None
) -> list[dict[str, Any]]:
    """Tell of every symbol what its strategy last said, by shard, and which step stopped there.

    `passed` counts the steps before that one, by their order among the gates of the strategy.
    """
    rows, symbols, shards = [], house.symbols(), len(house.shards)
    for verdict in reader.verdicts():
        index = int(verdict["symbol"])
        steps = [step for step in STEPS if _is_used(verdict, spec, step[2])]
        rows.append(
            {
                "strategy": seat_of(Role.STRATEGY, shard_of(index, shards)).label,
                "symbol": symbol_name(symbols, index),
                "name": name_of(Verdict, verdict["verdict"]),
                "sentence": sentence(explain_verdict(verdict, spec)),
                "distance": verdict["distance"],
                "needed": verdict["needed"],
                "age_ms": milliseconds(verdict["age_ns"]),
                "passed": _where(steps, verdict),
            }
        )
    return rows


def gates_of(gates: Sequence[dict[str, Any]], row: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn the gates of one symbol into those of another, by its row of `shard_rows`.

    Counts are of all symbols, and stay; so does what nobody can know.
    """
    if all(gate["colour"] == GREY for gate in gates if gate["group"] == GROUP):
        return list(gates)
    told, at = [], 0
    for gate in gates:
        if gate["group"] != GROUP:
            told.append(gate)
            continue
        told.append({**gate, **_as_in(row, at, gate)})
        at += 1
    return told


def _as_in(row: dict[str, Any], at: int, gate: dict[str, Any]) -> dict[str, str]:
    count, passed = gate.get("count_minute", 0), row["passed"]
    if at == passed:
        return {"colour": RED, "sentence": row["sentence"]}
    if at > passed:
        return {"colour": GREY, "sentence": "Not reached."}
    amiss = count if gate["name"] in _AMISS else 0
    return {"colour": at_least_amber(GREEN, amiss), "sentence": _passed(count)}
