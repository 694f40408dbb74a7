"""The terminal's page: sections set into as many lines and columns as there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from hft.stat.sections import (
    brief_latency,
    brief_processes,
    brief_rings,
    gate_lines,
    gate_marks,
    latency_lines,
    log_texts,
    number_lines,
    order_lines,
    position_lines,
    process_lines,
    ring_lines,
    state_line,
    stop_lines,
)
from hft.stat.words import DIM, MARKS, MODE_STYLES, PLAIN_MARKS, old, printable

WIDE = 150
"""Columns from which on the machinery stands beside the trading."""
TALL = 34
"""Lines from which on every gate has its name."""
POSITIONS_BRIEF = 3
"""Positions that are shown however little room there is; where the ways differ they come first."""
LOG_LINES = 20
"""Of the log where the page is as long as it takes."""
_ENDLESS = 10_000


class Section(NamedTuple):
    """A title, its lines, and what is shown of it where they do not all fit.

    `heads` are the lines that name the columns of a list.
    """

    title: str
    lines: list[Text]
    brief: list[Text]
    newest_last: bool = False
    heads: int = 0


class Size(NamedTuple):
    """How much room there is; no height means as much as it takes."""

    width: int
    height: int | None


def page(told: dict[str, Any], console: Console, size: Size, *, more_log: bool = False) -> Text:
    """Set the whole page as lines that fit; `more_log` gives the log the room of the machinery."""
    height = size.height or _ENDLESS
    lines = _top(told, console, size.width, height)
    positions, orders = position_lines(told), order_lines(told)
    trading = [
        Section("Positions", positions, positions[: 1 + POSITIONS_BRIEF], heads=1),
        Section("Open orders", orders, orders[:1]),
    ]
    machinery = [
        Section("Latency", latency_lines(told), brief_latency(told)),
        Section("Processes", process_lines(told), brief_processes(told)),
        Section("Rings", ring_lines(told), brief_rings(told)),
    ]
    if height < TALL:
        # What went wrong lately is worth more here than the figures of what is well.
        machinery = [section._replace(lines=section.brief) for section in machinery]
    logs = log_texts(told) or [Text("nothing said yet", DIM)]
    if size.height is None:
        logs = logs[-LOG_LINES:]
    log = Section("Log", logs, logs[-2:], newest_last=True)
    left = height - len(lines)
    if size.width >= WIDE and not more_log:
        half = (size.width - 2) // 2
        first = _fit([*trading, log], left, half)
        second = _fit(machinery, left, half)
        lines += _beside(first, second, half)
    else:
        chosen = [*trading, log] if more_log else [*trading, *machinery, log]
        lines += _fit(chosen, left, size.width)
    return Text("\n").join(_cut(line, size.width) for line in lines[:height])


def _top(told: dict[str, Any], console: Console, width: int, height: int) -> list[Text]:
    """What never gives way: mode, state, numbers, why."""
    marks = MARKS if console.encoding.lower().startswith("utf") else PLAIN_MARKS
    lines = [_head(told, width), *_wrap(state_line(told), width, console, 2)]
    lines += number_lines(told)
    why = Text(told["explain"]["sentence"], "bold")
    lines += _wrap(Text("Why  ", DIM) + why, width, console, 2)
    if height < TALL:
        return lines + gate_marks(told, marks)
    # The sentence above has said what stops; the rest are told while there is room.
    stops = stop_lines(told, marks)[: max(1, (height - TALL) // 3)]
    return lines + gate_lines(told, marks, width) + stops


def _head(told: dict[str, Any], width: int) -> Text:
    style = MODE_STYLES.get(told["mode"], "bold reverse")
    words = [told["mode"].replace("_", " "), told["active_strategy"]]
    if told["dead"]:
        at = datetime.fromtimestamp(told["as_of_ms"] / 1000, UTC)
        words.append(f"DEAD, last alive {at:%Y-%m-%d %H:%M:%S} UTC")
    else:
        words.append(f"feed {old(told['feed']['age_ms'])} old")
        if told["ticks_per_second"]:  # One look alone knows no rate.
            words.append(f"{told['ticks_per_second']:,.0f} events/s")
        agreement = {True: "account agrees", False: "ACCOUNT DISAGREES"}
        words.append(agreement.get(told["agreement"], "agreement not known"))
    head = Text(f" {'  '.join(words)} "[:width].ljust(width), style)
    if told["dead"]:
        at_word = head.plain.find("DEAD")
        head.stylize("bold white on bright_black", at_word, len(head.plain.rstrip()))
    return head


def _wrap(text: Text, width: int, console: Console, most: int) -> list[Text]:
    lines = list(text.wrap(console, width))
    if len(lines) <= most:
        return lines
    kept = lines[:most]
    kept[-1] = _cut(kept[-1] + Text(" …"), width)
    return kept


def _fit(sections: list[Section], room: int, width: int) -> list[Text]:
    """Show every section in brief, then in whole, in order, while there is room; the log last."""
    chosen, left = [], room
    for section in sections:
        lines = section.brief[: max(0, left - 1)]
        chosen.append(lines)
        left -= len(lines) + 1 if lines else 0
    for at, section in enumerate(sections):
        more = len(section.lines) - len(chosen[at])
        if not chosen[at]:
            continue
        if section.newest_last or section.lines[0].plain == section.brief[0].plain:
            # A list may be shown in part, a table that has another brief form may not.
            more = min(more, left)
            size = len(chosen[at]) + more
            chosen[at] = section.lines[-size:] if section.newest_last else section.lines[:size]
            left -= more
        elif more <= left:
            chosen[at] = section.lines
            left -= more
    shown: list[Text] = []
    for section, lines in zip(sections, chosen, strict=True):
        if lines:
            shown += [_title(_titled(section, len(lines)), width), *lines]
    return shown


def _titled(section: Section, size: int) -> str:
    """The title, with how many of a list are shown when not all are."""
    in_part = size < len(section.lines) and section.lines[0].plain == section.brief[0].plain
    if section.newest_last or not in_part:
        return section.title
    return f"{section.title}: {size - section.heads} of {len(section.lines) - section.heads}"


def _title(title: str, width: int) -> Text:
    return Text(f"─ {title} ".ljust(width, "─"), DIM)


def _beside(first: list[Text], second: list[Text], half: int) -> list[Text]:
    lines = []
    for at in range(max(len(first), len(second))):
        left = _cut(first[at], half) if at < len(first) else Text()
        left.pad_right(half + 2 - left.cell_len)
        lines.append(left + second[at] if at < len(second) else left)
    return lines


def _cut(line: Text, width: int) -> Text:
    cut = line.copy()
    cut.plain = printable(cut.plain)
    cut.truncate(width, overflow="ellipsis")
    return cut
