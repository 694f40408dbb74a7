"""Orders as bytes, read back by strangers: wsproto unframes, json parses, hmac signs again."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from hft.binance.filters import SymbolSpec
from hft.binance.order_frames import client_order_id, session_name
from hft.binance.order_text import KINDS, OrderTexts, shape_of, write_order
from hft.binance.sha256 import SCRATCH_WORDS, STATE_WORDS, key_schedule, pack_keys, sign
from hft.events import Side, TimeInForce
from hft.units import format_e8
from ringbuf.addressed import AddressTable

SPECS = [
    SymbolSpec(10_000_000, 100_000, 1, 1_000_000, 120_000, 1, 10**8, 0, 10_000),
    SymbolSpec(1_000, 100_000_000, 1, 10**9, 10**9, 1, 10**8, 0, 1_000),
]
SYMBOLS = ["BTCUSDT", "1000PEPEUSDT"]
KEY, SECRET, EPOCH = "k" * 64, "secret", 1_790_000_000_123_456_789


def read_back(frame: bytes) -> dict[str, Any]:
    """What a server makes of the bytes; wsproto refuses a frame that is not masked or not whole."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(frame)
    (event,) = list(server.events())
    assert isinstance(event, TextMessage)
    assert event.message_finished
    request: dict[str, Any] = json.loads(event.data)
    return request


def write(key: str = KEY, secret: str = SECRET, **values: int) -> dict[str, Any]:
    return write_with((key, secret), **values)


def write_with(keys: tuple[str, str] | None, **values: int) -> dict[str, Any]:
    texts = OrderTexts(keys, session_name(EPOCH), SYMBOLS, SPECS)
    for name, value in values.items():
        texts.request[0][name] = value
    size = write_order(AddressTable(texts.rows()).address)
    return read_back(bytes(texts.frame[:size]))


@pytest.fixture(scope="module", autouse=True)
def _compiled_beforehand() -> None:
    """An example's deadline is no time to compile in."""
    write()


def check_signature(params: dict[str, Any], secret: str = SECRET) -> None:
    signature = params.pop("signature")
    text = "&".join(f"{name}={params[name]}" for name in sorted(params))
    assert signature == hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@given(
    symbol=st.integers(0, 1),
    side=st.sampled_from(Side),
    kind=st.integers(0, KINDS - 1),
    reduces=st.booleans(),
    ticks=st.integers(1, 10**8),
    lots=st.integers(1, 10**9),
    numbers=st.tuples(st.integers(1, 2**53), st.integers(1, 2**63 - 1), st.integers(1, 10**14)),
    mask=st.integers(0, 2**32 - 1),
    key=st.text("abcXYZ019", min_size=1, max_size=200),
    secret=st.text("abcXYZ019", min_size=1, max_size=130),
)
def test_every_order_says_what_was_asked_and_is_signed_over_its_sorted_parameters(
    symbol: int,
    side: Side,
    kind: int,
    reduces: bool,
    ticks: int,
    lots: int,
    numbers: tuple[int, int, int],
    mask: int,
    key: str,
    secret: str,
) -> None:
    spec, (request_id, intent_seq, venue_ms) = SPECS[symbol], numbers
    request = write(
        key,
        secret,
        request_id=request_id,
        intent_seq=intent_seq,
        shape=shape_of(symbol, int(side is Side.SELL), kind, int(reduces)),
        price_e8=ticks * spec.tick_e8,
        price_decimals=1 if symbol == 0 else 5,
        qty_e8=lots * spec.lot_e8,
        qty_decimals=3 if symbol == 0 else 0,
        venue_ms=venue_ms,
        mask=mask,
    )
    assert (request["id"], request["method"]) == (request_id, "order.place")
    params = request["params"]
    check_signature(params, secret)
    expected: dict[str, Any] = {
        "apiKey": key,
        "newClientOrderId": client_order_id(EPOCH, intent_seq),
        "quantity": format_e8(lots * spec.lot_e8, 3 if symbol == 0 else 0),
        "recvWindow": 2000,
        "side": side.name,
        "symbol": SYMBOLS[symbol],
        "timestamp": venue_ms,
        "type": "LIMIT" if kind else "MARKET",
    }
    if kind:
        expected["price"] = format_e8(ticks * spec.tick_e8, 1 if symbol == 0 else 5)
        expected["timeInForce"] = TimeInForce(kind).name
    if reduces:
        expected["reduceOnly"] = "true"
    assert params == expected
    assert list(params) == sorted(params), "the order in which they are signed"


@given(
    kind=st.integers(0, KINDS - 1),
    side=st.sampled_from(Side),
    reduces=st.booleans(),
    ticks=st.integers(1, 10**8),
    numbers=st.tuples(st.integers(1, 2**53), st.integers(1, 2**63 - 1), st.integers(1, 10**14)),
    mask=st.integers(0, 2**32 - 1),
)
def test_an_order_of_a_session_that_is_logged_on_says_the_same_without_key_and_signature(
    kind: int, side: Side, reduces: bool, ticks: int, numbers: tuple[int, int, int], mask: int
) -> None:
    values = {
        "request_id": numbers[0],
        "intent_seq": numbers[1],
        "venue_ms": numbers[2],
        "shape": shape_of(0, int(side is Side.SELL), kind, int(reduces)),
        "price_e8": ticks * SPECS[0].tick_e8,
        "price_decimals": 1,
        "qty_e8": SPECS[0].lot_e8,
        "qty_decimals": 3,
        "mask": mask,
    }
    request, signed = write_with(None, **values), write(**values)
    assert "signature" in signed["params"]
    del signed["params"]["signature"], signed["params"]["apiKey"]
    assert request == signed


def test_a_key_that_no_frame_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="the API key is too long"):
        OrderTexts(("k" * 40_000, SECRET), "1", SYMBOLS, SPECS)


@given(
    secret=st.binary(max_size=150), beginning=st.binary(max_size=200), rest=st.binary(max_size=400)
)
def test_signatures_are_those_of_the_standard_library(
    secret: bytes, beginning: bytes, rest: bytes
) -> None:
    schedule = key_schedule(secret, beginning)
    text = schedule.rest + rest
    data = np.zeros(len(text) + 128, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    work = np.zeros(STATE_WORDS + SCRATCH_WORDS, np.uint32)
    sign(pack_keys(schedule), schedule.before, data, len(text), work)
    expected = hmac.new(secret, beginning + rest, hashlib.sha256).hexdigest()
    assert bytes(data[:64]).decode() == expected
