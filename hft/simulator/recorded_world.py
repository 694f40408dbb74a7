"""The market of real messages: each one changes the book, the mark price or the last price.

The messages come from a recording or from a living venue; to the orders of users it is the same.
"""

from __future__ import annotations

from collections.abc import Collection

from hft.simulator.aggregate import is_ordinary
from hft.simulator.recorded_book import RecordedBook
from hft.simulator.recording import Recorded
from hft.simulator.venue import Venue
from hft.units import parse_e8


class RecordedWorld:
    """One book for each contract of a venue; `with_trades` are those whose single trades come."""

    def __init__(self, venue: Venue, with_trades: Collection[str] = ()) -> None:
        self._venue = venue
        self._with_trades = with_trades
        self._books = {
            name: RecordedBook(venue.exchange, listing)
            for name, listing in venue.exchange.listings.items()
        }
        self.nonsense = 0
        """Messages that held nonsense and were left out."""

    def clear(self) -> None:
        """Empty every book: what comes next has no past."""
        for book in self._books.values():
            book.clear()

    def apply(self, message: Recorded, now_ms: int, update_offset: int = 0) -> bool:
        """Change the market by a message; False for one that holds nonsense."""
        try:
            book = self._books.get(message.symbol)
            if book is not None:
                self._change(book, message, now_ms, update_offset)
        except (ValueError, TypeError, KeyError):
            self.nonsense += 1
            return False
        finally:
            self._venue.flush(now_ms)
        return True

    def _change(
        self, book: RecordedBook, message: Recorded, now_ms: int, update_offset: int
    ) -> None:
        data, kind = message.data, message.kind
        times_ms = data.get("T", message.time_ms), now_ms
        if kind == "bookTicker":
            update_id = self._raise_update_id(message, update_offset)
            book.on_ticker((data["b"], data["B"]), (data["a"], data["A"]), update_id, times_ms)
        elif kind == "depthUpdate" and _is_diff(message.stream):
            update_id = self._raise_update_id(message, update_offset)
            book.on_depth(data["b"], data["a"], update_id, times_ms)
        elif kind in ("depthUpdate", "snapshot"):
            update_id = self._raise_update_id(message, update_offset)
            book.on_snapshot(data["b"], data["a"], update_id, times_ms)
        elif kind == "markPriceUpdate":
            listing = self._venue.exchange.listings[message.symbol]
            listing.mark_e8 = parse_e8(data["p"])
            listing.index_e8 = parse_e8(data["i"]) if "i" in data else listing.mark_e8
        elif self._is_print(message):
            ticks, lots = book.ticks(data["p"]), book.lots(data["q"])
            book.on_trade(ticks, lots, times_ms, buyer_is_maker=data["m"])

    def _is_print(self, message: Recorded) -> bool:
        """Say whether a message is a trade of the book that no other message tells as well."""
        if message.kind == "trade":
            return is_ordinary(message.data)
        return message.kind == "aggTrade" and message.symbol not in self._with_trades

    def _raise_update_id(self, message: Recorded, update_offset: int) -> int:
        update_id = int(message.data["u"]) + update_offset
        self._venue.publisher.feeds[message.symbol].ids.raise_to(update_id - 1)
        return update_id


def _is_diff(stream: str) -> bool:
    """Say whether a depth stream carries changes and not whole best levels."""
    suffix = stream.partition("@depth")[2]
    return not suffix or suffix.startswith("@")
