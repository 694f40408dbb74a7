"""Requests about what an account is set to: leverage, margin and position mode, fees."""

from __future__ import annotations

from hft.simulator import settings
from hft.simulator.calls import SIGNED, Call, Route, window
from hft.simulator.desk import Listing
from hft.simulator.margin import max_notional
from hft.simulator.messages import Json, order_reply, price8
from hft.simulator.order_entry import (
    decimal_e8,
    flag,
    need,
    need_int,
    optional_int,
    read_order,
    read_position_side,
)
from hft.simulator.orders import VenueOrder
from hft.simulator.refusals import refusal
from hft.units import E8, format_e8

DONE: Json = {"code": 200, "msg": "success"}
MOVES = {1: "add", 2: "reduce"}
PPM_E8 = 100
"""One part in a million, in units of 1e-8."""


def leverage(call: Call) -> object:
    """Change the leverage of a symbol."""
    listing = call.listing()
    wished = need_int(call.params, "leverage")
    settings.set_leverage(call.venue.exchange, call.desk, listing, wished, call.now_ms)
    return {
        "leverage": wished,
        "maxNotionalValue": str(max_notional(listing.symbol, wished)),
        "symbol": listing.symbol.name,
    }


def margin_type(call: Call) -> object:
    """Choose crossed or isolated margin for a symbol."""
    listing = call.listing()
    wished = need(call.params, "marginType")
    if wished not in ("CROSSED", "ISOLATED"):
        raise refusal(-1130, "marginType")
    settings.set_margin_type(call.desk, listing, isolated=wished == "ISOLATED")
    return DONE


def position_mode(call: Call) -> object:
    """Say whether the account is in hedge mode."""
    return {"dualSidePosition": call.desk.account.hedge}


def set_position_mode(call: Call) -> object:
    """Switch between one-way and hedge mode."""
    need(call.params, "dualSidePosition")
    settings.set_hedge(call.desk, on=flag(call.params, "dualSidePosition"))
    return DONE


def asset_mode(call: Call) -> object:
    """Say whether the account is in multi-assets mode."""
    return {"multiAssetsMargin": call.desk.account.multi_assets}


def set_asset_mode(call: Call) -> object:
    """Switch multi-assets mode."""
    need(call.params, "multiAssetsMargin")
    on = flag(call.params, "multiAssetsMargin")
    settings.set_multi_assets(call.venue.exchange, call.desk, on=on, now_ms=call.now_ms)
    return DONE


def fee_burn(call: Call) -> object:
    """Say whether fees are paid in BNB."""
    return {"feeBurn": call.desk.account.fee_burn}


def set_fee_burn(call: Call) -> object:
    """Choose whether fees are paid in BNB while there is some."""
    need(call.params, "feeBurn")
    call.desk.account.fee_burn = flag(call.params, "feeBurn")
    return DONE


def position_margin(call: Call) -> object:
    """Add to the isolated margin of a position, or take from it."""
    listing = call.listing()
    amount_e8 = decimal_e8(call.params, "amount")
    kind = need_int(call.params, "type")
    if kind not in MOVES:
        raise refusal(-1130, "type")
    if amount_e8 <= 0:
        raise refusal(-4055)
    leg = read_position_side(call.params)
    signed_e8 = amount_e8 if kind == 1 else -amount_e8
    settings.move_margin(
        call.venue.exchange, call.desk, listing, leg, signed_e8, now_ms=call.now_ms
    )
    return {
        "amount": amount_e8 / E8,
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": kind,
    }


def position_margin_history(call: Call) -> object:
    """List the moves of isolated margin of a symbol, oldest first."""
    symbol = call.listing().symbol.name
    kind = optional_int(call.params, "type")
    if kind is not None and kind not in MOVES:
        raise refusal(-1130, "type")
    moves = [
        move
        for move in call.desk.margin_moves
        if move.symbol == symbol and kind in (None, 1 if move.amount_e8 > 0 else 2)
    ]
    return [
        {
            "symbol": symbol,
            "type": 1 if move.amount_e8 > 0 else 2,
            "deltaType": "USER_ADJUST",
            "amount": price8(abs(move.amount_e8)),
            "asset": move.asset,
            "time": move.time_ms,
            "positionSide": move.info,
            "clientTranId": "",
        }
        for move in window(call, moves, lambda move: move.time_ms)
    ]


def account_config(call: Call) -> object:
    """Say what the account may do and how it is set."""
    account = call.desk.account
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": account.hedge,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }


def symbol_config(call: Call) -> object:
    """Say how symbols are set."""
    rows: list[Json] = []
    for listing in call.listings():
        holding = call.desk.account.holding(listing.symbol.name)
        row: Json = {
            "symbol": listing.symbol.name,
            "marginType": "ISOLATED" if holding.isolated else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": holding.leverage,
            "maxNotionalValue": str(max_notional(listing.symbol, holding.leverage)),
        }
        rows.append(row)
    return rows


def commission_rate(call: Call) -> object:
    """Give the fee rates of a symbol."""
    account = call.desk.account
    return {
        "symbol": call.listing().symbol.name,
        "makerCommissionRate": format_e8(account.maker_ppm * PPM_E8, 6),
        "takerCommissionRate": format_e8(account.taker_ppm * PPM_E8, 6),
        "rpiCommissionRate": "0.00005",
    }


def trading_status(call: Call) -> object:
    """Say that no rule of order quality restricts the account."""
    return {"indicators": {}, "updateTime": call.now_ms}


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


def order_test(call: Call) -> object:
    """Check an order as if it were placed; nothing is."""
    hedge = call.desk.account.hedge
    request = read_order(call.params, call.listing().symbol, call.now_ms, hedge=hedge)
    settings.check_test(call.venue.exchange, call.desk, request)
    return order_reply(VenueOrder(0, call.account_id, request, call.now_ms))


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
    ("POST", "/fapi/v1/leverage"): Route(leverage, SIGNED),
    ("POST", "/fapi/v1/marginType"): Route(margin_type, SIGNED),
    ("GET", "/fapi/v1/positionSide/dual"): Route(position_mode, SIGNED, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Route(set_position_mode, SIGNED),
    ("GET", "/fapi/v1/multiAssetsMargin"): Route(asset_mode, SIGNED, 30),
    ("POST", "/fapi/v1/multiAssetsMargin"): Route(set_asset_mode, SIGNED),
    ("GET", "/fapi/v1/feeBurn"): Route(fee_burn, SIGNED, 30),
    ("POST", "/fapi/v1/feeBurn"): Route(set_fee_burn, SIGNED),
    ("POST", "/fapi/v1/positionMargin"): Route(position_margin, SIGNED),
    ("GET", "/fapi/v1/positionMargin/history"): Route(position_margin_history, SIGNED),
    ("GET", "/fapi/v1/accountConfig"): Route(account_config, SIGNED, 5),
    ("GET", "/fapi/v1/symbolConfig"): Route(symbol_config, SIGNED, 5),
    ("GET", "/fapi/v1/commissionRate"): Route(commission_rate, SIGNED, 20),
    ("GET", "/fapi/v1/apiTradingStatus"): Route(
        trading_status, SIGNED, lambda params: 1 if params.get("symbol") else 10
    ),
    ("GET", "/fapi/v1/leverageBracket"): Route(leverage_bracket, SIGNED),
    ("POST", "/fapi/v1/order/test"): Route(order_test, SIGNED),
}
