"""Reading the venue's list of our fills, page by page, from where it was last compared.

The list is compared up to one minute ago only: the newest fills may become visible out of order, so
they are read again next time, which costs nothing because a fill is stored once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from hft.ledger.store import Progress

PAGE = 1000
FILLS_MAX = 5_000
"""Most fills read, and stored in one transaction, in one go; the rest follows in the next."""

SETTLED_AFTER_MS = 60_000
WINDOW_MS = 7 * 86_400_000
"""The venue answers a start time with the seven days after it."""

HISTORY_MS = 89 * 86_400_000
"""The venue keeps three months of fills."""

Trade = Mapping[str, Any]


class Venue(Protocol):
    """The part of `hft.binance.rest.Rest` that is needed here."""

    def user_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        order_id: int | None = None,
        start_ms: int | None = None,
        limit: int = PAGE,
    ) -> Any:
        """Our fills of one symbol, oldest first."""


class Fetched(msgspec.Struct, frozen=True):
    """Fills of one symbol, oldest first, how far they reach, and whether more are waiting."""

    trades: list[Trade]
    progress: Progress
    more: bool


def fetch_user_trades(venue: Venue, symbol: str, progress: Progress, now_ms: int) -> Fetched:
    """Read every fill since `progress`; `now_ms` is the wall clock."""
    since_ms = max(progress.since_ms, now_ms - HISTORY_MS)
    if progress.trade_id is None:
        page = venue.user_trades(symbol, start_ms=since_ms, limit=PAGE)
    else:
        page = venue.user_trades(symbol, from_id=progress.trade_id, limit=PAGE)
    found = {_key(trade): trade for trade in page}
    while len(page) == PAGE and len(found) < FILLS_MAX:
        # Asked for again from the last id on, not after it: a fill against ourselves has two rows.
        last_id = int(page[-1]["id"])
        page = venue.user_trades(symbol, from_id=last_id, limit=PAGE)
        found |= {_key(trade): trade for trade in page}
        assert len(page) < PAGE or int(page[-1]["id"]) > last_id, "the list does not advance"
    trades = list(found.values())
    window_ended = since_ms + WINDOW_MS <= now_ms - SETTLED_AFTER_MS
    more = len(page) == PAGE or (progress.trade_id is None and window_ended)
    return Fetched(trades, _reached(progress, since_ms, trades, now_ms), more)


def _reached(progress: Progress, since_ms: int, trades: list[Trade], now_ms: int) -> Progress:
    settled_ms = now_ms - SETTLED_AFTER_MS
    settled = [int(trade["id"]) for trade in trades if int(trade["time"]) <= settled_ms]
    if settled:
        return Progress(progress.since_ms, max(settled))
    if trades or progress.trade_id is not None:
        return progress
    return Progress(max(since_ms, min(settled_ms, since_ms + WINDOW_MS)))


def _key(trade: Trade) -> tuple[int, int]:
    return int(trade["id"]), int(trade["orderId"])
