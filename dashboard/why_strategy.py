"""The gates inside the strategy, in the order in which the shipped ones ask them.

A strategy tells one verdict per event: what it names stops the order, what comes before it passed,
what comes after it was not asked.
"""

from __future__ import annotations

from typing import Any

from dashboard.look import Look
from dashboard.rows import milliseconds
from dashboard.sentences import sentence
from dashboard.why_gate import GREEN, GREY, RED, Gate, at_least_amber, plural
from hft.events import Role, Verdict
from hft.seats import seat_of
from hft.state.reader import HouseReader, ReadableHouse
from hft.state.values import name_of
from hft.strategy.explain import VERDICTS, explain_verdict
from hft.strategy.load import StrategySpec

STEPS = (
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
_ACTS = (Verdict.ENTER, Verdict.EXIT)


def strategy_gates(look: Look) -> list[Gate]:
    """Tell the gates that the running strategy has: it counted them, or has words for them."""
    verdict = look.verdict
    known = verdict is not None and look.answers("strategy")
    now = verdict["verdict"] if verdict is not None and known else Verdict.NONE
    steps = [step for step in STEPS if _is_used(look, step[2])]
    stops = next((at for at, step in enumerate(steps) if now in step[2]), None)
    if stops is None:
        stops = len(steps) if now in _ACTS else -1
    gates = []
    for at, (name, label, codes) in enumerate(steps):
        count = sum(int(look.minute.verdicts[code]) for code in codes)
        if at == stops and verdict is not None:
            words = sentence(explain_verdict(verdict, look.spec))
            gates.append(Gate(name, label, RED, words, count))
        elif at > stops:
            words = "Not reached." if known else "Not known: the strategy tells nothing."
            gates.append(Gate(name, label, GREY, words, count))
        else:
            amiss = count if codes[0] in _OF_EVERY_STRATEGY else 0
            gates.append(Gate(name, label, at_least_amber(GREEN, amiss), _passed(count), count))
    return gates


def _passed(count: int) -> str:
    stopped = f"; it stopped {plural(count, 'event')} in the last minute" if count else ""
    return f"Passed{stopped}."


def _is_used(look: Look, codes: tuple[Verdict, ...]) -> bool:
    counts = look.verdict["counts"] if look.verdict is not None else {}
    own = look.spec.explain if look.spec is not None else VERDICTS
    return any(code in own or counts.get(code.name) for code in codes) or codes[0] in (
        _OF_EVERY_STRATEGY
    )


def shard_rows(
    house: ReadableHouse, reader: HouseReader, spec: StrategySpec | None
) -> list[dict[str, Any]]:
    """Tell what the strategy of each shard says; the counts are those of all."""
    rows, symbols = [], house.symbols()
    for shard in house.shards:
        verdict = reader.verdict(shard.number)
        if verdict is None:
            continue
        symbol = int(verdict["symbol"])
        rows.append(
            {
                "strategy": seat_of(Role.STRATEGY, shard.number).label,
                "symbol": symbols[symbol] if symbol < len(symbols) else str(symbol),
                "name": name_of(Verdict, verdict["verdict"]),
                "sentence": sentence(explain_verdict(verdict, spec)),
                "distance": verdict["distance"],
                "needed": verdict["needed"],
                "age_ms": milliseconds(verdict["age_ns"]),
            }
        )
    return rows
