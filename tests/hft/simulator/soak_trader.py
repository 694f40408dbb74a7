"""The part of the long run's crowd that trades."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hft.clock import wall_ms

from .soak import Script
from .wire import Simulator


class Trader(Script):
    """Trades one symbol in every way there is."""

    def __init__(self, simulator: Simulator, seed: int, symbol: str) -> None:
        super().__init__(simulator, seed)
        self._symbol = symbol
        self._names: list[str] = []
        self._held = 0.0
        self._actions: tuple[tuple[int, Callable[[float], None]], ...] = (
            (40, self._limit),
            (20, self._amend),
            (20, self._cancel),
            (25, self._market),
            (6, self._algo),
            (6, self._batch),
            (2, self._settings),
            (2, self._look),
            (1, self._clear),
        )

    def piece(self) -> None:
        status, book = self.request("GET", "/fapi/v1/ticker/bookTicker", f"symbol={self._symbol}")
        assert status == 200
        middle = (float(book["bidPrice"]) + float(book["askPrice"])) / 2
        for action in self.random.choices(
            [action for _, action in self._actions], [weight for weight, _ in self._actions], k=20
        ):
            action(middle)

    def order(self, middle: float, **more: Any) -> dict[str, Any]:
        name = f"{self._symbol[:3]}{self.counts['orders']}"
        self.counts["orders"] += 1
        self._names = [*self._names[-150:], name]
        side = self.random.choice(("BUY", "SELL"))
        tif = self.random.choice(("GTC", "GTC", "GTC", "IOC", "FOK", "GTX", "GTD"))
        more |= {"goodTillDate": wall_ms() + 700_000} if tif == "GTD" else {}
        off = self.random.uniform(-0.0001, 0.004) * (-1 if side == "BUY" else 1)
        return {
            "symbol": self._symbol,
            "side": side,
            "type": "LIMIT",
            "timeInForce": tif,
            "price": f"{middle * (1 + off):.2f}" if middle < 1_000 else f"{middle * (1 + off):.1f}",
            "quantity": self._quantity(middle),
            "newClientOrderId": name,
            **more,
        }

    def _quantity(self, middle: float) -> str:
        digits = 0 if middle < 1_000 else 3
        return f"{self.random.uniform(1.0, 4.0) * 60 / middle + (digits == 0):.{digits}f}"

    def _limit(self, middle: float) -> None:
        self.signed("POST", "/fapi/v1/order", **self.order(middle))

    def _amend(self, middle: float) -> None:
        if self._names:
            wish = self.order(middle, origClientOrderId=self.random.choice(self._names))
            names = ("symbol", "side", "price", "quantity", "origClientOrderId")
            self.signed("PUT", "/fapi/v1/order", **{name: wish[name] for name in names})

    def _cancel(self, _: float) -> None:
        if self._names:
            name = self._names.pop(self.random.randrange(len(self._names)))
            self.signed("DELETE", "/fapi/v1/order", symbol=self._symbol, origClientOrderId=name)

    def _market(self, middle: float) -> None:
        wish = self.order(middle)
        for name in ("timeInForce", "price", "goodTillDate"):
            wish.pop(name, None)
        side = "SELL" if self._held > 0 else "BUY"
        _, reply = self.signed(
            "POST",
            "/fapi/v1/order",
            **{**wish, "type": "MARKET", "side": side, "newOrderRespType": "RESULT"},
        )
        filled = float(reply.get("executedQty", 0))
        self._held += filled if side == "BUY" else -filled

    def _algo(self, middle: float) -> None:
        up = self.random.random() < 0.5
        digits = 2 if middle < 1_000 else 1
        wish: dict[str, Any] = {
            "symbol": self._symbol,
            "algoType": "CONDITIONAL",
            "side": "BUY" if up else "SELL",
            "quantity": self._quantity(middle),
        }
        if self.random.random() < 0.5:
            trigger = middle * (1.0005 if up else 0.9995)
            wish |= {"type": "STOP_MARKET", "triggerPrice": f"{trigger:.{digits}f}"}
        else:
            wish |= {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.1"}
        self.signed("POST", "/fapi/v1/algoOrder", **wish)

    def _batch(self, middle: float) -> None:
        orders = [self.order(middle) for _ in range(4)]
        self.signed("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))
        names = json.dumps([each["newClientOrderId"] for each in orders[:2]])
        self.signed(
            "DELETE", "/fapi/v1/batchOrders", symbol=self._symbol, origClientOrderIdList=names
        )

    def _settings(self, _: float) -> None:
        leverage = self.random.choice((5, 20, 50))
        self.signed("POST", "/fapi/v1/leverage", symbol=self._symbol, leverage=leverage)
        self.signed(
            "POST", "/fapi/v1/countdownCancelAll", symbol=self._symbol, countdownTime=60_000
        )

    def _look(self, _: float) -> None:
        for path in ("/fapi/v3/account", "/fapi/v3/positionRisk", "/fapi/v1/openOrders"):
            self.signed("GET", path)
        for path in ("/fapi/v1/allOrders", "/fapi/v1/userTrades", "/fapi/v1/income"):
            self.signed("GET", path, symbol=self._symbol)
        _, rows = self.signed("GET", "/fapi/v2/positionRisk", symbol=self._symbol)
        self._held = float(rows[0]["positionAmt"])

    def _clear(self, _: float) -> None:
        self.signed("DELETE", "/fapi/v1/allOpenOrders", symbol=self._symbol)
        self.signed("DELETE", "/fapi/v1/algoOpenOrders", symbol=self._symbol)
