"""What users set for their accounts: leverage, margin type, position mode, asset mode."""

from __future__ import annotations

from hft.simulator import gate
from hft.simulator.desk import Desk, Listing
from hft.simulator.exchange import Exchange
from hft.simulator.margin import leg_margin, max_notional, symbol_margin
from hft.simulator.orders import OrderRequest
from hft.simulator.outcomes import Income, LeverageChanged, MultiAssetsChanged
from hft.simulator.refusals import refusal
from hft.units import E8


def set_leverage(
    exchange: Exchange, desk: Desk, listing: Listing, leverage: int, now_ms: int
) -> None:
    """Change the leverage of a symbol.

    Raises:
        Refusal: -4028 the tiers do not know it, -4161 it would fall with an isolated position,
            -2027 or -2028 the position or the balance forbids it.
    """
    symbol, account = listing.symbol, desk.account
    if not 1 <= leverage <= symbol.brackets[0].leverage:
        raise refusal(-4028, leverage)
    holding = account.holding(symbol.name)
    mark_e8 = listing.mark_or_mid_e8()
    now = symbol_margin(symbol, holding, mark_e8, hedge=account.hedge)
    if holding.isolated and now.legs and leverage < holding.leverage:
        raise refusal(-4161)
    if max((abs(leg.notional_e8) for leg in now.legs), default=0) > (
        max_notional(symbol, leverage) * E8
    ):
        raise refusal(-2027)
    before, holding.leverage = holding.leverage, leverage
    then = symbol_margin(symbol, holding, mark_e8, hedge=account.hedge)
    holding.leverage = before
    more_e8 = then.orders_e8 - now.orders_e8
    if not holding.isolated:
        more_e8 += then.position_e8 - now.position_e8
    if more_e8 > max(0, exchange.free_e8(account, symbol.quote)):
        raise refusal(-2028)
    holding.leverage = leverage
    account.update_ms = now_ms
    exchange.say(LeverageChanged(account.account_id, symbol, leverage, now_ms))


def set_margin_type(desk: Desk, listing: Listing, *, isolated: bool) -> None:
    """Choose crossed or isolated margin for a symbol.

    Raises:
        Refusal: -4046 it is so already, -4047 or -4048 with orders or a position, -4168 in
            multi-assets mode.
    """
    holding = desk.account.holding(listing.symbol.name)
    if holding.isolated == isolated:
        raise refusal(-4046)
    if isolated and desk.account.multi_assets:
        raise refusal(-4168)
    if desk.open_of(listing.symbol):
        raise refusal(-4047)
    if any(holding.held()):
        raise refusal(-4048)
    holding.isolated = isolated


def set_hedge(desk: Desk, *, on: bool) -> None:
    """Switch hedge mode for the whole account.

    Raises:
        Refusal: -4059 it is so already, -4067 or -4068 with orders or a position.
    """
    if desk.account.hedge == on:
        raise refusal(-4059)
    if desk.open:
        raise refusal(-4067)
    if any(True for holding in desk.account.holdings.values() for _ in holding.held()):
        raise refusal(-4068)
    desk.account.hedge = on


def set_multi_assets(exchange: Exchange, desk: Desk, *, on: bool, now_ms: int) -> None:
    """Switch multi-assets mode for the whole account.

    Raises:
        Refusal: -4171 it is so already, -4170 with open orders, -4167 with isolated symbols.
    """
    account = desk.account
    if account.multi_assets == on:
        raise refusal(-4171)
    if desk.open:
        raise refusal(-4170)
    if on and any(holding.isolated for holding in account.holdings.values()):
        raise refusal(-4167)
    account.multi_assets = on
    exchange.say(MultiAssetsChanged(account.account_id, on, now_ms))


def move_margin(
    exchange: Exchange, desk: Desk, listing: Listing, leg_name: str, amount_e8: int, now_ms: int
) -> None:
    """Add to the isolated margin of a position, or take from it (a negative amount).

    Raises:
        Refusal: -4061 no such leg in this mode, -4049 crossed margin, -4054 no position, -4050 or
            -4051 there is not so much.
    """
    account = desk.account
    if account.hedge == (leg_name == "BOTH"):
        raise refusal(-4061)
    holding = account.holding(listing.symbol.name)
    if not holding.isolated:
        raise refusal(-4049)
    leg = holding.legs[leg_name]
    if not leg.lots:
        raise refusal(-4054)
    asset = listing.symbol.quote
    if amount_e8 > 0:
        if amount_e8 > exchange.free_e8(account, asset):
            raise refusal(-4050)
    else:
        figures = leg_margin(listing.symbol, holding, leg, listing.mark_or_mid_e8())
        spare_e8 = leg.isolated_e8 + min(0, figures.unrealized_e8) - figures.initial_e8
        if -amount_e8 > spare_e8:
            raise refusal(-4051)
    leg.isolated_e8 += amount_e8
    leg.update_ms = account.update_ms = now_ms
    row = Income(
        "MARGIN_MOVED", asset, amount_e8, now_ms, exchange.next_income(), listing.symbol.name,
        leg_name,
    )  # fmt: skip
    desk.margin_moves.append(row)
    exchange.clerk.say_account(
        account, "MARGIN_TRANSFER", now_ms, assets=(asset,), positions=((listing, leg),)
    )


def check_test(exchange: Exchange, desk: Desk, request: OrderRequest) -> None:
    """Check an order as if it were placed; nothing is.

    Raises:
        Refusal: the first rule that it breaks.
    """
    gate.admit(exchange, desk, exchange.listings[request.symbol.name], request)
