"""Numbers and marks of the terminal's page."""

from __future__ import annotations

from typing import Any

from rich.text import Text

MODE_STYLES = {
    "DEMO": "bold white on blue",
    "TESTNET": "bold black on cyan",
    "LIVE": "bold white on red",
    "CUSTOM": "bold black on yellow",
    "DRY_RUN": "bold white on magenta",
}
COLOURS = {"green": "green", "amber": "yellow", "red": "bold red", "grey": "bright_black"}
MARKS = {"green": "●", "amber": "◐", "red": "✗", "grey": "○"}
PLAIN_MARKS = {"green": "+", "amber": "~", "red": "x", "grey": "."}
"""For terminals that know ASCII only."""
_PLAIN_SIGNS = {"─": "-", "…": "."}
DIM = "bright_black"
NOTHING = "-"


def money(value: float | None) -> Text:
    """Money with its sign, green or red."""
    if value is None:
        return Text(NOTHING, DIM)
    style = "green" if value > 0 else "red" if value < 0 else ""
    return Text(f"{value:+,.2f}", style)


def number(value: float | None, decimals: int | None = None) -> str:
    """A number with its decimals, or as short as it is."""
    if value is None:
        return NOTHING
    return f"{value:,.8g}" if decimals is None else f"{value:,.{decimals}f}"


def nanoseconds(value: float) -> str:
    """A duration as people read it."""
    if value < 1_000:
        return f"{value:.0f} ns"
    if value < 1_000_000:
        return f"{value / 1_000:.1f} us"
    return f"{value / 1_000_000:.1f} ms" if value < 1e9 else f"{value / 1e9:.2f} s"


def old(age_ms: float | None) -> str:
    """An age as people read it."""
    if age_ms is None:
        return NOTHING
    seconds = age_ms / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def plainly(problem: UnicodeError) -> tuple[str, int]:
    """Write what a terminal has no sign for by one it has, as wide: an error handler of codecs."""
    assert isinstance(problem, UnicodeEncodeError)
    strange = problem.object[problem.start : problem.end]
    return "".join(_PLAIN_SIGNS.get(sign, "?") for sign in strange), problem.end


def printable(text: str) -> str:
    """Put a sign for every control character: one could move the cursor or change the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def columns(rows: list[list[Any]], right: set[int]) -> list[Text]:
    """Set cells in columns as wide as they need; those in `right` end at one edge."""
    cells = [[each if isinstance(each, Text) else Text(str(each)) for each in row] for row in rows]
    widths = [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = Text()
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            gap = " " * (width - cell.cell_len)
            line.append_text(Text(gap) + cell if at in right else cell + Text(gap))
            line.append("  ")
        line.rstrip()
        lines.append(line)
    return lines
