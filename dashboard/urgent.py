"""STOP and FLATTEN: never refused for their number, and never behind anything else.

They have a thread of their own, so slow queries and strategy switches cannot hold them up.  A flood
of them costs no more than two: one is being asked, one waits, and everyone who comes meanwhile
shares the answer of the one that waits.  That one is asked after they came, so whatever happened
before (a START, say) is undone by it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dashboard.permission import Ask

Answer = dict[str, Any]


class Urgent:
    """Asks the supervisor one thing, at most twice at any moment."""

    def __init__(self, ask: Ask, thread: str) -> None:
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=thread)
        self._running: asyncio.Task[Answer] | None = None
        self._waiting: asyncio.Task[Answer] | None = None

    async def __call__(self, request: dict[str, Any]) -> Answer:
        """Ask, or share what is about to be asked; who came first is who is named in the records.

        Raises:
            ControlUnreachable: nobody answers.
        """
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._after(self._running, request))
        # A caller who leaves must not take the answer from the others.
        return await asyncio.shield(self._waiting)

    async def _after(self, before: asyncio.Task[Answer] | None, request: dict[str, Any]) -> Answer:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._waiting = self._waiting, None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._ask, request)
