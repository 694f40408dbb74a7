"""Reads a file in a thread, a bounded number of batches ahead of whoever plays it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Generic, TypeVar

from hft.errors import HftError

BATCH_ITEMS = 256
BATCHES_AHEAD = 32

Item = TypeVar("Item")


class Mark(Enum):
    """What comes between items: the file begins anew, or there is nothing more."""

    ROUND = 1
    END = 2


class ReadAhead(Generic[Item]):
    """Hands over the items of `source`, which is opened again after its end when it loops."""

    def __init__(self, source: Callable[[], Iterable[Item]], *, loop: bool) -> None:
        self._source = source
        self._loop = loop
        self._batches: queue.Queue[list[Item] | Mark] = queue.Queue(BATCHES_AHEAD)
        self._stopping = threading.Event()
        self.failure: HftError | None = None
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def take(self) -> list[Item] | Mark:
        """Give the next batch or mark; an empty batch when it is not read yet."""
        try:
            return self._batches.get_nowait()
        except queue.Empty:
            return []

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._read_once() and self._loop and not self._stopping.is_set():
                self._hand_over(Mark.ROUND)
        except HftError as error:
            self.failure = error
        self._hand_over(Mark.END)

    def _read_once(self) -> bool:
        """Read all items; says whether there were any."""
        batch: list[Item] = []
        any_items = False
        for item in self._source():
            if self._stopping.is_set():
                break
            any_items = True
            batch.append(item)
            if len(batch) >= BATCH_ITEMS:
                self._hand_over(batch)
                batch = []
        if batch:
            self._hand_over(batch)
        return any_items

    def _hand_over(self, batch: list[Item] | Mark) -> None:
        while not self._stopping.is_set():
            try:
                self._batches.put(batch, timeout=0.1)
            except queue.Full:
                continue
            return
