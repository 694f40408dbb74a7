"""What the venue has acknowledged and the user stream has not told yet: by that a mute one shows.

It counts whether or not REST has told meanwhile: then the books are right, and the stream is mute
all the same.
"""

from __future__ import annotations


class Owed:
    """Since when the stream owes word of an order, or of its end after a cancel."""

    def __init__(self) -> None:
        self._since_ns: dict[tuple[int, bool], int] = {}

    def acknowledged(self, intent_seq: int, now_ns: int, *, cancel: bool) -> None:
        """Take note that the venue says it has an order, or has cancelled it."""
        self._since_ns.setdefault((intent_seq, cancel), now_ns)

    def told(self, intent_seq: int, *, ended: bool) -> None:
        """Take note that the stream spoke of an order; `ended`: it spoke of its end."""
        self._since_ns.pop((intent_seq, False), None)
        if ended:
            self._since_ns.pop((intent_seq, True), None)

    def overdue(self, now_ns: int, mute_ns: int) -> str:
        """Say what the stream has not told for longer than `mute_ns`; empty: nothing."""
        for (intent_seq, cancel), since_ns in self._since_ns.items():
            if now_ns - since_ns <= mute_ns:
                break
            what = "cancelled" if cancel else "accepted"
            return f"intent {intent_seq} was {what} and not a word of it came"
        return ""

    def forgive(self) -> None:
        """Forget all of it: a new connection owes nothing from before."""
        self._since_ns.clear()
