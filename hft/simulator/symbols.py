"""The contracts the venue lists, with the filters and brackets of the live exchange."""

from __future__ import annotations

import msgspec

from hft.simulator.limits import ORDERS_1M_MAX, ORDERS_10S_MAX, WEIGHT_MAX
from hft.units import E8, decimals_of, format_e8, trim_e8

RATE_LIMITS: list[dict[str, object]] = [
    {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": WEIGHT_MAX,
    },
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": ORDERS_1M_MAX},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_10S_MAX},
]


ORDER_TYPES = (
    "LIMIT",
    "MARKET",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
)


class Bracket(msgspec.Struct, frozen=True):
    """One notional tier: most leverage, notional cap and cumulative amount in whole USDT."""

    leverage: int
    cap: int
    mmr_e4: int
    cumulative: int


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """One contract: its steps in units of 1e-8, its limits in ticks and lots."""

    name: str
    base: str
    quote: str
    tick_e8: int
    lot_e8: int
    price_precision: int
    qty_precision: int
    min_ticks: int
    max_ticks: int
    max_lots: int
    market_max_lots: int
    min_notional_e8: int
    brackets: tuple[Bracket, ...]
    onboard_ms: int
    order_id_base: int
    subtypes: tuple[str, ...] = ()
    liquidation_fee: str = "0.012500"
    band_e4: int = 500
    take_bound_e4: int = 500
    trigger_protect_e4: int = 500
    orders_max: int = 200

    @property
    def unit_e8(self) -> int:
        """Worth of one tick times one lot, in units of 1e-8 of the quote asset."""
        return self.tick_e8 * self.lot_e8 // E8

    def notional_e8(self, ticks: int, lots: int) -> int:
        """Worth of `lots` at `ticks`, exactly, in units of 1e-8."""
        return ticks * lots * self.unit_e8

    def price_text(self, ticks: int) -> str:
        """Write a price with the fixed decimals of this contract."""
        return format_e8(ticks * self.tick_e8, self.price_precision)

    def qty_text(self, lots: int) -> str:
        """Write a quantity with the fixed decimals of this contract."""
        return format_e8(lots * self.lot_e8, self.qty_precision)

    def price_trim(self, ticks: int) -> str:
        """Write a price without trailing zeros."""
        return trim_e8(ticks * self.tick_e8)

    def qty_trim(self, lots: int) -> str:
        """Write a quantity without trailing zeros."""
        return trim_e8(lots * self.lot_e8)


def _brackets(rows: str) -> tuple[Bracket, ...]:
    return tuple(Bracket(*(int(word) for word in row.split())) for row in rows.split(","))


_BTC_BRACKETS = _brackets(
    "150 300000 40 0,100 800000 50 300,75 3000000 65 1500,50 12000000 100 12000,"
    "25 70000000 200 132000,20 100000000 250 482000,10 230000000 500 2982000,"
    "5 480000000 1000 14482000,4 600000000 1250 26482000,3 800000000 1500 41482000,"
    "2 1200000000 2500 121482000,1 1800000000 5000 421482000"
)
_ETH_BRACKETS = _brackets(
    "150 300000 40 0,100 800000 50 300,75 3000000 65 1500,50 12000000 100 12000,"
    "25 50000000 200 132000,20 65000000 250 382000,10 150000000 500 2007000,"
    "5 320000000 1000 9507000,4 400000000 1250 17507000,3 530000000 1500 27507000,"
    "2 800000000 2500 80507000,1 1200000000 5000 280507000"
)

BTCUSDT = Symbol(
    name="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_e8=10_000_000,
    lot_e8=100_000,
    price_precision=2,
    qty_precision=3,
    min_ticks=5_568,
    max_ticks=45_297_640,
    max_lots=1_000_000,
    market_max_lots=120_000,
    min_notional_e8=50 * E8,
    brackets=_BTC_BRACKETS,
    onboard_ms=1_567_965_300_000,
    order_id_base=482_255_808_000,
    subtypes=("PoW", "Crypto"),
)

# The venue's ids of this contract do not fit in a double; the simulator keeps that trap alive.
ETHUSDT = Symbol(
    name="ETHUSDT",
    base="ETH",
    quote="USDT",
    tick_e8=1_000_000,
    lot_e8=100_000,
    price_precision=2,
    qty_precision=3,
    min_ticks=3_986,
    max_ticks=30_615_800,
    max_lots=10_000_000,
    market_max_lots=2_000_000,
    min_notional_e8=20 * E8,
    brackets=_ETH_BRACKETS,
    onboard_ms=1_569_398_400_000,
    order_id_base=8_389_765_500_000_000_000,
    subtypes=("Layer-1", "Crypto"),
)

KNOWN: dict[str, Symbol] = {symbol.name: symbol for symbol in (BTCUSDT, ETHUSDT)}


def symbol_for(name: str, decimals: tuple[int, int], number: int) -> Symbol:
    """Give a known contract, or one whose steps are those a recording was seen to use.

    `decimals` are those of prices and quantities; `number` keeps order ids of symbols apart.
    """
    if name in KNOWN:
        return KNOWN[name]
    price_decimals, qty_decimals = decimals
    return Symbol(
        name=name,
        base=name.removesuffix("USDT"),
        quote="USDT",
        tick_e8=10 ** (8 - price_decimals),
        lot_e8=10 ** (8 - qty_decimals),
        price_precision=price_decimals,
        qty_precision=qty_decimals,
        min_ticks=1,
        max_ticks=10**9,
        max_lots=10**9,
        market_max_lots=10**8,
        min_notional_e8=5 * E8,
        brackets=_ETH_BRACKETS,
        onboard_ms=1_600_000_000_000,
        order_id_base=700_000_000_000 + number * 1_000_000_000,
        subtypes=("Crypto",),
    )


def _filters(symbol: Symbol) -> list[dict[str, object]]:
    tick = format_e8(symbol.tick_e8, max(symbol.price_precision, decimals_of(symbol.tick_e8)))
    step = format_e8(symbol.lot_e8, symbol.qty_precision)
    largest = trim_e8(symbol.max_lots * symbol.lot_e8)
    largest_market = trim_e8(symbol.market_max_lots * symbol.lot_e8)
    price: dict[str, object] = {
        "filterType": "PRICE_FILTER",
        "minPrice": symbol.price_text(symbol.min_ticks),
        "maxPrice": symbol.price_trim(symbol.max_ticks),
        "tickSize": tick,
    }
    bounds = {"multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"}
    return [
        price,
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": largest, "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": step,
            "maxQty": largest_market,
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": symbol.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": trim_e8(symbol.min_notional_e8)},
        {"filterType": "PERCENT_PRICE", **bounds},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def describe(symbol: Symbol) -> dict[str, object]:
    """Give the `symbols` element of exchangeInfo."""
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": symbol.onboard_ms,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base,
        "quoteAsset": symbol.quote,
        "marginAsset": symbol.quote,
        "pricePrecision": symbol.price_precision,
        "quantityPrecision": symbol.qty_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": list(symbol.subtypes),
        "triggerProtect": format_e8(symbol.trigger_protect_e4 * 10_000, 4),
        "liquidationFee": symbol.liquidation_fee,
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(symbol),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY", "DCA", "PSB"],
    }


def exchange_info(symbols: list[Symbol], server_ms: int) -> dict[str, object]:
    """Give the whole exchangeInfo reply."""
    assets: list[dict[str, object]] = [
        {"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"},
        {"asset": "BTC", "marginAvailable": True, "autoAssetExchange": "-0.10000000"},
        {"asset": "BNB", "marginAvailable": True, "autoAssetExchange": "-10"},
    ]
    return {
        "timezone": "UTC",
        "serverTime": server_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": RATE_LIMITS,
        "exchangeFilters": [],
        "assets": assets,
        "symbols": [describe(symbol) for symbol in symbols],
    }
