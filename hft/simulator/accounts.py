"""The accounts file: who trades here, with which keys, money and settings.

TOML or JSON, read once and whole; an unknown word, a wrong one or a contradiction is refused with
the file, the key and what was expected.  See `AccountPlan` and `KeyPlan` for the words.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import orjson

from hft.errors import ConfigError
from hft.simulator.keys import Credentials, PublicKey, read_network, read_public_key
from hft.units import parse_e8

Text = Annotated[str, msgspec.Meta(min_length=1)]
KeyText = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{1,128}$")]
Leverage = Annotated[int, msgspec.Meta(ge=1, le=150)]
Decimal = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,8})?$")]
FeeRate = Annotated[str, msgspec.Meta(pattern=r"^-?0(\.[0-9]{1,6})?$")]
"""A fraction of the notional with at most six decimals: ``"0.0002"``; below 0 it is a rebate."""


class KeyPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One API key: `secret` for hmac, `public_key` (PEM) for the others, or the file it is in."""

    key: KeyText
    kind: Literal["hmac", "ed25519", "rsa"] = "hmac"
    secret: str = ""
    secret_file: str = ""
    public_key: str = ""
    public_key_file: str = ""
    can_trade: bool = True
    ips: tuple[Text, ...] = ()


class AccountPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account; what is left out is as on a fresh account of the venue."""

    name: Text
    keys: Annotated[tuple[KeyPlan, ...], msgspec.Meta(min_length=1)]
    deposits: dict[Text, Decimal] = {}
    maker_fee: FeeRate | None = None
    taker_fee: FeeRate | None = None
    hedge_mode: bool = False
    multi_assets: bool = False
    leverage: dict[Text, Leverage] = {}
    margin_type: dict[Text, Literal["CROSSED", "ISOLATED"]] = {}

    def deposits_e8(self) -> dict[str, int]:
        """Give what each asset begins with, in units of 1e-8."""
        return {asset: parse_e8(amount) for asset, amount in self.deposits.items()}


class AccountsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every account, in the order of their ids from 1."""

    accounts: Annotated[tuple[AccountPlan, ...], msgspec.Meta(min_length=1)]


def read_accounts(path: Path) -> tuple[AccountPlan, ...]:
    """Read an accounts file.

    Raises:
        ConfigError: it cannot be read, or its words are wrong.
    """
    try:
        data = path.read_bytes()
        words = orjson.loads(data) if path.suffix == ".json" else tomllib.loads(data.decode())
        plans = msgspec.convert(words, AccountsFile).accounts
    except OSError as error:
        raise ConfigError(f"--accounts {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"--accounts {path}: {error}") from None
    _check_once(path, "name", (plan.name for plan in plans))
    _check_once(path, "key", (key.key for plan in plans for key in plan.keys))
    return plans


def credentials_of(path: Path, plan: AccountPlan, account_id: int) -> list[Credentials]:
    """Give the keys of an account; files are sought beside the accounts file.

    Raises:
        ConfigError: a key has not what its kind needs.
    """
    found = []
    for number, key in enumerate(plan.keys):
        try:
            secret, public_key = _secret_of(path.parent, key), _public_key_of(path.parent, key)
            networks = tuple(read_network(text) for text in key.ips)
        except (OSError, ValueError) as error:
            where = f"account {plan.name}, keys[{number}]"
            raise ConfigError(f"--accounts {path}: {where}: {error}") from None
        found.append(Credentials(key.key, secret, account_id, public_key, key.can_trade, networks))
    return found


def _secret_of(folder: Path, key: KeyPlan) -> str:
    if key.kind != "hmac":
        if key.secret or key.secret_file:
            raise ValueError(f"a key of kind {key.kind} has a public_key, not a secret")
        return ""
    if bool(key.secret) == bool(key.secret_file):
        raise ValueError("a key of kind hmac needs either secret or secret_file")
    return key.secret or (folder / key.secret_file).read_text().strip()


def _public_key_of(folder: Path, key: KeyPlan) -> PublicKey | None:
    if key.kind == "hmac":
        if key.public_key or key.public_key_file:
            raise ValueError("a key of kind hmac has a secret, not a public_key")
        return None
    if bool(key.public_key) == bool(key.public_key_file):
        raise ValueError(f"a key of kind {key.kind} needs either public_key or public_key_file")
    pem = key.public_key.encode() or (folder / key.public_key_file).read_bytes()
    public_key = read_public_key(pem)
    found = Credentials(key.key, public_key=public_key).kind.lower()
    if found != key.kind:
        raise ValueError(f"kind is {key.kind}, and the public key is {found}")
    return public_key


def _check_once(path: Path, word: str, values: Iterable[str]) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ConfigError(f"--accounts {path}: {word} {twice[0]!r} is given twice")
