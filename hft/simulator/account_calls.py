"""Requests about balances, positions and income."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hft.simulator.account_rows import (
    Row,
    asset_names,
    asset_row,
    balance_row,
    position_v2_row,
    position_v3_row,
    risk_v2_row,
    risk_v3_row,
    rows_of,
    totals,
)
from hft.simulator.calls import SIGNED, Call, Route
from hft.simulator.income_rows import entries, row_of, symbol_of
from hft.simulator.messages import Json, order_record
from hft.simulator.order_entry import optional_int
from hft.simulator.orders import VenueOrder
from hft.simulator.refusals import refusal

INCOME_DEFAULT = 100
INCOME_MAX = 1_000
INCOME_SPAN_MS = 7 * 86_400_000
FORCED_DEFAULT = 50
FORCED_MAX = 100
CLOSE_TYPES = {"LIQUIDATION": "autoclose-", "ADL": "adl_autoclose-"}


def balance(call: Call) -> object:
    """List the wallet's assets (the same for v2 and v3)."""
    return [balance_row(call, asset) for asset in asset_names(call.desk, every=True)]


def account_v3(call: Call) -> object:
    """Give totals, assets and the positions that matter; `accountEpoch` names this run."""
    reply = totals(call)
    reply["assets"] = [asset_row(call, asset) for asset in asset_names(call.desk, every=False)]
    reply["positions"] = [position_v3_row(row) for row in _rows(call) if row.matters]
    reply["accountEpoch"] = call.venue.account_epoch
    return reply


def account_v2(call: Call) -> object:
    """Give totals, permissions, assets and the positions of all symbols."""
    account = call.desk.account
    head: Json = {
        "feeTier": 0,
        "feeBurn": account.fee_burn,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }
    return {
        **head,
        **totals(call),
        "assets": [
            {**asset_row(call, asset), "marginAvailable": True}
            for asset in asset_names(call.desk, every=True)
        ],
        "positions": [position_v2_row(call, row) for row in _rows(call)],
        "accountEpoch": call.venue.account_epoch,
    }


def position_risk_v3(call: Call) -> object:
    """List the positions of symbols that have one, or open orders."""
    return [risk_v3_row(call, row) for row in _rows(call) if row.matters]


def position_risk_v2(call: Call) -> object:
    """List the positions of all symbols, in the older shape with its quirks."""
    return [risk_v2_row(call, row) for row in _rows(call)]


def adl_quantile(call: Call) -> object:
    """Say how near positions are to being deleveraged."""
    liquidator, account = call.venue.exchange.liquidator, call.desk.account
    rows: list[Json] = []
    for listing in call.listings():
        holding = account.holding(listing.symbol.name)
        if not any(holding.held()) and not call.params.get("symbol"):
            continue
        ranks: Json = {
            name: liquidator.adl_quantile(listing, call.desk, leg)
            for name, leg in holding.legs.items()
            if name != "BOTH"
        }
        if account.hedge and not holding.isolated:
            ranks["HEDGE"] = max(int(str(rank)) for rank in ranks.values())
        else:
            both = holding.legs["BOTH"]
            ranks["BOTH"] = liquidator.adl_quantile(listing, call.desk, both)
        rows.append({"symbol": listing.symbol.name, "adlQuantile": ranks})
    return rows


def force_orders(call: Call) -> object:
    """List the orders with which the venue closed this account's positions, oldest first."""
    symbol = call.listing().symbol if call.params.get("symbol") else None
    close_type = call.params.get("autoCloseType", "")
    if close_type and close_type not in CLOSE_TYPES:
        raise refusal(-1130, "autoCloseType")
    limit = _limit(call, FORCED_DEFAULT, FORCED_MAX)
    start_ms, end_ms = _span(call)
    orders = [
        order
        for order in call.desk.forced
        if (symbol is None or order.symbol is symbol)
        and order.client_id.startswith(CLOSE_TYPES.get(close_type, ""))
        and start_ms <= order.time_ms <= end_ms
    ]
    return [_forced_row(order) for order in orders[-limit:]]


def income(call: Call) -> object:
    """List everything that changed the wallet, oldest first."""
    wanted = call.params.get("incomeType", "")
    symbol = call.listing().symbol if call.params.get("symbol") else None
    limit = _limit(call, INCOME_DEFAULT, INCOME_MAX)
    page = optional_int(call.params, "page") or 1
    if page < 1:
        raise refusal(-1130, "page")
    start_ms, end_ms = _span(call)
    forward = bool(call.params.get("startTime") or call.params.get("page"))
    chosen = (
        entry
        for entry in entries(call.desk, wanted, newest_first=not forward)
        if start_ms <= entry[0] <= end_ms and (symbol is None or symbol_of(entry) == symbol.name)
    )
    if forward:
        return [row_of(entry) for entry in islice(chosen, (page - 1) * limit, page * limit)]
    return [row_of(entry) for entry in islice(chosen, limit)][::-1]


def _forced_row(order: VenueOrder) -> Json:
    return {**order_record(order), "pair": order.symbol.name}


def _limit(call: Call, default: int, most: int) -> int:
    limit = optional_int(call.params, "limit")
    if limit is None:
        return default
    if not 0 < limit <= most:
        raise refusal(-1130, "limit")
    return limit


def _span(call: Call) -> tuple[int, int]:
    """Read startTime and endTime; without a start the last seven days count."""
    start_ms = optional_int(call.params, "startTime")
    end_ms = optional_int(call.params, "endTime")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise refusal(-1128)
    last_ms = call.now_ms if end_ms is None else end_ms
    return (last_ms - INCOME_SPAN_MS if start_ms is None else start_ms), last_ms


def _rows(call: Call) -> Iterator[Row]:
    """Give the legs of the named symbol, or of all."""
    wanted = call.listing() if call.params.get("symbol") else None
    for listing, part in call.venue.exchange.margins(call.desk):
        if wanted is None or listing is wanted:
            yield from rows_of(call.desk.account, listing, part)


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v2/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v3/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v2/account"): Route(account_v2, SIGNED, 5),
    ("GET", "/fapi/v3/account"): Route(account_v3, SIGNED, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(position_risk_v2, SIGNED, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(position_risk_v3, SIGNED, 5),
    ("GET", "/fapi/v1/adlQuantile"): Route(adl_quantile, SIGNED, 5),
    ("GET", "/fapi/v1/forceOrders"): Route(
        force_orders, SIGNED, lambda params: 20 if params.get("symbol") else 50
    ),
    ("GET", "/fapi/v1/income"): Route(income, SIGNED, 30),
}

METHODS: dict[str, Route] = {
    "account.balance": Route(balance, SIGNED, 5),
    "v2/account.balance": Route(balance, SIGNED, 5),
    "account.status": Route(account_v2, SIGNED, 5),
    "v2/account.status": Route(account_v3, SIGNED, 5),
    "account.position": Route(position_risk_v2, SIGNED, 5),
    "v2/account.position": Route(position_risk_v3, SIGNED, 5),
}
