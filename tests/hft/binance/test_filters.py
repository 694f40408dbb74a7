from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from hft.binance.filters import spec_of
from hft.units import E8, I64_MAX
from tests.recordings import FOLDER, needs

RECORDED = "exchangeinfo/usdm_testnet_2025-12-24.json.gz"


def listing(**filters: dict[str, str] | None) -> dict[str, Any]:
    every: dict[str, dict[str, str] | None] = {
        "PRICE_FILTER": {"minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
        "LOT_SIZE": {"minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        "MARKET_LOT_SIZE": {"minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        "MIN_NOTIONAL": {"notional": "50"},
    }
    every.update(filters)
    rows = [{"filterType": kind, **words} for kind, words in every.items() if words is not None]
    return {"symbol": "BTCUSDT", "filters": rows}


def test_filters_become_whole_ticks_and_lots() -> None:
    spec = spec_of(listing())
    assert (spec.tick_e8, spec.lot_e8, spec.unit_e8) == (10_000_000, 100_000, 10_000)
    assert (spec.min_lots, spec.max_lots, spec.market_max_lots) == (1, 1_000_000, 120_000)
    assert (spec.min_ticks, spec.max_ticks) == (5_568, 45_297_640)
    assert spec.min_notional_e8 == 50 * E8
    assert spec.price_text(600_001) == "60000.1"
    assert spec.qty_text(-15) == "-0.015"
    assert spec.ticks("60000.10") == 600_001
    assert spec.lots("-0.0150") == -15
    assert spec.value_e8(600_001, 15) == 900_0015 * E8 // 10_000


def test_filters_that_cannot_be_used_say_why() -> None:
    with pytest.raises(ValueError, match="MIN_NOTIONAL"):
        spec_of(listing(MIN_NOTIONAL=None))
    tiny = {"minPrice": "0.00000001", "maxPrice": "1", "tickSize": "0.00000001"}
    with pytest.raises(ValueError, match="no whole 1e-8"):
        spec_of(listing(PRICE_FILTER=tiny))
    with pytest.raises(ValueError, match="whole number of lots"):
        spec_of(listing()).lots("0.0015")


@needs(RECORDED)
def test_every_symbol_of_the_real_venue_can_be_read_or_says_why() -> None:
    symbols = json.loads(gzip.decompress((FOLDER / RECORDED).read_bytes()))["symbols"]
    refused = []
    for symbol in symbols:
        try:
            spec = spec_of(symbol)
        except ValueError:
            refused.append((symbol["symbol"], symbol["status"]))
            continue
        assert spec.value_e8(spec.max_ticks, spec.max_lots) <= I64_MAX
        assert spec.min_lots <= spec.max_lots
    assert len(symbols) == 660
    assert refused == [("OPENUSDT", "PENDING_TRADING")]
