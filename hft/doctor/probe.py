"""One order that rests and is cancelled at once: what the user stream must tell of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import websocket

from hft.binance import endpoints
from hft.binance.filters import spec_of
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.binance.user_events import ORDER_UPDATE
from hft.clock import Deadline, wall_ms
from hft.doctor.report import Finding, failed, passed
from hft.units import E8

_BELOW_E8 = 97 * E8 // 100
"""How far below the best bid it rests: far from trading, well inside of the venue's band."""
_MUTE_FIX = "the venue sends nothing on this route: check [network] ws_url, or report it"


class _Event(msgspec.Struct):
    e: str = ""


_read_event = msgspec.json.Decoder(_Event).decode


def show_order(rest: Rest, symbol: str, wait_s: float, line: websocket.WebSocket) -> Finding:
    """Place an order that rests, wait for the stream to tell, cancel it.

    Raises:
        WebSocketException: the stream broke.
    """
    try:
        with _resting(rest, symbol):
            deadline = Deadline(wait_s)
            while not deadline.passed():
                line.settimeout(max(0.01, deadline.left_s()))
                if _read_event(line.recv()).e == ORDER_UPDATE:
                    return passed("user stream", f"told of an order on {symbol} placed to see it")
    except (websocket.WebSocketTimeoutException, TimeoutError):
        return failed("user stream", f"mute: an order on {symbol} was not told", _MUTE_FIX)
    except (VenueError, VenueUnknown) as problem:
        return failed("user stream", f"the order to see it failed: {problem}", "try again")
    return failed("user stream", f"open, but does not tell of an order on {symbol}", _MUTE_FIX)


@contextmanager
def _resting(rest: Rest, symbol: str) -> Iterator[None]:
    """Hold the smallest order the venue takes, post-only and far below the market."""
    listing = next(row for row in rest.exchange_info()["symbols"] if row["symbol"] == symbol)
    spec = spec_of(listing)
    book = rest.get("/fapi/v1/ticker/bookTicker", {"symbol": symbol})
    ticks = spec.ticks(book["bidPrice"]) * _BELOW_E8 // E8
    lots = max(spec.min_lots, -(-spec.min_notional_e8 // (ticks * spec.unit_e8)))
    name = f"doctor-{wall_ms():x}"
    order = {"symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTX"}
    order |= {"quantity": spec.qty_text(lots), "price": spec.price_text(ticks)}
    try:
        rest.place({**order, "newClientOrderId": name})
        yield
    finally:
        _cancel(rest, symbol, name)


def _cancel(rest: Rest, symbol: str, name: str) -> None:
    try:
        rest.cancel(symbol, name)
    except VenueError as refusal:
        if refusal.code != endpoints.UNKNOWN_ORDER_SENT:
            raise
