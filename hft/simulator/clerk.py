"""Writes down what matching did: fills to accounts, statuses to orders, outcomes in venue order."""

from __future__ import annotations

from hft.simulator.account import Account, Position, fee_e8
from hft.simulator.desk import Desk, Listing
from hft.simulator.matching import BUY, Order
from hft.simulator.orders import (
    FILLED,
    LIQUIDATION,
    NEW,
    PARTIALLY_FILLED,
    REASON_NONE,
    VenueOrder,
)
from hft.simulator.outcomes import (
    AccountUpdate,
    Fill,
    OrderUpdate,
    Outcome,
    PositionFigures,
    Trade,
    TradeLite,
    WalletFigures,
)
from hft.simulator.symbols import Symbol
from hft.units import E8

BURN_ASSET = "BNB"
BURN_PPM = 900_000
"""Fees paid in BNB are a tenth lower."""


class Clerk:
    """Books matches and says what happened, in the order the live venue says it."""

    def __init__(self, listings: dict[str, Listing], desks: dict[int, Desk]) -> None:
        self._listings = listings
        self._desks = desks
        self._outcomes: list[Outcome] = []
        self.say = self._outcomes.append

    def drain(self) -> list[Outcome]:
        """Hand over what was said since the last call."""
        outcomes = self._outcomes
        self._outcomes = []
        self.say = self._outcomes.append
        return outcomes

    def announce(self, order: VenueOrder, now_ms: int) -> None:
        """Say NEW once for every accepted order, also for one that trades at once."""
        if not order.announced:
            order.announced = True
            self.say_order(order, NEW, now_ms, status=NEW)

    def allowed(self, order: VenueOrder, lots: int) -> int:
        """Cut a reducing order to what the position still allows."""
        if not order.reduces:
            return lots
        held = self._desks[order.owner].account.position(order.symbol.name, order.leg).lots
        return min(lots, max(0, -held * order.side))

    def close(self, order: VenueOrder, status: str, now_ms: int, reason: str = REASON_NONE) -> None:
        """End an order that was not filled: cancelled or expired, and why."""
        order.move(status, now_ms)
        self._desks[order.owner].finish(order)
        execution = "CANCELED" if status == "CANCELED" else "EXPIRED"
        self.say_order(order, execution, now_ms, reason=reason)

    def hold(self, order: VenueOrder, lots: int) -> None:
        """Count lots of a resting order into what its owner's open orders are worth (or out)."""
        if order.reduces:
            return
        holding = self._desks[order.owner].account.holdings[order.symbol.name]
        worth_e8 = order.price_ticks * lots * order.symbol.unit_e8
        if order.side > 0:
            holding.bids_e8 += worth_e8
        else:
            holding.asks_e8 += worth_e8

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
        match = (trade_id, ticks, lots, now_ms)
        if isinstance(taker, VenueOrder):
            self.settle(listing, taker, match, maker=False)
            if not isinstance(maker, VenueOrder):
                self.with_house(listing, maker.side * lots, ticks)
        if isinstance(maker, VenueOrder):
            self.hold(maker, -lots)
            self.settle(listing, maker, match, maker=True)
            if not isinstance(taker, VenueOrder):
                self.with_house(listing, -maker.side * lots, ticks)

    def with_house(self, listing: Listing, signed_lots: int, ticks: int) -> None:
        """Note the house's side of a match with a user."""
        listing.house_lots += signed_lots
        listing.house_cost_e16 += listing.symbol.notional_e8(ticks, signed_lots) * E8

    def settle(
        self, listing: Listing, order: VenueOrder, match: tuple[int, int, int, int], *, maker: bool
    ) -> Fill:
        """Book one user's side of a match: (trade id, ticks, lots, time)."""
        trade_id, ticks, lots, now_ms = match
        symbol = listing.symbol
        desk = self._desks[order.owner]
        account = desk.account
        value_e8 = ticks * lots * symbol.unit_e8
        fee, fee_asset = self._fee(account, order, value_e8, maker=maker)
        leg = order.leg
        realized = account.apply_fill(
            symbol.name, order.side * lots, value_e8, 0, leg=leg, asset=symbol.quote
        )
        account.pay_fee(fee_asset, fee)
        position = account.holdings[symbol.name].legs[leg]
        position.update_ms = account.update_ms = now_ms
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
            fee_asset=fee_asset,
            leg=leg,
        )
        desk.fills.append(fill)
        order.filled_lots += lots
        order.quote_e8 += value_e8
        forced = order.kind == LIQUIDATION
        if not forced:
            # The live venue sends the light word first, before the order is even announced.
            self.say(TradeLite(order.owner, order, fill))
        self.announce(order, now_ms)
        order.move(PARTIALLY_FILLED if order.filled_lots < order.lots else FILLED, now_ms)
        if order.status == FILLED:
            desk.finish(order)
        assets: tuple[str, ...] = (symbol.quote,)
        if fee_asset != symbol.quote:
            # Only what changed is told: a fee paid in BNB may leave the quote asset as it was.
            moved = realized or account.holdings[symbol.name].isolated
            assets = (symbol.quote, fee_asset) if moved else (fee_asset,)
        if forced:
            # The venue's own orders are told before what they did to the account.
            self.say_order(order, "CALCULATED", now_ms, fill=fill)
        self.say_account(account, "ORDER", now_ms, assets=assets, positions=((listing, position),))
        if not forced:
            self.say_order(order, "TRADE", now_ms, fill=fill)
        return fill

    def _fee(
        self, account: Account, order: VenueOrder, value_e8: int, *, maker: bool
    ) -> tuple[int, str]:
        """Give the commission of a fill and its asset; a liquidation pays its own fee instead."""
        if order.kind == LIQUIDATION:
            return 0, order.symbol.quote
        fee = fee_e8(value_e8, account.maker_ppm if maker else account.taker_ppm)
        if account.fee_burn and (wallet_e8 := account.wallets.get(BURN_ASSET, 0)) > 0:
            burn = self._listings.get(BURN_ASSET + "USDT")
            price_e8 = burn.mark_or_mid_e8() if burn else 0
            if price_e8:
                burned = fee * BURN_PPM // 1_000_000 * E8 // price_e8
                if burned <= wallet_e8:
                    return burned, BURN_ASSET
        return fee, order.symbol.quote

    def say_account(
        self,
        account: Account,
        reason: str,
        now_ms: int,
        *,
        assets: tuple[str, ...] = (),
        positions: tuple[tuple[Listing, Position], ...] = (),
        change_e8: int = 0,
        symbol: str = "",
    ) -> None:
        """Say how wallets and positions stand now, and why they changed."""
        self.say(
            AccountUpdate(
                account.account_id,
                reason,
                tuple(self._wallet(account, asset, change_e8) for asset in assets),
                tuple(_figures(account, listing, leg) for listing, leg in positions),
                now_ms,
                symbol,
            )
        )

    def _wallet(self, account: Account, asset: str, change_e8: int) -> WalletFigures:
        wallet_e8 = account.wallets.get(asset, 0)
        apart_e8 = sum(
            leg.isolated_e8
            for name, holding in account.holdings.items()
            if holding.isolated and self._listings[name].symbol.quote == asset
            for leg in holding.legs.values()
        )
        return WalletFigures(asset, wallet_e8, wallet_e8 - apart_e8, change_e8)

    def say_order(
        self,
        order: VenueOrder,
        execution: str,
        now_ms: int,
        *,
        reason: str = REASON_NONE,
        fill: Fill | None = None,
        status: str = "",
        modify_id: str = "",
    ) -> None:
        """Say that an order changed, with its figures of this moment."""
        holding = self._desks[order.owner].account.holdings[order.symbol.name]
        self.say(
            OrderUpdate(
                order.owner,
                order,
                execution,
                status or order.status,
                0 if status else order.filled_lots,
                0 if status else order.average_e8(),
                now_ms,
                reason,
                fill,
                modify_id,
                holding.bids_e8,
                holding.asks_e8,
            )
        )


def _figures(account: Account, listing: Listing, position: Position) -> PositionFigures:
    symbol: Symbol = listing.symbol
    lot_e8 = symbol.lot_e8
    holding = account.holdings[symbol.name]
    return PositionFigures(
        symbol,
        position.leg,
        position.lots,
        position.entry_e8(lot_e8),
        position.break_even_e8(lot_e8, account.taker_ppm),
        position.realized_e8,
        position.unrealized_e8(listing.mark_or_mid_e8(), lot_e8),
        holding.isolated,
        position.isolated_e8,
    )
