"""How much margin there is for our symbols, reckoned by ourselves and corrected by the venue.

Between two looks at the account everything that ties margin up is ours and known at once; what
else the account holds, and how the venue rounds, is in the correction of the last look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hft.units import nearest_steps

if TYPE_CHECKING:
    from hft.execution.books import Books


class Margin:
    """Leverages as the venue has them set, and the margin that our own orders may tie up."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.leverage = [0] * len(books.symbols)
        """By symbol; 0: unknown, and the venue must judge."""
        self._correction_e8 = 0

    def untied_e8(self) -> int:
        """Margin there is, before what our positions and open orders tie up."""
        return self._own_e8() + self._correction_e8

    def told(self, available_e8: int) -> None:
        """Take in what the venue calls available; nothing may have changed since it was asked."""
        self._correction_e8 = available_e8 - (self._own_e8() - self._tied_e8())

    def _own_e8(self) -> int:
        """The margin asset alone: what else there is counts as the venue's last word has it."""
        account = self._books.account
        return account.wallet_e8 + account.unrealised_e8

    def _tied_e8(self) -> int:
        """Initial margin of our positions and open orders, as the gate reckons it."""
        return sum(map(self._tied_by, range(len(self.leverage))))

    def _tied_by(self, symbol: int) -> int:
        books, leverage = self._books, self.leverage[symbol]
        if not leverage:
            return 0
        spec, top = books.specs[symbol], books.top(symbol)
        price = top.mark or (top.bid + top.ask) / 2 or top.last
        ticks = nearest_steps(price, spec.tick_e8)
        _, _, _, _, bids, asks, unpriced_buys, unpriced_sells = books.orders.exposure[symbol]
        held_e8 = books.positions[symbol].lots * ticks * spec.unit_e8
        bids_e8 = (bids + unpriced_buys * ticks) * spec.unit_e8
        asks_e8 = (asks + unpriced_sells * ticks) * spec.unit_e8
        return max(abs(held_e8 + bids_e8), abs(held_e8 - asks_e8), abs(held_e8)) // leverage
