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


class Fill(msgspec.Struct, frozen=True, gc=False):
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
    fee_asset: str = "USDT"
    leg: str = "BOTH"


class Income(msgspec.Struct, frozen=True, gc=False):
    """One change of a wallet that is no fill, as `income` keeps it."""

    kind: str
    asset: str
    amount_e8: int
    time_ms: int
    number: int
    symbol: str = ""
    info: str = ""


class TradeLite(msgspec.Struct, frozen=True, gc=False):
    """The early word of a fill to its owner."""

    account_id: int
    order: VenueOrder
    fill: Fill


class OrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """An order changed; the figures are those of that moment.

    `bids_e8` and `asks_e8` are the worth of the owner's open orders in the symbol.
    """

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
    bids_e8: int = 0
    asks_e8: int = 0


class WalletFigures(msgspec.Struct, frozen=True, gc=False):
    """A wallet after a change; `change_e8` is what neither profit nor commission explains."""

    asset: str
    wallet_e8: int
    cross_e8: int
    change_e8: int = 0


class PositionFigures(msgspec.Struct, frozen=True, gc=False):
    """A position after a change."""

    symbol: Symbol
    leg: str
    lots: int
    entry_e8: int
    break_even_e8: int
    realized_e8: int
    unrealized_e8: int
    isolated: bool
    isolated_e8: int


class AccountUpdate(msgspec.Struct, frozen=True, gc=False):
    """Wallets and positions that changed, and why (`reason` is the venue's word)."""

    account_id: int
    reason: str
    wallets: tuple[WalletFigures, ...]
    positions: tuple[PositionFigures, ...]
    time_ms: int
    symbol: str = ""


class LeverageChanged(msgspec.Struct, frozen=True, gc=False):
    """The leverage of one symbol is now another."""

    account_id: int
    symbol: Symbol
    leverage: int
    time_ms: int


class MultiAssetsChanged(msgspec.Struct, frozen=True):
    """Multi-assets mode was switched."""

    account_id: int
    on: bool
    time_ms: int


class CalledPosition(msgspec.Struct, frozen=True):
    """One position of a margin call."""

    symbol: Symbol
    leg: str
    lots: int
    isolated: bool
    isolated_e8: int
    mark_e8: int
    unrealized_e8: int
    maintenance_e8: int


class MarginCall(msgspec.Struct, frozen=True):
    """The maintenance margin comes near the margin balance."""

    account_id: int
    cross_e8: int
    positions: tuple[CalledPosition, ...]
    time_ms: int


class ForcedOrder(msgspec.Struct, frozen=True):
    """A liquidation; `side` is the side of the liquidation order."""

    symbol: Symbol
    side: int
    lots: int
    price_ticks: int
    average_ticks: int
    time_ms: int


UserOutcome = (
    TradeLite
    | OrderUpdate
    | AccountUpdate
    | LeverageChanged
    | MultiAssetsChanged
    | MarginCall
    | AlgoUpdate
)
Outcome = Trade | UserOutcome | ForcedOrder
