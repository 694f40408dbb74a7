"""What the venue keeps: one listing per symbol, one desk per user."""

from __future__ import annotations

from hft.simulator.account import Account
from hft.simulator.algo import AlgoShelf
from hft.simulator.matching import Book
from hft.simulator.orders import VenueOrder
from hft.simulator.outcomes import Fill
from hft.simulator.symbols import Symbol

FIRST_TRADE_ID = 8_154_045_700
FUNDING_RATE_E8 = 10_000
"""What a listing starts with: 0.01 %, the interest of one interval."""


class Listing:
    """One symbol as it trades: book, mark and index price, last price and counters."""

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.book = Book()
        self.mark_e8 = 0
        self.index_e8 = 0
        self.last_ticks = 0
        self.funding_rate_e8 = FUNDING_RATE_E8
        self.next_funding_ms = 0
        self.next_trade_id = FIRST_TRADE_ID
        self.next_order_id = symbol.order_id_base

    def mark_or_mid_e8(self) -> int:
        """Give the mark price, or the middle of the book before there is one."""
        if self.mark_e8:
            return self.mark_e8
        bid, _, ask, _ = self.book.top()
        return (bid + ask) * self.symbol.tick_e8 // 2 if bid and ask else 0


class Desk:
    """What the venue keeps for one user: the account, all orders and all fills."""

    def __init__(self, account_id: int) -> None:
        self.account = Account(account_id)
        self.orders: dict[int, VenueOrder] = {}
        self.open: dict[int, VenueOrder] = {}
        self.by_client: dict[tuple[str, str], VenueOrder] = {}
        self.fills: list[Fill] = []
        self.countdown_ms: dict[str, int] = {}
        self.algos = AlgoShelf()

    def open_of(self, symbol: Symbol) -> list[VenueOrder]:
        """List the open orders of a symbol, oldest first."""
        return [order for order in self.open.values() if order.symbol is symbol]
