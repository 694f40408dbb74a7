"""The gate's refusals in the log: at most one line a second, and none of them unsaid."""

from __future__ import annotations

from collections import Counter

from hft.agent.log import Log
from hft.denials import MEANINGS
from hft.events import Denial
from hft.units import NS_PER_S

TELL_EVERY_NS = NS_PER_S


class DenialLog:
    """Tells a refusal at once when none was told lately, the others together in the next line."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._untold: Counter[Denial] = Counter()
        self._told_ns = -TELL_EVERY_NS

    def note(self, now_ns: int, intent_seq: int, denial: Denial) -> None:
        """Take in one refusal."""
        if self._untold or now_ns - self._told_ns < TELL_EVERY_NS:
            self._untold[denial] += 1
            self.tell_rest(now_ns)
            return
        self._told_ns = now_ns
        meaning = MEANINGS[denial]
        like = f" (the venue's {meaning.venue_code})" if meaning.venue_code else ""
        self._log.warning(f"denied intent {intent_seq}: {denial.name}{like}: {meaning.sentence}")

    def tell_rest(self, now_ns: int) -> None:
        """Tell what was counted since the last line, once its second is over."""
        if not self._untold or now_ns - self._told_ns < TELL_EVERY_NS:
            return
        self._told_ns = now_ns
        counts = ", ".join(f"{count} {denial.name}" for denial, count in self._untold.most_common())
        self._log.warning(f"denied {self._untold.total()} more intents: {counts}")
        self._untold.clear()
