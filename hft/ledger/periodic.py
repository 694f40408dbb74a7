"""Asking the venue now and then, beside everything else: when, in a thread, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from hft.clock import monotonic_ns
from hft.ledger.rows import Names
from hft.units import NS_PER_S

FIRST_RETRY_NS = 2 * NS_PER_S


class Outcome(Protocol):
    """What asking came to."""

    @property
    def more(self) -> bool:
        """Whether more waits to be asked for."""

    @property
    def trouble(self) -> str:
        """What went wrong; empty: nothing."""

    @property
    def pause_ns(self) -> int:
        """How long the venue asked to be left alone."""


T = TypeVar("T", bound=Outcome)


class Periodic(Generic[T]):
    """Says when to ask, runs one asking at a time, and hands over the outcome.

    `ask` runs in a thread and raises nothing but bugs, which `fail` turns into an outcome.
    """

    def __init__(
        self,
        name: str,
        every_ns: int,
        ask: Callable[[Names], T],
        fail: Callable[[str], T],
        wake: Callable[[], None],
    ) -> None:
        self._name = name
        self._every_ns = every_ns
        self._ask = ask
        self._fail = fail
        self._wake = wake
        self._thread: threading.Thread | None = None
        self._outcome: T | None = None
        self._due_ns = 0
        self._retry_ns = FIRST_RETRY_NS

    def ask_now(self) -> None:
        """Ask as soon as possible."""
        self._due_ns = 0

    def busy(self) -> bool:
        """Say whether an asking is under way or its outcome not yet taken."""
        return self._thread is not None

    def is_due(self, now_ns: int) -> bool:
        """Say whether an asking should start now."""
        return self._thread is None and now_ns >= self._due_ns

    def put_off(self, until_ns: int) -> None:
        """Ask no sooner than then."""
        self._due_ns = max(self._due_ns, until_ns)

    def start(self, now_ns: int, names: Names) -> bool:
        """Start asking, unless one is under way or the account is not known yet."""
        if self._thread is not None or not names.account_epoch:
            return False
        self._due_ns = now_ns + self._every_ns
        self._thread = threading.Thread(
            target=self._run, args=(names,), name=self._name, daemon=True
        )
        self._thread.start()
        return True

    def take(self) -> T | None:
        """Take the outcome of an asking that has ended, and plan the next one."""
        outcome = self._outcome
        if outcome is None or self._thread is None:
            return None
        self._thread.join()
        self._thread = self._outcome = None
        if outcome.trouble:
            self._due_ns = monotonic_ns() + max(self._retry_ns, outcome.pause_ns)
            self._retry_ns = min(2 * self._retry_ns, self._every_ns)
        else:
            self._retry_ns = FIRST_RETRY_NS
            if outcome.more:
                self.ask_now()
        return outcome

    def close(self, patience_s: float = 1.0) -> None:
        """Wait a moment for an asking that is under way; its outcome is left."""
        if self._thread is not None:
            self._thread.join(patience_s)

    def _run(self, names: Names) -> None:
        try:
            self._outcome = self._ask(names)
        except Exception as bug:  # noqa: BLE001 - a thread has nobody above it; the agent logs it
            self._outcome = self._fail(f"{type(bug).__name__}: {bug}")
        self._wake()
