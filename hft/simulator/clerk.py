"""Writes down what matching did: fills to accounts, statuses to orders, outcomes in venue order."""

from __future__ import annotations

from hft.simulator.account import MAKER_PPM, TAKER_PPM, fee_e8
from hft.simulator.desk import Desk, Listing
from hft.simulator.matching import BUY, Order
from hft.simulator.orders import (
    FILLED,
    NEW,
    PARTIALLY_FILLED,
    REASON_NONE,
    VenueOrder,
)
from hft.simulator.outcomes import BalanceUpdate, Fill, OrderUpdate, Outcome, Trade, TradeLite


class Clerk:
    """Books matches and says what happened, in the order the live venue says it."""

    def __init__(self, listings: dict[str, Listing], desks: dict[int, Desk]) -> None:
        self._listings = listings
        self._desks = desks
        self._outcomes: list[Outcome] = []

    def drain(self) -> list[Outcome]:
        """Hand over what was said since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def say(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self._outcomes.append(outcome)

    def announce(self, order: VenueOrder, now_ms: int) -> None:
        """Say NEW once for every accepted order, also for one that trades at once."""
        if order.announced:
            return
        order.announced = True
        self.say(OrderUpdate(order.owner, order, NEW, NEW, 0, 0, now_ms, REASON_NONE))

    def allowed(self, order: VenueOrder, lots: int) -> int:
        """Cut a reduce-only order to what the position still allows."""
        if not order.reduce_only:
            return lots
        held = self._desks[order.owner].account.position(order.symbol.name).lots
        return min(lots, max(0, -held * order.side))

    def close(self, order: VenueOrder, status: str, now_ms: int, reason: str = REASON_NONE) -> None:
        """End an order that was not filled: cancelled or expired, and why."""
        order.move(status, now_ms)
        desk = self._desks[order.owner]
        del desk.open[order.order_id]
        execution = "CANCELED" if status == "CANCELED" else "EXPIRED"
        self._say_order(order, execution, now_ms, reason, None)

    def amended(self, order: VenueOrder, modify_id: str, now_ms: int) -> None:
        """Say that an open order has other terms now."""
        self.say(
            OrderUpdate(
                account_id=order.owner,
                order=order,
                execution="AMENDMENT",
                status=order.status,
                filled_lots=order.filled_lots,
                average_e8=order.average_e8(),
                time_ms=now_ms,
                reason=REASON_NONE,
                modify_id=modify_id,
            )
        )

    def trade(
        self, listing: Listing, taker: Order | None, maker: Order, lots: int, now_ms: int
    ) -> None:
        """Book one match; the book already knows it.  `taker` None: a recorded market took it."""
        ticks = maker.price_ticks
        trade_id = listing.next_trade_id
        listing.next_trade_id += 1
        if taker is not None:
            listing.last_ticks = ticks
            self.say(Trade(listing.symbol, trade_id, ticks, lots, maker.side == BUY, now_ms))
        if isinstance(taker, VenueOrder):
            self._settle(listing, taker, (trade_id, ticks, lots, now_ms), maker=False)
        if isinstance(maker, VenueOrder):
            self._settle(listing, maker, (trade_id, ticks, lots, now_ms), maker=True)

    def _settle(
        self, listing: Listing, order: VenueOrder, match: tuple[int, int, int, int], *, maker: bool
    ) -> None:
        trade_id, ticks, lots, now_ms = match
        symbol = listing.symbol
        desk = self._desks[order.owner]
        value_e8 = symbol.notional_e8(ticks, lots)
        fee = fee_e8(value_e8, MAKER_PPM if maker else TAKER_PPM)
        realized = desk.account.apply_fill(symbol.name, order.side * lots, value_e8, fee)
        desk.account.position(symbol.name).update_ms = now_ms
        fill = Fill(
            symbol=symbol,
            trade_id=trade_id,
            order_id=order.order_id,
            side=order.side,
            price_ticks=ticks,
            lots=lots,
            value_e8=value_e8,
            realized_e8=realized,
            fee_e8=fee,
            maker=maker,
            time_ms=now_ms,
        )
        desk.fills.append(fill)
        order.filled_lots += lots
        order.quote_e8 += value_e8
        # The live venue sends the light word first, before the order is even announced.
        self.say(TradeLite(order.owner, order, fill))
        self.announce(order, now_ms)
        order.move(PARTIALLY_FILLED if order.filled_lots < order.lots else FILLED, now_ms)
        if order.status == FILLED:
            del desk.open[order.order_id]
        self._say_balance(listing, order.owner, now_ms)
        self._say_order(order, "TRADE", now_ms, REASON_NONE, fill)

    def _say_balance(self, listing: Listing, owner: int, now_ms: int) -> None:
        symbol = listing.symbol
        account = self._desks[owner].account
        position = account.position(symbol.name)
        self.say(
            BalanceUpdate(
                account_id=owner,
                symbol=symbol,
                wallet_e8=account.wallet_e8,
                lots=position.lots,
                entry_e8=position.entry_e8(symbol.lot_e8),
                break_even_e8=position.break_even_e8(symbol.lot_e8),
                realized_e8=position.realized_e8,
                unrealized_e8=position.unrealized_e8(listing.mark_or_mid_e8(), symbol.lot_e8),
                time_ms=now_ms,
            )
        )

    def _say_order(
        self, order: VenueOrder, execution: str, now_ms: int, reason: str, fill: Fill | None
    ) -> None:
        self.say(
            OrderUpdate(
                account_id=order.owner,
                order=order,
                execution=execution,
                status=order.status,
                filled_lots=order.filled_lots,
                average_e8=order.average_e8(),
                time_ms=now_ms,
                reason=reason,
                fill=fill,
            )
        )
