from __future__ import annotations

import pytest

from hft.simulator.keys import Credentials
from hft.simulator.signing import rest_payload, session_payload, sign

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
KEY = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83"


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
            b"&recvWindow=5000&timestamp=1591702613943",
            b"",
            "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        ),
        (
            b"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC",
            b"quantity=1&price=9000&recvWindow=5000&timestamp=1591702613943",
            "30baaf0fab549bbeda7f5ef201898b34122da25fd23c646cac2c529aebe670a4",
        ),
        (
            b"timestamp=1790000000000",
            b"",
            "1f4a8ae18b1833241dd4ea4e37e3fae60addf28327fe8e827f1481b52f9d15e4",
        ),
    ],
)
def test_rest_signs_query_then_body_as_they_came(query: bytes, body: bytes, signature: str) -> None:
    sent = b"&signature=" + signature.encode()
    payload, found = rest_payload(query, body + sent if body else body)
    if not body:
        payload, found = rest_payload(query + sent, body)
    assert payload == query + body
    known = Credentials(KEY, SECRET)
    assert known.is_signed(payload, found)
    assert known.is_signed(payload, found.upper())


def test_the_signature_may_stand_anywhere() -> None:
    assert rest_payload(b"signature=ab&x=1", b"") == (b"x=1", b"ab")
    assert rest_payload(b"x=1&signature=ab&y=2", b"") == (b"x=1&y=2", b"ab")
    assert rest_payload(b"", b"signature=ab") == (b"", b"ab")


def test_the_websocket_api_signs_sorted_parameters_with_the_key() -> None:
    params: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.010",
        "price": "60000.0",
        "recvWindow": 5000,
        "timestamp": 1790000000000,
        "apiKey": KEY,
        "signature": "whatever",
    }
    expected = "aaf90c3f0bcac167c4c887b3718182e81235b3a87a800609480337b429ada5a1"
    assert sign(SECRET, session_payload(params)) == expected


def test_booleans_are_signed_in_lower_case() -> None:
    assert session_payload({"b": True, "a": False}) == b"a=false&b=true"
