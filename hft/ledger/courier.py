"""A thread that does jobs in order and tries each again until it worked.

The duty cycle hands a job over and collects it when it is done; it never waits.  Nothing is
skipped: while the database is locked or the disk is full, the job at the front stays there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0


class Job(Protocol):
    """Something that may block (`run`, in the thread) and what follows (`finish`, duty cycle)."""

    def run(self) -> None:
        """Do it whole or not at all; asked again after a failure."""

    def finish(self) -> None:
        """Take note, in the duty cycle, that it is done."""


class Call:
    """A job that is one call, and what follows it."""

    def __init__(self, what: Callable[[], object], then: Callable[[], None] | None = None) -> None:
        self._what = what
        self._then = then
        self.done = False

    def run(self) -> None:
        """Courier's thread: call it."""
        self._what()

    def finish(self) -> None:
        """Duty cycle: note that it is done."""
        self.done = True
        if self._then is not None:
            self._then()


class Courier:
    """One worker thread with a queue of jobs.

    `retried` are the exceptions after which a job is tried again, with a pause that doubles up to
    two seconds; any other one is a bug and is raised by `finish_jobs` in the duty cycle.  `wake` is
    called from the thread whenever there is something to collect.
    """

    def __init__(
        self, name: str, retried: tuple[type[Exception], ...], wake: Callable[[], None]
    ) -> None:
        self.failures = 0
        self._retried = retried
        self._wake = wake
        self._jobs: deque[Job] = deque()
        self._done: deque[Job] = deque()
        self._something = threading.Condition()
        self._closing = threading.Event()
        self._trouble = ""
        self._bug: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def send(self, job: Job) -> None:
        """Queue a job."""
        with self._something:
            self._jobs.append(job)
            self._something.notify()

    def has_done(self) -> bool:
        """Say whether `finish_jobs` would have something to do."""
        return bool(self._done) or self._bug is not None

    def trouble(self) -> str:
        """Why the job at the front does not succeed; empty while all is well."""
        return self._trouble

    def finish_jobs(self) -> int:
        """Finish what is done, in order, and say how many that were.

        Raises:
            Exception: whatever stopped the thread, when it was none of `retried`.
        """
        finished = self._finish_done()
        if self._bug is not None:
            raise self._bug
        return finished

    def close(self, patience_s: float = 1.0) -> None:
        """Stop after the try that is under way and finish what is done; other jobs stay undone."""
        self._closing.set()
        with self._something:
            self._something.notify()
        self._thread.join(patience_s)
        self._finish_done()

    def _finish_done(self) -> int:
        finished = 0
        while self._done:
            self._done.popleft().finish()
            finished += 1
        return finished

    def _work(self) -> None:
        try:
            while not self._closing.is_set():
                with self._something:
                    self._something.wait_for(lambda: self._jobs or self._closing.is_set())
                if self._jobs:
                    self._deliver(self._jobs[0])
        except Exception as bug:  # noqa: BLE001 - raised again in the duty cycle
            self._bug = bug
            self._wake()

    def _deliver(self, job: Job) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._closing.is_set():
            try:
                job.run()
            except self._retried as problem:
                self.failures += 1
                self._trouble = f"{type(problem).__name__}: {problem}".splitlines()[0]
                self._wake()
                self._closing.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self._trouble = ""
                self._jobs.popleft()
                self._done.append(job)
                self._wake()
                return
