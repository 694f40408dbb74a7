"""What accounts are worth and tie up at the prices of the moment."""

from __future__ import annotations

from collections.abc import Iterator

from hft.simulator.account import Account
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import (
    AccountMargin,
    SymbolMargin,
    account_margin,
    orders_margin_e8,
    symbol_margin,
)
from hft.units import E8

STABLE_ASSETS = frozenset({"USDT", "USDC"})


class Valuation:
    """Margin figures of accounts over the contracts that are listed."""

    def __init__(self, listings: dict[str, Listing]) -> None:
        self.listings = listings

    def margins(self, desk: Desk) -> Iterator[tuple[Listing, SymbolMargin]]:
        """Give the margin figures of every symbol of a desk."""
        account = desk.account
        for name, listing in self.listings.items():
            holding = account.holding(name)
            mark_e8 = listing.mark_or_mid_e8()
            yield listing, symbol_margin(listing.symbol, holding, mark_e8, hedge=account.hedge)

    def busy_margins(self, account: Account) -> Iterator[tuple[Listing, SymbolMargin]]:
        """Give the margin figures of the symbols with a position or an open order."""
        for name, holding in account.holdings.items():
            if holding.busy:
                listing = self.listings[name]
                mark_e8 = listing.mark_or_mid_e8()
                yield listing, symbol_margin(listing.symbol, holding, mark_e8, hedge=account.hedge)

    def account_margin(self, desk: Desk, asset: str = "USDT") -> AccountMargin:
        """Give the margin totals of a desk in one margin asset; in USD in multi-assets mode."""
        account = desk.account
        if not account.multi_assets:
            return self.asset_margin(account, asset)
        parts = [part for _, part in self.busy_margins(account)]
        return account_margin(self.usd_wallet_e8(account), parts)

    def asset_margin(self, account: Account, asset: str) -> AccountMargin:
        """Give the margin figures of the symbols of one asset, whatever the asset mode."""
        parts = [p for each, p in self.busy_margins(account) if each.symbol.quote == asset]
        return account_margin(account.wallets.get(asset, 0), parts)

    def free_e8(self, account: Account, asset: str) -> int:
        """What new orders could tie up in a margin asset; below zero when there is too little."""
        if account.multi_assets:
            free = self.usd_wallet_e8(account)
        else:
            free = account.wallets.get(asset, 0)
        for name, holding in account.holdings.items():
            if not holding.busy:
                continue
            listing = self.listings[name]
            symbol = listing.symbol
            if symbol.quote != asset and not account.multi_assets:
                continue
            mark_e8 = listing.mark_e8 or listing.mark_or_mid_e8()
            net = 0
            for leg in holding.legs.values():
                if not leg.lots:
                    continue
                notional = leg.notional_e8(mark_e8, symbol.lot_e8)
                net += notional
                if holding.isolated:
                    free -= leg.isolated_e8
                else:
                    free += leg.unrealized_e8(mark_e8, symbol.lot_e8)
                    free -= abs(notional) // holding.leverage
            free -= orders_margin_e8(holding, net, hedge=account.hedge)
        return free

    def usd_wallet_e8(self, account: Account) -> int:
        """Worth of all wallets in USD (1e-8), by the index prices of what is listed here."""
        return sum(amount * self.rate_e8(asset) // E8 for asset, amount in account.wallets.items())

    def rate_e8(self, asset: str) -> int:
        """Price of an asset in USD (1e-8); 0 when nothing listed here says it."""
        if asset in STABLE_ASSETS:
            return E8
        listing = self.listings.get(asset + "USDT")
        return (listing.index_e8 or listing.mark_or_mid_e8()) if listing else 0
