"""Orders on the WebSocket API: our names for them, requests about them, replies.

New orders themselves are written by `hft.binance.order_text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from hft.binance.endpoints import RECV_WINDOW_MS
from hft.binance.order_terms import OrderTerms
from hft.binance.order_text import CLIENT_ID_PREFIX, DIGITS, ORDER_RECV_WINDOW_MS
from hft.binance.signing import Signer, Value, ws_payload

_CLIENT_ID = re.compile(rf"{CLIENT_ID_PREFIX}([0-9a-z]{{1,13}})-([0-9a-z]{{1,13}})")


def session_name(session_epoch: int) -> str:
    """Write a session's part of the names of its orders."""
    return _base36(session_epoch)


def client_order_id(session_epoch: int, intent_seq: int) -> str:
    """Name an order: a pure function of the session and the intent, at most 31 characters."""
    return f"{CLIENT_ID_PREFIX}{session_name(session_epoch)}-{_base36(intent_seq)}"


def parse_client_order_id(text: str) -> tuple[int, int] | None:
    """Read (session epoch, intent sequence) back; None when the order is not ours."""
    match = _CLIENT_ID.fullmatch(text)
    return (int(match[1], 36), int(match[2], 36)) if match else None


def _base36(value: int) -> str:
    digits = ""
    while True:
        value, digit = divmod(value, 36)
        digits = DIGITS[digit] + digits
        if not value:
            return digits


class OrderWriter:
    """Writes requests about the orders of one session.

    Each bears the API key and a signature, unless the signer's key has logged the session on.
    """

    def __init__(self, api_key: str, signer: Signer, symbols: list[str]) -> None:
        self._sign = signer.sign
        self._symbols = symbols
        self._api_key = api_key
        self.logs_on = signer.logs_on

    def logon(self, request_id: int, venue_ms: int) -> bytes:
        """Write the request that logs the session on; it is signed itself."""
        stamp = {"recvWindow": RECV_WINDOW_MS, "timestamp": venue_ms}
        return self._write(request_id, "session.logon", self._signed(stamp))

    def cancel(self, request_id: int, client_id: str, symbol: int, venue_ms: int) -> bytes:
        """Write an `order.cancel` request for an order by our name for it."""
        params: Mapping[str, Value] = {
            "origClientOrderId": client_id,
            "recvWindow": ORDER_RECV_WINDOW_MS,
            "symbol": self._symbols[symbol],
            "timestamp": venue_ms,
        }
        return self._write(request_id, "order.cancel", self._authorised(params))

    def place_waiting(self, request_id: int, terms: OrderTerms) -> bytes:
        """Write an `algoOrder.place` request."""
        params = self._authorised(terms.parameters())
        return self._write(request_id, "algoOrder.place", params)

    def cancel_waiting(self, request_id: int, client_id: str, venue_ms: int) -> bytes:
        """Write an `algoOrder.cancel` request for an order that waits for its trigger."""
        params: Mapping[str, Value] = {
            "clientAlgoId": client_id,
            "recvWindow": ORDER_RECV_WINDOW_MS,
            "timestamp": venue_ms,
        }
        return self._write(request_id, "algoOrder.cancel", self._authorised(params))

    def _authorised(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        return params if self.logs_on else self._signed(params)

    def _signed(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        params = {"apiKey": self._api_key, **params}
        return {**params, "signature": self._sign(ws_payload(params).encode())}

    @staticmethod
    def _write(request_id: int, method: str, params: Mapping[str, Value]) -> bytes:
        return msgspec.json.encode({"id": request_id, "method": method, "params": params})

    def amend(
        self, request_id: int, client_id: str, terms: tuple[int, str, str, str], venue_ms: int
    ) -> bytes:
        """Write an `order.modify` request; `terms` are symbol, side, price and whole quantity."""
        symbol, side, price, qty = terms
        params: Mapping[str, Value] = {
            "origClientOrderId": client_id,
            "price": price,
            "quantity": qty,
            "recvWindow": ORDER_RECV_WINDOW_MS,
            "side": side,
            "symbol": self._symbols[symbol],
            "timestamp": venue_ms,
        }
        return self._write(request_id, "order.modify", self._authorised(params))

    def place(self, request_id: int, params: Mapping[str, Value]) -> bytes:
        """Write an `order.place` request with these parameters, its time among them."""
        named = {**params, "recvWindow": ORDER_RECV_WINDOW_MS}
        return self._write(request_id, "order.place", self._authorised(named))

    def time(self, request_id: int) -> bytes:
        """Write a `time` request: unsigned, it shows that the venue is still there."""
        return f'{{"id":{request_id},"method":"time"}}'.encode()


class ReplyResult(msgspec.Struct, rename="camel"):
    """What a successful reply says of an order; other methods leave the defaults."""

    order_id: int = 0
    client_order_id: str = ""
    status: str = ""
    update_time: int = 0
    server_time: int = 0


class ReplyData(msgspec.Struct, frozen=True, rename="camel"):
    """What comes with a refusal for the rate: when to come back, in the venue's milliseconds."""

    retry_after: int = 0


class ReplyError(msgspec.Struct, frozen=True):
    """Why a request was refused."""

    code: int = 0
    msg: str = ""
    data: ReplyData = ReplyData()


class RateRow(msgspec.Struct, frozen=True):
    """One of the venue's limits and how much of it was used."""

    kind: str = msgspec.field(default="", name="rateLimitType")
    interval: str = ""
    number: int = msgspec.field(default=1, name="intervalNum")
    count: int = 0


_NO_ERROR = ReplyError()


class Reply(msgspec.Struct):
    """One reply; `id` is the request's, None when the venue could not even read it."""

    id: int | str | None = None
    status: int = 0
    result: ReplyResult | None = None
    error: ReplyError = _NO_ERROR
    rate_limits: list[RateRow] = msgspec.field(default_factory=list, name="rateLimits")


decode_reply = msgspec.json.Decoder(Reply).decode
