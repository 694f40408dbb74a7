"""Requests for mark price, index and funding, which need no key."""

from __future__ import annotations

from hft.simulator.calls import PUBLIC, Call, Route, one_or_all
from hft.simulator.funding import FundingRow, cap_of
from hft.simulator.history_calls import limit_of, span_of
from hft.simulator.intervals import HOUR_MS
from hft.simulator.market_calls import one_or_all_rows
from hft.simulator.messages import Json, price8

ROWS = 100
ROWS_MAX = 1_000
INTEREST_RATE = "0.00010000"


def premium_index(call: Call) -> object:
    """Give mark price, index and funding of one symbol or all."""
    rows: list[Json] = []
    for listing in call.listings():
        mark_e8 = listing.mark_or_mid_e8()
        index = price8(listing.index_e8 or mark_e8)
        rows.append(
            {
                "symbol": listing.symbol.name,
                "markPrice": price8(mark_e8),
                "indexPrice": index,
                "estimatedSettlePrice": index,
                "lastFundingRate": price8(listing.funding_rate_e8),
                "interestRate": INTEREST_RATE,
                "nextFundingTime": listing.next_funding_ms,
                "time": call.now_ms,
            }
        )
    return one_or_all_rows(call, rows)


def funding_rate(call: Call) -> object:
    """Give what was settled, oldest first; of all symbols where none is named."""
    names = [listing.symbol.name for listing in call.listings()]
    start_ms, end_ms = span_of(call)
    limit = limit_of(call, ROWS, ROWS_MAX)
    found: list[tuple[FundingRow, str]] = []
    for name in names:
        rows = call.venue.pricing.prices[name].funding.rows(start_ms, end_ms, limit)
        found += [(row, name) for row in rows]
    found.sort(key=_time_ms)
    found = found[:limit] if start_ms is not None else found[-limit:]
    return [
        {
            "symbol": name,
            "fundingTime": row.time_ms,
            "fundingRate": price8(row.rate_e8),
            "markPrice": price8(row.mark_e8),
            "rateType": "Regular",
        }
        for row, name in found
    ]


def funding_info(call: Call) -> object:
    """Give how often and within which bounds funding is settled, by contract."""
    rows: list[Json] = []
    for name, prices in call.venue.pricing.prices.items():
        cap_e8 = cap_of(name)
        rows.append(
            {
                "symbol": name,
                "adjustedFundingRateCap": price8(cap_e8),
                "adjustedFundingRateFloor": price8(-cap_e8),
                "fundingIntervalHours": max(1, prices.interval_ms // HOUR_MS),
                "disclaimer": False,
                "updateTime": prices.listing.symbol.onboard_ms,
            }
        )
    return rows


def _time_ms(found: tuple[FundingRow, str]) -> int:
    return found[0].time_ms


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/premiumIndex"): Route(premium_index, PUBLIC, one_or_all(1, 10)),
    ("GET", "/fapi/v1/fundingRate"): Route(funding_rate, PUBLIC, 0),
    ("GET", "/fapi/v1/fundingInfo"): Route(funding_info, PUBLIC, 0),
}
