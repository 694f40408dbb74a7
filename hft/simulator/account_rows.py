"""The rows of account and position replies."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hft.simulator.account import Account, Position
from hft.simulator.calls import Call
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import (
    AccountMargin,
    LegMargin,
    SymbolMargin,
    leg_margin,
    liquidation_price_e8,
    max_notional,
    orders_margin_e8,
)
from hft.simulator.messages import Json, price8
from hft.units import E8, trim_e8

ASSETS = ("USDT", "USDC", "BNB", "BTC")
"""The margin assets that are listed even when there is nothing of them."""


class Row(msgspec.Struct, frozen=True):
    """One leg of one symbol, and what a reply says of it."""

    listing: Listing
    part: SymbolMargin
    leg: LegMargin
    orders_e8: int
    bids_e8: int
    asks_e8: int

    @property
    def position(self) -> Position:
        """The position itself."""
        return self.leg.position

    @property
    def matters(self) -> bool:
        """Say whether it holds something or has orders that would open it."""
        return bool(self.position.lots or self.bids_e8 or self.asks_e8)


def rows_of(account: Account, listing: Listing, part: SymbolMargin) -> Iterator[Row]:
    """Give the legs of a symbol in the account's position mode."""
    holding, mark_e8 = part.holding, listing.mark_or_mid_e8()
    for name in ("LONG", "SHORT") if account.hedge else ("BOTH",):
        leg = part.leg(name)
        if leg is None:
            leg = leg_margin(listing.symbol, holding, holding.legs[name], mark_e8)
        bids_e8 = 0 if name == "SHORT" else holding.bids_e8
        asks_e8 = 0 if name == "LONG" else holding.asks_e8
        if account.hedge:
            orders_e8 = (bids_e8 + asks_e8) // holding.leverage
        else:
            orders_e8 = orders_margin_e8(holding, leg.notional_e8, hedge=False)
        yield Row(listing, part, leg, orders_e8, bids_e8, asks_e8)


def update_ms(call: Call) -> int:
    """When the account last changed."""
    # Some clients skip an asset whose update time is zero, so a fresh account says now.
    return call.desk.account.update_ms or call.now_ms


def withdrawable_e8(margin: AccountMargin) -> int:
    """What could be withdrawn, in units of 1e-8."""
    earned_e8 = max(0, margin.cross_unrealized_e8)
    return max(0, min(margin.cross_wallet_e8, margin.available_e8 - earned_e8))


def totals(call: Call) -> Json:
    """Totals of an account reply: of USDT, or in USD over all assets in multi-assets mode."""
    margin = call.venue.exchange.account_margin(call.desk)
    return {
        "totalInitialMargin": price8(margin.position_e8 + margin.orders_e8),
        "totalMaintMargin": price8(margin.maintenance_e8),
        "totalWalletBalance": price8(margin.wallet_e8),
        "totalUnrealizedProfit": price8(margin.unrealized_e8),
        "totalMarginBalance": price8(margin.wallet_e8 + margin.unrealized_e8),
        "totalPositionInitialMargin": price8(margin.position_e8),
        "totalOpenOrderInitialMargin": price8(margin.orders_e8),
        "totalCrossWalletBalance": price8(margin.cross_wallet_e8),
        "totalCrossUnPnl": price8(margin.cross_unrealized_e8),
        "availableBalance": price8(margin.available_e8),
        "maxWithdrawAmount": price8(withdrawable_e8(margin)),
    }


def asset_names(desk: Desk, *, every: bool) -> list[str]:
    """Name the assets a reply lists: USDT, what the account has, and on request the usual ones."""
    names = dict.fromkeys(ASSETS if every else ASSETS[:1])
    names |= dict.fromkeys(asset for asset, amount in desk.account.wallets.items() if amount)
    return list(names)


def own_margin(call: Call, asset: str) -> tuple[AccountMargin, int, int]:
    """Give the figures of one asset alone, and what is available and withdrawable of it."""
    exchange, account = call.venue.exchange, call.desk.account
    if not account.multi_assets:
        margin = exchange.account_margin(call.desk, asset)
        return margin, margin.available_e8, withdrawable_e8(margin)
    shared = exchange.account_margin(call.desk)
    rate_e8 = exchange.rate_e8(asset)
    available_e8 = shared.available_e8 * E8 // rate_e8 if rate_e8 else 0
    margin = exchange.asset_margin(account, asset)
    out_e8 = max(0, min(account.wallets.get(asset, 0), available_e8))
    return margin, available_e8, out_e8


def balance_row(call: Call, asset: str) -> Json:
    """One asset of a balance reply."""
    margin, available_e8, withdrawable = own_margin(call, asset)
    return {
        "accountAlias": call.venue.account_alias,
        "asset": asset,
        "balance": price8(margin.wallet_e8),
        "crossWalletBalance": price8(margin.cross_wallet_e8),
        "crossUnPnl": price8(margin.cross_unrealized_e8),
        "availableBalance": price8(available_e8),
        "maxWithdrawAmount": price8(withdrawable),
        "marginAvailable": True,
        "updateTime": update_ms(call),
    }


def asset_row(call: Call, asset: str) -> Json:
    """One asset of an account reply."""
    margin, available_e8, withdrawable = own_margin(call, asset)
    return {
        "asset": asset,
        "walletBalance": price8(margin.wallet_e8),
        "unrealizedProfit": price8(margin.unrealized_e8),
        "marginBalance": price8(margin.wallet_e8 + margin.unrealized_e8),
        "maintMargin": price8(margin.maintenance_e8),
        "initialMargin": price8(margin.position_e8 + margin.orders_e8),
        "positionInitialMargin": price8(margin.position_e8),
        "openOrderInitialMargin": price8(margin.orders_e8),
        "crossWalletBalance": price8(margin.cross_wallet_e8),
        "crossUnPnl": price8(margin.cross_unrealized_e8),
        "availableBalance": price8(available_e8),
        "maxWithdrawAmount": price8(withdrawable),
        "updateTime": update_ms(call),
    }


def isolated_margin_e8(row: Row) -> int:
    """Isolated wallet and unrealised profit of a position together; 0 when crossed."""
    if not row.part.holding.isolated or not row.position.lots:
        return 0
    return row.position.isolated_e8 + row.leg.unrealized_e8


def _apart(amount_e8: int, row: Row, zero: str) -> str:
    return price8(amount_e8) if row.part.holding.isolated and row.position.lots else zero


def position_v3_row(row: Row) -> Json:
    """A position in the shape of v3/account."""
    return {
        "symbol": row.listing.symbol.name,
        "positionSide": row.position.leg,
        "positionAmt": row.listing.symbol.qty_text(row.position.lots),
        "unrealizedProfit": price8(row.leg.unrealized_e8),
        "isolatedMargin": _apart(isolated_margin_e8(row), row, "0"),
        "notional": price8(row.leg.notional_e8),
        "isolatedWallet": _apart(row.position.isolated_e8, row, "0"),
        "initialMargin": price8(row.leg.initial_e8 + row.orders_e8),
        "maintMargin": price8(row.leg.maintenance_e8),
        "updateTime": row.position.update_ms,
    }


def position_v2_row(call: Call, row: Row) -> Json:
    """A position in the shape of v2/account."""
    symbol, position, holding = row.listing.symbol, row.position, row.part.holding
    taker_ppm = call.desk.account.taker_ppm
    return {
        "symbol": symbol.name,
        "initialMargin": price8(row.leg.initial_e8 + row.orders_e8),
        "maintMargin": price8(row.leg.maintenance_e8),
        "unrealizedProfit": price8(row.leg.unrealized_e8),
        "positionInitialMargin": price8(row.leg.initial_e8),
        "openOrderInitialMargin": price8(row.orders_e8),
        "leverage": str(holding.leverage),
        "isolated": holding.isolated,
        "entryPrice": trim_e8(position.entry_e8(symbol.lot_e8)),
        "breakEvenPrice": trim_e8(position.break_even_e8(symbol.lot_e8, taker_ppm)),
        "maxNotional": str(max_notional(symbol, holding.leverage)),
        "positionSide": position.leg,
        "positionAmt": symbol.qty_text(position.lots),
        "notional": price8(row.leg.notional_e8),
        "isolatedWallet": _apart(position.isolated_e8, row, "0"),
        "bidNotional": trim_e8(row.bids_e8),
        "askNotional": trim_e8(row.asks_e8),
        "updateTime": position.update_ms,
    }


def risk_head(call: Call, row: Row) -> Json:
    """What both shapes of positionRisk begin with."""
    symbol, position = row.listing.symbol, row.position
    return {
        "symbol": symbol.name,
        "positionSide": position.leg,
        "positionAmt": symbol.qty_text(position.lots),
        "entryPrice": trim_e8(position.entry_e8(symbol.lot_e8)),
        "breakEvenPrice": trim_e8(
            position.break_even_e8(symbol.lot_e8, call.desk.account.taker_ppm)
        ),
        "markPrice": price8(row.listing.mark_or_mid_e8()),
        "unRealizedProfit": price8(row.leg.unrealized_e8),
        "liquidationPrice": trim_e8(_liquidation_e8(call, row)),
    }


def _liquidation_e8(call: Call, row: Row) -> int:
    symbol, position, part = row.listing.symbol, row.position, row.part
    if not position.lots:
        return 0
    if part.holding.isolated:
        return liquidation_price_e8(symbol, (position,), position.isolated_e8, (0, 0))
    margin = call.venue.exchange.account_margin(call.desk, symbol.quote)
    others = (
        margin.cross_maintenance_e8 - part.maintenance_e8,
        margin.cross_unrealized_e8 - part.unrealized_e8,
    )
    legs = list(part.holding.held())
    return liquidation_price_e8(symbol, legs, margin.cross_wallet_e8, others)


def risk_v3_row(call: Call, row: Row) -> Json:
    """A position in the shape of v3/positionRisk."""
    quantile = call.venue.exchange.liquidator.adl_quantile(row.listing, call.desk, row.position)
    return {
        **risk_head(call, row),
        "isolatedMargin": _apart(isolated_margin_e8(row), row, "0"),
        "notional": price8(row.leg.notional_e8),
        "marginAsset": row.listing.symbol.quote,
        "isolatedWallet": _apart(row.position.isolated_e8, row, "0"),
        "initialMargin": price8(row.leg.initial_e8 + row.orders_e8),
        "maintMargin": price8(row.leg.maintenance_e8),
        "positionInitialMargin": price8(row.leg.initial_e8),
        "openOrderInitialMargin": price8(row.orders_e8),
        "adl": quantile,
        "bidNotional": trim_e8(row.bids_e8),
        "askNotional": trim_e8(row.asks_e8),
        "updateTime": row.position.update_ms or update_ms(call),
    }


def risk_v2_row(call: Call, row: Row) -> Json:
    """A position in the shape of v2/positionRisk, with its quirks."""
    head = risk_head(call, row)
    leg = head.pop("positionSide")
    holding = row.part.holding
    return {
        **head,
        "leverage": str(holding.leverage),
        "maxNotionalValue": str(max_notional(row.listing.symbol, holding.leverage)),
        "marginType": "isolated" if holding.isolated else "cross",
        "isolatedMargin": price8(isolated_margin_e8(row)),
        "isAutoAddMargin": "false",
        "positionSide": leg,
        "notional": price8(row.leg.notional_e8),
        "isolatedWallet": _apart(row.position.isolated_e8, row, "0"),
        "updateTime": row.position.update_ms,
    }
