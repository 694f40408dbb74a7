"""SIGINT and SIGTERM before the house runs: what was begun is undone.

While things are made that others would find (a child, the segment, sockets) a signal waits for the
next look, so that each is noted for its undoing first.  Where much time passes and nothing of the
kind is made, it is heeded at once; and a second signal does not wait.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from hft.errors import AskedToStop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class EarlySignals:
    """Catches the signals from now on, until somebody else does or `give_back`."""

    def __init__(self) -> None:
        self._asked = 0
        self._at_once = False
        self._raised = False
        self._pass_on: Callable[[], None] | None = None
        self._before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}

    def look(self) -> None:
        """Heed a signal that came.

        Raises:
            AskedToStop: one did.
        """
        if self._asked:
            self._raised = True
            raise AskedToStop

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Heed signals wherever the code within is; nothing it makes may outlive this process.

        Raises:
            AskedToStop: one came, before or within.
        """
        self.look()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
        # Raised in the wrong moment (a finalizer, a callback of the compiler) it was lost.
        self.look()

    def pass_on(self, request_stop: Callable[[], None]) -> None:
        """Let `request_stop` hear of every signal, those that came already included."""
        self._pass_on = request_stop
        for _ in range(self._asked):
            request_stop()

    def give_back(self) -> None:
        """Let the signals do what they did before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked += 1
        if self._pass_on:
            self._pass_on()
        elif not self._raised and (self._at_once or self._asked > 1):
            # Once: what undoes the begun must come to its end.
            self._raised = True
            raise AskedToStop
