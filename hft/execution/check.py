"""The regular look over REST: positions, open orders and balance, compared with the books.

It proves nothing while something trades; then the venue's whole picture is asked for instead.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hft.binance import endpoints
from hft.binance.budget import Use
from hft.binance.order_frames import client_order_id
from hft.binance.rest import Rest, VenueError
from hft.clock import monotonic_ns
from hft.events import Notice, OrderState
from hft.execution import picture
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.picture import Money, own_intent
from hft.execution.reconcile import Reconciler
from hft.execution.times import Times

DISTURBED_MAX = 2
"""Looks in a row that trade disturbed, before the whole picture is asked for."""
_STANDING = (
    OrderState.ACCEPTED,
    OrderState.PARTIALLY_FILLED,
    OrderState.CANCEL_PENDING,
    OrderState.AMEND_PENDING,
)


class Moment(msgspec.Struct, frozen=True):
    """What was so when the venue was asked: figures of another moment are not comparable."""

    asked_ns: int
    told: tuple[int, int]
    """Fills and events about the account so far."""
    tied: tuple[int, int]
    """Orders sent so far, and orders open: while they are the same, no more margin is tied up."""
    standing: frozenset[int]
    """Intents of the orders that the venue has confirmed and that are open."""


class Listed(msgspec.Struct, frozen=True):
    """One open order on the venue's list."""

    symbol: int
    order_id: int
    client_id: str


class Seen(msgspec.Struct, frozen=True):
    """What the venue told."""

    lots: list[int]
    money: Money
    orders: list[Listed]


class Checker:
    """Looks, compares, and asks for the whole picture where something differs."""

    def __init__(
        self, books: Books, errands: Errands, reconciler: Reconciler, epoch: int, times: Times
    ) -> None:
        self._books = books
        self._log = books.log
        self._errands = errands
        self._reconciler = reconciler
        self._epoch = epoch
        self._times = times
        self._due_ns = 0
        self._fills_checked = -1
        self._disturbed = 0
        self._strangers: set[tuple[int, int]] = set()
        self._orphans: set[int] = set()

    def tick(self, now_ns: int) -> None:
        """Look when it is time: regularly, a while after a fill, and again after a doubt."""
        fills = self._books.account.fills
        fill_ns = max((position.last_fill_ns for position in self._books.positions), default=0)
        settled = now_ns - fill_ns > self._times.check_after_fill_ns
        if self._books.wallet.is_doubted or self._orphans:
            self._due_ns = min(self._due_ns, now_ns + self._times.disagree_ns)
        if now_ns >= self._due_ns or (fills != self._fills_checked and settled):
            self._due_ns = now_ns + self._times.check_ns
            self._fills_checked = fills
            self._ask()

    def _ask(self) -> None:
        books, symbols, specs = self._books, self._books.symbols, self._books.specs
        standing = frozenset(
            order.intent_seq
            for order in books.orders.open.values()
            if order.state in _STANDING and not order.waits
        )
        moment = Moment(monotonic_ns(), self._told(), self._tied(), standing)
        asset = books.margin_asset.decode()

        def look(rest: Rest) -> Seen:
            lots = [
                picture.fetch_position(rest, name, spec)[0]
                for name, spec in zip(symbols, specs, strict=True)
            ]
            return Seen(lots, picture.fetch_money(rest, asset), _open_orders(rest, symbols))

        self._errands.ask(
            "check",
            look,
            lambda result, now_ns: self._on_seen(moment, result, now_ns),
            Use.PERIODIC,
        )

    def _on_seen(self, moment: Moment, result: Any, now_ns: int) -> None:
        books = self._books
        if isinstance(result, Exception):
            self._log.warning(f"account and open orders could not be checked: {result}")
            return
        books.account.available_e8 = result.money.available_e8
        books.account.checked_ns = moment.asked_ns
        self._compare_orders(moment, result.orders, now_ns)
        if moment.told != self._told() or self._reconciler.holding:
            self._disturbed += 1
            if self._disturbed >= DISTURBED_MAX:
                self._disturbed = 0
                self._reconciler.want(now_ns)
            return
        self._disturbed = 0
        self._compare_positions(moment, result.lots, now_ns)
        books.account.wallet_e8 = result.money.wallet_e8
        books.assets.told_all(result.money.others)
        books.compare_wallet(result.money.wallet_e8, now_ns, self._times.disagree_ns)
        books.sum_up()
        if moment.tied == self._tied():
            books.margin.told(result.money.available_e8)

    def _told(self) -> tuple[int, int]:
        return self._books.account.fills, self._books.account_updates

    def _tied(self) -> tuple[int, int]:
        return self._books.account.orders_sent, len(self._books.orders.open)

    def _compare_positions(self, moment: Moment, lots: list[int], now_ns: int) -> None:
        books = self._books
        for symbol, (view, position) in enumerate(zip(books.views, books.positions, strict=True)):
            if not view.rest_told(lots[symbol], position.lots, moment.asked_ns):
                # Perhaps a fill whose event is on its way; the whole picture will tell.
                self._reconciler.want(now_ns)

    # Open orders.

    def _compare_orders(self, moment: Moment, listed: list[Listed], now_ns: int) -> None:
        ours: set[int] = set()
        strangers: set[tuple[int, int]] = set()
        for row in listed:
            intent_seq = own_intent(row.client_id, self._epoch)
            if intent_seq:
                ours.add(intent_seq)
            elif self._books.orders.by_venue_id(row.symbol, row.order_id) is None:
                strangers.add((row.symbol, row.order_id))
                self._tell_stranger(row)
        self._strangers = strangers
        self._books.account.foreign_orders = len(strangers)
        if any(self._is_open(seq) for seq in moment.standing - ours):
            self._reconciler.want(now_ns)
        self._end_orphans({seq for seq in ours if not self._is_open(seq)}, listed)

    def _is_open(self, intent_seq: int) -> bool:
        order = self._books.orders.by_seq(intent_seq)
        return order is not None and order.is_open

    def _tell_stranger(self, row: Listed) -> None:
        if (row.symbol, row.order_id) not in self._strangers:
            name = self._books.symbols[row.symbol]
            self._log.warning(
                f"{name}: open order {row.order_id} ({row.client_id}) is not ours: it is left alone"
            )

    def _end_orphans(self, found: set[int], listed: list[Listed]) -> None:
        """Cancel what the venue has open under our name and our table has not, if it stays so.

        Once is no proof: the order may have ended while the list was made.
        """
        for row in listed:
            intent_seq = own_intent(row.client_id, self._epoch)
            if intent_seq in found & self._orphans:
                name = self._books.symbols[row.symbol]
                self._log.error(
                    f"{name}: intent {intent_seq} is open at the venue and not in our table: "
                    "it is being cancelled",
                    Notice.ORDER_RESOLVED,
                )
                self._cancel(name, client_order_id(self._epoch, intent_seq))
        self._orphans = found - self._orphans

    def _cancel(self, symbol: str, client_id: str) -> None:
        self._errands.ask(
            f"cancel {client_id}",
            lambda rest: rest.cancel(symbol, client_id),
            self._on_cancelled,
            Use.CANCEL,
        )

    def _on_cancelled(self, result: Any, _now_ns: int) -> None:
        gone = isinstance(result, VenueError) and result.code == endpoints.UNKNOWN_ORDER_SENT
        if isinstance(result, Exception) and not gone:
            self._log.error(f"an order that is not in our table could not be cancelled: {result}")


def _open_orders(rest: Rest, symbols: list[str]) -> list[Listed]:
    return [
        Listed(symbol, int(row["orderId"]), str(row["clientOrderId"]))
        for symbol, name in enumerate(symbols)
        for row in rest.open_orders(name)
    ]
