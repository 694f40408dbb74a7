"""The parameters of a new order in the venue's words, for the roads on which it is not compiled.

Ordinary orders have one door, orders that wait for a trigger ("algo" orders) another, each over
REST and over the WebSocket API.
"""

from __future__ import annotations

import msgspec

from hft.binance import endpoints
from hft.binance.order_text import ORDER_RECV_WINDOW_MS
from hft.binance.signing import Value
from hft.events import IntentFlag, OrderType, Side, TimeInForce

CONDITIONAL_TYPES = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
WAITING_MAX = 200
"""Untriggered orders one account may have; the venue answers one more with -4045."""


class OrderTerms(msgspec.Struct, frozen=True):
    """A new order; `price` is the limit or the trigger, both amounts are texts on the grid."""

    client_id: str
    symbol: str
    side: int
    order_type: int
    tif: int
    flags: int
    price: str
    qty: str
    venue_ms: int
    """The venue's time that is signed: the order is good until its receive window is over."""

    @property
    def waits(self) -> bool:
        """Say whether it waits for a trigger."""
        return self.order_type in CONDITIONAL_TYPES

    @property
    def path(self) -> str:
        """Its door over REST."""
        return endpoints.ALGO_ORDER if self.waits else endpoints.ORDER

    def parameters(self) -> dict[str, Value]:
        """Write its parameters, time and all, without key and signature."""
        own = self._conditional() if self.waits else self._ordinary()
        return {
            "symbol": self.symbol,
            "side": Side(self.side).name,
            "type": OrderType(self.order_type).name,
            **own,
            "recvWindow": ORDER_RECV_WINDOW_MS,
            "timestamp": self.venue_ms,
        }

    def _ordinary(self) -> dict[str, Value]:
        words: dict[str, Value] = {"newClientOrderId": self.client_id, "quantity": self.qty}
        if self.order_type == OrderType.LIMIT:
            posts = self.flags & IntentFlag.POST_ONLY
            words["price"] = self.price
            words["timeInForce"] = (TimeInForce.GTX if posts else TimeInForce(self.tif)).name
        if self.flags & IntentFlag.REDUCE_ONLY:
            words["reduceOnly"] = "true"
        return words

    def _conditional(self) -> dict[str, Value]:
        on_mark = self.flags & IntentFlag.ON_MARK
        words: dict[str, Value] = {
            "algoType": "CONDITIONAL",
            "clientAlgoId": self.client_id,
            "triggerPrice": self.price,
            "workingType": "MARK_PRICE" if on_mark else "CONTRACT_PRICE",
        }
        if self.flags & IntentFlag.CLOSE_POSITION:
            # Neither a quantity (-4137) nor a word on reduceOnly (-4138) may stand beside it.
            words["closePosition"] = "true"
            return words
        words["quantity"] = self.qty
        if self.flags & IntentFlag.REDUCE_ONLY:
            words["reduceOnly"] = "true"
        return words
