import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from hft.binance.signing import HmacSigner, rest_query, ws_payload

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
