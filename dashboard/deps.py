"""What the routes are handed; the wiring fills it, a test fills it otherwise."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dashboard.access import Access
from dashboard.permission import Ask
from dashboard.stream import Pulse
from dashboard.trades import TradeBook
from dashboard.view import View

STATIC = Path(__file__).parent / "static"


class Deps(msgspec.Struct, frozen=True):
    """The view of the house, the pulse that shares it, the trades, the supervisor, and the checks.

    `ask` waits for an answer as long as a strategy switch takes, `glance` at most a second.
    """

    view: View
    pulse: Pulse
    trades: TradeBook
    ask: Ask
    glance: Ask
    access: Access
