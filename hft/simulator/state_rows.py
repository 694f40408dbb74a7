"""What the venue keeps, as rows: symbols by their names, nothing that can be derived.

What open orders tie up, the queues of the book and the indexes of a desk are made anew from these.
"""

from __future__ import annotations

import msgspec

from hft.simulator.account import Account, Holding, Position
from hft.simulator.desk import Desk, Listing
from hft.simulator.orders import Amendment, OrderRequest, VenueOrder
from hft.simulator.outcomes import Fill, Income
from hft.simulator.symbols import Symbol

encode = msgspec.json.Encoder().encode


class RequestRow(OrderRequest, frozen=True, kw_only=True, omit_defaults=True):
    """What an order asked for, its symbol by name."""

    symbol: str  # type: ignore[assignment]  # All other fields are those of the request.


class OrderRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order: `number` says when it came, `queue` when it last took a place in the book."""

    number: int
    queue: int
    owner: int
    request: RequestRow
    status: str
    limit_ticks: int
    lots: int
    self_trade: str
    filled_lots: int = 0
    quote_e8: int = 0
    time_ms: int = 0
    update_ms: int = 0


class FillRow(Fill, frozen=True, kw_only=True, omit_defaults=True):
    """A fill, its symbol by name; `number` says when it came."""

    symbol: str  # type: ignore[assignment]  # All other fields are those of the fill.
    number: int
    owner: int


class IncomeRow(Income, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a wallet, or a move of isolated margin, and whose."""

    owner: int


class AccountRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account and what its desk is waiting for."""

    wallets: dict[str, int]
    fees: dict[str, int] = {}
    dust_e16: dict[str, int] = {}
    hedge: bool = False
    multi_assets: bool = False
    fee_burn: bool = False
    maker_ppm: int
    taker_ppm: int
    update_ms: int = 0
    countdown_ms: dict[str, int] = {}
    called: list[str] = []


class HoldingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has in one symbol; legs that never held anything are left out."""

    leverage: int
    isolated: bool
    legs: dict[str, Position]


class ListingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol's counters and the house's books in it, in these steps of price and quantity."""

    tick_e8: int
    lot_e8: int
    next_order_id: int
    next_trade_id: int
    next_aggregate_id: int
    house_lots: int
    house_cost_e16: int


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Where a symbol's market stood; when funding is next settled follows from the time."""

    last_ticks: int
    mark_e8: int
    index_e8: int
    funding_rate_e8: int


class HouseRow(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of the whole venue and what it got and paid."""

    next_amendment_id: int
    latest_income: int
    next_forced: int
    house_cash: dict[str, int]
    deposited: dict[str, int]


class IdentityRow(msgspec.Struct, frozen=True):
    """Names of this venue, which change only when it begins anew."""

    account_epoch: str
    account_alias: str


_LEGS = {name: Position(name) for name in Holding().legs}


def request_row(request: OrderRequest) -> RequestRow:
    """Write down what an order asked for."""
    values = msgspec.structs.asdict(request)
    values["symbol"] = request.symbol.name
    return RequestRow(**values)


def request_of(row: RequestRow, symbol: Symbol) -> OrderRequest:
    """Make the request of a row again."""
    return OrderRequest(**{**msgspec.structs.asdict(row), "symbol": symbol})


def order_row(order: VenueOrder, number: int, queue: int) -> OrderRow:
    """Write down an order."""
    return OrderRow(
        number=number,
        queue=queue,
        owner=order.owner,
        request=request_row(order.request),
        status=order.status,
        limit_ticks=order.limit_ticks,
        lots=order.lots,
        self_trade=order.self_trade,
        filled_lots=order.filled_lots,
        quote_e8=order.quote_e8,
        time_ms=order.time_ms,
        update_ms=order.update_ms,
    )


def order_of(
    order_id: int, row: OrderRow, symbol: Symbol, amendments: tuple[Amendment, ...]
) -> VenueOrder:
    """Make the order of a row again; it rests in no book yet."""
    order = VenueOrder(order_id, row.owner, request_of(row.request, symbol), row.time_ms)
    order.amendments = amendments
    order.announced = True
    order.status = row.status
    order.price_ticks = order.limit_ticks = row.limit_ticks
    order.lots = row.lots
    order.left_lots = row.lots - row.filled_lots
    order.self_trade = row.self_trade
    order.filled_lots = row.filled_lots
    order.quote_e8 = row.quote_e8
    order.update_ms = row.update_ms
    return order


def fill_row(fill: Fill, number: int, owner: int) -> FillRow:
    """Write down one user's side of a match."""
    values = msgspec.structs.asdict(fill)
    values["symbol"] = fill.symbol.name
    return FillRow(**values, number=number, owner=owner)


def fill_of(row: FillRow, symbol: Symbol) -> Fill:
    """Make the fill of a row again."""
    values = {name: getattr(row, name) for name in Fill.__struct_fields__}
    return Fill(**{**values, "symbol": symbol})


def income_row(income: Income, owner: int) -> IncomeRow:
    """Write down a change of a wallet."""
    return IncomeRow(**msgspec.structs.asdict(income), owner=owner)


def income_of(row: IncomeRow) -> Income:
    """Make the change of a row again."""
    return Income(*(getattr(row, name) for name in Income.__struct_fields__))


def fill_key(owner: int, fill: Fill) -> str:
    """Name a fill: nobody is on both sides of a match."""
    return f"{owner} {fill.symbol.name} {fill.trade_id}"


def account_row(desk: Desk) -> AccountRow:
    """Write down an account, without what it holds."""
    account = desk.account
    return AccountRow(
        wallets=account.wallets,
        fees=account.fees,
        dust_e16=account.dust_e16,
        hedge=account.hedge,
        multi_assets=account.multi_assets,
        fee_burn=account.fee_burn,
        maker_ppm=account.maker_ppm,
        taker_ppm=account.taker_ppm,
        update_ms=account.update_ms,
        countdown_ms=desk.countdown_ms,
        called=sorted(desk.called),
    )


def fill_account(desk: Desk, row: AccountRow) -> None:
    """Make a desk's account as its row says."""
    account: Account = desk.account
    account.wallets = row.wallets
    account.fees = row.fees
    account.dust_e16 = row.dust_e16
    account.hedge = row.hedge
    account.multi_assets = row.multi_assets
    account.fee_burn = row.fee_burn
    account.maker_ppm = row.maker_ppm
    account.taker_ppm = row.taker_ppm
    account.update_ms = row.update_ms
    desk.countdown_ms = row.countdown_ms
    desk.called = set(row.called)


def holding_row(holding: Holding) -> HoldingRow:
    """Write down what an account has in one symbol."""
    legs = {name: leg for name, leg in holding.legs.items() if leg != _LEGS[name]}
    return HoldingRow(leverage=holding.leverage, isolated=holding.isolated, legs=legs)


def fill_holding(holding: Holding, row: HoldingRow) -> None:
    """Make a holding as its row says; what open orders tie up comes with the orders."""
    holding.leverage = row.leverage
    holding.isolated = row.isolated
    holding.legs.update(row.legs)


def listing_row(listing: Listing, next_trade_id: int, next_aggregate_id: int) -> ListingRow:
    """Write down the counters and house books of a symbol; some ids may be reserved ahead."""
    return ListingRow(
        tick_e8=listing.symbol.tick_e8,
        lot_e8=listing.symbol.lot_e8,
        next_order_id=listing.next_order_id,
        next_trade_id=next_trade_id,
        next_aggregate_id=next_aggregate_id,
        house_lots=listing.house_lots,
        house_cost_e16=listing.house_cost_e16,
    )


def price_row(listing: Listing) -> PriceRow:
    """Write down where a symbol's market stands."""
    return PriceRow(
        last_ticks=listing.last_ticks,
        mark_e8=listing.mark_e8,
        index_e8=listing.index_e8,
        funding_rate_e8=listing.funding_rate_e8,
    )
