"""One position as three tell it: our fills, the user stream, REST.  Pure.

The three are never read at one moment.  What REST told is compared with what our fills gave then;
what the stream told counts from REST's last word on; and a difference that is younger than the time
news may take is none yet.
"""

from __future__ import annotations

from hft.events import Agreement


class Views:
    """What the stream and REST last told of one symbol, and whether our fills say the same."""

    def __init__(self) -> None:
        self.stream_lots = self.stream_ns = 0
        self.rest_lots = self.rest_ns = 0
        self.agreement = Agreement.UNKNOWN
        self._ours_then = 0
        self._differs_ns = 0
        self._is_doubted = False

    def stream_told(self, lots: int, now_ns: int) -> None:
        """Take in a position of ACCOUNT_UPDATE."""
        self.stream_lots, self.stream_ns = lots, now_ns

    def rest_told(self, lots: int, ours: int, asked_ns: int) -> bool:
        """Take in what REST tells, `ours` being what our fills give; says whether it is that."""
        self.rest_lots, self.rest_ns, self._ours_then = lots, asked_ns, ours
        self._is_doubted = False
        return lots == ours

    def doubt(self) -> None:
        """Call our fills incomplete, until REST has spoken."""
        self._is_doubted = True

    def differ(self, ours: int) -> bool:
        """Say whether one of the three is not like the others, however young that is."""
        return (
            self._is_doubted
            or self.rest_lots != self._ours_then
            or (self.stream_ns > self.rest_ns and self.stream_lots != ours)
        )

    def judge(self, ours: int, now_ns: int, patience_ns: int) -> Agreement:
        """Say whether the three agree, for differences older than `patience_ns`."""
        if not self.differ(ours):
            self._differs_ns = 0
            self.agreement = Agreement.AGREED if self.rest_ns else Agreement.UNKNOWN
        elif not self._differs_ns:
            self._differs_ns = now_ns
        if self._is_doubted or (self._differs_ns and now_ns - self._differs_ns > patience_ns):
            self.agreement = Agreement.DISAGREED
        return self.agreement

    def least(self, ours: int) -> int:
        """Give the position that each of the three holds at least; 0 where their signs differ.

        An order that makes this smaller makes the position smaller whoever is right.
        """
        if self.agreement is not Agreement.DISAGREED:
            return ours
        rest = ours + self.rest_lots - self._ours_then
        told = [ours, rest, self.stream_lots if self.stream_ns > self.rest_ns else rest]
        if min(told) > 0:
            return min(told)
        return max(told) if max(told) < 0 else 0
