"""The account: what the key may do, and the settings at the venue that trading depends on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hft.binance.meter import Meter
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.binance.signing import signer_of
from hft.config import Keys, Network, Settings
from hft.doctor.report import Finding, failed, noted, passed, warned
from hft.errors import AuthError
from hft.units import E8, nearest_steps, parse_e8, trim_e8

ACCOUNT_CONFIG = "/fapi/v1/accountConfig"
SYMBOL_CONFIG = "/fapi/v1/symbolConfig"
COMMISSION_RATE = "/fapi/v1/commissionRate"
TEST_ORDER = "/fapi/v1/order/test"
RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
RESTRICTIONS_URL = "https://api.binance.com"
"""Where the live venue tells what a key may do; its futures hosts do not."""
_KEY_FIX = (
    "a key of this venue (those of the test venue and the live one differ), its own secret, "
    "and this machine's address among those it is restricted to"
)


def check_account(rest: Rest, keys: Keys, settings: Settings) -> Iterator[Finding]:
    """Look at the key's rights and the account's settings; `rest` knows the venue's clock."""
    kind = "Ed25519" if signer_of(keys.secret_key).logs_on else "HMAC"
    try:
        account = rest.get(ACCOUNT_CONFIG, signed=True)
    except AuthError as problem:
        yield failed("keys", f"{keys.masked()} ({kind}): {problem}", _KEY_FIX)
        return
    except (VenueError, VenueUnknown) as problem:
        yield failed("keys", f"the account cannot be read: {problem}", "try again")
        return
    yield _may_trade(rest, keys, kind, settings)
    yield from _rights(rest, keys, settings.network)
    yield from modes(account)
    yield from _told(_money, rest, settings)
    yield from _told(_symbols, rest, settings)
    yield from _told(_fees, rest, settings)


def _told(check: Any, rest: Rest, settings: Settings) -> Iterator[Finding]:
    """Run one more question; an answer that does not come is a finding too."""
    try:
        yield from check(rest, settings)
    except (VenueError, VenueUnknown, AuthError) as problem:
        yield warned("account", f"the venue did not tell: {problem}", "try again")


def _may_trade(rest: Rest, keys: Keys, kind: str, settings: Settings) -> Finding:
    """Ask the venue to judge an order without placing it: only trading rights get an answer."""
    order = {"symbol": settings.trading.symbols[0], "side": "BUY", "type": "MARKET"}
    named = f"{keys.masked()} ({kind})"
    try:
        rest.post(TEST_ORDER, {**order, "quantity": "0"}, signed=True)
    except AuthError as problem:
        fix = 'enable futures trading for the key ("Enable Futures"), and this machine\'s address'
        return failed("keys", f"{named} may read but not trade: {problem}", fix)
    except VenueUnknown as problem:
        return warned("keys", f"{named}: whether it may trade is not known: {problem}", "try again")
    except VenueError:
        # Refused for its size, as it must be: the key itself was let in.
        return passed("keys", f"{named} may trade")
    return passed("keys", f"{named} may trade")


def _rights(rest: Rest, keys: Keys, network: Network) -> Iterator[Finding]:
    """Look whether the key can do more than it needs; where the venue tells that."""
    live = network.venue() == "mainnet"
    url, meter = RESTRICTIONS_URL if live else network.rest_url, Meter(rest.clock)
    place = Rest(url, keys, ca_file=network.ca_file, meter=meter)
    try:
        yield from rights(place.get(RESTRICTIONS, signed=True))
    except (VenueError, VenueUnknown, AuthError):
        yield noted("rights", "this venue does not tell what else the key may do")
    finally:
        place.close()


def rights(restrictions: dict[str, Any]) -> Iterator[Finding]:
    """Judge what the venue lists as a key's rights."""
    if restrictions.get("enableWithdrawals"):
        yield warned(
            "rights",
            "the key may withdraw money, which trading never needs",
            'take "Enable Withdrawals" from the key',
        )
    if restrictions.get("enableFutures") is False:
        yield failed("rights", "the key has no right to futures", 'give it "Enable Futures"')
    if restrictions.get("ipRestrict") is False:
        yield warned(
            "rights",
            "the key works from every address",
            "restrict it to the address of this machine",
        )
    if restrictions.get("enableWithdrawals") is False:
        yield passed("rights", "the key cannot withdraw money")


def modes(account: dict[str, Any]) -> Iterator[Finding]:
    """Judge the account's modes, as accountConfig tells them."""
    if account.get("canTrade") is False:
        yield failed("account", "the venue does not let this account trade", "ask its support")
    if account.get("dualSidePosition"):
        yield failed(
            "position mode",
            "hedge mode: two positions a symbol, where this system keeps one",
            "close all positions and orders, then choose One-way Mode in the venue's preferences",
        )
    else:
        yield passed("position mode", "one-way")
    if account.get("multiAssetsMargin"):
        yield warned(
            "margin mode",
            "multi-assets mode: other assets are margin too, and limits here count one",
            "choose Single-Asset Mode in the venue's preferences",
        )
    else:
        yield passed("margin mode", "single-asset")


def _money(rest: Rest, _settings: Settings) -> Iterator[Finding]:
    held = {row["asset"]: row["balance"] for row in rest.balance() if parse_e8(row["balance"]) > 0}
    if not held:
        yield warned("balance", "the account holds nothing", "transfer to the futures account")
        return
    named = ", ".join(f"{trim_e8(parse_e8(amount))} {asset}" for asset, amount in held.items())
    yield passed("balance", named)


def _symbols(rest: Rest, settings: Settings) -> Iterator[Finding]:
    most = settings.risk.max_leverage
    rows = {row["symbol"]: row for row in rest.get(SYMBOL_CONFIG, signed=True)}
    for symbol in settings.trading.symbols:
        row = rows.get(symbol, {})
        leverage, kind = int(row.get("leverage", 0)), row.get("marginType", "unknown")
        text = f"{symbol}: {leverage}x, {kind.lower()} margin"
        if most and leverage < most:
            yield warned(
                "leverage",
                f"{text}: the venue wants more margin than max_leverage ({most:g}) counts on",
                f"[risk] max_leverage = {leverage}, or {most:g}x at the venue",
            )
        else:
            yield passed("leverage", text)


def _fees(rest: Rest, settings: Settings) -> Iterator[Finding]:
    for symbol in settings.trading.symbols:
        row = rest.get(COMMISSION_RATE, {"symbol": symbol}, signed=True)
        for name, key in (
            ("fee_maker", "makerCommissionRate"),
            ("fee_taker", "takerCommissionRate"),
        ):
            ours_e8 = nearest_steps(getattr(settings.trading, name), 1)
            theirs_e8 = parse_e8(row[key])
            if ours_e8 != theirs_e8:
                yield warned(
                    "fees",
                    f"{symbol}: {name} is {ours_e8 / E8:g} and the venue takes {theirs_e8 / E8:g}",
                    f"[trading] {name} = {trim_e8(theirs_e8)}",
                )
            else:
                yield passed("fees", f"{symbol}: {name} {trim_e8(theirs_e8)}, as the venue takes")
