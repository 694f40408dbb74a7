"""Measure the synthetic market beside the recorded real one: ``python -m benches.market_stats``.

Writes the table of ``docs/markets.md`` and its picture.  The recordings are not in the repository:
``--data`` names their folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benches.market_measures import Measures, factor, measure, pooled
from benches.market_plots import draw
from benches.market_sources import recorded, synthetic
from hft.simulator.characters import LIVELY, NATURAL

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "markets.md"
PICTURE = ROOT / "docs" / "images" / "markets.svg"
RECORDINGS = {
    "BTCUSDT April 2023": ("btcusdt_20230405.dat.gz", "BTCUSDT"),
    "BTCUSDT July 2024": ("btcusdt_20240718.gz", "BTCUSDT"),
    "ETHUSDT July 2024": ("ethusdt_20240718.gz", "ETHUSDT"),
}
SEEDS = (1, 2, 3)
SECONDS = 1_200
MARK = "\\|"
"""How a table writes the stroke that parts its columns."""
LIVELY_SECONDS = 300
BEGIN, END = "<!-- benches.market_stats: begin -->\n", "<!-- benches.market_stats: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, then write the page and the picture."""
    parser = argparse.ArgumentParser(prog="python -m benches.market_stats")
    beside = os.environ.get("HFT_SHARED_DATA", ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(beside), metavar="FOLDER")
    given = parser.parse_args(arguments)
    real = {
        name: measure(recorded(given.data / "usdm" / file, symbol))
        for name, (file, symbol) in RECORDINGS.items()
    }
    natural = [
        measure(synthetic(name, NATURAL, seed, SECONDS))
        for name in ("BTCUSDT", "ETHUSDT")
        for seed in SEEDS
    ]
    lively = measure(synthetic("BTCUSDT", LIVELY, SEEDS[0], LIVELY_SECONDS))
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    table = _table(list(real.values()), natural, lively)
    PAGE.write_text(head + BEGIN + table + END + tail)
    shown = {**real, "synthetic BTCUSDT, natural": natural[0], "synthetic BTCUSDT, lively": lively}
    draw(PICTURE, shown)
    sys.stdout.write(table)
    return 0


def _table(real: list[Measures], natural: list[Measures], lively: Measures) -> str:
    lines = [
        "| figure | recorded | natural | off by | lively |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in natural[0].figures:
        low, high = pooled(real, name)
        least, most = pooled(natural, name)
        lines.append(
            f"| {name.replace('|', MARK)} | {_span(low, high)} | {_span(least, most)} "
            f"| {factor(real, natural, name):.1f} | {_text(lively.figures[name])} |"
        )
    return "\n".join(lines) + "\n"


def _span(low: float, high: float) -> str:
    return f"{_text(low)} to {_text(high)}"


def _text(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
