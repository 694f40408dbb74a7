"""The exact JSON of candles and of the last 24 hours, of streams and of REST."""

from __future__ import annotations

from hft.simulator.candles import Candle
from hft.simulator.history import Day
from hft.simulator.intervals import step
from hft.simulator.market_messages import PERPETUAL
from hft.simulator.messages import Json, price8, quote5
from hft.simulator.symbols import Symbol
from hft.units import format_e8

KlineRow = list[object]


def kline_row(symbol: Symbol, interval: str, candle: Candle) -> KlineRow:
    """One element of `klines`."""
    return [
        candle.open_ms,
        *(symbol.price_text(p) for p in (candle.open, candle.high, candle.low, candle.close)),
        symbol.qty_text(candle.lots),
        step(interval, candle.open_ms, 1) - 1,
        quote5(candle.value * symbol.unit_e8),
        candle.count,
        symbol.qty_text(candle.buy_lots),
        quote5(candle.buy_value * symbol.unit_e8),
        "0",
    ]


def price_kline_row(interval: str, candle: Candle) -> KlineRow:
    """One element of the candles of an index, a mark price or a premium: no volume."""
    return [
        candle.open_ms,
        *(price8(price_e8) for price_e8 in (candle.open, candle.high, candle.low, candle.close)),
        "0",
        step(interval, candle.open_ms, 1) - 1,
        "0",
        candle.count,
        "0",
        "0",
        "0",
    ]


def kline_event(
    symbol: Symbol, interval: str, candle: Candle, event_ms: int, *, closed: bool
) -> Json:
    """One kline."""
    body = _kline_body(symbol, interval, candle, closed=closed)
    body = {"t": body.pop("t"), "T": body.pop("T"), "s": symbol.name, **body}
    return {"e": "kline", "E": event_ms, "s": symbol.name, "k": body}


def continuous_kline_event(
    symbol: Symbol, interval: str, candle: Candle, event_ms: int, *, closed: bool
) -> Json:
    """One kline of a pair's perpetual contract."""
    return {
        "e": "continuous_kline",
        "E": event_ms,
        "ps": symbol.name,
        "ct": PERPETUAL,
        "k": _kline_body(symbol, interval, candle, closed=closed),
    }


def _kline_body(symbol: Symbol, interval: str, candle: Candle, *, closed: bool) -> Json:
    return {
        "t": candle.open_ms,
        "T": step(interval, candle.open_ms, 1) - 1,
        "i": interval,
        "f": candle.first_id,
        "L": candle.last_id,
        "o": symbol.price_text(candle.open),
        "c": symbol.price_text(candle.close),
        "h": symbol.price_text(candle.high),
        "l": symbol.price_text(candle.low),
        "v": symbol.qty_text(candle.lots),
        "n": candle.count,
        "x": closed,
        "q": quote5(candle.value * symbol.unit_e8),
        "V": symbol.qty_text(candle.buy_lots),
        "Q": quote5(candle.buy_value * symbol.unit_e8),
        "B": "0",
    }


class DayTexts:
    """The figures of 24 hours as text, each once: the streams and REST name them differently."""

    def __init__(self, symbol: Symbol, day: Day) -> None:
        candle = day.candle
        change = candle.close - candle.open
        self.change = symbol.price_text(change)
        self.percent = format_e8(rounded(change * 100_000, candle.open) * 100_000, 3)
        self.average = _average_text(symbol, candle)
        self.last = symbol.price_text(candle.close)
        self.last_quantity = symbol.qty_text(day.last_lots)
        self.open = symbol.price_text(candle.open)
        self.high = symbol.price_text(candle.high)
        self.low = symbol.price_text(candle.low)
        self.volume = symbol.qty_text(candle.lots)
        cents = rounded(candle.value * symbol.unit_e8, 1_000_000)
        self.quote_volume = format_e8(cents * 1_000_000, 2)


def ticker_event(symbol: Symbol, day: Day, event_ms: int) -> Json:
    """One 24hrTicker."""
    texts = DayTexts(symbol, day)
    return {
        "e": "24hrTicker",
        "E": event_ms,
        "s": symbol.name,
        "ps": symbol.name,
        "p": texts.change,
        "P": texts.percent,
        "w": texts.average,
        "c": texts.last,
        "Q": texts.last_quantity,
        "o": texts.open,
        "h": texts.high,
        "l": texts.low,
        "v": texts.volume,
        "q": texts.quote_volume,
        "O": day.open_ms,
        "C": day.close_ms,
        "F": day.candle.first_id,
        "L": day.candle.last_id,
        "n": day.candle.count,
        "st": 1,
    }


def mini_ticker_event(symbol: Symbol, day: Day, event_ms: int) -> Json:
    """One 24hrMiniTicker."""
    texts = DayTexts(symbol, day)
    return {
        "e": "24hrMiniTicker",
        "E": event_ms,
        "s": symbol.name,
        "ps": symbol.name,
        "c": texts.last,
        "o": texts.open,
        "h": texts.high,
        "l": texts.low,
        "v": texts.volume,
        "q": texts.quote_volume,
        "st": 1,
    }


def ticker_row(symbol: Symbol, day: Day) -> Json:
    """One `ticker/24hr`."""
    texts = DayTexts(symbol, day)
    return {
        "symbol": symbol.name,
        "priceChange": texts.change,
        "priceChangePercent": texts.percent,
        "weightedAvgPrice": texts.average,
        "lastPrice": texts.last,
        "lastQty": texts.last_quantity,
        "openPrice": texts.open,
        "highPrice": texts.high,
        "lowPrice": texts.low,
        "volume": texts.volume,
        "quoteVolume": texts.quote_volume,
        "openTime": day.open_ms,
        "closeTime": day.close_ms,
        "firstId": day.candle.first_id,
        "lastId": day.candle.last_id,
        "count": day.candle.count,
    }


def _average_text(symbol: Symbol, candle: Candle) -> str:
    if not candle.lots:
        return symbol.price_text(0)
    unit_e8 = int(10 ** (8 - symbol.price_precision))
    steps = rounded(candle.value * symbol.tick_e8, candle.lots * unit_e8)
    return format_e8(steps * unit_e8, symbol.price_precision)


def rounded(amount: int, unit: int) -> int:
    """Divide to the nearest whole number, halves away from zero; 0 where the unit is."""
    if not unit:
        return 0
    half = abs(unit) // 2
    quotient = (abs(amount) + half) // abs(unit)
    return quotient if (amount < 0) == (unit < 0) else -quotient
