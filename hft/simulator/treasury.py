"""Money that moves without a trade: deposits, funding, the insurance fund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hft.simulator.account import Account, cut_to_e8
from hft.simulator.desk import Desk, Listing
from hft.simulator.outcomes import Income
from hft.simulator.refusals import refusal
from hft.units import E8

if TYPE_CHECKING:
    from hft.simulator.exchange import Exchange

FUND_ID = -1
FUND_START_E8 = 1_000_000 * E8
"""What the insurance fund begins with, in each margin asset it is asked for."""


class Treasury:
    """Keeps the fund's desk, and what the house paid or got in funding."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.house_cash: dict[str, int] = {}
        self.deposited: dict[str, int] = {}
        fund = exchange.open_desk(FUND_ID)
        fund.account.maker_ppm = fund.account.taker_ppm = 0
        fund.account.wallets = {"USDT": FUND_START_E8, "USDC": FUND_START_E8}

    @property
    def fund(self) -> Desk:
        """The desk of the insurance fund."""
        return self._exchange.desks[FUND_ID]

    def deposit(self, account_id: int, asset: str, amount_e8: int, now_ms: int) -> None:
        """Add to a wallet, or take from it (a negative amount), and say so.

        Raises:
            Refusal: -2018, more would be withdrawn than is free.
        """
        desk = self._exchange.desks[account_id]
        account = desk.account
        if amount_e8 < 0:
            free_e8 = min(account.wallets.get(asset, 0), self._exchange.free_e8(account, asset))
            if -amount_e8 > free_e8:
                raise refusal(-2018)
        account.change(asset, amount_e8)
        self.deposited[asset] = self.deposited.get(asset, 0) + amount_e8
        self._note(desk, "TRANSFER", asset, amount_e8, now_ms)
        reason = "DEPOSIT" if amount_e8 >= 0 else "WITHDRAW"
        self._exchange.clerk.say_account(
            account, reason, now_ms, assets=(asset,), change_e8=amount_e8
        )

    def settle_funding(self, listing: Listing, rate_e8: int, now_ms: int) -> None:
        """Let every position pay or get `rate_e8` of its worth: longs pay a positive rate."""
        asset, name = listing.symbol.quote, listing.symbol.name
        mark_e8 = listing.mark_or_mid_e8()
        for desk in self._exchange.desks.values():
            holding = desk.account.holdings.get(name)
            if holding is None:
                continue
            for leg in holding.held():
                worth_e16 = leg.lots * listing.symbol.lot_e8 * mark_e8
                paid_e8 = cut_to_e8(cut_to_e8(worth_e16) * rate_e8)
                if not paid_e8:
                    continue
                desk.account.change(asset, -paid_e8)
                self.house_cash[asset] = self.house_cash.get(asset, 0) + paid_e8
                if holding.isolated:
                    leg.isolated_e8 -= paid_e8
                self._note(desk, "FUNDING_FEE", asset, -paid_e8, now_ms, symbol=name)
                self._exchange.clerk.say_account(
                    desk.account,
                    "FUNDING_FEE",
                    now_ms,
                    assets=(asset,),
                    positions=((listing, leg),) if holding.isolated else (),
                    change_e8=-paid_e8,
                    symbol=name,
                )

    def clear(self, desk: Desk, listing: Listing, amount_e8: int, now_ms: int) -> None:
        """Move money from a liquidated account to the fund, or back when negative."""
        if not amount_e8:
            return
        asset, name = listing.symbol.quote, listing.symbol.name
        desk.account.change(asset, -amount_e8)
        self.fund.account.change(asset, amount_e8)
        self._note(desk, "INSURANCE_CLEAR", asset, -amount_e8, now_ms, symbol=name)
        self._exchange.clerk.say_account(
            desk.account, "INSURANCE_CLEAR", now_ms, assets=(asset,), change_e8=-amount_e8
        )

    def total_e16(self, asset: str) -> int:
        """Everything there is of an asset, open positions at cost; it never changes by itself.

        Wallets, fees and dust of all accounts, the fund and the house, less what was deposited.
        """
        total = self.house_cash.get(asset, 0) - self.deposited.get(asset, 0)
        dust = 0
        names = {n for n, each in self._exchange.listings.items() if each.symbol.quote == asset}
        for desk in self._exchange.desks.values():
            account: Account = desk.account
            total += account.wallets.get(asset, 0) + account.fees.get(asset, 0)
            dust += account.dust_e16.get(asset, 0)
            for name, holding in account.holdings.items():
                if name in names:
                    dust -= sum(leg.cost_e16 for leg in holding.legs.values())
        for name in names:
            dust -= self._exchange.listings[name].house_cost_e16
        return total * E8 + dust

    def _note(
        self, desk: Desk, kind: str, asset: str, amount_e8: int, now_ms: int, *, symbol: str = ""
    ) -> None:
        number = self._exchange.next_income()
        desk.income.append(Income(kind, asset, amount_e8, now_ms, number, symbol, kind))
