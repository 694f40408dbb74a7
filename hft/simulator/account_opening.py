"""Where accounts of the accounts file and money from outside meet the core: the one place."""

from __future__ import annotations

from pathlib import Path

from hft.errors import ConfigError
from hft.simulator import settings
from hft.simulator.account_rows import ASSETS
from hft.simulator.accounts import AccountPlan, credentials_of
from hft.simulator.desk import Desk
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.venue import Venue
from hft.units import parse_e8

PPM_E8 = 100
"""One part in a million, in units of 1e-8."""


def open_accounts(venue: Venue, path: Path, plans: tuple[AccountPlan, ...]) -> None:
    """Open every account of the accounts file, its keys, its money and its settings.

    An account that a restored state holds keeps the money and the settings it had; what its trades
    cost is always the file's word.

    Raises:
        ConfigError: an account wants what the venue would refuse.
    """
    keeper = venue.publisher.keeper
    known = {} if keeper is None else keeper.kept.incomes
    for account_id, plan in enumerate(plans, start=1):
        for credentials in credentials_of(path, plan, account_id):
            venue.admit(credentials)
        venue.account_ids[plan.name] = account_id
        desk = venue.desk(account_id)
        _set_fees(desk, plan)
        if account_id in known:
            continue
        desk.account.wallet_e8 = 0
        try:
            for asset, amount_e8 in plan.deposits_e8().items():
                pay_in(venue, account_id, asset, amount_e8, venue.now_ms())
            _set_up(venue, desk, plan)
        except Refusal as refused:
            raise ConfigError(f"--accounts {path}: account {plan.name}: {refused.text}") from None
    if keeper is None:
        venue.exchange.drain()


def _set_fees(desk: Desk, plan: AccountPlan) -> None:
    account = desk.account
    if plan.maker_fee is not None:
        account.maker_ppm = parse_e8(plan.maker_fee) // PPM_E8
    if plan.taker_fee is not None:
        account.taker_ppm = parse_e8(plan.taker_fee) // PPM_E8


def _set_up(venue: Venue, desk: Desk, plan: AccountPlan) -> None:
    now_ms = venue.now_ms()
    if plan.hedge_mode:
        settings.set_hedge(desk, on=True)
    if plan.multi_assets:
        settings.set_multi_assets(venue.exchange, desk, on=True, now_ms=now_ms)
    for name, leverage in plan.leverage.items():
        settings.set_leverage(venue.exchange, desk, venue.listing(name), leverage, now_ms)
    for name, margin_type in plan.margin_type.items():
        if margin_type == "ISOLATED":
            settings.set_margin_type(desk, venue.listing(name), isolated=True)


def pay_in(venue: Venue, account_id: int, asset: str, amount_e8: int, now_ms: int) -> None:
    """Book a deposit, or a withdrawal where the amount is negative, and tell the user's stream.

    Raises:
        Refusal: -1130 an asset that is no margin asset here, -2018 more than can leave.
    """
    quotes = {listing.symbol.quote for listing in venue.exchange.listings.values()}
    if asset not in quotes and asset not in ASSETS:
        raise refusal(-1130, "asset")
    venue.exchange.deposit(account_id, asset, amount_e8, now_ms)
