"""Money from outside: deposits and withdrawals while the exchange runs.

`POST /sim/deposit` with ``{"account": "alice", "asset": "USDT", "amount": "10"}``, or an `api_key`
instead of the account's name; a negative amount is a withdrawal.  The venue has no such call, so it
is answered on loopback alone.
"""

from __future__ import annotations

from ipaddress import ip_address

import msgspec

from hft.simulator.account_opening import pay_in
from hft.simulator.refusals import refusal
from hft.simulator.replies import Request
from hft.simulator.venue import Venue
from hft.units import E8, parse_e8, trim_e8

DEPOSIT_PATH = "/sim/deposit"
AMOUNT_MAX_E8 = 10**12 * E8


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose account, named by the accounts file or by a key, and what moves."""

    asset: str
    amount: str
    account: str = ""
    api_key: str = ""


def deposit(venue: Venue, request: Request, now_ms: int) -> dict[str, object]:
    """Move money in or out; gives what moved.

    Raises:
        Refusal: -2015 not from this machine, -1102 or -1130 malformed, -2018 more than can leave.
    """
    if not ip_address(request.address).is_loopback:
        raise refusal(-2015)
    try:
        wish = msgspec.json.decode(request.body, type=Wish)
    except (msgspec.DecodeError, RecursionError) as error:
        raise refusal(-1130, text=f"A deposit is not valid: {error}") from None
    account_id = _account_of(venue, wish)
    amount_e8 = read_amount(wish.amount)
    if not amount_e8:
        raise refusal(-1130, "amount")
    pay_in(venue, account_id, wish.asset, amount_e8, now_ms)
    return {"asset": wish.asset, "amount": trim_e8(amount_e8)}


def read_amount(text: str) -> int:
    """Read a decimal amount, signed, in units of 1e-8.

    Raises:
        Refusal: -1130, it is none, or absurdly large.
    """
    try:
        amount_e8 = parse_e8(text)
    except ValueError:
        raise refusal(-1130, "amount") from None
    if abs(amount_e8) > AMOUNT_MAX_E8:
        raise refusal(-1130, "amount")
    return amount_e8


def _account_of(venue: Venue, wish: Wish) -> int:
    if bool(wish.account) == bool(wish.api_key):
        raise refusal(-1102, "account")
    if wish.api_key:
        return venue.credentials_of(wish.api_key).account_id
    account_id = venue.account_ids.get(wish.account)
    if account_id is None:
        raise refusal(-1130, "account")
    return account_id
