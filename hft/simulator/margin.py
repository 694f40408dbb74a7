"""Margin figures of an account at the current mark prices, in units of 1e-8."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hft.simulator.account import Account, Position
from hft.simulator.orders import VenueOrder
from hft.simulator.symbols import Bracket, Symbol
from hft.units import E8


class SymbolMargin(msgspec.Struct, frozen=True):
    """What one symbol ties up: position, open orders, maintenance; and its unrealised profit."""

    notional_e8: int
    unrealized_e8: int
    position_e8: int
    orders_e8: int
    maintenance_e8: int
    bids_e8: int
    asks_e8: int


class AccountMargin(msgspec.Struct, frozen=True):
    """The totals of an account (cross margin, one asset)."""

    unrealized_e8: int
    position_e8: int
    orders_e8: int
    maintenance_e8: int
    available_e8: int


def bracket_of(symbol: Symbol, notional_e8: int) -> Bracket:
    """Give the tier that a notional falls in."""
    for bracket in symbol.brackets:
        if notional_e8 <= bracket.cap * E8:
            return bracket
    return symbol.brackets[-1]


def max_notional(symbol: Symbol, leverage: int) -> int:
    """Largest notional (whole USDT) a position may have at a leverage."""
    return max(tier.cap for tier in symbol.brackets if tier.leverage >= leverage)


def symbol_margin(
    symbol: Symbol, position: Position, mark_e8: int, orders: Iterable[VenueOrder]
) -> SymbolMargin:
    """Work out the margin of one symbol from its position and resting orders."""
    notional = position.notional_e8(mark_e8, symbol.lot_e8)
    bids = asks = 0
    for order in orders:
        if order.reduce_only:
            continue
        worth = symbol.notional_e8(order.price_ticks, order.left_lots)
        if order.side > 0:
            bids += worth
        else:
            asks += worth
    size = abs(notional)
    exposed = max(abs(notional + bids), abs(notional - asks), size)
    tier = bracket_of(symbol, size)
    return SymbolMargin(
        notional_e8=notional,
        unrealized_e8=position.unrealized_e8(mark_e8, symbol.lot_e8),
        position_e8=size // position.leverage,
        orders_e8=exposed // position.leverage - size // position.leverage,
        maintenance_e8=max(0, size * tier.mmr_e4 // 10_000 - tier.cumulative * E8) if size else 0,
        bids_e8=bids,
        asks_e8=asks,
    )


def account_margin(account: Account, parts: Iterable[SymbolMargin]) -> AccountMargin:
    """Add up the symbols of an account."""
    unrealized = position = orders = maintenance = 0
    for part in parts:
        unrealized += part.unrealized_e8
        position += part.position_e8
        orders += part.orders_e8
        maintenance += part.maintenance_e8
    free = account.wallet_e8 + unrealized - position - orders
    return AccountMargin(unrealized, position, orders, maintenance, max(0, free))


def liquidation_price_e8(
    symbol: Symbol, position: Position, wallet_e8: int, others: tuple[int, int]
) -> int:
    """Mark price at which a cross position is liquidated, 0 when there is none.

    `others` is (maintenance margin, unrealised profit) of all other symbols.
    """
    if not position.lots:
        return 0
    size_e8 = position.lots * symbol.lot_e8
    cost_e8 = position.cost_e16 // E8
    margin, profit = others
    price_e8 = 0
    tier = bracket_of(symbol, abs(cost_e8))
    for _ in range(len(symbol.brackets)):
        above = wallet_e8 - margin + profit + tier.cumulative * E8 - cost_e8
        below_e12 = abs(size_e8) * tier.mmr_e4 - size_e8 * 10_000
        if not below_e12:
            return 0
        price_e8 = above * 10_000 * E8 // below_e12
        chosen = bracket_of(symbol, abs(size_e8) * max(price_e8, 0) // E8)
        if chosen is tier:
            break
        tier = chosen
    return max(0, price_e8)
