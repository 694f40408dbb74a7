"""What the routes are handed; the wiring fills it, a test fills it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from dashboard.auth import Access
from dashboard.stream import Pulse
from dashboard.trades import TradeBook
from dashboard.view import View

STATIC = Path(__file__).parent / "static"

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Asks the supervisor and waits for its answer; raises `hft.control.ControlUnreachable`."""


class Deps(msgspec.Struct, frozen=True):
    """The view of the house, the pulse that shares it, the trades, the supervisor, and the
    checks.
    """

    view: View
    pulse: Pulse
    trades: TradeBook
    ask: Ask
    access: Access
