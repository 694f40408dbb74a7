"""Reading the venue's list over long pauses, with its window of seven days after a start time."""

from __future__ import annotations

from typing import Any

from hft.ledger.store import Progress
from hft.ledger.user_trades import HISTORY_MS, SETTLED_AFTER_MS, fetch_user_trades

DAY_MS = 86_400_000
NOW_MS = 1000 * DAY_MS


class WindowedVenue:
    """Answers a start time with the seven days after it, as the real one does."""

    def __init__(self, *times_ms: int) -> None:
        self.trades = [
            {"id": at + 1, "orderId": at + 1, "time": time_ms}
            for at, time_ms in enumerate(times_ms)
        ]
        self.starts: list[int | None] = []

    def user_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        order_id: int | None = None,
        start_ms: int | None = None,
        limit: int = 1000,
    ) -> Any:
        self.starts.append(start_ms)
        if start_ms is None:
            return [trade for trade in self.trades if trade["id"] >= (from_id or 0)][:limit]
        end_ms = start_ms + 7 * DAY_MS
        return [trade for trade in self.trades if start_ms <= trade["time"] < end_ms][:limit]


def read_all(venue: WindowedVenue, progress: Progress) -> tuple[list[int], Progress]:
    ids: list[int] = []
    more = True
    while more:
        fetched = fetch_user_trades(venue, "BTCUSDT", progress, NOW_MS)
        ids += [trade["id"] for trade in fetched.trades if trade["id"] not in ids]
        progress, more = fetched.progress, fetched.more
    return ids, progress


def test_a_first_fill_after_a_long_pause_is_found() -> None:
    venue = WindowedVenue(NOW_MS - 15 * DAY_MS, NOW_MS - 3 * DAY_MS)
    ids, progress = read_all(venue, Progress(NOW_MS - 40 * DAY_MS))
    assert ids == [1, 2]
    assert progress.trade_id == 2


def test_an_account_without_fills_is_compared_up_to_a_minute_ago() -> None:
    venue = WindowedVenue()
    ids, progress = read_all(venue, Progress(NOW_MS - 30 * DAY_MS))
    assert (ids, progress) == ([], Progress(NOW_MS - SETTLED_AFTER_MS))
    assert len(venue.starts) == 5


def test_what_the_venue_has_forgotten_is_not_asked_for() -> None:
    venue = WindowedVenue()
    read_all(venue, Progress(0))
    assert venue.starts[0] == NOW_MS - HISTORY_MS


def test_fills_of_the_last_minute_are_read_again_next_time() -> None:
    venue = WindowedVenue(NOW_MS - 2 * SETTLED_AFTER_MS, NOW_MS - 5, NOW_MS - 4)
    ids, progress = read_all(venue, Progress(NOW_MS - DAY_MS))
    assert ids == [1, 2, 3]
    assert progress.trade_id == 1
    assert read_all(venue, progress)[0] == [1, 2, 3]
