"""The few REST answers the ledger asks for, from a local HTTP server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from hft.clock import wall_ms
from hft.units import format_e8


class LocalVenue:
    """Lists the fills in `trades`, knows the orders in `orders`; every request is kept in `asked`.

    `page_max` caps a page as the venue does; while `broken` it answers as an overloaded gateway,
    and while `banned_for_s` is set it lets nobody in.
    """

    def __init__(self) -> None:
        self.trades: list[dict[str, Any]] = []
        self.marks: dict[str, int] = {}
        """Prices by contract, in units of 1e-8: the same at any time."""
        self.candles: dict[str, list[list[Any]]] = {}
        """One-minute candles by symbol, as the venue lists them, oldest first."""
        self.incomes: list[dict[str, Any]] = []
        self.orders: dict[int, dict[str, Any]] = {}
        self.waiting: list[str] = []
        """Names of our orders that wait for a trigger, whatever their symbol."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.page_max = 1000
        self.broken = False
        self.banned_for_s = 0
        venue = self

        class Handler(BaseHTTPRequestHandler):
            # One request per connection: the client keeps none open, so none outlives a test.
            def do_GET(self) -> None:
                url = urlparse(self.path)
                params = {name: values[0] for name, values in parse_qs(url.query).items()}
                status, answer = venue.answer(url.path, params)
                body = json.dumps(answer).encode()
                self.send_response(status)
                if status == 418:
                    self.send_header("Retry-After", str(venue.banned_for_s))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def fill(self, trade_id: int, **fields: Any) -> dict[str, Any]:
        """List one fill, that of the report with the same trade id."""
        trade = {
            "symbol": "BTCUSDT",
            "id": trade_id,
            "orderId": 9_007_199_254_740_993 + trade_id,
            "side": "BUY",
            "price": "61734.20",
            "qty": "0.010",
            "realizedPnl": "-1.23456789",
            "commission": "0.24693680",
            "commissionAsset": "USDT",
            "time": wall_ms(),
            "positionSide": "BOTH",
            "buyer": True,
            "maker": False,
        } | fields
        self.trades.append(trade)
        return trade

    def order(self, order_id: int, name: str, **fields: Any) -> dict[str, Any]:
        """List one order, whole and filled by default."""
        now_ms = wall_ms()
        self.orders[order_id] = {
            "orderId": order_id,
            "clientOrderId": name,
            "symbol": "BTCUSDT",
            "status": "FILLED",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "IOC",
            "price": "61734.20",
            "origQty": "0.010",
            "executedQty": "0.010",
            "cumQuote": "617.342",
            "reduceOnly": False,
            "closePosition": False,
            "time": now_ms,
            "updateTime": now_ms,
        } | fields
        return self.orders[order_id]

    def asked_for_trades(self, symbol: str = "BTCUSDT") -> list[dict[str, str]]:
        """Parameters of the requests for one symbol's fills, oldest first."""
        return [
            p for path, p in self.asked if path.endswith("userTrades") and p["symbol"] == symbol
        ]

    def asked_for_orders(self, symbol: str = "BTCUSDT") -> list[dict[str, str]]:
        """Parameters of the requests for one symbol's orders, oldest first."""
        return [p for path, p in self.asked if "allOrders" in path and p["symbol"] == symbol]

    def answer(self, path: str, params: dict[str, str]) -> tuple[int, Any]:
        """Answer one request."""
        self.asked.append((path, params))
        if self.banned_for_s:
            return 418, {"code": -1003, "msg": "Way too many requests"}
        if self.broken:
            return 503, {"code": -1001, "msg": "Internal error"}
        if path.endswith("/time"):
            return 200, {"serverTime": wall_ms()}
        if path.endswith("/markPriceKlines"):
            return self._candle(params)
        if path.endswith("/klines"):
            return 200, self._list_candles(params)
        if path.endswith("/income"):
            return 200, self._list_incomes(params)
        if path.endswith("/userTrades"):
            return 200, self._list(params)
        if path.endswith("/allOrders"):
            return 200, self._list_orders(params)
        if path.endswith("/openAlgoOrders"):
            return 200, [{"clientAlgoId": name} for name in self.waiting]
        if path.endswith("/order"):
            order = self._order(params)
            return (200, order) if order else (400, {"code": -2013, "msg": "No such order."})
        return 404, {"code": -1, "msg": path}

    def _order(self, params: dict[str, str]) -> dict[str, Any] | None:
        if "orderId" in params:
            return self.orders.get(int(params["orderId"]))
        name = params["origClientOrderId"]
        return next((o for o in self.orders.values() if o["clientOrderId"] == name), None)

    def _list_orders(self, params: dict[str, str]) -> list[dict[str, Any]]:
        first_id, start_ms = int(params.get("orderId", 0)), int(params.get("startTime", 0))
        listed = [
            order
            for order_id, order in sorted(self.orders.items())
            if order.get("symbol") == params["symbol"]
            and order_id >= first_id
            and order["time"] >= start_ms
        ]
        return listed[: min(int(params["limit"]), self.page_max)]

    def _candle(self, params: dict[str, str]) -> tuple[int, Any]:
        price_e8 = self.marks.get(params["symbol"])
        if price_e8 is None:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        return 200, [[int(params["startTime"]), format_e8(price_e8)]]

    def _list_candles(self, params: dict[str, str]) -> list[list[Any]]:
        start_ms, end_ms = int(params["startTime"]), int(params["endTime"])
        listed = self.candles.get(params["symbol"], [])
        return [row for row in listed if start_ms <= row[0] <= end_ms][: int(params["limit"])]

    def _list_incomes(self, params: dict[str, str]) -> list[dict[str, Any]]:
        start_ms, end_ms = int(params["startTime"]), int(params["endTime"])
        listed = [row for row in self.incomes if start_ms <= row["time"] <= end_ms]
        first = (int(params["page"]) - 1) * int(params["limit"])
        return listed[first : first + int(params["limit"])]

    def _list(self, params: dict[str, str]) -> list[dict[str, Any]]:
        first_id, start_ms = int(params.get("fromId", 0)), int(params.get("startTime", 0))
        listed = [
            trade
            for trade in sorted(self.trades, key=lambda trade: (trade["id"], trade["orderId"]))
            if trade["symbol"] == params["symbol"]
            and trade["id"] >= first_id
            and trade["time"] >= start_ms
        ]
        return listed[: min(int(params["limit"]), self.page_max)]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
