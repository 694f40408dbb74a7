"""An Ed25519 key: the session is logged on, orders travel unsigned, and the books agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hft.config import Keys
from hft.errors import AuthError
from hft.events import Action, OrderType

from .rig import KEYS, Rig, Venue, new_rig, venue_running

API_KEY = "e" * 64


class Signing(NamedTuple):
    """A venue whose one account opens with KEYS and with an Ed25519 key."""

    venue: Venue
    keys: Keys


def private_pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    account = {
        "name": "both",
        "deposits": {"USDT": "10000"},
        "keys": [
            {"key": KEYS.api_key, "secret": KEYS.secret_key},
            {"key": API_KEY, "kind": "ed25519", "public_key": public.decode()},
        ],
    }
    path: Path = tmp_path_factory.mktemp("accounts") / "accounts.json"
    path.write_text(json.dumps({"accounts": [account]}))
    with venue_running("--seed", "5", "--accounts", str(path), "--faults", "on") as venue:
        yield Signing(venue, Keys(API_KEY, private_pem(key)))


@pytest.fixture
def rig(signing: Signing) -> Iterator[Rig]:
    signing.venue.tidy_up()
    rig = new_rig(signing.venue)
    rig.keys = signing.keys
    try:
        yield rig
    finally:
        rig.close()
        signing.venue.rest.delete("/sim/faults")


def test_orders_and_cancels_travel_unsigned_and_the_books_agree(rig: Rig) -> None:
    agent = rig.start()
    assert any("order session is logged on" in line for line in rig.lines)
    texts = agent._desk._pad.texts
    rig.until_fit()
    bought = rig.push()
    rig.until(lambda: rig.statuses(bought)[-1:] == ["FILLED"], "filled")
    assert texts.request[0]["hashed_before"] == 0, "nothing was signed"
    bid, _ = rig.venue.touch()
    low = round(bid * 0.97, 1)
    resting = rig.push(order_type=OrderType.LIMIT, price=low, order_ref=77)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["ACCEPTED"], "accepted")
    rig.push(action=Action.CANCEL, target_ref=77, qty=0.0)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "cancelled")
    rig.agrees_with_venue()


def test_a_new_connection_is_logged_on_before_it_counts_as_up(rig: Rig) -> None:
    agent = rig.start()
    session = agent._session
    assert session is not None
    rig.until_fit()
    first = session._link.connection
    for fault in (
        {"kind": "slow_reply", "requests": ["session.logon"], "delay_ms": 300, "count": 1},
        {"kind": "disconnect", "connections": "session", "close_frame": False},
    ):
        rig.venue.rest._session.post(f"{rig.venue.url}/sim/faults", json=fault)
    rig.until(lambda: session._link.connection not in (first, None), "connected")
    assert not session.up
    rig.until(lambda: session.up, "logged on")
    rig.until_fit()
    bought = rig.push()
    rig.until(lambda: rig.statuses(bought)[-1:] == ["FILLED"], "filled")
    rig.agrees_with_venue()


def test_a_private_key_that_is_not_the_venues_is_an_auth_error(rig: Rig) -> None:
    rig.keys = Keys(API_KEY, private_pem(Ed25519PrivateKey.generate()))
    with pytest.raises(AuthError, match="AUTH_ERROR"):
        rig.start()


def test_a_logon_that_is_refused_ends_the_start_with_the_venues_words(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hft.binance.order_frames.OrderWriter.logon",
        lambda _self, request_id, _venue_ms: (
            f'{{"id":{request_id},"method":"session.logon","params":{{"apiKey":"{API_KEY}",'
            f'"timestamp":{rig.venue.rest.venue_ms()},"signature":"AAAA"}}}}'.encode()
        ),
    )
    with pytest.raises(AuthError, match=r"AUTH_ERROR: the venue refused the logon \(-1022"):
        rig.start()


def test_a_private_key_that_cannot_be_read_is_told_without_a_word_of_it(rig: Rig) -> None:
    rig.keys = Keys(API_KEY, "-----BEGIN PRIVATE KEY-----\nZm9vYmFyc2VjcmV0\n-----END-----")
    with pytest.raises(AuthError, match="no Ed25519 key") as told:
        rig.start()
    assert "Zm9v" not in str(told.value)
