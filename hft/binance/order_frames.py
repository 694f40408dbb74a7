"""Orders on the WebSocket API: our names for them, requests from whole numbers, replies.

Whatever of a request does not change from order to order is written once; an order adds its
numbers, its time and its signature.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from hft.binance.filters import SymbolSpec
from hft.binance.signing import Signer
from hft.events import IntentFlag, OrderType, Side, TimeInForce

CLIENT_ID_PREFIX = "hft-"
ORDER_RECV_WINDOW_MS = 2000
"""An order that reaches the venue later than this is refused there: late is worse than never."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CLIENT_ID = re.compile(rf"{CLIENT_ID_PREFIX}([0-9a-z]{{1,13}})-([0-9a-z]{{1,13}})")


def client_order_id(session_epoch: int, intent_seq: int) -> str:
    """Name an order: a pure function of the session and the intent, at most 31 characters."""
    return f"{CLIENT_ID_PREFIX}{_base36(session_epoch)}-{_base36(intent_seq)}"


def parse_client_order_id(text: str) -> tuple[int, int] | None:
    """Read (session epoch, intent sequence) back; None when the order is not ours."""
    match = _CLIENT_ID.fullmatch(text)
    return (int(match[1], 36), int(match[2], 36)) if match else None


def _base36(value: int) -> str:
    digits = ""
    while True:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
        if not value:
            return digits


class Placement(NamedTuple):
    """One order as the writer wants it: how it trades, and its whole numbers."""

    symbol: int
    side: int
    order_type: int
    tif: int
    flags: int
    price_ticks: int
    qty_lots: int


class _Shape(NamedTuple):
    """The parts of a request around its numbers, as signed text and as JSON."""

    signed_middle: str
    signed_end: str
    json_middle: str
    json_end: str


class OrderWriter:
    """Writes signed requests for the orders of one session."""

    def __init__(
        self, api_key: str, signer: Signer, symbols: list[str], specs: list[SymbolSpec]
    ) -> None:
        self._sign = signer.sign
        self._symbols = symbols
        self._specs = specs
        self._api_key = api_key
        self._shapes: dict[tuple[int, int, int, int, int], _Shape] = {}

    def place(self, request_id: int, client_id: str, order: Placement, venue_ms: int) -> bytes:
        """Write an `order.place` request."""
        shape = self._shapes.get(order[:5]) or self._make_shape(order)
        spec = self._specs[order.symbol]
        signed_price = json_price = ""
        if order.order_type == OrderType.LIMIT:
            price = spec.price_text(order.price_ticks)
            signed_price, json_price = f"&price={price}", f',"price":"{price}"'
        qty = spec.qty_text(order.qty_lots)
        signature = self._sign(
            f"apiKey={self._api_key}&newClientOrderId={client_id}{signed_price}&quantity={qty}"
            f"{shape.signed_middle}{venue_ms}{shape.signed_end}".encode()
        )
        return (
            f'{{"id":{request_id},"method":"order.place","params":{{"apiKey":"{self._api_key}",'
            f'"newClientOrderId":"{client_id}"{json_price},"quantity":"{qty}"'
            f'{shape.json_middle}{venue_ms}{shape.json_end},"signature":"{signature}"}}}}'
        ).encode()

    def cancel(self, request_id: int, client_id: str, symbol: int, venue_ms: int) -> bytes:
        """Write an `order.cancel` request for an order by our name for it."""
        name = self._symbols[symbol]
        signature = self._sign(
            f"apiKey={self._api_key}&origClientOrderId={client_id}"
            f"&recvWindow={ORDER_RECV_WINDOW_MS}&symbol={name}&timestamp={venue_ms}".encode()
        )
        return (
            f'{{"id":{request_id},"method":"order.cancel","params":{{"apiKey":"{self._api_key}",'
            f'"origClientOrderId":"{client_id}","recvWindow":{ORDER_RECV_WINDOW_MS},'
            f'"symbol":"{name}","timestamp":{venue_ms},"signature":"{signature}"}}}}'
        ).encode()

    def time(self, request_id: int) -> bytes:
        """Write a `time` request: unsigned, it shows that the venue is still there."""
        return f'{{"id":{request_id},"method":"time"}}'.encode()

    def _make_shape(self, order: Placement) -> _Shape:
        pairs = {"side": Side(order.side).name, "symbol": self._symbols[order.symbol]}
        if order.flags & IntentFlag.REDUCE_ONLY:
            pairs["reduceOnly"] = "true"
        kind = OrderType(order.order_type)
        if kind is OrderType.LIMIT:
            post_only = order.flags & IntentFlag.POST_ONLY
            pairs["timeInForce"] = "GTX" if post_only else TimeInForce(order.tif).name
        middle = f"&recvWindow={ORDER_RECV_WINDOW_MS}"
        middle += "".join(f"&{name}={pairs[name]}" for name in sorted(pairs))
        json_pairs = "".join(f',"{name}":"{pairs[name]}"' for name in sorted(pairs))
        shape = _Shape(
            f"{middle}&timestamp=",
            f"&type={kind.name}",
            f',"recvWindow":{ORDER_RECV_WINDOW_MS}{json_pairs},"timestamp":',
            f',"type":"{kind.name}"',
        )
        self._shapes[order[:5]] = shape
        return shape


class ReplyResult(msgspec.Struct, rename="camel"):
    """What a successful reply says of an order; other methods leave the defaults."""

    order_id: int = 0
    client_order_id: str = ""
    status: str = ""
    update_time: int = 0
    server_time: int = 0


class ReplyError(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    code: int = 0
    msg: str = ""


_NO_ERROR = ReplyError()


class Reply(msgspec.Struct):
    """One reply; `id` is the request's, None when the venue could not even read it."""

    id: int | str | None = None
    status: int = 0
    result: ReplyResult | None = None
    error: ReplyError = _NO_ERROR


decode_reply = msgspec.json.Decoder(Reply).decode
