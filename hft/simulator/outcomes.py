"""What the core says happened, in order: the rim turns these into frames and replies."""

from __future__ import annotations

import msgspec

from hft.simulator.algo import AlgoUpdate
from hft.simulator.orders import VenueOrder
from hft.simulator.symbols import Symbol


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One match in the book."""

    symbol: Symbol
    trade_id: int
    price_ticks: int
    lots: int
    buyer_is_maker: bool
    time_ms: int


class Fill(msgspec.Struct, frozen=True):
    """One user's side of a match, as `userTrades` keeps it."""

    symbol: Symbol
    trade_id: int
    order_id: int
    side: int
    price_ticks: int
    lots: int
    value_e8: int
    realized_e8: int
    fee_e8: int
    maker: bool
    time_ms: int


class TradeLite(msgspec.Struct, frozen=True):
    """The early word of a fill to its owner."""

    account_id: int
    order: VenueOrder
    fill: Fill


class OrderUpdate(msgspec.Struct, frozen=True):
    """An order changed; the figures are those of that moment."""

    account_id: int
    order: VenueOrder
    execution: str
    status: str
    filled_lots: int
    average_e8: int
    time_ms: int
    reason: str
    fill: Fill | None = None
    modify_id: str = ""


class BalanceUpdate(msgspec.Struct, frozen=True):
    """Wallet and position after a fill."""

    account_id: int
    symbol: Symbol
    wallet_e8: int
    lots: int
    entry_e8: int
    break_even_e8: int
    realized_e8: int
    unrealized_e8: int
    time_ms: int


class LeverageChanged(msgspec.Struct, frozen=True):
    """The leverage of one symbol is now another."""

    account_id: int
    symbol: Symbol
    leverage: int
    time_ms: int


class ForcedOrder(msgspec.Struct, frozen=True):
    """A liquidation in the synthetic market; `side` is the side of the liquidation order."""

    symbol: Symbol
    side: int
    lots: int
    price_ticks: int
    average_ticks: int
    time_ms: int


UserOutcome = TradeLite | OrderUpdate | BalanceUpdate | LeverageChanged | AlgoUpdate
Outcome = Trade | UserOutcome | ForcedOrder
