"""Lists the contracts of any exchangeInfo answer, kept in a plain or gzip file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import msgspec

from hft.errors import ConfigError
from hft.simulator.contract import FOREVER_MS, Symbol, ladder
from hft.simulator.contracts import order_id_base, share_e4
from hft.simulator.symbols import KNOWN
from hft.units import E8, decimals_of, parse_e8

GZIP_MAGIC = b"\x1f\x8b"
KINDS = ("PERPETUAL", "TRADIFI_PERPETUAL")
MARGIN_ASSETS = ("USDT", "USDC")
"""What contracts may be quoted and margined in; others are left out."""
LEVERAGE_MAX = 50
LADDER_PCT = 10
START_TICKS = 20_000
DAY_VOLUME = 30_000_000
PRICE_ROOM = 10
_NUMBERS_START = len(KNOWN)


class _Row(msgspec.Struct, kw_only=True, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    margin_asset: str
    status: str
    contract_type: str
    price_precision: int
    quantity_precision: int
    filters: list[dict[str, Any]]
    delivery_date: int = FOREVER_MS
    onboard_date: int = 0
    underlying_type: str = "COIN"
    underlying_sub_type: list[str] = []
    permission_sets: list[str] = []
    trigger_protect: str = "0.0500"
    liquidation_fee: str = "0.012500"
    market_take_bound: str = "0.05"
    max_move_order_limit: int = 10_000


class _Reply(msgspec.Struct):
    symbols: list[_Row]


class Contracts(msgspec.Struct, frozen=True):
    """What a file lists, by name, and how many of its contracts this venue does not trade."""

    symbols: dict[str, Symbol]
    left_out: int


def read_contracts(path: Path) -> Contracts:
    """Read a file; perpetual contracts that trade and are margined in USDT are listed.

    Raises:
        ConfigError: it cannot be read, it is no exchangeInfo answer, or it lists nothing of use.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw
        rows = msgspec.json.decode(raw, type=_Reply).symbols
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot read the contracts in {path}: {error}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is no exchangeInfo answer: {error}") from error
    used = [row for row in rows if _is_used(row)]
    symbols = {row.symbol: _symbol_of(path, row, number) for number, row in enumerate(used)}
    if not symbols:
        raise ConfigError(f"{path} lists no perpetual contract that trades and is margined in USDT")
    return Contracts(symbols, len(rows) - len(symbols))


def _is_used(row: _Row) -> bool:
    return (
        row.status == "TRADING"
        and row.contract_type in KINDS
        and row.margin_asset == row.quote_asset
        and row.margin_asset in MARGIN_ASSETS
    )


def _symbol_of(path: Path, row: _Row, number: int) -> Symbol:
    try:
        return _symbol(row, number)
    except KeyError as error:
        problem = f"no {error.args[0]} among its filters"
    except (ValueError, TypeError, AttributeError, ZeroDivisionError) as error:
        problem = str(error)
    raise ConfigError(f"{path} cannot be listed: {row.symbol} has {problem}")


def _symbol(row: _Row, number: int) -> Symbol:
    filters = {each["filterType"]: each for each in row.filters}
    price, lot, market = (filters[name] for name in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE"))
    tick_e8, lot_e8 = parse_e8(price["tickSize"]), parse_e8(lot["stepSize"])
    if tick_e8 <= 0 or lot_e8 <= 0 or tick_e8 * lot_e8 < E8:
        raise ValueError(f"a tick of {price['tickSize']} and a step of {lot['stepSize']}")
    max_lots = parse_e8(lot["maxQty"]) // lot_e8
    known = KNOWN.get(row.symbol)
    symbol = Symbol(
        name=row.symbol,
        base=row.base_asset,
        quote=row.quote_asset,
        tick_e8=tick_e8,
        lot_e8=lot_e8,
        price_precision=max(row.price_precision, decimals_of(tick_e8)),
        qty_precision=max(row.quantity_precision, decimals_of(lot_e8)),
        min_ticks=max(1, -(-parse_e8(price["minPrice"]) // tick_e8)),
        max_ticks=parse_e8(price["maxPrice"]) // tick_e8,
        max_lots=max_lots,
        market_max_lots=min(max_lots, parse_e8(market["maxQty"]) // lot_e8),
        min_notional_e8=parse_e8(filters["MIN_NOTIONAL"]["notional"]),
        brackets=known.brackets if known else ladder(LEVERAGE_MAX, LADDER_PCT),
        onboard_ms=row.onboard_date,
        order_id_base=order_id_base(row.symbol, _NUMBERS_START + number),
        subtypes=tuple(row.underlying_sub_type),
        band_e4=share_e4(filters["PERCENT_PRICE"]["multiplierUp"]) - 10_000,
        orders_max=filters["MAX_NUM_ORDERS"]["limit"] or 200,
        min_lots=max(1, parse_e8(lot["minQty"]) // lot_e8),
        market_min_lots=max(1, parse_e8(market["minQty"]) // lot_e8),
        trigger_protect_e4=share_e4(row.trigger_protect),
        take_bound_e4=share_e4(row.market_take_bound),
        liquidation_fee_e6=parse_e8(row.liquidation_fee) // 100,
        move_max=row.max_move_order_limit,
        contract_type=row.contract_type,
        delivery_ms=row.delivery_date,
        underlying=row.underlying_type,
        permissions=tuple(row.permission_sets),
    )
    start_e8 = known.start_ticks * known.tick_e8 if known else 0
    return msgspec.structs.replace(
        symbol,
        start_ticks=_start_ticks(symbol, start_e8, number),
        day_volume=known.day_volume if known else DAY_VOLUME,
    )


def _start_ticks(symbol: Symbol, start_e8: int, number: int) -> int:
    """Choose a price: the known one, else one of usual fineness well inside the filter."""
    wished = start_e8 // symbol.tick_e8 or START_TICKS + number * 7_919 % START_TICKS
    low = min(symbol.min_ticks * PRICE_ROOM, symbol.max_ticks)
    if not 0 < symbol.min_ticks <= symbol.max_ticks:
        raise ValueError("a highest price below the lowest")
    return max(low, min(wished, max(low, symbol.max_ticks // PRICE_ROOM)))
