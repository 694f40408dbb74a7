"""Run every bench and write the page: ``python -m benches [--quick] [--json FOLDER]``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

BENCHES = (
    "ring",
    "stress",
    "decode",
    "step",
    "gate",
    "pipeline",
    "scaling",
    "tick_to_order",
    "browsers",
    "exchange",
    "memory",
    "restart",
)
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `python -m benches`; one bench alone is `python -m benches.NAME [--quick]`.  Each checks
its own answer (order, count, sum) before it prints a figure.  Load is open: what is late counts as
late.  A row marked *baseline* is what ours is compared with, measured in the same run on the same
cores.
"""
_QUICK = """
**This was a quick run** (`--quick`), a short look with rough figures; the load average beside each
bench says how much else the machine was doing.
"""


def main() -> int:
    """Run them all; 1 when any answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benches")
    parser.add_argument("--quick", action="store_true", help="a short look; figures are rough")
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="write NAME.json files there")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write the page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.json or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        told = [run_one(name, folder, quick=given.quick) for name in BENCHES]
    failed = [result["bench"] for result, _ in told if not result["ok"]]
    if failed:
        sys.stderr.write(f"no page is written; wrong answers: {', '.join(failed)}\n")
        return 1
    given.page.write_text(page(told, quick=given.quick))
    return 0


def run_one(name: str, folder: Path, *, quick: bool) -> tuple[dict[str, Any], str]:
    """Run one bench in a process of its own; its JSON line and its table."""
    path = folder / f"{name}.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"benches.{name}", "--json", str(path)]
    done = subprocess.run(
        command + ["--quick"] * quick, stdout=subprocess.PIPE, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if not path.exists():
        return {"bench": name, "ok": False, "machine": {}}, ""
    *table, _ = done.stdout.splitlines()
    return orjson.loads(path.read_bytes()), "\n".join(table)


def page(told: list[tuple[dict[str, Any], str]], *, quick: bool) -> str:
    """Write the page: the machine once, then every table as it was printed."""
    machine = told[0][0]["machine"]
    rows = [f"| {name} | {_plain(value)} |" for name, value in machine.items() if name != "load"]
    parts = [_HEAD, _QUICK if quick else "", "\n## The machine\n\n| | |\n| --- | --- |\n"]
    parts.append("\n".join(rows) + "\n")
    for result, table in told:
        parts.append(f"\n## {result['bench']}\n\n```text\n{table}\n```\n")
    return "".join(parts)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return "none" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
