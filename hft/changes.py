"""Who changed what, and when: kept for the session, and one line in the log for each.

The line is an event in the database, so `line_of` and `change_of` are a pair: what one writes the
other reads, whatever has happened to the house in between.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from hft.agent.log import Log
from hft.clock import monotonic_ns
from hft.events import Notice
from hft.topology import House
from hft.units import MS_PER_S, NS_PER_MS

KEPT = 1000
WHO_MAX = 64
TRADING = ("trading", "state")
STRATEGY = ("strategy", "active")
CONFIG = ("config", "read")
RISK = "risk"

NOTICES = (
    Notice.PARAMS_CHANGED,
    Notice.LIMITS_CHANGED,
    Notice.STRATEGY_SWITCHED,
    Notice.CONFIG_READ,
    Notice.HALTED,
    Notice.RESUMED,
    Notice.FLATTEN,
)
"""What the lines of changes are filed under; other lines may be, too."""

_LINE = re.compile(
    r"(?P<what>[^\s.]+)\.(?P<name>\S+) (?P<before>\S+) → (?P<after>\S+), by (?P<who>.+)"
)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Change(msgspec.Struct, frozen=True, rename={"before": "from", "after": "to"}):
    """One value that became another: `what` is a strategy or a part of the house."""

    ms: int
    who: str
    what: str
    name: str
    before: Any
    after: Any


def who_asked(request: dict[str, Any]) -> str:
    """Name who sent a request: what it says of itself, and the user the kernel vouches for."""
    said = request.get("by", "control socket")
    by = "".join(char for char in str(said) if char.isprintable())[:WHO_MAX] or "nobody"
    return f"{by} ({request.get('user', 'unknown user')})"


def as_utc(wall_ms: int) -> str:
    """Write a moment as a change has it, in whole seconds UTC."""
    return datetime.fromtimestamp(wall_ms // MS_PER_S, UTC).strftime(_TIME)


def line_of(change: Change) -> str:
    """Write a change as the line of the log."""
    before, after = _shown(change.before), _shown(change.after)
    return f"{change.what}.{change.name} {before} → {after}, by {change.who}"


def change_of(ms: int, line: str) -> Change | None:
    """Read a line of the log; None when it tells of something else."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    before, after = _read(found["before"]), _read(found["after"])
    return Change(ms, found["who"], found["what"], found["name"], before, after)


def _shown(value: Any) -> str:
    """Write a value without blanks: a number or true as in JSON, a word as it is."""
    if isinstance(value, str):
        assert not any(char.isspace() for char in value), f"no word: {value!r}"
        return value
    return orjson.dumps(value).decode()


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


class Audit:
    """Tells the log of every change and remembers the newest `KEPT` of the session."""

    def __init__(self, house: House, log: Log) -> None:
        self._anchor = house.anchor
        self._log = log
        self._kept: deque[Change] = deque(maxlen=KEPT)

    def now_ms(self) -> int:
        """Wall clock UTC, as the log tells it."""
        return self._anchor.to_wall_ns(monotonic_ns()) // NS_PER_MS

    def tell(
        self, subject: tuple[str, str], before: Any, after: Any, who: str, notice: Notice
    ) -> None:
        """Note one change of `subject` (what, name)."""
        change = Change(self.now_ms(), who, *subject, before, after)
        self._kept.append(change)
        self._log.warning(line_of(change), notice=notice)

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Give the changes of this session, newest first."""
        return [msgspec.to_builtins(change) for change in list(self._kept)[: -limit - 1 : -1]]
