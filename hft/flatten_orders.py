"""What a closing order must look like: sizes and prices the venue takes, as whole numbers.

Whatever a listing does not tell is not kept to: better an order that is refused than none.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hft.units import E8, decimals_of, format_e8, parse_e8, trim_e8

TRADING = "TRADING"
_INSIDE_E8 = E8 // 1000
"""How far inside of its edge the band is used: the mark price moves on while an order travels."""


class Rules(msgspec.Struct, frozen=True):
    """What one symbol's closing orders keep to; sizes and steps in units of 1e-8."""

    status: str = TRADING
    tick_e8: int = 1
    lot_e8: int = 1
    least_e8: int = 1
    most_e8: int = 0
    """0: any size."""
    down_e8: int = 0
    """The lowest price of a sale, as a share of the mark price; 0: not told."""
    up_e8: int = 0


class Holding(msgspec.Struct, frozen=True):
    """One position to close, in units of 1e-8; below zero it is short."""

    symbol: str
    side: str
    """BOTH, or the side of a position in hedge mode."""
    amount_e8: int
    mark_e8: int

    @property
    def closing_side(self) -> str:
        """The side of the orders that close it."""
        return "SELL" if self.amount_e8 > 0 else "BUY"

    @property
    def key(self) -> str:
        """Name it whatever its size is."""
        return f"{self.symbol} {self.side}"

    def name(self) -> str:
        """Name it for people, with its size."""
        side = "" if self.side == "BOTH" else f" {self.side}"
        return f"{self.symbol}{side} position {trim_e8(self.amount_e8)}"


def rules_of(listing: dict[str, Any]) -> Rules:
    """Read one element of exchangeInfo's `symbols`."""
    filters = {each.get("filterType"): each for each in listing.get("filters", ())}
    lot = filters.get("LOT_SIZE", {})
    market = filters.get("MARKET_LOT_SIZE", lot)
    band = filters.get("PERCENT_PRICE", {})
    most = [parse_e8(each["maxQty"]) for each in (lot, market) if "maxQty" in each]
    return Rules(
        status=listing.get("status", TRADING),
        tick_e8=_step(filters.get("PRICE_FILTER", {}).get("tickSize", "0")),
        lot_e8=_step(lot.get("stepSize", "0")),
        least_e8=max(_step(each.get("minQty", "0")) for each in (lot, market)),
        most_e8=min(most, default=0),
        down_e8=parse_e8(band.get("multiplierDown", "0")),
        up_e8=parse_e8(band.get("multiplierUp", "0")),
    )


def _step(text: str) -> int:
    return max(1, parse_e8(text))


def slices(holding: Holding, rules: Rules, count_max: int) -> list[int]:
    """Cut a position into orders the venue takes, at most so many, largest first; in 1e-8.

    A reduce-only order that asks for more than there is gets cut by the venue, so what is less than
    the smallest order is closed by the smallest one.  In hedge mode it would be refused: there such
    dust has no slice.
    """
    lot, hedge = rules.lot_e8, holding.side != "BOTH"
    least = -(-rules.least_e8 // lot)
    most = max(least, rules.most_e8 // lot) if rules.most_e8 else 0
    held = abs(holding.amount_e8)
    left = held // lot if hedge else -(-held // lot)
    sizes: list[int] = []
    while left > 0 and len(sizes) < count_max:
        if left < least and hedge:
            break
        size = min(left, most) if most else left
        if 0 < left - size < least <= left - least:
            # What remained would be too small for an order of its own.
            size = left - least
        size = max(size, least)
        sizes.append(size * lot)
        left -= size
    return sizes


def edge_price_e8(holding: Holding, rules: Rules) -> int:
    """Give the furthest price at which the venue lets it be closed; 0: the band is not known."""
    sells, unit = holding.amount_e8 > 0, E8 * rules.tick_e8
    if not (rules.down_e8 if sells else rules.up_e8):
        return 0
    if sells:
        ticks = -(-holding.mark_e8 * (rules.down_e8 + _INSIDE_E8) // unit)
    else:
        ticks = holding.mark_e8 * (rules.up_e8 - _INSIDE_E8) // unit
    return ticks * rules.tick_e8


def market_order(holding: Holding, size_e8: int) -> dict[str, str | int | bool]:
    """Write the parameters of a market order that can only close."""
    order: dict[str, str | int | bool] = {
        "symbol": holding.symbol,
        "side": holding.closing_side,
        "type": "MARKET",
        "quantity": trim_e8(size_e8),
        "newOrderRespType": "RESULT",
    }
    if holding.side == "BOTH":
        return {**order, "reduceOnly": True}
    # In hedge mode the side of the position says that the order closes it.
    return {**order, "positionSide": holding.side}


def edge_order(
    holding: Holding, size_e8: int, price_e8: int, rules: Rules
) -> dict[str, str | int | bool]:
    """Write the parameters of a closing order that takes what is there up to a price."""
    price = format_e8(price_e8, decimals_of(rules.tick_e8))
    limit = {"type": "LIMIT", "timeInForce": "IOC", "price": price}
    return {**market_order(holding, size_e8), **limit}
