"""Tables in the docs that are written from the code: ``python -m tests.tidy.doc_tables``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hft import topology
from hft.strategy.explain import DENIALS, LATCHES, UNFIT
from tests.tidy.sources import ROOT

PAGES = (ROOT / "docs/architecture.md", ROOT / "docs/operations.md")
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
                block.count,
                block.dtype.itemsize,
                "yes" if block.snapshot else "",
            )
            for block in topology.BLOCKS
        ),
    )


def sentences(head: str, words: dict[object, str]) -> str:
    """Names and what they mean, without the one that means nothing is wrong."""
    return table(head, ((f"`{code.name}`", said) for code, said in words.items() if code))


TABLES: dict[str, Callable[[], str]] = {
    "processes": processes,
    "rings": rings,
    "blocks": blocks,
    "unfit": lambda: sentences("unfit | meaning", dict(UNFIT)),
    "latch": lambda: sentences("halted by | meaning", dict(LATCHES)),
    "denials": lambda: sentences("denial | meaning", dict(DENIALS)),
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
    size = f"{topology.SEGMENT_BYTES / (1 << 20):.1f} MB"
    return re.sub(r"<!-- value: segment -->(\d+\.\d MB)?", f"<!-- value: segment -->{size}", text)


def rewrite(page: Path) -> None:
    """Bring one page up to date."""
    page.write_text(written(page.read_text()))


if __name__ == "__main__":
    for each in PAGES:
        rewrite(each)
