"""The rows of account and position replies."""

from __future__ import annotations

from hft.simulator.calls import Call
from hft.simulator.desk import Listing
from hft.simulator.margin import AccountMargin, SymbolMargin, liquidation_price_e8, max_notional
from hft.simulator.messages import Json, price8
from hft.units import trim_e8


def position_ms(call: Call, listing: Listing) -> int:
    """When a position last changed."""
    return call.desk.account.position(listing.symbol.name).update_ms


def update_ms(call: Call) -> int:
    """When the account last changed."""
    # Some clients skip an asset whose update time is zero, so a fresh account says now.
    latest = max(
        (position.update_ms for position in call.desk.account.positions.values()), default=0
    )
    return latest or call.now_ms


def withdrawable_e8(wallet_e8: int, totals: AccountMargin) -> int:
    """What could be withdrawn, in units of 1e-8."""
    return max(0, min(wallet_e8, totals.available_e8 - max(0, totals.unrealized_e8)))


def account_totals(call: Call, totals: AccountMargin) -> Json:
    """Totals of an account reply."""
    wallet_e8 = call.desk.account.wallet_e8
    return {
        "totalInitialMargin": price8(totals.position_e8 + totals.orders_e8),
        "totalMaintMargin": price8(totals.maintenance_e8),
        "totalWalletBalance": price8(wallet_e8),
        "totalUnrealizedProfit": price8(totals.unrealized_e8),
        "totalMarginBalance": price8(wallet_e8 + totals.unrealized_e8),
        "totalPositionInitialMargin": price8(totals.position_e8),
        "totalOpenOrderInitialMargin": price8(totals.orders_e8),
        "totalCrossWalletBalance": price8(wallet_e8),
        "totalCrossUnPnl": price8(totals.unrealized_e8),
        "availableBalance": price8(totals.available_e8),
        "maxWithdrawAmount": price8(withdrawable_e8(wallet_e8, totals)),
    }


def asset_row(call: Call, totals: AccountMargin) -> Json:
    """The one asset of an account reply."""
    wallet_e8 = call.desk.account.wallet_e8
    return {
        "asset": "USDT",
        "walletBalance": price8(wallet_e8),
        "unrealizedProfit": price8(totals.unrealized_e8),
        "marginBalance": price8(wallet_e8 + totals.unrealized_e8),
        "maintMargin": price8(totals.maintenance_e8),
        "initialMargin": price8(totals.position_e8 + totals.orders_e8),
        "positionInitialMargin": price8(totals.position_e8),
        "openOrderInitialMargin": price8(totals.orders_e8),
        "crossWalletBalance": price8(wallet_e8),
        "crossUnPnl": price8(totals.unrealized_e8),
        "availableBalance": price8(totals.available_e8),
        "maxWithdrawAmount": price8(withdrawable_e8(wallet_e8, totals)),
        "updateTime": update_ms(call),
    }


def position_v3_row(call: Call, listing: Listing, part: SymbolMargin) -> Json:
    """A position in the shape of v3/account."""
    position = call.desk.account.position(listing.symbol.name)
    return {
        "symbol": listing.symbol.name,
        "positionSide": "BOTH",
        "positionAmt": listing.symbol.qty_text(position.lots),
        "unrealizedProfit": price8(part.unrealized_e8),
        "isolatedMargin": "0",
        "notional": price8(part.notional_e8),
        "isolatedWallet": "0",
        "initialMargin": price8(part.position_e8 + part.orders_e8),
        "maintMargin": price8(part.maintenance_e8),
        "updateTime": position.update_ms,
    }


def position_v2_row(call: Call, listing: Listing, part: SymbolMargin) -> Json:
    """A position in the shape of v2/account."""
    symbol = listing.symbol
    position = call.desk.account.position(symbol.name)
    return {
        "symbol": symbol.name,
        "initialMargin": price8(part.position_e8 + part.orders_e8),
        "maintMargin": price8(part.maintenance_e8),
        "unrealizedProfit": price8(part.unrealized_e8),
        "positionInitialMargin": price8(part.position_e8),
        "openOrderInitialMargin": price8(part.orders_e8),
        "leverage": str(position.leverage),
        "isolated": False,
        "entryPrice": trim_e8(position.entry_e8(symbol.lot_e8)),
        "breakEvenPrice": trim_e8(position.break_even_e8(symbol.lot_e8)),
        "maxNotional": str(max_notional(symbol, position.leverage)),
        "positionSide": "BOTH",
        "positionAmt": symbol.qty_text(position.lots),
        "notional": price8(part.notional_e8),
        "isolatedWallet": "0",
        "bidNotional": trim_e8(part.bids_e8),
        "askNotional": trim_e8(part.asks_e8),
        "updateTime": position.update_ms,
    }


def risk_head(call: Call, listing: Listing, part: SymbolMargin, totals: AccountMargin) -> Json:
    """What both shapes of positionRisk begin with."""
    symbol = listing.symbol
    account = call.desk.account
    position = account.position(symbol.name)
    others = (
        totals.maintenance_e8 - part.maintenance_e8,
        totals.unrealized_e8 - part.unrealized_e8,
    )
    liquidation_e8 = liquidation_price_e8(symbol, position, account.wallet_e8, others)
    return {
        "symbol": symbol.name,
        "positionSide": "BOTH",
        "positionAmt": symbol.qty_text(position.lots),
        "entryPrice": trim_e8(position.entry_e8(symbol.lot_e8)),
        "breakEvenPrice": trim_e8(position.break_even_e8(symbol.lot_e8)),
        "markPrice": price8(listing.mark_or_mid_e8()),
        "unRealizedProfit": price8(part.unrealized_e8),
        "liquidationPrice": trim_e8(liquidation_e8),
    }
