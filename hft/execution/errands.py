"""What blocks, done beside the duty cycle: one REST errand at a time, in a short-lived thread.

Errands that cannot wait go before those that can.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from hft.binance import endpoints
from hft.binance.budget import Use
from hft.binance.rest import Rest, VenueUnknown

_FORGOTTEN = (endpoints.UNKNOWN_ORDER_SENT, endpoints.ORDER_DOES_NOT_EXIST)

Job = Callable[[Rest], Any]
Then = Callable[[Any, int], None]


class Errands:
    """A queue of jobs; a finished one is handed over by `poll`, in the thread of the duty cycle.

    A job gets the one REST connection.  Its `then` gets the result, or the exception, and the time.
    Two jobs of one name never wait at once.
    """

    def __init__(self, rest: Rest, wake: Callable[[], None]) -> None:
        self._rest = rest
        self._wake = wake
        self._waiting: dict[Use, deque[tuple[str, Job, Then]]] = {use: deque() for use in Use}
        self._running: tuple[str, Then] | None = None
        self._result: list[Any] = []
        self._thread: threading.Thread | None = None
        self.failures = 0
        """Jobs that got no answer or were refused, but for orders the venue no longer knows."""
        self.answered = True
        """The venue answered the last job, be it with a refusal."""

    def ask(self, name: str, job: Job, then: Then, use: Use = Use.NEEDED) -> bool:
        """Queue a job, unless one of that name is queued or running; says whether it was taken."""
        if self.is_under_way(name):
            return False
        self._waiting[use].append((name, job, then))
        self._start_next()
        return True

    def is_under_way(self, name: str) -> bool:
        """Say whether a job of that name is queued or running."""
        running = self._running is not None and self._running[0] == name
        return running or any(
            waiting[0] == name for queue in self._waiting.values() for waiting in queue
        )

    def poll(self, now_ns: int) -> int:
        """Hand over a finished job's result and start the next; returns the work count."""
        if self._running is None or not self._result:
            return 0
        _, then = self._running
        result = self._result.pop()
        self.answered = not isinstance(result, VenueUnknown)
        self._running = None
        self._start_next()
        if isinstance(result, Exception):
            self.failures += getattr(result, "code", 0) not in _FORGOTTEN
        then(result, now_ns)
        return 1

    def close(self, timeout_s: float) -> None:
        """Forget what waits, and give the running one a moment to end."""
        for queue in self._waiting.values():
            queue.clear()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start_next(self) -> None:
        use = next((use for use, queue in self._waiting.items() if queue), None)
        if self._running is not None or use is None:
            return
        name, job, then = self._waiting[use].popleft()
        self._running = (name, then)
        self._thread = threading.Thread(target=self._run, args=(job, use), name=name, daemon=True)
        self._thread.start()

    def _run(self, job: Job, use: Use) -> None:
        self._rest.use = use
        try:
            result = job(self._rest)
        except Exception as problem:  # noqa: BLE001  Handed over to whoever asked.
            result = problem
        self._result.append(result)
        self._wake()
