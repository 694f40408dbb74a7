"""The contracts the venue knows by heart: `contracts.csv` beside this file.

BTCUSDT and ETHUSDT are those of the live venue in 2026; the others have the filters of a complete
exchangeInfo of December 2025.  Tiers, prices and volumes of the others are plausible, not facts.
"""

from __future__ import annotations

import csv
from pathlib import Path

from hft.simulator.contract import BTC_BRACKETS, ETH_BRACKETS, Symbol, ladder
from hft.units import E8, parse_e8

TABLE = Path(__file__).with_name("contracts.csv")
_TIERS = {"BTCUSDT": BTC_BRACKETS, "ETHUSDT": ETH_BRACKETS}
# The venue's ids of ETHUSDT do not fit in a double; the simulator keeps that trap alive.
_ORDER_ID_BASES = {"BTCUSDT": 482_255_808_000, "ETHUSDT": 8_389_765_500_000_000_000}
_FIRST_ORDER_ID = 20_000_000_000
_ORDER_IDS_APART = 5_000_000_000


def read_table() -> dict[str, Symbol]:
    """Read the table; its order is that of the listings."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["name"]: _symbol(row, number) for number, row in enumerate(rows)}


def order_id_base(name: str, number: int) -> int:
    """Give where a contract's order ids begin: contracts share none."""
    return _ORDER_ID_BASES.get(name, _FIRST_ORDER_ID + number * _ORDER_IDS_APART)


def _symbol(row: dict[str, str], number: int) -> Symbol:
    name = row["name"]
    tick_e8, lot_e8 = parse_e8(row["tick"]), parse_e8(row["step"])
    return Symbol(
        name=name,
        base=row["base"],
        quote=name.removeprefix(row["base"]),
        tick_e8=tick_e8,
        lot_e8=lot_e8,
        price_precision=int(row["price_precision"]),
        qty_precision=int(row["qty_precision"]),
        min_ticks=parse_e8(row["min_price"]) // tick_e8,
        max_ticks=parse_e8(row["max_price"]) // tick_e8,
        max_lots=parse_e8(row["max_qty"]) // lot_e8,
        market_max_lots=parse_e8(row["market_max_qty"]) // lot_e8,
        min_notional_e8=int(row["min_notional"]) * E8,
        brackets=_TIERS.get(name) or ladder(int(row["leverage_max"]), int(row["ladder_pct"])),
        onboard_ms=int(row["onboard_ms"]),
        order_id_base=order_id_base(name, number),
        subtypes=tuple(row["subtypes"].split()),
        band_e4=share_e4(row["band"]),
        orders_max=int(row["orders_max"]),
        trigger_protect_e4=share_e4(row["trigger_protect"]),
        take_bound_e4=share_e4(row["take_bound"]),
        liquidation_fee_e6=parse_e8(row["liquidation_fee"]) // 100,
        contract_type=row["contract_type"],
        underlying=row["underlying"],
        permissions=tuple(row["permissions"].split()),
        start_ticks=parse_e8(row["start_price"]) // tick_e8,
        day_volume=int(row["day_volume_musdt"]) * 1_000_000,
    )


def share_e4(text: str) -> int:
    """Read a share as hundredths of a percent."""
    return parse_e8(text) // 10_000
