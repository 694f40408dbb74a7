"""The venue's core: orders, accounts and books in, outcomes out.

Pure: it reads no clock and rolls no dice; the same calls give the same outcomes.  A refused call
raises a `Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hft.simulator import gate
from hft.simulator.algo_service import AlgoService
from hft.simulator.clerk import Clerk
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import AccountMargin, SymbolMargin, account_margin, symbol_margin
from hft.simulator.matching import HOUSE, Order
from hft.simulator.orders import (
    CANCELED,
    EXPIRED,
    EXPIRED_IN_MATCH,
    OPEN,
    REASON_IOC,
    REASON_MARKET,
    REASON_REDUCE_ONLY,
    REASON_SELF_TRADE,
    AmendRequest,
    OrderRequest,
    VenueOrder,
)
from hft.simulator.outcomes import LeverageChanged, Outcome
from hft.simulator.refusals import refusal
from hft.simulator.symbols import Symbol


class Exchange:
    """Every book and every account; what happened waits, in order, until it is drained."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self.listings = {symbol.name: Listing(symbol) for symbol in symbols}
        self.desks: dict[int, Desk] = {}
        self._clerk = Clerk(self.listings, self.desks)
        self.algos = AlgoService(self)
        self.cut_fill: Callable[[Symbol, int], int] | None = None
        self._next_house_id = 1
        self._next_amendment_id = 1

    def open_desk(self, account_id: int) -> Desk:
        """Give the desk of a user, new with the starting balance if it is not there."""
        return self.desks.setdefault(account_id, Desk(account_id))

    def drain(self) -> list[Outcome]:
        """Hand over what happened since the last call."""
        return self._clerk.drain()

    # What users do.

    def place(self, account_id: int, request: OrderRequest, now_ms: int) -> VenueOrder:
        """Accept and match a user's order.

        Raises:
            Refusal: the order breaks a rule of the venue; nothing has changed.
        """
        desk = self.desks[account_id]
        listing = self.listings[request.symbol.name]
        request = gate.admit(self, desk, listing, request)
        order = VenueOrder(listing.next_order_id, account_id, request, now_ms)
        listing.next_order_id += 1
        desk.orders[order.order_id] = order
        desk.open[order.order_id] = order
        desk.by_client[request.symbol.name, order.client_id] = order
        self._match(listing, order, gate.limit_of(listing, request), now_ms)
        self._clerk.announce(order, now_ms)
        self._finish(listing, order, now_ms)
        return order

    def cancel(self, account_id: int, order: VenueOrder, now_ms: int) -> VenueOrder:
        """Cancel an open order.

        Raises:
            Refusal: -2011, the order is no longer open.
        """
        if order.order_id not in self.desks[account_id].open:
            raise refusal(-2011)
        self.listings[order.symbol.name].book.cancel(order)
        self._clerk.close(order, CANCELED, now_ms)
        return order

    def amend(
        self, account_id: int, order: VenueOrder, wish: AmendRequest, now_ms: int
    ) -> VenueOrder:
        """Give an open limit order another price and total quantity; it queues anew.

        A total that is filled already, or a post-only order that would take, cancels the order.

        Raises:
            Refusal: the order or its new terms break a rule of the venue; nothing has changed.
        """
        desk = self.desks[account_id]
        listing = self.listings[order.symbol.name]
        gate.check_amendable(desk, order, wish)
        if wish.lots <= order.filled_lots:
            return self.cancel(account_id, order, now_ms)
        wish = gate.admit_amendment(self, desk, listing, order, wish)
        crosses = listing.book.crossing(order.side, wish.price_ticks) is not None
        if order.time_in_force == "GTX" and crosses:
            return self.cancel(account_id, order, now_ms)
        listing.book.cancel(order)
        order.amend(self._next_amendment_id, wish, now_ms)
        self._next_amendment_id += 1
        self._clerk.amended(order, wish.modify_id, now_ms)
        self._match(listing, order, wish.price_ticks, now_ms)
        self._finish(listing, order, now_ms)
        return order

    def cancel_all(self, account_id: int, symbol: Symbol, now_ms: int) -> int:
        """Cancel every open order of a symbol; gives how many there were."""
        orders = self.desks[account_id].open_of(symbol)
        for order in orders:
            self.cancel(account_id, order, now_ms)
        return len(orders)

    def set_countdown(self, account_id: int, symbol: Symbol, due_ms: int) -> None:
        """Cancel all orders of the symbol at `due_ms` unless set again; 0 switches it off."""
        self.desks[account_id].countdown_ms.pop(symbol.name, None)
        if due_ms:
            self.desks[account_id].countdown_ms[symbol.name] = due_ms

    def set_leverage(self, account_id: int, symbol: Symbol, leverage: int, now_ms: int) -> None:
        """Change the leverage of a symbol.

        Raises:
            Refusal: the tiers do not know it, or the position or the balance forbids it.
        """
        desk = self.desks[account_id]
        listing = self.listings[symbol.name]
        gate.check_leverage(self, desk, listing, leverage)
        desk.account.position(symbol.name).leverage = leverage
        self._clerk.say(LeverageChanged(account_id, symbol, leverage, now_ms))

    def say(self, outcome: Outcome) -> None:
        """Add an outcome of the surrounding market (a forced order, say)."""
        self._clerk.say(outcome)

    def on_time(self, now_ms: int) -> None:
        """Fire the countdowns that are due."""
        for account_id, desk in self.desks.items():
            due = [name for name, due_ms in desk.countdown_ms.items() if due_ms <= now_ms]
            for name in due:
                del desk.countdown_ms[name]
                self.cancel_all(account_id, self.listings[name].symbol, now_ms)

    # What the house does: background makers and takers, or a recorded market.

    def house_order(
        self, listing: Listing, side: int, ticks_lots: tuple[int, int], now_ms: int
    ) -> Order:
        """Let the house place a limit order; what crosses trades first, the rest waits."""
        order = Order(self._next_house_id, HOUSE, side, ticks_lots)
        self._next_house_id += 1
        self._match(listing, order, order.price_ticks, now_ms)
        if order.left_lots:
            listing.book.rest(order)
        return order

    def house_take(
        self, listing: Listing, side: int, ticks_lots: tuple[int, int], now_ms: int
    ) -> int:
        """Let the house trade at once within a limit; gives the lots that traded."""
        limit_ticks, lots = ticks_lots
        order = Order(self._next_house_id, HOUSE, side, ticks_lots)
        self._next_house_id += 1
        self._match(listing, order, limit_ticks, now_ms)
        return lots - order.left_lots

    def fill_resting(self, listing: Listing, order: VenueOrder, lots: int, now_ms: int) -> None:
        """Fill a resting user order at its own price: a recorded market went through it."""
        lots = self._clerk.allowed(order, min(lots, order.left_lots))
        while lots:
            piece = self.cut_fill(listing.symbol, lots) if self.cut_fill else lots
            lots -= piece
            listing.book.take(order, piece)
            self._clerk.trade(listing, None, order, piece, now_ms)
            self._expire_idle_reducers(listing, order.owner, now_ms)

    # Margin.

    def margins(self, desk: Desk) -> Iterator[tuple[Listing, SymbolMargin]]:
        """Give the margin figures of every symbol of a desk."""
        for listing in self.listings.values():
            position = desk.account.position(listing.symbol.name)
            orders = desk.open_of(listing.symbol) if desk.open else []
            mark_e8 = listing.mark_or_mid_e8()
            yield listing, symbol_margin(listing.symbol, position, mark_e8, orders)

    def account_margin(self, desk: Desk) -> AccountMargin:
        """Give the margin totals of a desk."""
        return account_margin(desk.account, [part for _, part in self.margins(desk)])

    # Matching.

    def _match(self, listing: Listing, taker: Order, limit_ticks: int, now_ms: int) -> None:
        """Trade an arriving order with what it crosses, best price first, then earliest."""
        book = listing.book
        while taker.left_lots:
            maker = book.crossing(taker.side, limit_ticks)
            if maker is None:
                break
            lots = min(maker.left_lots, taker.left_lots)
            if isinstance(maker, VenueOrder):
                if isinstance(taker, VenueOrder) and maker.owner == taker.owner:
                    if self._avoid_self_trade(listing, maker, taker, now_ms):
                        continue
                    break
                lots = self._clerk.allowed(maker, lots)
                if not lots:
                    book.cancel(maker)
                    self._clerk.close(maker, EXPIRED, now_ms, REASON_REDUCE_ONLY)
                    continue
            if self.cut_fill is not None and (taker.owner or maker.owner):
                lots = self.cut_fill(listing.symbol, lots)
            book.take(maker, lots)
            taker.left_lots -= lots
            self._clerk.trade(listing, taker, maker, lots, now_ms)
            if isinstance(maker, VenueOrder):
                self._expire_idle_reducers(listing, maker.owner, now_ms)

    def _avoid_self_trade(
        self, listing: Listing, maker: VenueOrder, taker: VenueOrder, now_ms: int
    ) -> bool:
        """Expire what the taker's mode names; gives whether the taker may go on."""
        # An amendment resets the mode to NONE; nobody trades with himself even so.
        mode = "EXPIRE_MAKER" if taker.self_trade == "NONE" else taker.self_trade
        if mode != "EXPIRE_TAKER":
            listing.book.cancel(maker)
            self._clerk.close(maker, EXPIRED_IN_MATCH, now_ms, REASON_SELF_TRADE)
        if mode == "EXPIRE_MAKER":
            return True
        self._clerk.announce(taker, now_ms)
        self._clerk.close(taker, EXPIRED_IN_MATCH, now_ms, REASON_SELF_TRADE)
        return False

    def _finish(self, listing: Listing, order: VenueOrder, now_ms: int) -> None:
        """Let what is left of a new order wait in the book, or expire it."""
        if order.status in OPEN and order.rests:
            listing.book.rest(order)
        elif order.status in OPEN:
            reason = REASON_MARKET if order.kind == "MARKET" else REASON_IOC
            self._clerk.close(order, EXPIRED, now_ms, reason)
        self._expire_idle_reducers(listing, order.owner, now_ms)

    def _expire_idle_reducers(self, listing: Listing, owner: int, now_ms: int) -> None:
        """Expire resting reduce-only orders that have nothing left to reduce."""
        for order in self.desks[owner].open_of(listing.symbol):
            idle = order.reduce_only and not self._clerk.allowed(order, 1)
            if idle and listing.book.holds(order):
                listing.book.cancel(order)
                self._clerk.close(order, EXPIRED, now_ms, REASON_REDUCE_ONLY)
