"""The venue's core: orders, accounts and books in, outcomes out.

Pure: it reads no clock and rolls no dice; the same calls give the same outcomes.  A refused call
raises a `Refusal` and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

import msgspec

from hft.simulator import gate
from hft.simulator.account import Account
from hft.simulator.algo_service import AlgoService
from hft.simulator.clerk import Clerk
from hft.simulator.desk import Desk, Listing
from hft.simulator.liquidation import Liquidator
from hft.simulator.margin import (
    AccountMargin,
    SymbolMargin,
    account_margin,
    orders_margin_e8,
    symbol_margin,
)
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
from hft.units import E8

FORGET_INTERVAL_MS = 600_000
STABLE_ASSETS = frozenset({"USDT", "USDC"})


class Exchange:
    """Every book and every account; what happened waits, in order, until it is drained."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self.listings = {symbol.name: Listing(symbol) for symbol in symbols}
        self.desks: dict[int, Desk] = {}
        self.clerk = Clerk(self.listings, self.desks)
        self._next_house_id = 1
        self._next_amendment_id = 1
        self._next_income = 1
        self.algos = AlgoService(self)
        self.cut_fill: Callable[[Symbol, int], int] | None = None
        self.treasury = Treasury(self)
        self.liquidator = Liquidator(self)
        self._forget_ms = 0
        self._expiries: list[tuple[int, str, int, VenueOrder]] = []

    def open_desk(self, account_id: int) -> Desk:
        """Give the desk of a user, new with the starting balance if it is not there."""
        return self.desks.setdefault(account_id, Desk(account_id))

    def drain(self) -> list[Outcome]:
        """Hand over what happened since the last call."""
        return self.clerk.drain()

    def next_income(self) -> int:
        """Give the next number of an income row."""
        self._next_income += 1
        return self._next_income

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
        order.amend(self._next_amendment_id, wish, now_ms)
        self._next_amendment_id += 1
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
        """Fire the countdowns and let the orders expire that are due."""
        for account_id, desk in self.desks.items():
            if not desk.countdown_ms:
                continue
            due = [name for name, due_ms in desk.countdown_ms.items() if due_ms <= now_ms]
            for name in due:
                del desk.countdown_ms[name]
                self.cancel_all(account_id, self.listings[name].symbol, now_ms)
        while self._expiries and self._expiries[0][0] <= now_ms:
            order = heappop(self._expiries)[-1]
            listing = self.listings[order.symbol.name]
            if order.status in OPEN and listing.book.holds(order):
                listing.book.cancel(order)
                self.clerk.hold(order, -order.left_lots)
                self.clerk.close(order, EXPIRED, now_ms)
        self.liquidator.on_time(now_ms)
        if now_ms >= self._forget_ms:
            self._forget_ms = now_ms + FORGET_INTERVAL_MS
            for desk in self.desks.values():
                desk.forget(now_ms)

    def expire_later(self, order: VenueOrder) -> None:
        """Let a resting order expire at its own time, if it still rests then."""
        due_ms = order.request.good_till_ms
        heappush(self._expiries, (due_ms, order.symbol.name, order.order_id, order))

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

    # Margin.

    def margins(self, desk: Desk) -> Iterator[tuple[Listing, SymbolMargin]]:
        """Give the margin figures of every symbol of a desk."""
        account = desk.account
        for name, listing in self.listings.items():
            holding = account.holding(name)
            mark_e8 = listing.mark_or_mid_e8()
            yield listing, symbol_margin(listing.symbol, holding, mark_e8, hedge=account.hedge)

    def busy_margins(self, account: Account) -> Iterator[tuple[Listing, SymbolMargin]]:
        """Give the margin figures of the symbols with a position or an open order."""
        for name, holding in account.holdings.items():
            if holding.busy:
                listing = self.listings[name]
                mark_e8 = listing.mark_or_mid_e8()
                yield listing, symbol_margin(listing.symbol, holding, mark_e8, hedge=account.hedge)

    def account_margin(self, desk: Desk, asset: str = "USDT") -> AccountMargin:
        """Give the margin totals of a desk in one margin asset; in USD in multi-assets mode."""
        account = desk.account
        if not account.multi_assets:
            return self.asset_margin(account, asset)
        parts = [part for _, part in self.busy_margins(account)]
        return account_margin(self.usd_wallet_e8(account), parts)

    def asset_margin(self, account: Account, asset: str) -> AccountMargin:
        """Give the margin figures of the symbols of one asset, whatever the asset mode."""
        parts = [p for each, p in self.busy_margins(account) if each.symbol.quote == asset]
        return account_margin(account.wallets.get(asset, 0), parts)

    def free_e8(self, account: Account, asset: str) -> int:
        """What new orders could tie up in a margin asset; below zero when there is too little."""
        if account.multi_assets:
            free = self.usd_wallet_e8(account)
        else:
            free = account.wallets.get(asset, 0)
        for name, holding in account.holdings.items():
            if not holding.busy:
                continue
            listing = self.listings[name]
            symbol = listing.symbol
            if symbol.quote != asset and not account.multi_assets:
                continue
            mark_e8 = listing.mark_e8 or listing.mark_or_mid_e8()
            net = 0
            for leg in holding.legs.values():
                if not leg.lots:
                    continue
                notional = leg.notional_e8(mark_e8, symbol.lot_e8)
                net += notional
                if holding.isolated:
                    free -= leg.isolated_e8
                else:
                    free += leg.unrealized_e8(mark_e8, symbol.lot_e8)
                    free -= abs(notional) // holding.leverage
            free -= orders_margin_e8(holding, net, hedge=account.hedge)
        return free

    def usd_wallet_e8(self, account: Account) -> int:
        """Worth of all wallets in USD (1e-8), by the index prices of what is listed here."""
        return sum(amount * self.rate_e8(asset) // E8 for asset, amount in account.wallets.items())

    def rate_e8(self, asset: str) -> int:
        """Price of an asset in USD (1e-8); 0 when nothing listed here says it."""
        if asset in STABLE_ASSETS:
            return E8
        listing = self.listings.get(asset + "USDT")
        return (listing.index_e8 or listing.mark_or_mid_e8()) if listing else 0

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
