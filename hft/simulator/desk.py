"""What the venue keeps: one listing per symbol, one desk per user."""

from __future__ import annotations

from collections import deque

import msgspec

from hft.simulator.account import Account
from hft.simulator.algo import AlgoShelf
from hft.simulator.margin import max_notional
from hft.simulator.matching import Book
from hft.simulator.orders import VenueOrder
from hft.simulator.outcomes import Fill, Income
from hft.simulator.symbols import Symbol
from hft.units import E8

FIRST_TRADE_ID = 8_154_045_700
FUNDING_RATE_E8 = 10_000
"""What a listing starts with: 0.01 %, the interest of one interval."""

UNFILLED_KEPT_MS = 3 * 86_400_000
FILLED_KEPT_MS = 90 * 86_400_000
"""How long the venue remembers finished orders: without fills, and with."""
ORDERS_KEPT = 250_000
FILLS_KEPT = 250_000
FORCED_KEPT = 50_000
"""Bounds on the memory of one desk, whatever their age; the oldest go first."""
SLACK = 1.1
"""By how much orders and fills may pass their bounds before room is made at once."""


class Listing:
    """One symbol as it trades: book, mark and index price, last price and counters.

    `house_cost_e16` is what the house paid for its side of all matches with users.
    """

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
        self.house_lots = 0
        self.house_cost_e16 = 0
        self._caps: dict[int, int] = {}

    def cap_e8(self, leverage: int) -> int:
        """Largest notional a position may have at a leverage, in units of 1e-8."""
        cap = self._caps.get(leverage)
        if cap is None:
            cap = self._caps[leverage] = max_notional(self.symbol, leverage) * E8
        return cap

    def mark_or_mid_e8(self) -> int:
        """Give the mark price, or the middle of the book before there is one."""
        if self.mark_e8:
            return self.mark_e8
        bid, _, ask, _ = self.book.top()
        return (bid + ask) * self.symbol.tick_e8 // 2 if bid and ask else 0


class Forgotten(msgspec.Struct, frozen=True):
    """What a desk no longer remembers."""

    orders: list[VenueOrder]
    fills: list[Fill]
    income: list[Income]


class Desk:
    """What the venue keeps for one user: the account, all orders, fills and other income."""

    def __init__(self, account_id: int) -> None:
        self.account = Account(account_id)
        self.orders: dict[int, VenueOrder] = {}
        self.open: dict[int, VenueOrder] = {}
        self.by_symbol: dict[str, dict[int, VenueOrder]] = {}
        self.by_client: dict[tuple[str, str], VenueOrder] = {}
        self.fills: list[Fill] = []
        self.income: list[Income] = []
        self.margin_moves: deque[Income] = deque(maxlen=FORCED_KEPT)
        self.forced: deque[VenueOrder] = deque(maxlen=FORCED_KEPT)
        self.countdown_ms: dict[str, int] = {}
        self.called: set[str] = set()
        self.algos = AlgoShelf()

    def open_of(self, symbol: Symbol) -> list[VenueOrder]:
        """List the open orders of a symbol, oldest first."""
        orders = self.by_symbol.get(symbol.name)
        return list(orders.values()) if orders else []

    def take_in(self, order: VenueOrder) -> None:
        """Keep a new order, open."""
        name = order.symbol.name
        self.orders[order.order_id] = order
        self.open[order.order_id] = order
        orders = self.by_symbol.get(name)
        if orders is None:
            orders = self.by_symbol[name] = {}
        orders[order.order_id] = order
        self.by_client[name, order.client_id] = order
        holding = self.account.holding(name)
        holding.open_orders += 1
        holding.reducers += order.reduces

    def finish(self, order: VenueOrder) -> None:
        """Note that an order is no longer open."""
        del self.open[order.order_id]
        name = order.symbol.name
        del self.by_symbol[name][order.order_id]
        holding = self.account.holdings[name]
        holding.open_orders -= 1
        holding.reducers -= order.reduces

    @property
    def overfull(self) -> bool:
        """Say whether it is time to forget, whatever the clock says."""
        return max(len(self.orders) / ORDERS_KEPT, len(self.fills) / FILLS_KEPT) > SLACK

    def forget(self, now_ms: int) -> Forgotten:
        """Drop finished orders and fills the venue would no longer tell of; gives them."""
        surplus = len(self.orders) - ORDERS_KEPT
        gone = []
        for number, order in enumerate(self.orders.values()):
            kept_ms = FILLED_KEPT_MS if order.filled_lots else UNFILLED_KEPT_MS
            old = number < surplus or now_ms - order.update_ms > kept_ms
            if old and order.order_id not in self.open:
                gone.append(order)
        for order in gone:
            del self.orders[order.order_id]
            if self.by_client.get((order.symbol.name, order.client_id)) is order:
                del self.by_client[order.symbol.name, order.client_id]
        fills, income = max(0, len(self.fills) - FILLS_KEPT), max(0, len(self.income) - FILLS_KEPT)
        forgotten = Forgotten(gone, self.fills[:fills], self.income[:income])
        del self.fills[:fills]
        del self.income[:income]
        return forgotten
