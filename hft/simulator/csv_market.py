"""Plays public trades through books made around them."""

from __future__ import annotations

import msgspec

from hft.simulator.characters import NATURAL, character_of
from hft.simulator.csv_book import CsvBook
from hft.simulator.csv_trades import Print, TradeFile, prints_of
from hft.simulator.player import Player, Playing
from hft.simulator.queues import queues_of
from hft.simulator.venue import Venue


class CsvMarket(Player[Print]):
    """Moves every contract of the files; streams come from the matched books."""

    def __init__(self, venue: Venue, files: list[TradeFile], playing: Playing) -> None:
        self._files = files
        self._books: dict[str, CsvBook] = {}
        for name, listing in venue.exchange.listings.items():
            own = [file for file in files if file.symbol.name == name]
            like = msgspec.structs.replace(
                listing.symbol,
                start_ticks=own[0].first_e8 // listing.symbol.tick_e8,
                day_volume=max(file.day_worth for file in own),
            )
            character = character_of(like, NATURAL)
            self._books[name] = CsvBook(
                venue.exchange, listing, character, venue.seed, now_ms=venue.now_ms()
            )
        super().__init__(venue, playing, lambda: prints_of(files))

    def describe(self) -> dict[str, object]:
        """Describe the state of the playing, and where the users' open orders wait."""
        listings = self._venue.exchange.listings.values()
        return {
            "kind": "csv",
            "file": ",".join(file.path.name for file in self._files),
            **super().describe(),
            "skipped": sum(file.bad_lines for file in self._files),
            "queues": queues_of(self._venue.exchange, listings),
        }

    def advance(self, now_ns: int) -> None:
        """Play what is due, and keep the books alive meanwhile."""
        super().advance(now_ns)
        # With a simulated clock the same trades make the same books: nothing else may move them.
        if self._begun and not self._finished and self._playing.clock is None:
            now_ms = self._venue.now_ms()
            for book in self._books.values():
                book.idle(now_ms)

    def play(self, item: Print, now_ms: int) -> None:
        """Trade one print."""
        self._books[item.symbol].trade(item, now_ms)
        self._venue.flush(now_ms)
