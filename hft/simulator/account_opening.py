"""Where accounts of the accounts file and money from outside meet the core: the one place.

The core as it is keeps USDT, crossed margin and one fee for everybody; what an account wants beyond
that is refused by name instead of being forgotten.
"""

from __future__ import annotations

from pathlib import Path

from hft.errors import ConfigError
from hft.simulator.account_rows import withdrawable_e8
from hft.simulator.accounts import AccountPlan, credentials_of
from hft.simulator.messages import Json, price8
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.venue import Venue

WALLET_ASSET = "USDT"


def open_accounts(venue: Venue, path: Path, plans: tuple[AccountPlan, ...]) -> None:
    """Open every account of the accounts file, its keys, its money and its settings.

    Raises:
        ConfigError: an account wants what the core cannot give.
    """
    for account_id, plan in enumerate(plans, start=1):
        for credentials in credentials_of(path, plan, account_id):
            venue.admit(credentials)
        venue.account_ids[plan.name] = account_id
        where = f"--accounts {path}: account {plan.name}"
        _check_possible(where, plan)
        venue.desk(account_id).account.wallet_e8 = 0
        try:
            for asset, amount_e8 in plan.deposits_e8().items():
                pay_in(venue, account_id, asset, amount_e8, venue.now_ms())
            for name, leverage in plan.leverage.items():
                symbol = venue.listing(name).symbol
                venue.exchange.set_leverage(account_id, symbol, leverage, venue.now_ms())
        except Refusal as refused:
            raise ConfigError(f"{where}: {refused.text}") from None
    venue.exchange.drain()


def pay_in(venue: Venue, account_id: int, asset: str, amount_e8: int, now_ms: int) -> None:
    """Book a deposit, or a withdrawal where the amount is negative, and tell the user's stream.

    Raises:
        Refusal: -1130 an asset the core does not keep, -2018 more than can leave.
    """
    if asset != WALLET_ASSET:
        raise refusal(-1130, "asset")
    desk = venue.desk(account_id)
    wallet_e8 = desk.account.wallet_e8
    if amount_e8 < 0 and -amount_e8 > withdrawable_e8(
        wallet_e8, venue.exchange.account_margin(desk)
    ):
        raise refusal(-2018)
    desk.account.wallet_e8 = wallet_e8 + amount_e8
    venue.users.send(account_id, _event(desk.account.wallet_e8, asset, amount_e8, now_ms))


def _event(wallet_e8: int, asset: str, amount_e8: int, now_ms: int) -> Json:
    wallet = price8(wallet_e8)
    row: Json = {"a": asset, "wb": wallet, "cw": wallet, "bc": price8(amount_e8)}
    reason = "DEPOSIT" if amount_e8 > 0 else "WITHDRAW"
    body: Json = {"B": [row], "P": [], "m": reason}
    return {"e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms, "a": body}


def _check_possible(where: str, plan: AccountPlan) -> None:
    wanted = {
        "maker_fee": plan.maker_fee is not None,
        "taker_fee": plan.taker_fee is not None,
        "hedge_mode": plan.hedge_mode,
        "multi_assets": plan.multi_assets,
        "margin_type": "ISOLATED" in plan.margin_type.values(),
    }
    for word, asked in wanted.items():
        if asked:
            raise ConfigError(f"{where}: {word}: this exchange cannot do that yet")
