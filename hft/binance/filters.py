"""What an order of one symbol must look like: exchangeInfo's filters as whole numbers."""

from __future__ import annotations

from typing import Any

import msgspec

from hft.units import E8, I64_MAX, decimals_of, format_e8, parse_e8

# The largest product the books ever form is ticks times lots times `unit_e8`.
_NOTIONAL_MAX_E8 = I64_MAX // 4


class SymbolSpec(msgspec.Struct, frozen=True):
    """Steps and bounds of one symbol, in the order of the SPEC record."""

    tick_e8: int
    lot_e8: int
    min_lots: int
    max_lots: int
    market_max_lots: int
    min_ticks: int
    max_ticks: int
    min_notional_e8: int
    unit_e8: int
    """Money of one tick times one lot."""

    def price_text(self, ticks: int) -> str:
        """Write a price the way the venue wants it."""
        return format_e8(ticks * self.tick_e8, decimals_of(self.tick_e8))

    def qty_text(self, lots: int) -> str:
        """Write a quantity the way the venue wants it."""
        return format_e8(lots * self.lot_e8, decimals_of(self.lot_e8))

    def ticks(self, text: str) -> int:
        """Read a price; one off the grid (a liquidation's) goes to the nearest tick."""
        return (2 * parse_e8(text) + self.tick_e8) // (2 * self.tick_e8)

    def lots(self, text: str) -> int:
        """Read a signed quantity.

        Raises:
            ValueError: it is not a whole number of lots.
        """
        lots, rest = divmod(parse_e8(text), self.lot_e8)
        if rest:
            raise ValueError(f"{text} is not a whole number of lots")
        return lots

    def value_e8(self, ticks: int, lots: int) -> int:
        """Worth of `lots` at `ticks`, exact."""
        return ticks * lots * self.unit_e8


def spec_of(symbol: dict[str, Any]) -> SymbolSpec:
    """Read one element of exchangeInfo's `symbols`.

    Raises:
        ValueError: a filter is missing, or money of one tick times one lot is no whole 1e-8.
    """
    filters = {each["filterType"]: each for each in symbol["filters"]}
    missing = {"PRICE_FILTER", "LOT_SIZE", "MIN_NOTIONAL"} - filters.keys()
    if missing:
        raise ValueError(f"{symbol['symbol']} has no filter {', '.join(sorted(missing))}")
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    market_lot = filters.get("MARKET_LOT_SIZE", lot)
    tick_e8, lot_e8 = parse_e8(price["tickSize"]), parse_e8(lot["stepSize"])
    if tick_e8 <= 0 or lot_e8 <= 0:
        raise ValueError(f"{symbol['symbol']} has a tick or lot of zero")
    unit_e8, rest = divmod(tick_e8 * lot_e8, E8)
    if rest:
        raise ValueError(f"{symbol['symbol']}: one tick times one lot is no whole 1e-8")
    max_ticks = parse_e8(price["maxPrice"]) // tick_e8
    return SymbolSpec(
        tick_e8=tick_e8,
        lot_e8=lot_e8,
        min_lots=-(-parse_e8(lot["minQty"]) // lot_e8),
        max_lots=_bounded_lots(parse_e8(lot["maxQty"]) // lot_e8, max_ticks * unit_e8),
        market_max_lots=_bounded_lots(
            parse_e8(market_lot["maxQty"]) // lot_e8, max_ticks * unit_e8
        ),
        min_ticks=-(-parse_e8(price["minPrice"]) // tick_e8),
        max_ticks=max_ticks,
        min_notional_e8=parse_e8(filters["MIN_NOTIONAL"]["notional"]),
        unit_e8=unit_e8,
    )


def _bounded_lots(lots: int, dearest_lot_e8: int) -> int:
    """Cut a limit that no one could pay, so that no order's worth overflows 64 bits."""
    return min(lots, _NOTIONAL_MAX_E8 // max(1, dearest_lot_e8))
