"""The venue's core: orders, accounts and books in, outcomes out.

Pure: it reads no clock and rolls no dice; the same calls give the same outcomes.  A refused call
raises a `Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from hft.simulator import gate
from hft.simulator.algo_service import AlgoService
from hft.simulator.clerk import Clerk
from hft.simulator.desk import Desk, Forgotten, Listing
from hft.simulator.expiries import Expiries
from hft.simulator.liquidation import Liquidator
from hft.simulator.matching import HOUSE, Order
from hft.simulator.orders import (
    CANCELED,
    EXPIRED,
    EXPIRED_IN_MATCH,
    OPEN,
    REASON_IOC,
    REASON_IOC_SELF_TRADE,
    REASON_MARKET,
    REASON_NONE,
    REASON_REDUCE_ONLY,
    REASON_SELF_TRADE,
    AmendRequest,
    OrderRequest,
    VenueOrder,
)
from hft.simulator.outcomes import Outcome
from hft.simulator.refusals import refusal
from hft.simulator.symbols import Symbol
from hft.simulator.treasury import Treasury
from hft.simulator.valuation import Valuation

FORGET_INTERVAL_MS = 600_000


class Exchange(Valuation):
    """Every book and every account; what happened waits, in order, until it is drained."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        super().__init__({symbol.name: Listing(symbol) for symbol in symbols})
        self._moved: list[Listing] = []
        for listing in self.listings.values():
            listing.book.say_changed = partial(self._moved.append, listing)
        self.desks: dict[int, Desk] = {}
        self.clerk = Clerk(self.listings, self.desks)
        self._next_house_id = 1
        self.next_amendment_id = 1
        self.latest_income = 1
        self.algos = AlgoService(self)
        self.cut_fill: Callable[[Symbol, int], int] | None = None
        self.treasury = Treasury(self)
        self.liquidator = Liquidator(self)
        self._forget_ms = 0
        self._expiries = Expiries()
        # Accounts that changed without an outcome that says so, for whoever keeps them on disk.
        self.touched: set[int] = set()
        self.on_forget: Callable[[int, Forgotten], None] = _nobody

    def open_desk(self, account_id: int) -> Desk:
        """Give the desk of a user, new with the starting balance if it is not there."""
        return self.desks.setdefault(account_id, Desk(account_id))

    def drain(self) -> list[Outcome]:
        """Hand over what happened since the last call."""
        return self.clerk.drain()

    def drain_moved(self) -> list[Listing]:
        """Name the contracts whose books changed; each again only once its changes are drained."""
        moved = self._moved.copy()
        self._moved.clear()
        return moved

    def next_income(self) -> int:
        """Give the next number of an income row."""
        self.latest_income += 1
        return self.latest_income

    # What users do.

    def place(self, account_id: int, request: OrderRequest, now_ms: int) -> VenueOrder:
        """Accept and match a user's order.

        Raises:
            Refusal: the order breaks a rule of the venue; nothing has changed.
        """
        desk = self.desks[account_id]
        listing = self.listings[request.symbol.name]
        request = gate.admit(self, desk, listing, request)
        return self.accept(desk, listing, request, now_ms)

    def accept(
        self, desk: Desk, listing: Listing, request: OrderRequest, now_ms: int
    ) -> VenueOrder:
        """Take in an order that passed the gate, and match it."""
        order = VenueOrder(listing.next_order_id, desk.account.account_id, request, now_ms)
        listing.next_order_id += 1
        desk.take_in(order)
        if listing.book.crossing(order.side, gate.limit_of(listing, request)) is not None:
            self._match(listing, order, gate.limit_of(listing, request), now_ms)
        self._finish(listing, order, now_ms)
        return order

    def cancel(
        self, account_id: int, order: VenueOrder, now_ms: int, *, reason: str = REASON_NONE
    ) -> VenueOrder:
        """Cancel an open order; with a reason the venue itself lets it expire.

        Raises:
            Refusal: -2011, the order is no longer open.
        """
        if order.order_id not in self.desks[account_id].open:
            raise refusal(-2011)
        self.listings[order.symbol.name].book.cancel(order)
        self.clerk.hold(order, -order.left_lots)
        status = CANCELED if reason == REASON_NONE else EXPIRED
        self.clerk.close(order, status, now_ms, reason)
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
        if wish.price_match != "NONE":
            ticks = gate.matched_price(listing, wish.side, wish.price_match)
            wish = msgspec.structs.replace(wish, price_ticks=ticks)
        gate.check_amendable(desk, order, wish)
        if wish.lots <= order.filled_lots:
            return self.cancel(account_id, order, now_ms)
        wish = gate.admit_amendment(self, desk, listing, order, wish)
        crosses = listing.book.crossing(order.side, wish.price_ticks) is not None
        if order.time_in_force == "GTX" and crosses:
            return self.cancel(account_id, order, now_ms)
        listing.book.cancel(order)
        self.clerk.hold(order, -order.left_lots)
        order.amend(self.next_amendment_id, wish, now_ms)
        self.next_amendment_id += 1
        # It is told among the open orders if it will rest, though its place comes after.
        resting_lots = 0 if crosses else order.left_lots
        self.clerk.hold(order, resting_lots)
        self.clerk.say_order(order, "AMENDMENT", now_ms, modify_id=wish.modify_id)
        self.clerk.hold(order, -resting_lots)
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
        self.touched.add(account_id)
        if due_ms:
            self.desks[account_id].countdown_ms[symbol.name] = due_ms

    def say(self, outcome: Outcome) -> None:
        """Add an outcome of the surrounding market (a forced order, say)."""
        self.clerk.say(outcome)

    def settle_funding(self, listing: Listing, rate_e8: int, now_ms: int) -> None:
        """Let every position pay or get funding: longs pay a positive rate (1e-8 of the worth)."""
        self.treasury.settle_funding(listing, rate_e8, now_ms)

    def deposit(self, account_id: int, asset: str, amount_e8: int, now_ms: int) -> None:
        """Add to a wallet, or take from it (a negative amount).

        Raises:
            Refusal: -2018, more would be withdrawn than is free.
        """
        self.treasury.deposit(account_id, asset, amount_e8, now_ms)

    def on_time(self, now_ms: int) -> None:
        """End what is due, liquidate who has to be, and forget what nobody is told any more."""
        self.end_due(now_ms)
        self.liquidator.on_time(now_ms)
        forgetting = now_ms >= self._forget_ms
        if forgetting:
            self._forget_ms = now_ms + FORGET_INTERVAL_MS
        for account_id, desk in self.desks.items():
            if forgetting or desk.overfull:
                self.on_forget(account_id, desk.forget(now_ms))

    def end_due(self, now_ms: int) -> None:
        """Fire the countdowns and let the orders expire that are due."""
        for account_id, desk in self.desks.items():
            if not desk.countdown_ms:
                continue
            due = [name for name, due_ms in desk.countdown_ms.items() if due_ms <= now_ms]
            for name in due:
                del desk.countdown_ms[name]
                self.touched.add(account_id)
                self.cancel_all(account_id, self.listings[name].symbol, now_ms)
        for order in self._expiries.due(now_ms):
            listing = self.listings[order.symbol.name]
            if listing.book.holds(order):
                listing.book.cancel(order)
                self.clerk.hold(order, -order.left_lots)
                self.clerk.close(order, EXPIRED, now_ms)

    def expire_later(self, order: VenueOrder) -> None:
        """Let a resting order expire at its own time, if it still rests then."""
        self._expiries.put(order)

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
        lots = self.clerk.allowed(order, min(lots, order.left_lots))
        while lots:
            piece = self.cut_fill(listing.symbol, lots) if self.cut_fill else lots
            lots -= piece
            listing.book.take(order, piece)
            self.clerk.trade(listing, None, order, piece, now_ms)
            self.expire_idle_reducers(listing, order.owner, now_ms)

    # Matching.

    def match(self, listing: Listing, taker: Order, limit_ticks: int, now_ms: int) -> None:
        """Trade an order of the venue itself, which rests nowhere, within a limit."""
        self._match(listing, taker, limit_ticks, now_ms)

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
                lots = self.clerk.allowed(maker, lots)
                if not lots:
                    book.cancel(maker)
                    self.clerk.close(maker, EXPIRED, now_ms, REASON_REDUCE_ONLY)
                    continue
            if self.cut_fill is not None and (taker.owner or maker.owner):
                lots = self.cut_fill(listing.symbol, lots)
            book.take(maker, lots)
            taker.left_lots -= lots
            self.clerk.trade(listing, taker, maker, lots, now_ms)
            if isinstance(maker, VenueOrder):
                self.expire_idle_reducers(listing, maker.owner, now_ms)

    def _avoid_self_trade(
        self, listing: Listing, maker: VenueOrder, taker: VenueOrder, now_ms: int
    ) -> bool:
        """Expire what the taker's mode names; gives whether the taker may go on."""
        # An amendment resets the mode to NONE, and FOK has none: it is filled whole without the
        # own orders, which the gate did not count.  Nobody trades with himself even so.
        plain = taker.self_trade == "NONE" or taker.time_in_force == "FOK"
        mode = "EXPIRE_MAKER" if plain else taker.self_trade
        if mode != "EXPIRE_TAKER":
            listing.book.cancel(maker)
            self.clerk.hold(maker, -maker.left_lots)
            self.clerk.close(maker, EXPIRED_IN_MATCH, now_ms, REASON_SELF_TRADE)
        if mode == "EXPIRE_MAKER":
            return True
        self.clerk.announce(taker, now_ms)
        immediate = taker.time_in_force == "IOC"
        reason = REASON_IOC_SELF_TRADE if immediate else REASON_SELF_TRADE
        self.clerk.close(taker, EXPIRED_IN_MATCH, now_ms, reason)
        return False

    def _finish(self, listing: Listing, order: VenueOrder, now_ms: int) -> None:
        """Let what is left of a new order wait in the book, or expire it."""
        if order.status in OPEN:
            if order.rests:
                listing.book.rest(order)
                self.clerk.hold(order, order.left_lots)
                self.clerk.announce(order, now_ms)
                if order.request.good_till_ms:
                    self.expire_later(order)
            else:
                self.clerk.announce(order, now_ms)
                reason = REASON_MARKET if order.kind == "MARKET" else REASON_IOC
                self.clerk.close(order, EXPIRED, now_ms, reason)
        if order.filled_lots:
            self.expire_idle_reducers(listing, order.owner, now_ms)

    def expire_idle_reducers(self, listing: Listing, owner: int, now_ms: int) -> None:
        """Expire resting reducing orders that have nothing left to reduce."""
        desk = self.desks[owner]
        if not desk.account.holding(listing.symbol.name).reducers:
            return
        orders = [order for order in desk.open_of(listing.symbol) if order.reduces]
        for order in orders:
            if not self.clerk.allowed(order, 1) and listing.book.holds(order):
                listing.book.cancel(order)
                self.clerk.close(order, EXPIRED, now_ms, REASON_REDUCE_ONLY)


def _nobody(account_id: int, forgotten: Forgotten) -> None:
    """Stand where whoever keeps desks on disk would."""
