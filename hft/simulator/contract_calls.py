"""Requests about contracts and what stands behind them; mostly short and honest answers."""

from __future__ import annotations

from hft.simulator.calls import PUBLIC, Call, Route, one_or_all
from hft.simulator.history_calls import feed_of
from hft.simulator.intervals import HOUR_MS
from hft.simulator.market_calls import one_or_all_rows
from hft.simulator.market_messages import (
    asset_index_row,
    constituents_row,
    open_interest_row,
)
from hft.simulator.messages import Json, price8
from hft.simulator.price_streams import asset_indexes
from hft.simulator.refusals import refusal
from hft.simulator.statistics import open_lots

ADL_EVERY_MS = HOUR_MS // 2


def open_interest(call: Call) -> object:
    """Give the open interest of a symbol, which is made up."""
    history = feed_of(call).history
    lots = open_lots(history, call.now_ms)
    return open_interest_row(history.symbol, lots, call.now_ms)


def constituents(call: Call) -> object:
    """Give where the index of a symbol comes from."""
    listing = call.listing()
    index_e8 = listing.index_e8 or listing.mark_or_mid_e8()
    return constituents_row(listing.symbol, index_e8, call.now_ms)


def index_info(call: Call) -> object:
    """Give the make-up of composite indexes: none is listed."""
    if call.params.get("symbol"):
        raise refusal(-1121)
    return []


def asset_index(call: Call) -> object:
    """Give what an asset counts as margin, of one (`BTCUSD`) or all."""
    wanted = call.params.get("symbol")
    rows: list[Json] = [
        asset_index_row(name, index_e8, call.now_ms)
        for name, index_e8 in asset_indexes(call.venue.publisher.feeds)
        if wanted in (None, "", name)
    ]
    if not rows:
        raise refusal(-1121)
    return one_or_all_rows(call, rows)


def adl_risk(call: Call) -> object:
    """Give the risk of being deleveraged, of one symbol or all."""
    rows: list[Json] = [
        {
            "symbol": listing.symbol.name,
            "adlRisk": "low",
            "updateTime": call.now_ms - call.now_ms % ADL_EVERY_MS,
        }
        for listing in call.listings()
    ]
    return one_or_all_rows(call, rows)


def insurance_balance(call: Call) -> object:
    """Give the insurance fund, which all contracts share."""
    if call.params.get("symbol"):
        call.listing()
    time_ms = call.now_ms - call.now_ms % HOUR_MS
    fund: Json = {
        "symbols": sorted(call.venue.exchange.listings),
        "assets": [
            {"asset": asset, "marginBalance": price8(amount_e8), "updateTime": time_ms}
            for asset, amount_e8 in call.venue.exchange.treasury.fund.account.wallets.items()
        ],
    }
    return one_or_all_rows(call, [fund])


def trading_schedule(call: Call) -> object:
    """Give the sessions of markets that close at night: no contract here follows one."""
    markets = ("EQUITY", "COMMODITY", "KR_EQUITY")
    sessions: Json = {market: {"sessions": []} for market in markets}
    return {"updateTime": call.now_ms, "marketSchedules": sessions}


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/openInterest"): Route(open_interest, PUBLIC),
    ("GET", "/fapi/v1/constituents"): Route(constituents, PUBLIC, 2),
    ("GET", "/fapi/v1/indexInfo"): Route(index_info, PUBLIC),
    ("GET", "/fapi/v1/assetIndex"): Route(asset_index, PUBLIC, one_or_all(1, 10)),
    ("GET", "/fapi/v1/symbolAdlRisk"): Route(adl_risk, PUBLIC),
    ("GET", "/fapi/v1/insuranceBalance"): Route(insurance_balance, PUBLIC),
    ("GET", "/fapi/v1/tradingSchedule"): Route(trading_schedule, PUBLIC, 5),
}
