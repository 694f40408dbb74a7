"""What an asset is worth in another one, by the mark price of their perpetual.

A fee in BNB is valued by it: now for one that is paid now, at the minute's opening for an old one,
which anybody can look up again.
"""

from __future__ import annotations

from hft.binance import endpoints
from hft.binance.rest import Rest, VenueError
from hft.units import E8, parse_e8

MINUTE_MS = 60_000


def newest_price_e8(rest: Rest, asset: str, money: str) -> int:
    """Give the mark price of `asset` in `money` now; 0 where the venue lists no such contract."""
    if asset == money:
        return E8
    try:
        told = rest.get(endpoints.PREMIUM_INDEX, {"symbol": asset + money})
    except VenueError as refusal:
        return _nothing_if_unlisted(refusal)
    return parse_e8(told["markPrice"])


def price_at_e8(rest: Rest, asset: str, money: str, time_ms: int) -> int:
    """Give the mark price at which the minute of `time_ms` opened; 0 where there was none."""
    if asset == money:
        return E8
    minute_ms = time_ms - time_ms % MINUTE_MS
    params: dict[str, str | int | bool] = {
        "symbol": asset + money,
        "interval": "1m",
        "startTime": minute_ms,
        "limit": 1,
    }
    try:
        candles = rest.get(endpoints.MARK_PRICE_CANDLES, params)
    except VenueError as refusal:
        return _nothing_if_unlisted(refusal)
    if not candles or int(candles[0][0]) != minute_ms:
        return 0
    return parse_e8(candles[0][1])


def _nothing_if_unlisted(refusal: VenueError) -> int:
    if refusal.code != endpoints.SYMBOL_UNKNOWN:
        raise refusal
    return 0
