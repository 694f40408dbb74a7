"""Margin figures of an account at the current mark prices, in units of 1e-8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hft.simulator.account import Holding, Position
from hft.simulator.symbols import Bracket, Symbol
from hft.units import E8


class LegMargin(msgspec.Struct, frozen=True):
    """What one leg is worth, earns and ties up at the mark price."""

    position: Position
    notional_e8: int
    unrealized_e8: int
    initial_e8: int
    maintenance_e8: int


class SymbolMargin(msgspec.Struct, frozen=True):
    """What one symbol ties up: positions, open orders, maintenance; and its unrealised profit."""

    holding: Holding
    legs: tuple[LegMargin, ...]
    notional_e8: int
    unrealized_e8: int
    position_e8: int
    orders_e8: int
    maintenance_e8: int
    bids_e8: int
    asks_e8: int

    def leg(self, name: str) -> LegMargin | None:
        """Give the figures of one leg; None when it holds nothing."""
        return next((leg for leg in self.legs if leg.position.leg == name), None)


class AccountMargin(msgspec.Struct, frozen=True):
    """The totals of an account in one margin asset, or in USD over all of them.

    `cross_` figures leave out isolated positions; `isolated_e8` is the margin set apart for those.
    """

    wallet_e8: int
    isolated_e8: int
    unrealized_e8: int
    cross_unrealized_e8: int
    position_e8: int
    orders_e8: int
    maintenance_e8: int
    cross_position_e8: int
    cross_maintenance_e8: int

    @property
    def cross_wallet_e8(self) -> int:
        """The wallet without isolated margin."""
        return self.wallet_e8 - self.isolated_e8

    @property
    def free_e8(self) -> int:
        """What new positions could tie up; below zero when too much is tied up already."""
        tied = self.cross_position_e8 + self.orders_e8
        return self.cross_wallet_e8 + self.cross_unrealized_e8 - tied

    @property
    def available_e8(self) -> int:
        """What new positions may tie up."""
        return max(0, self.free_e8)


def bracket_of(symbol: Symbol, notional_e8: int) -> Bracket:
    """Give the tier that a notional falls in."""
    for bracket in symbol.brackets:
        if notional_e8 <= bracket.cap * E8:
            return bracket
    return symbol.brackets[-1]


def max_notional(symbol: Symbol, leverage: int) -> int:
    """Largest notional (whole USDT) a position may have at a leverage."""
    return max(tier.cap for tier in symbol.brackets if tier.leverage >= leverage)


def maintenance_e8(symbol: Symbol, size_e8: int) -> int:
    """Maintenance margin of a position of that worth (reference 8.4)."""
    tier = bracket_of(symbol, size_e8)
    return max(0, size_e8 * tier.mmr_e4 // 10_000 - tier.cumulative * E8)


def leg_margin(symbol: Symbol, holding: Holding, position: Position, mark_e8: int) -> LegMargin:
    """Work out the figures of one leg."""
    notional = position.notional_e8(mark_e8, symbol.lot_e8)
    size = abs(notional)
    return LegMargin(
        position=position,
        notional_e8=notional,
        unrealized_e8=position.unrealized_e8(mark_e8, symbol.lot_e8),
        initial_e8=size // holding.leverage,
        maintenance_e8=maintenance_e8(symbol, size) if size else 0,
    )


def orders_margin_e8(holding: Holding, net_e8: int, *, hedge: bool) -> int:
    """Margin that open orders tie up beyond the position; `net_e8` is its signed worth."""
    if not (holding.bids_e8 or holding.asks_e8):
        return 0
    if hedge:
        return holding.bids_e8 // holding.leverage + holding.asks_e8 // holding.leverage
    size = abs(net_e8)
    exposed = max(abs(net_e8 + holding.bids_e8), abs(net_e8 - holding.asks_e8), size)
    return exposed // holding.leverage - size // holding.leverage


def symbol_margin(
    symbol: Symbol, holding: Holding, mark_e8: int, *, hedge: bool = False
) -> SymbolMargin:
    """Work out the margin of one symbol from its positions and resting orders."""
    legs = tuple(
        leg_margin(symbol, holding, position, mark_e8)
        for position in holding.legs.values()
        if position.lots
    )
    net = sum(leg.notional_e8 for leg in legs)
    return SymbolMargin(
        holding=holding,
        legs=legs,
        notional_e8=net,
        unrealized_e8=sum(leg.unrealized_e8 for leg in legs),
        position_e8=sum(leg.initial_e8 for leg in legs),
        orders_e8=orders_margin_e8(holding, net, hedge=hedge),
        maintenance_e8=sum(leg.maintenance_e8 for leg in legs),
        bids_e8=holding.bids_e8,
        asks_e8=holding.asks_e8,
    )


def account_margin(wallet_e8: int, parts: Iterable[SymbolMargin]) -> AccountMargin:
    """Add up symbols of one margin asset against their wallet."""
    isolated = unrealized = cross_unrealized = position = orders = 0
    maintenance = cross_position = cross_maintenance = 0
    for part in parts:
        unrealized += part.unrealized_e8
        position += part.position_e8
        orders += part.orders_e8
        maintenance += part.maintenance_e8
        isolated += sum(leg.isolated_e8 for leg in part.holding.legs.values())
        if not part.holding.isolated:
            cross_unrealized += part.unrealized_e8
            cross_position += part.position_e8
            cross_maintenance += part.maintenance_e8
    return AccountMargin(
        wallet_e8=wallet_e8,
        isolated_e8=isolated,
        unrealized_e8=unrealized,
        cross_unrealized_e8=cross_unrealized,
        position_e8=position,
        orders_e8=orders,
        maintenance_e8=maintenance,
        cross_position_e8=cross_position,
        cross_maintenance_e8=cross_maintenance,
    )


def liquidation_price_e8(
    symbol: Symbol, positions: Sequence[Position], wallet_e8: int, others: tuple[int, int]
) -> int:
    """Mark price at which positions are liquidated together, 0 when there is none.

    `positions` are all cross legs of the symbol against the cross wallet, or one isolated leg
    against its own.  `others` is (maintenance margin, unrealised profit) of all other symbols.
    The tiers are those of the notional at the price found (reference 8.5).
    """
    size_e8 = sum(position.lots for position in positions) * symbol.lot_e8
    cost_e8 = sum(position.cost_e16 for position in positions) // E8
    sizes = [abs(position.lots) * symbol.lot_e8 for position in positions]
    margin, profit = others
    price_e8 = abs(cost_e8) * E8 // abs(size_e8) if size_e8 else 0
    tiers: list[Bracket] = []
    for _ in range(len(symbol.brackets)):
        chosen = [bracket_of(symbol, size * price_e8 // E8) for size in sizes]
        if chosen == tiers:
            break
        tiers = chosen
        above = wallet_e8 - margin + profit + sum(t.cumulative for t in tiers) * E8 - cost_e8
        rated = sum(size * tier.mmr_e4 for size, tier in zip(sizes, tiers, strict=True))
        below_e12 = rated - size_e8 * 10_000
        if not below_e12:
            return 0
        price_e8 = max(0, above * 10_000 * E8 // below_e12)
    return price_e8
