"""The terminal's page: sections set into as many lines and columns as there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from hft.stat.sections import (
    latency_lines,
    log_texts,
    number_lines,
    order_lines,
    position_lines,
    process_lines,
    ring_lines,
    state_line,
    why_lines,
)
from hft.stat.words import DIM, MARKS, MODE_STYLES, PLAIN_MARKS, old

WIDE = 150
"""Columns from which on the machinery stands beside the trading."""
_ENDLESS = 10_000


class Section(NamedTuple):
    """A title and its lines; `least` of them are shown before others get more."""

    title: str
    lines: list[Text]
    least: int
    newest_last: bool = False


class Size(NamedTuple):
    """How much room there is; no height means as much as it takes."""

    width: int
    height: int | None


def page(told: dict[str, Any], console: Console, size: Size, *, more_log: bool = False) -> Text:
    """Set the whole page as lines that fit; `more_log` gives the log the room of the machinery."""
    height = size.height or _ENDLESS
    lines = _top(told, console, size.width, height)
    positions = position_lines(told)
    trading = [
        Section("Positions", positions, len(positions)),
        Section("Open orders", order_lines(told), 1),
    ]
    machinery = [
        Section("Latency", latency_lines(told), 2),
        Section("Processes", process_lines(told), 2),
        Section("Rings", ring_lines(told), 2),
    ]
    logs = log_texts(told)
    if size.height is None:
        logs = logs[-20:]
    log = Section("Log", logs or [Text("nothing said yet", DIM)], 3, newest_last=True)
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
    sentence, gates, stops = why_lines(told, marks)
    lines += _wrap(Text("Why  ", DIM) + sentence, width, console, 2)
    room = max(2, height // 5)
    lines += _wrap(gates, width, console, room)
    # The sentence above has said what stops; the rest are told while there is room.
    return lines + stops[: max(0, (height - 24) // 3)]


def _head(told: dict[str, Any], width: int) -> Text:
    style = MODE_STYLES.get(told["mode"], "bold reverse")
    words = [told["mode"].replace("_", " "), told["active_strategy"]]
    if told["dead"]:
        at = datetime.fromtimestamp(told["as_of_ms"] / 1000, UTC)
        words.append(f"DEAD, last alive {at:%Y-%m-%d %H:%M:%S} UTC")
    else:
        words += [f"feed {old(told['feed']['age_ms'])} old", f"{told['ticks_per_second']:,.0f}/s"]
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
    """Give every section its least, in order, then more in order, the log what is left."""
    shares, left = [], room
    for section in sections:
        share = min(section.least, len(section.lines), max(0, left - 1))
        shares.append(share)
        left -= share + 1 if share else 0
    for at, section in enumerate(sections):
        more = min(len(section.lines) - shares[at], left) if shares[at] else 0
        shares[at] += more
        left -= more
    lines: list[Text] = []
    for section, share in zip(sections, shares, strict=True):
        if share:
            lines.append(_title(section.title, width))
            lines += section.lines[-share:] if section.newest_last else section.lines[:share]
    return lines


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
    cut.truncate(width, overflow="ellipsis")
    return cut
