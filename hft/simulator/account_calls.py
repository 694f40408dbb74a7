"""Requests about balances, positions, leverage and income."""

from __future__ import annotations

from hft.simulator.account import MAKER_PPM, TAKER_PPM
from hft.simulator.account_rows import (
    account_totals,
    asset_row,
    position_ms,
    position_v2_row,
    position_v3_row,
    risk_head,
    update_ms,
    withdrawable_e8,
)
from hft.simulator.calls import SIGNED, Call, Route
from hft.simulator.desk import Listing
from hft.simulator.margin import (
    AccountMargin,
    SymbolMargin,
    account_margin,
    max_notional,
)
from hft.simulator.messages import Json, price8
from hft.simulator.order_entry import need, need_int, optional_int
from hft.simulator.refusals import refusal
from hft.units import trim_e8

Parts = list[tuple[Listing, SymbolMargin]]


def balance(call: Call) -> object:
    """List the wallet's assets (the same for v2 and v3)."""
    _, totals = _figures(call)
    wallet_e8 = call.desk.account.wallet_e8
    row: Json = {
        "accountAlias": call.venue.account_alias,
        "asset": "USDT",
        "balance": price8(wallet_e8),
        "crossWalletBalance": price8(wallet_e8),
        "crossUnPnl": price8(totals.unrealized_e8),
        "availableBalance": price8(totals.available_e8),
        "maxWithdrawAmount": price8(withdrawable_e8(wallet_e8, totals)),
        "marginAvailable": True,
        "updateTime": update_ms(call),
    }
    return [row]


def account_v3(call: Call) -> object:
    """Give totals, assets and the positions that matter; `accountEpoch` names this run."""
    parts, totals = _figures(call)
    reply = account_totals(call, totals)
    reply["assets"] = [asset_row(call, totals)]
    reply["positions"] = [
        position_v3_row(call, listing, part) for listing, part in parts if _matters(call, listing)
    ]
    reply["accountEpoch"] = call.venue.account_epoch
    return reply


def account_v2(call: Call) -> object:
    """Give totals, permissions, assets and the positions of all symbols."""
    parts, totals = _figures(call)
    head: Json = {
        "feeTier": 0,
        "feeBurn": True,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }
    asset = {**asset_row(call, totals), "marginAvailable": True}
    return {
        **head,
        **account_totals(call, totals),
        "assets": [asset],
        "positions": [position_v2_row(call, listing, part) for listing, part in parts],
        "accountEpoch": call.venue.account_epoch,
    }


def position_risk_v3(call: Call) -> object:
    """List the positions of symbols that have one, or open orders."""
    parts, totals = _figures(call)
    rows = []
    for listing, part in _chosen(call, parts):
        if not _matters(call, listing):
            continue
        row = risk_head(call, listing, part, totals)
        row.update(
            isolatedMargin="0",
            notional=price8(part.notional_e8),
            marginAsset=listing.symbol.quote,
            isolatedWallet="0",
            initialMargin=price8(part.position_e8 + part.orders_e8),
            maintMargin=price8(part.maintenance_e8),
            positionInitialMargin=price8(part.position_e8),
            openOrderInitialMargin=price8(part.orders_e8),
            adl=2 if part.notional_e8 else 0,
            bidNotional=trim_e8(part.bids_e8),
            askNotional=trim_e8(part.asks_e8),
            updateTime=position_ms(call, listing),
        )
        rows.append(row)
    return rows


def position_risk_v2(call: Call) -> object:
    """List the positions of all symbols, in the older shape with its quirks."""
    parts, totals = _figures(call)
    rows = []
    for listing, part in _chosen(call, parts):
        position = call.desk.account.position(listing.symbol.name)
        row = risk_head(call, listing, part, totals)
        side = row.pop("positionSide")
        row.update(
            leverage=str(position.leverage),
            maxNotionalValue=str(max_notional(listing.symbol, position.leverage)),
            marginType="cross",
            isolatedMargin="0.00000000",
            isAutoAddMargin="false",
            positionSide=side,
            notional=price8(part.notional_e8),
            isolatedWallet="0",
            updateTime=position_ms(call, listing),
        )
        rows.append(row)
    return rows


def leverage(call: Call) -> object:
    """Change the leverage of a symbol."""
    symbol = call.listing().symbol
    wished = need_int(call.params, "leverage")
    call.venue.exchange.set_leverage(call.account_id, symbol, wished, call.now_ms)
    return {
        "leverage": wished,
        "maxNotionalValue": str(max_notional(symbol, wished)),
        "symbol": symbol.name,
    }


def margin_type(call: Call) -> object:
    """Refuse every change: positions are crossed, isolated margin is not built yet."""
    call.listing()
    if need(call.params, "marginType") not in ("CROSSED", "ISOLATED"):
        raise refusal(-1130, "marginType")
    if call.params["marginType"] == "CROSSED":
        raise refusal(-4046)
    raise refusal(-1000, text="This simulator keeps crossed margin only.")


def commission_rate(call: Call) -> object:
    """Give the fee rates of a symbol."""
    return {
        "symbol": call.listing().symbol.name,
        "makerCommissionRate": f"0.{MAKER_PPM:06d}",
        "takerCommissionRate": f"0.{TAKER_PPM:06d}",
        "rpiCommissionRate": "0.00005",
    }


def leverage_bracket(call: Call) -> object:
    """List the notional tiers of one symbol or all."""
    return [
        {
            "symbol": listing.symbol.name,
            "notionalCoef": 1.0,
            "brackets": _bracket_rows(listing),
        }
        for listing in call.listings()
    ]


def income(call: Call) -> object:
    """List commissions and realised profits, oldest first."""
    wanted = call.params.get("incomeType", "")
    limit = optional_int(call.params, "limit") or 100
    start_ms = optional_int(call.params, "startTime") or 0
    end_ms = optional_int(call.params, "endTime")
    listings = call.listings()
    rows: list[Json] = []
    for fill in call.desk.fills:
        named = any(fill.symbol is listing.symbol for listing in listings)
        if not named or fill.time_ms < start_ms or (end_ms is not None and fill.time_ms > end_ms):
            continue
        amounts = (("COMMISSION", -fill.fee_e8), ("REALIZED_PNL", fill.realized_e8))
        for kind, amount_e8 in amounts:
            if amount_e8 and wanted in ("", kind):
                row: Json = {
                    "symbol": fill.symbol.name,
                    "incomeType": kind,
                    "income": price8(amount_e8),
                    "asset": fill.symbol.quote,
                    "info": kind,
                    "time": fill.time_ms,
                    "tranId": fill.trade_id * 2 + (kind == "REALIZED_PNL"),
                    "tradeId": str(fill.trade_id),
                }
                rows.append(row)
    page = optional_int(call.params, "page") or 1
    if call.params.get("startTime") or call.params.get("page"):
        return rows[(page - 1) * limit : page * limit]
    return rows[-limit:]


def _figures(call: Call) -> tuple[Parts, AccountMargin]:
    desk = call.desk
    parts = list(call.venue.exchange.margins(desk))
    return parts, account_margin(desk.account, [part for _, part in parts])


def _chosen(call: Call, parts: Parts) -> Parts:
    if not call.params.get("symbol"):
        return parts
    wanted = call.listing()
    return [(listing, part) for listing, part in parts if listing is wanted]


def _matters(call: Call, listing: Listing) -> bool:
    held = call.desk.account.position(listing.symbol.name).lots
    return bool(held or call.desk.open_of(listing.symbol))


def _bracket_rows(listing: Listing) -> list[Json]:
    rows: list[Json] = []
    floor = 0
    for number, tier in enumerate(listing.symbol.brackets, start=1):
        row: Json = {
            "bracket": number,
            "initialLeverage": tier.leverage,
            "notionalCap": tier.cap,
            "notionalFloor": floor,
            "maintMarginRatio": tier.mmr_e4 / 10_000,
            "cum": float(tier.cumulative),
        }
        rows.append(row)
        floor = tier.cap
    return rows


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v2/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v3/balance"): Route(balance, SIGNED, 5),
    ("GET", "/fapi/v2/account"): Route(account_v2, SIGNED, 5),
    ("GET", "/fapi/v3/account"): Route(account_v3, SIGNED, 5),
    ("GET", "/fapi/v2/positionRisk"): Route(position_risk_v2, SIGNED, 5),
    ("GET", "/fapi/v3/positionRisk"): Route(position_risk_v3, SIGNED, 5),
    ("POST", "/fapi/v1/leverage"): Route(leverage, SIGNED),
    ("POST", "/fapi/v1/marginType"): Route(margin_type, SIGNED),
    ("GET", "/fapi/v1/commissionRate"): Route(commission_rate, SIGNED, 20),
    ("GET", "/fapi/v1/leverageBracket"): Route(leverage_bracket, SIGNED),
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
