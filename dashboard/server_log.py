"""What the web server and the door have to say, in the house's log; a flood of it is a line or two.

Whoever reaches the port can make the server complain as often as he likes.  Were every complaint a
line, he could push all others out of the page's log and fill the disk with the file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from dashboard.floods import Bucket
from hft.agent.log import Log
from hft.clock import monotonic_ns

LINES_EACH, LINES_SPAN_S = 5, 60.0
"""Lines a minute of one kind: with the same words before anything is filled in."""
DOOR = "dashboard"
LOGGERS = ("uvicorn", DOOR)


class _Kind:
    def __init__(self) -> None:
        self.bucket = Bucket(LINES_EACH, LINES_SPAN_S)
        self.untold = 0


class ToHouseLog(logging.Handler):
    """Hands warnings and worse to the house's log, and counts what is too much of one kind."""

    def __init__(self, log: Log, now_ns: Callable[[], int] = monotonic_ns) -> None:
        super().__init__(logging.WARNING)
        self._log, self._now_ns = log, now_ns
        # As many as the code has such lines: the words of a kind hold nothing from outside.
        self._kinds: dict[str, _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a traceback is cut to what one log line holds."""
        kind = self._kinds.setdefault(str(record.msg), _Kind())
        if not kind.bucket.holds(self._now_ns()):
            kind.untold += 1
            return
        kind.bucket.take()
        more = f" (and {kind.untold:,} more that were not told)" if kind.untold else ""
        kind.untold = 0
        write = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        cause = f": {record.exc_info[1]!r}" if record.exc_info else ""
        who = "" if record.name == DOOR else "web server: "
        write(f"{who}{record.getMessage().strip()}{cause}{more}")


def tell_house(log: Log) -> None:
    """Let the house's log have what is said."""
    handler = ToHouseLog(log)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
