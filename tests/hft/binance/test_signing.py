import base64
import hashlib
import hmac
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from hft.binance.signing import HmacSigner, rest_query, signer_of, ws_payload
from hft.errors import AuthError

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
API_KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"


def test_rest_signatures_match_the_published_vectors():
    sign = HmacSigner(SECRET).sign
    assert (
        sign(
            b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000"
            b"&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
        )
        == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    )
    assert (
        sign(b"timestamp=1790000000000")
        == "1f4a8ae18b1833241dd4ea4e37e3fae60addf28327fe8e827f1481b52f9d15e4"
    )


@given(st.text(max_size=200), st.binary(max_size=400))
def test_signatures_are_those_of_the_standard_library(secret: str, payload: bytes):
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    assert HmacSigner(secret).sign(payload) == expected


def test_one_signer_signs_many_times_with_the_same_answer():
    signer = HmacSigner(SECRET)
    first = signer.sign(b"timestamp=1790000000000")
    signer.sign(b"something else")
    assert signer.sign(b"timestamp=1790000000000") == first


def test_the_websocket_payload_is_sorted_and_holds_the_key():
    params = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.010",
        "price": "60000.0",
        "recvWindow": 5000,
        "timestamp": 1790000000000,
        "apiKey": API_KEY,
    }
    signature = HmacSigner(SECRET).sign(ws_payload(params).encode())
    assert signature == "aaf90c3f0bcac167c4c887b3718182e81235b3a87a800609480337b429ada5a1"


def test_a_query_keeps_its_order_and_writes_booleans_in_lower_case():
    query = rest_query({"symbol": "BTCUSDT", "reduceOnly": True, "a": "x y"})
    assert query == "symbol=BTCUSDT&reduceOnly=true&a=x+y"


# RFC 8032, 7.1, test 2: a private key, its public half, a message and its signature.
SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
SIGNED = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def pem(key: object = None, **changes: object) -> str:
    key = key or Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED))
    form = {"format": PrivateFormat.PKCS8, "encryption_algorithm": NoEncryption(), **changes}
    return key.private_bytes(Encoding.PEM, **form).decode()


def test_a_private_key_in_pem_signs_as_the_standard_says():
    signer = signer_of("\n" + pem())
    assert signer.logs_on
    assert base64.b64decode(signer.sign(b"\x72")) == bytes.fromhex(SIGNED)
    assert not signer_of(SECRET).logs_on


def test_rest_sends_base64_percent_encoded():
    signer = signer_of(pem())
    query, _, signature = signer.signed_query({"a": "x y"}).rpartition("&signature=")
    assert query == "a=x+y"
    assert not set(signature) & set("+/=")
    assert unquote(signature) == signer.sign(b"a=x+y")


@pytest.mark.parametrize(
    "text",
    [
        pem(generate_private_key(65_537, 2_048)),
        pem(encryption_algorithm=BestAvailableEncryption(b"word")),
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        "-----BEGIN",
    ],
    ids=["rsa", "with a password", "no key in it", "no end"],
)
def test_any_other_pem_is_refused_in_a_sentence_that_quotes_nothing_of_it(text: str):
    with pytest.raises(AuthError, match="no Ed25519 key in PEM") as told:
        signer_of(text)
    assert told.value.__cause__ is None
    assert text.splitlines()[-1] not in str(told.value)
