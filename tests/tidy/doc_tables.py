"""Tables in the docs that are written from the code: ``python -m tests.tidy.doc_tables``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from pathlib import Path

import numpy as np

from hft import events, topology
from hft.agent import machine
from hft.denials import MEANINGS
from hft.events import IntentFlag, MarketFlag, MarketKind, OrderState, Status, Verdict
from hft.execution import order_life
from hft.state.blocks import Life
from hft.strategy.explain import LATCHES, UNFIT, VERDICTS
from hft.strategy.load import discover
from hft.strategy.params import ParamField
from tests.tidy import record_words as words
from tests.tidy.sources import ROOT

PAGES = tuple(
    ROOT / "docs" / name for name in ("architecture.md", "operations.md", "write-a-strategy.md")
)
MS_PER_S = 1000
NS_PER_MS = 1_000_000


def table(head: str, rows: Iterable[tuple[object, ...]]) -> str:
    """A table in Markdown."""
    columns = head.split("|")
    lines = [columns, ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cell.strip() for cell in line)} |\n" for line in lines)


def processes() -> str:
    """The processes in the order of starting."""
    return table(
        "process | hot | suspect without a heartbeat for | a cycle is a stall above",
        (
            (
                spec.role.name.lower(),
                "yes" if spec.hot else "no",
                f"{spec.heartbeat_max_ns / NS_PER_MS / MS_PER_S:g} s",
                f"{spec.stall_ns / NS_PER_MS:g} ms",
            )
            for spec in topology.PROCESSES
        ),
    )


def rings() -> str:
    """The rings, one line each."""
    return table(
        "ring | from | to | slots | bytes per slot | when full",
        (
            (
                f"`{ring.name}`",
                ring.producer.name.lower(),
                ring.consumer.name.lower(),
                ring.slots,
                ring.dtype.itemsize,
                ring.when_full,
            )
            for ring in topology.RINGS
        ),
    )


def blocks() -> str:
    """The blocks of the state segment, one line each."""
    return table(
        "block | written by | how many | bytes | snapshot",
        (
            (
                f"`{block.name}`",
                block.writer,
                block.count_in(1),
                block.dtype.itemsize,
                "yes" if block.snapshot else "",
            )
            for block in topology.BLOCKS
        ),
    )


def sentences(head: str, words: dict[object, str]) -> str:
    """Names and what they mean, without the one that means nothing is wrong."""
    return table(head, ((f"`{code.name}`", said) for code, said in words.items() if code))


def life_of(moves: Mapping[tuple[IntEnum, IntEnum], IntEnum], states: type[IntEnum]) -> str:
    """A life: from each state, where each event leads; a dot is a move nobody drew."""
    events = sorted({event for _, event in moves})
    from_states = [state for state in states if any(state == before for before, _ in moves)]
    return table(
        "|".join(["", *(event.name for event in events)]),
        (
            (
                f"**{state.name}**",
                *(moves[state, event].name if (state, event) in moves else "." for event in events),
            )
            for state in from_states
        ),
    )


def picture_of(moves: Mapping[tuple[IntEnum, IntEnum], IntEnum], last: int) -> str:
    """A life drawn: arrows between different states; from `last` on a state is an end."""
    arrows: dict[tuple[IntEnum, IntEnum], list[str]] = {}
    for (before, event), after in moves.items():
        if before is not after:
            arrows.setdefault((before, after), []).append(event.name)
    first, ends = min(before for before, _ in moves), set(moves.values())
    lines = [f"[*] --> {first.name}"]
    lines += [f"{a.name} --> {b.name}: {', '.join(names)}" for (a, b), names in arrows.items()]
    lines += [f"{end.name} --> [*]" for end in sorted(ends) if end >= last]
    body = "".join(f"    {line}\n" for line in lines)
    return f"```mermaid\nstateDiagram-v2\n{body}```\n"


def fields(layout: np.dtype[np.void], meanings: words.Words) -> str:
    """The fields of a record in their order, each with unit and meaning."""
    return table(
        "field | unit | meaning", ((f"`{name}`", *meanings[name]) for name in layout.names or ())
    )


def values(codes: type[IntEnum], meanings: Mapping[IntEnum, str]) -> str:
    """The values of an enumeration, each with its meaning."""
    return table(
        "name | value | meaning", ((f"`{code.name}`", code.value, meanings[code]) for code in codes)
    )


def verdicts() -> str:
    """The verdicts, what they say and which numbers they take."""
    return table(
        "code | the house says | `distance` | `needed`",
        (
            (f"`{code.name}`", f'"{VERDICTS[code]}"', *words.VERDICT_NUMBERS[code])
            for code in Verdict
        ),
    )


def strategies() -> str:
    """Every parameter of every shipped strategy."""
    specs = discover().specs
    return table(
        "strategy | parameter | default | allowed | meaning",
        (
            (f"`{name}`", f"`{field.name}`", field.default, bounds(field), field.description)
            for name in sorted(specs)
            for field in specs[name].fields
        ),
    )


def bounds(field: ParamField) -> str:
    """What a parameter may be, in words."""
    words = (
        ("at least", field.at_least),
        ("above", field.above),
        ("at most", field.at_most),
        ("below", field.below),
    )
    return ", ".join(f"{word} {limit:,}" for word, limit in words if limit is not None)


def denials() -> str:
    """Every refusal of the gate, with the code of the venue that means the same."""
    return table(
        "denial | meaning | the venue would say",
        (
            (f"`{denial.name}`", meaning.sentence, meaning.venue_code or "")
            for denial, meaning in MEANINGS.items()
            if denial
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "processes": processes,
    "rings": rings,
    "blocks": blocks,
    "unfit": lambda: sentences("unfit | meaning", dict(UNFIT)),
    "latch": lambda: sentences("halted by | meaning", dict(LATCHES)),
    "process life": lambda: life_of(machine.MOVES, Life),
    "order life": lambda: life_of(order_life.MOVES, OrderState),
    "order life picture": lambda: picture_of(order_life.MOVES, events.FIRST_TERMINAL_STATE),
    "event": lambda: fields(events.MARKET, words.EVENT),
    "position": lambda: fields(events.POSITION, words.POSITION),
    "orders": lambda: fields(events.OPEN_ORDER, words.OPEN_ORDER),
    "report": lambda: fields(events.REPORT, words.REPORT),
    "kinds": lambda: values(MarketKind, words.KINDS),
    "market flags": lambda: values(MarketFlag, words.MARKET_FLAGS),
    "intent flags": lambda: values(IntentFlag, words.INTENT_FLAGS),
    "statuses": lambda: values(Status, words.STATUSES),
    "verdicts": verdicts,
    "strategies": strategies,
    "denials": denials,
}


def written(text: str) -> str:
    """The page with every table and value as the code has it."""
    for name, make in TABLES.items():
        mark = f"<!-- table: {name} -->\n"
        text = re.sub(
            f"{re.escape(mark)}.*?<!-- end -->",
            lambda _, mark=mark, make=make: f"{mark}\n{make()}\n<!-- end -->",
            text,
            flags=re.DOTALL,
        )
    size = f"{topology.segment_bytes(1) / (1 << 20):.1f} MB"
    return re.sub(r"<!-- value: segment -->(\d+\.\d MB)?", f"<!-- value: segment -->{size}", text)


def rewrite(page: Path) -> None:
    """Bring one page up to date."""
    page.write_text(written(page.read_text()))


if __name__ == "__main__":
    for each in PAGES:
        rewrite(each)
