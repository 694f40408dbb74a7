"""The contracts the venue lists, as the other rooms name them, and the reply of exchangeInfo."""

from __future__ import annotations

from hft.simulator.contract import ETH_BRACKETS, Bracket, Symbol
from hft.simulator.contracts import read_table
from hft.simulator.limits import ORDERS_1M_MAX, ORDERS_10S_MAX, WEIGHT_MAX
from hft.units import E8, decimals_of, format_e8, trim_e8

__all__ = ["BTCUSDT", "ETHUSDT", "KNOWN", "RATE_LIMITS", "Bracket", "Symbol", "symbol_for"]

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
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "BTC")

KNOWN: dict[str, Symbol] = read_table()
BTCUSDT = KNOWN["BTCUSDT"]
ETHUSDT = KNOWN["ETHUSDT"]


def symbol_for(
    name: str, decimals: tuple[int, int], number: int, needed: tuple[int, int] = (0, 0)
) -> Symbol:
    """Give a known contract, or one whose steps are those a recording was seen to use.

    `decimals` are those that prices and quantities are written with, `needed` those that are not
    zeros at the end: where they are too fine for the known contract, it is not that one.
    `number` keeps order ids of symbols apart.
    """
    known = KNOWN.get(name)
    if known is not None and _holds(known, needed):
        return known
    price_decimals, qty_decimals = decimals
    quote = next((asset for asset in QUOTE_ASSETS if name.endswith(asset)), "USDT")
    return Symbol(
        name=name,
        base=name.removesuffix(quote),
        quote=quote,
        tick_e8=10 ** (8 - price_decimals),
        lot_e8=10 ** (8 - qty_decimals),
        price_precision=price_decimals,
        qty_precision=qty_decimals,
        min_ticks=1,
        max_ticks=10**9,
        max_lots=10**9,
        market_max_lots=10**8,
        min_notional_e8=5 * E8,
        brackets=ETH_BRACKETS,
        onboard_ms=1_600_000_000_000,
        order_id_base=700_000_000_000 + number * 1_000_000_000,
        subtypes=("Crypto",),
    )


def _holds(symbol: Symbol, needed: tuple[int, int]) -> bool:
    steps = decimals_of(symbol.tick_e8), decimals_of(symbol.lot_e8)
    return needed[0] <= steps[0] and needed[1] <= steps[1]


def _filters(symbol: Symbol) -> list[dict[str, object]]:
    tick = format_e8(symbol.tick_e8, max(symbol.price_precision, decimals_of(symbol.tick_e8)))
    step = format_e8(symbol.lot_e8, symbol.qty_precision)
    price: dict[str, object] = {
        "filterType": "PRICE_FILTER",
        "minPrice": symbol.price_text(symbol.min_ticks),
        "maxPrice": symbol.price_trim(symbol.max_ticks),
        "tickSize": tick,
    }
    bounds = {
        "multiplierUp": _share(10_000 + symbol.band_e4),
        "multiplierDown": _share(10_000 - symbol.band_e4),
        "multiplierDecimal": "4",
    }
    return [
        price,
        {
            "filterType": "LOT_SIZE",
            "minQty": symbol.qty_text(symbol.min_lots),
            "maxQty": symbol.qty_trim(symbol.max_lots),
            "stepSize": step,
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": symbol.qty_text(symbol.market_min_lots),
            "maxQty": symbol.qty_trim(symbol.market_max_lots),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": symbol.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": trim_e8(symbol.min_notional_e8)},
        {"filterType": "PERCENT_PRICE", **bounds},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _share(part_e4: int) -> str:
    return format_e8(part_e4 * 10_000, 4)


def describe(symbol: Symbol) -> dict[str, object]:
    """Give the `symbols` element of exchangeInfo."""
    bound_e4 = symbol.take_bound_e4
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "contractType": symbol.contract_type,
        "deliveryDate": symbol.delivery_ms,
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
        "underlyingType": symbol.underlying,
        "underlyingSubType": list(symbol.subtypes),
        "triggerProtect": _share(symbol.trigger_protect_e4),
        "liquidationFee": symbol.liquidation_fee,
        "marketTakeBound": format_e8(bound_e4 * 10_000, 4 if bound_e4 % 100 else 2),
        "maxMoveOrderLimit": symbol.move_max,
        "filters": _filters(symbol),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
        "permissionSets": list(symbol.permissions),
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
