"""Accepts conditional orders, watches the prices for them, and places what they become.

Pure, as the core it stands on: who calls `on_prices` after a transaction says when prices are
looked at.  Countdown and cancel-all leave untriggered orders alone: they have ids, calls and
events of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from hft.simulator.algo import (
    CANCELED,
    EXPIRED,
    FINISHED,
    FIRST_ALGO_ID,
    NEW,
    REJECTED,
    TRIGGERED,
    TRIGGERING,
    AlgoOrder,
    AlgoUpdate,
    Prices,
    TriggerBook,
)
from hft.simulator.algo_gate import admit, closable_lots, prices_of
from hft.simulator.desk import Listing
from hft.simulator.orders import OPEN, OrderRequest
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.symbols import Symbol

if TYPE_CHECKING:
    from hft.simulator.exchange import Exchange

REDUCE_ONLY_REJECT = "Reduce Only reject"
"""How the venue words -2022 where a triggered order failed."""


class AlgoService:
    """The conditional orders of all desks, beside the books."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._books: dict[str, TriggerBook] = {}
        self._seen: dict[str, Prices] = {}
        self._bound: dict[int, tuple[AlgoOrder, bool]] = {}
        self._dated: dict[int, AlgoOrder] = {}
        self._triggered: dict[int, AlgoOrder] = {}
        self.next_id = FIRST_ALGO_ID
        self._waiting = 0

    # What users do.

    def place(self, account_id: int, request: OrderRequest, tif: str, now_ms: int) -> AlgoOrder:
        """Accept a conditional order; `tif` is the time in force as the user sees it.

        Raises:
            Refusal: the order breaks a rule of the venue; nothing has changed.
        """
        desk = self._exchange.desks[account_id]
        listing = self._exchange.listings[request.symbol.name]
        prices = prices_of(listing)
        admit(desk, request, tif, prices)
        algo = AlgoOrder(self.next_id, account_id, request, tif, now_ms)
        self.next_id += 1
        if algo.trails:
            _start_trailing(algo, prices.of(request.working_type))
        desk.algos.take_in(algo)
        self._wait(algo, held=bool(closable_lots(desk, request)))
        self._say(algo, now_ms)
        return algo

    def cancel(self, account_id: int, algo: AlgoOrder, now_ms: int) -> AlgoOrder:
        """Cancel an untriggered order.

        Raises:
            Refusal: -2011, it waits no longer.
        """
        if algo.algo_id not in self._exchange.desks[account_id].algos.waiting:
            raise refusal(-2011)
        self._end(algo, CANCELED, now_ms)
        return algo

    def cancel_algos(
        self, account_id: int, symbol: Symbol | None, now_ms: int, *, by_venue: bool = False
    ) -> int:
        """End every untriggered order of a symbol (None: of all); gives how many there were.

        `by_venue` says that the venue does it (a liquidation): they expire instead.
        """
        waiting = self._exchange.desks[account_id].algos.waiting_of(symbol)
        for algo in waiting:
            self._end(algo, EXPIRED if by_venue else CANCELED, now_ms)
        return len(waiting)

    # What is kept on disk.

    def held(self, algo: AlgoOrder) -> bool:
        """Say whether an order that is bound to a position has seen it."""
        return self._bound.get(algo.algo_id, (algo, False))[1]

    def take_back(self, kept: Iterable[tuple[AlgoOrder, bool]]) -> None:
        """Go on with the orders of a kept state, oldest first, and whether each was `held`.

        They wait again, or the orders they became are watched, those that fired first before all.
        """
        fired: list[tuple[int, int, AlgoOrder]] = []
        for algo, held in kept:
            shelf = self._exchange.desks[algo.account_id].algos
            shelf.orders[algo.algo_id] = algo
            shelf.by_client[algo.request.client_id] = algo
            self.next_id = max(self.next_id, algo.algo_id + 1)
            if algo.status == NEW:
                shelf.waiting[algo.algo_id] = algo
                self._wait(algo, held=held)
            elif algo.status == TRIGGERED and algo.child is not None:
                fired.append((algo.trigger_ms, algo.child.order_id, algo))
        for _, _, algo in sorted(fired, key=lambda row: row[:2]):
            self._triggered[algo.algo_id] = algo

    def _wait(self, algo: AlgoOrder, *, held: bool) -> None:
        self._book_of(algo.symbol.name).put(algo)
        self._waiting += 1
        if algo.bound:
            self._bound[algo.algo_id] = (algo, held)
        if algo.request.good_till_ms:
            self._dated[algo.algo_id] = algo

    def _book_of(self, name: str) -> TriggerBook:
        book = self._books.get(name)
        if book is None:
            book = TriggerBook()
            # Symbols are looked at as they are listed, whatever waited first.
            known = {**self._books, name: book}
            self._books = {each: known[each] for each in self._exchange.listings if each in known}
        return book

    # What happens by itself.

    def on_prices(self, now_ms: int) -> None:
        """Fire what the prices of now satisfy; end what has lost its position or its time."""
        if not (self._waiting or self._triggered):
            return
        self._finish(now_ms)
        self._expire(now_ms)
        for name, book in self._books.items():
            if not len(book):
                continue
            listing = self._exchange.listings[name]
            prices = prices_of(listing)
            # The same prices fire nothing new, unless one of them moves the other's order.
            while prices != self._seen.get(name):
                self._seen[name] = prices
                self._fire_due(listing, book, prices, now_ms)
                prices = prices_of(listing)

    def _fire_due(self, listing: Listing, book: TriggerBook, prices: Prices, now_ms: int) -> None:
        """Fire one order after the other at one pair of prices, until a trade changes them."""
        for algo in book.follow(prices):
            self._say(algo, now_ms)
        while prices_of(listing) == prices:
            due = book.due(prices)
            if due is None:
                return
            self._release(due, now_ms)
            self._finish(now_ms)
            self._expire(now_ms)
        # The next look sees the new prices.

    def _release(self, algo: AlgoOrder, now_ms: int) -> None:
        """Place the order that a satisfied one becomes."""
        exchange = self._exchange
        request = msgspec.structs.replace(algo.request, stop_ticks=algo.fired_ticks())
        if request.close_position:
            lots = closable_lots(exchange.desks[algo.account_id], request)
            if not lots:
                self._end(algo, EXPIRED, now_ms)
                return
            request = msgspec.structs.replace(request, lots=lots)
        self._retire(algo)
        algo.request = msgspec.structs.replace(algo.request, stop_ticks=request.stop_ticks)
        algo.move(TRIGGERING, now_ms)
        algo.trigger_ms = now_ms
        self._say(algo, now_ms)
        said = exchange.drain()
        try:
            algo.child = exchange.place(algo.account_id, request, now_ms)
        except Refusal as refused:
            algo.refused = REDUCE_ONLY_REJECT if refused.code == -2022 else refused.text
        caused = exchange.drain()
        for outcome in said:
            exchange.say(outcome)
        algo.move(REJECTED if algo.child is None else TRIGGERED, now_ms)
        self._say(algo, now_ms)
        # TRIGGERED names the new order and is said before anything that befell it.
        for outcome in caused:
            exchange.say(outcome)
        if algo.child is not None:
            self._triggered[algo.algo_id] = algo

    def _finish(self, now_ms: int) -> None:
        """End the triggered orders whose own orders are done."""
        for algo in list(self._triggered.values()):
            assert algo.child is not None
            if algo.child.status not in OPEN:
                del self._triggered[algo.algo_id]
                algo.move(FINISHED, now_ms)
                self._say(algo, now_ms)

    def _expire(self, now_ms: int) -> None:
        """End untriggered orders whose time is over, or whose position is gone."""
        for algo in list(self._dated.values()):
            if algo.request.good_till_ms <= now_ms:
                self._end(algo, EXPIRED, now_ms)
        for algo, held in list(self._bound.values()):
            holds = bool(closable_lots(self._exchange.desks[algo.account_id], algo.request))
            if held and not holds:
                self._end(algo, EXPIRED, now_ms)
            elif holds and not held:
                self._bound[algo.algo_id] = (algo, True)

    def _end(self, algo: AlgoOrder, status: str, now_ms: int) -> None:
        self._retire(algo)
        algo.move(status, now_ms)
        self._say(algo, now_ms)

    def _retire(self, algo: AlgoOrder) -> None:
        """Let an order wait no longer."""
        del self._exchange.desks[algo.account_id].algos.waiting[algo.algo_id]
        self._books[algo.symbol.name].drop(algo)
        self._bound.pop(algo.algo_id, None)
        self._dated.pop(algo.algo_id, None)
        self._waiting -= 1

    def _say(self, algo: AlgoOrder, now_ms: int) -> None:
        child = algo.child if algo.status == FINISHED else None
        self._exchange.say(
            AlgoUpdate(
                account_id=algo.account_id,
                algo=algo,
                status=algo.status,
                active=algo.active,
                time_ms=now_ms,
                filled_lots=child.filled_lots if child else 0,
                average_e8=child.average_e8() if child else 0,
            )
        )


def _start_trailing(algo: AlgoOrder, price_e8: int) -> None:
    """Let a trailing order see the price it is placed at, its activation price by default."""
    request = algo.request
    if not price_e8:
        return
    algo.follow(price_e8)
    if not request.activation_ticks:
        nearest = (2 * price_e8 // request.symbol.tick_e8 + 1) // 2
        algo.request = msgspec.structs.replace(request, activation_ticks=nearest)
