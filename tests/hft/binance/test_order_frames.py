from __future__ import annotations

import json
import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hft.binance.order_frames import (
    OrderWriter,
    client_order_id,
    decode_reply,
    parse_client_order_id,
)
from hft.binance.order_terms import OrderTerms
from hft.binance.signing import Ed25519Signer, HmacSigner, ws_payload
from hft.events import IntentFlag, OrderType, Side

KEY, SECRET = "k" * 64, "secret"
VENUE_RULE = re.compile(r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
u64 = st.integers(0, 2**64 - 1)


@given(u64, u64)
def test_a_client_order_id_is_what_the_venue_takes_and_reads_back(epoch: int, seq: int) -> None:
    name = client_order_id(epoch, seq)
    assert VENUE_RULE.match(name)
    assert parse_client_order_id(name) == (epoch, seq)


def test_names_of_others_are_not_ours() -> None:
    for name in (
        "x-cvBPrNm9abc",
        "autoclose-1",
        "hft-",
        "hft-1",
        "hft-A-1",
        "xhft-1-1",
        "hft-1-1-",
    ):
        assert parse_client_order_id(name) is None


def check_signature(params: dict[str, Any]) -> None:
    signature = params.pop("signature")
    assert HmacSigner(SECRET).sign(ws_payload(params).encode()) == signature


def test_a_cancel_names_the_order_and_is_signed() -> None:
    writer = OrderWriter(KEY, HmacSigner(SECRET), ["BTCUSDT"])
    request = json.loads(writer.cancel(3, "hft-1-2", 0, 5))
    assert request["method"] == "order.cancel"
    assert request["params"]["origClientOrderId"] == "hft-1-2"
    check_signature(request["params"])


def test_a_session_that_is_logged_on_is_asked_without_key_and_signature() -> None:
    signer = Ed25519Signer(Ed25519PrivateKey.generate())
    writer = OrderWriter(KEY, signer, ["BTCUSDT"])
    params = json.loads(writer.cancel(3, "hft-1-2", 0, 5))["params"]
    assert sorted(params) == ["origClientOrderId", "recvWindow", "symbol", "timestamp"]
    logon = json.loads(writer.logon(4, 5))
    assert logon["method"] == "session.logon"
    signature = logon["params"].pop("signature")
    assert signature == signer.sign(ws_payload(logon["params"]).encode())


def waiting_terms(flags: int) -> OrderTerms:
    stop, side = OrderType.STOP_MARKET, Side.SELL
    return OrderTerms("hft-1-2", "BTCUSDT", side, stop, 0, flags, "59990.0", "0.020", 5)


def test_an_order_that_waits_says_what_it_watches_and_what_it_may_do() -> None:
    writer = OrderWriter(KEY, HmacSigner(SECRET), ["BTCUSDT"])
    flags = IntentFlag.REDUCE_ONLY | IntentFlag.ON_MARK
    request = json.loads(writer.place(3, waiting_terms(flags)))
    assert request["method"] == "algoOrder.place"
    check_signature(request["params"])
    told = request["params"]
    assert (told["clientAlgoId"], told["triggerPrice"], told["quantity"]) == (
        "hft-1-2", "59990.0", "0.020",
    )  # fmt: skip
    assert (told["workingType"], told["reduceOnly"]) == ("MARK_PRICE", "true")
    cancel = json.loads(writer.cancel_waiting(4, "hft-1-2", 5))
    assert cancel["method"] == "algoOrder.cancel"
    check_signature(cancel["params"])


def test_one_that_closes_the_position_has_neither_quantity_nor_a_word_on_reducing() -> None:
    flags = IntentFlag.REDUCE_ONLY | IntentFlag.CLOSE_POSITION
    told = waiting_terms(flags).parameters()
    assert told["closePosition"] == "true"
    assert {"quantity", "reduceOnly"}.isdisjoint(told)


def test_replies_are_read_with_whatever_else_they_carry() -> None:
    good = decode_reply(
        b'{"id":7,"status":200,"result":{"orderId":8389765432109876543,"status":"NEW","x":1},'
        b'"rateLimits":[{"count":1}]}'
    )
    assert good.result is not None
    assert (good.id, good.status, good.result.order_id) == (7, 200, 8389765432109876543)
    bad = decode_reply(b'{"id":null,"status":400,"error":{"code":-1102,"msg":"Mandatory"}}')
    assert (bad.id, bad.error.code, bad.result) == (None, -1102, None)
