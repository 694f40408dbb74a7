"""Fees of fills that were learnt late, valued at the prices of their time."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from hft.binance.asset_price import MINUTE_MS, price_at_e8
from hft.binance.rest import Rest
from hft.execution.reports import Fill


def value_late_fees(rest: Rest, margin_asset: str, fills: Iterable[Fill]) -> None:
    """Look up what another asset was worth at the minute of each fill that paid its fee in it."""

    @cache
    def price_e8(asset: str, minute: int) -> int:
        return price_at_e8(rest, asset, margin_asset, minute * MINUTE_MS)

    for fill in fills:
        asset = fill.fee_asset.decode()
        if fill.fee_e8 and asset != margin_asset:
            fill.fee_price_e8 = price_e8(asset, fill.venue_ms // MINUTE_MS)
