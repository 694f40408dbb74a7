"""Whether the config file lets the house trade: only the supervisor knows, so it is asked.

A person may have the file read again at any time; hence the question is put every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from dashboard.view import View
from hft.control import ControlUnreachable

ASK_EVERY_S = 3.0

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Asks the supervisor and waits for its answer; raises `hft.control.ControlUnreachable`."""


async def keep_asking(view: View, ask: Ask, closing: asyncio.Event) -> None:
    """Keep `view.enabled` up to date until `closing` is set; `ask` runs in a worker thread."""
    while not closing.is_set():
        view.enabled = await asyncio.to_thread(enabled_at, ask)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), ASK_EVERY_S)


def enabled_at(ask: Ask) -> bool | None:
    """Ask whether trading is enabled; None when nobody answers or the answer does not say."""
    try:
        enabled = ask({"command": "status"}).get("enabled")
    except ControlUnreachable:
        return None
    return enabled if isinstance(enabled, bool) else None
