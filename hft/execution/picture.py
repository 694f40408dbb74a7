"""The venue's side of the story, fetched over REST in one errand: orders, fills, positions, money.

Runs in an errand's thread and touches no books: it is handed an `Inquiry` and gives a `Picture`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from hft.binance import endpoints
from hft.binance.filters import SymbolSpec
from hft.binance.order_frames import client_order_id, parse_client_order_id
from hft.binance.rest import TRADES_LIMIT_MAX, Rest, VenueError
from hft.clock import monotonic_ns
from hft.errors import HftError
from hft.events import Notice, Side
from hft.execution.late_fees import value_late_fees
from hft.execution.reports import Fill
from hft.units import E8, parse_e8

ATTEMPTS = 4
_FIRED = frozenset({"TRIGGERING", "TRIGGERED", "FINISHED"})
"""States of an algo order in whose place an ordinary order stands, or is about to."""
STRANGERS_MAX = 50
_BY_VENUE = {"autoclose-": Notice.LIQUIDATION, "adl_autoclose": Notice.ADL}
"""How the venue begins the names of orders by which it closes positions itself."""


class AccountChanged(HftError):
    """The key leads to another account than at the start, so these books are not its books."""


class Session(msgspec.Struct, frozen=True):
    """Which orders and fills are this session's, and of which account."""

    epoch: int
    account_epoch: str
    since_ms: int


class Question(msgspec.Struct, frozen=True):
    """An order that is not terminal in our books."""

    intent_seq: int
    symbol: int
    conditional: bool = False
    """It waits for a trigger, or did."""


class Inquiry(msgspec.Struct, frozen=True):
    """What to ask for; `after_ids[symbol]` is the last fill in the books, None: begin here."""

    session: Session
    symbols: list[str]
    specs: list[SymbolSpec]
    margin_asset: str
    after_ids: list[int | None]
    known: frozenset[tuple[int, int]]
    """(symbol, venue order id) of the orders in our table."""
    questions: list[Question]


class OrderAnswer(msgspec.Struct, frozen=True):
    """One order as the venue has it; `status` is empty where it knows none."""

    question: Question
    asked_ms: int
    status: str = ""
    venue_order_id: int = 0
    updated_ms: int = 0
    price_ticks: int = 0
    qty_lots: int = 0
    cum_lots: int = 0
    cum_quote_e8: int = 0
    fills: list[Fill] = []


class SymbolPicture(msgspec.Struct, frozen=True):
    """New fills of one symbol, and the position they lead to."""

    fills: list[Fill]
    newest_id: int
    lots: int
    entry_e8: int
    settled: bool
    """No fill came while the position was read."""


class Money(msgspec.Struct, frozen=True):
    """The margin asset's balance in units of 1e-8, and what there is of every other asset."""

    wallet_e8: int
    available_e8: int
    others: dict[str, int] = {}


class Picture(msgspec.Struct, frozen=True):
    """Everything an inquiry asked for."""

    answers: list[OrderAnswer]
    symbols: list[SymbolPicture]
    money: Money
    asked_ns: int
    """When the first question was asked, by the local clock."""


def fetch(rest: Rest, inquiry: Inquiry) -> Picture:
    """Ask the venue: orders first, then fills and positions, which may only be newer.

    Raises:
        AccountChanged: only a simulator that was started anew does this.
    """
    asked_ns = monotonic_ns()
    account_epoch = rest.account().get("accountEpoch", inquiry.session.account_epoch)
    if account_epoch != inquiry.session.account_epoch:
        raise AccountChanged("another account is behind the key now: execution starts anew")
    answers = [_ask_order(rest, inquiry, question) for question in inquiry.questions]
    ours = inquiry.known | {
        (answer.question.symbol, answer.venue_order_id) for answer in answers if answer.status
    }
    names = {
        (answer.question.symbol, answer.venue_order_id): client_order_id(
            inquiry.session.epoch, answer.question.intent_seq
        )
        for answer in answers
        if answer.status
    }
    symbols = [
        _look_at_symbol(rest, inquiry, symbol, ours, names)
        for symbol in range(len(inquiry.symbols))
    ]
    late = [fill for symbol in symbols for fill in symbol.fills]
    late += [fill for answer in answers for fill in answer.fills]
    value_late_fees(rest, inquiry.margin_asset, late)
    return Picture(answers, symbols, fetch_money(rest, inquiry.margin_asset), asked_ns)


def fetch_money(rest: Rest, margin_asset: str) -> Money:
    """Ask for the balances; zero where the account has none of the margin asset."""
    wallet_e8 = available_e8 = 0
    others: dict[str, int] = {}
    for row in rest.balance():
        balance_e8 = cut_e8(row["balance"])
        if row["asset"] == margin_asset:
            wallet_e8, available_e8 = balance_e8, cut_e8(row["availableBalance"])
        elif balance_e8:
            others[row["asset"]] = balance_e8
    return Money(wallet_e8, available_e8, others)


def fetch_position(rest: Rest, symbol: str, spec: SymbolSpec) -> tuple[int, int]:
    """Ask for one symbol's position: signed lots and average entry."""
    for row in rest.position_risk(symbol):
        if row["symbol"] == symbol and row.get("positionSide", "BOTH") == "BOTH":
            return spec.lots(row["positionAmt"]), cut_e8(row["entryPrice"])
    return 0, 0


def cut_e8(text: str) -> int:
    """Read a figure that is shown rather than booked, and may have more than eight decimals."""
    return int((Decimal(text) * E8).to_integral_value(ROUND_HALF_UP))


def _ask_order(rest: Rest, inquiry: Inquiry, question: Question) -> OrderAnswer:
    symbol, spec = inquiry.symbols[question.symbol], inquiry.specs[question.symbol]
    client_id = client_order_id(inquiry.session.epoch, question.intent_seq)
    asked_ms = rest.venue_ms()
    row: Any = None
    waiting: Any = None
    if question.conditional:
        waiting = _if_known(lambda: rest.algo_status(client_id))
    if waiting is None or waiting["algoStatus"] in _FIRED:
        row = _if_known(lambda: _ordinary(rest, symbol, client_id, waiting))
    if row is None and waiting is None:
        return OrderAnswer(question, asked_ms)
    if row is None:
        # It waits, it ended without a fill, or it is about to become an order.
        status, lots = waiting["algoStatus"], spec.lots(waiting["quantity"])
        return OrderAnswer(question, asked_ms, status=status, qty_lots=lots)
    order_id, cum_lots = int(row["orderId"]), spec.lots(row["executedQty"])
    trades = rest.user_trades(symbol, order_id=order_id) if cum_lots else []
    return OrderAnswer(
        question,
        asked_ms,
        status=row["status"],
        venue_order_id=order_id,
        updated_ms=int(row.get("updateTime", 0)),
        price_ticks=spec.ticks(row.get("price", "0")),
        qty_lots=spec.lots(row["origQty"]),
        cum_lots=cum_lots,
        cum_quote_e8=cut_e8(row.get("cumQuote", "0")),
        fills=[_fill_of(question.symbol, spec, trade, question.intent_seq) for trade in trades],
    )


def _ordinary(rest: Rest, symbol: str, client_id: str, fired: Any) -> Any:
    """Ask about an ordinary order, by the id the venue gave it where one that fired tells it."""
    actual_id = fired["actualOrderId"] if fired is not None else ""
    if not actual_id:
        return rest.order_status(symbol, client_id)
    return rest.get(endpoints.ORDER, {"symbol": symbol, "orderId": actual_id}, signed=True)


def _if_known(ask: Callable[[], Any]) -> Any:
    """Ask about an order; None where the venue knows none of that name."""
    try:
        return ask()
    except VenueError as refusal:
        if refusal.code != endpoints.ORDER_DOES_NOT_EXIST:
            raise
        return None


def _look_at_symbol(
    rest: Rest,
    inquiry: Inquiry,
    symbol: int,
    ours: frozenset[tuple[int, int]],
    names: dict[tuple[int, int], str],
) -> SymbolPicture:
    name, spec = inquiry.symbols[symbol], inquiry.specs[symbol]
    after_id = inquiry.after_ids[symbol]
    beginning = after_id is None
    rows = rest.user_trades(name) if after_id is None else _after(rest, name, after_id, inquiry)
    for attempt in range(ATTEMPTS):
        newest_id = max((int(row["id"]) for row in rows), default=after_id or 0)
        lots, entry_e8 = fetch_position(rest, name, spec)
        newer = _after(rest, name, newest_id, inquiry)
        if not newer or attempt == ATTEMPTS - 1:
            break
        rows += newer
    fills = []
    for row in [] if beginning else rows:
        key = (symbol, int(row["orderId"]))
        if key not in ours and key not in names and len(names) < STRANGERS_MAX:
            names[key] = _name_of_stranger(rest, name, key[1])
        client_id = names.get(key, "")
        fill = _fill_of(symbol, spec, row, own_intent(client_id, inquiry.session.epoch))
        fill.notice = notice_of(client_id)
        fills.append(fill)
    return SymbolPicture(fills, newest_id, lots, entry_e8, settled=not newer)


def _after(rest: Rest, symbol: str, after_id: int, inquiry: Inquiry) -> list[dict[str, Any]]:
    """Every fill after an id, page by page; before the account's first fill, by time.

    (From id 1 the venue would begin months ago.)
    """
    if not after_id:
        first: list[dict[str, Any]] = rest.user_trades(symbol, start_ms=inquiry.session.since_ms)
        if len(first) < TRADES_LIMIT_MAX:
            return first
        return first + _after(rest, symbol, int(first[-1]["id"]), inquiry)
    rows: list[dict[str, Any]] = []
    while True:
        page = rest.user_trades(symbol, from_id=after_id + 1)
        rows += page
        if len(page) < TRADES_LIMIT_MAX:
            return rows
        after_id = int(page[-1]["id"])


def _name_of_stranger(rest: Rest, symbol: str, order_id: int) -> str:
    """Find out whose order a fill was of: perhaps one of ours whose id we never learnt."""
    try:
        row = rest.get(endpoints.ORDER, {"symbol": symbol, "orderId": order_id}, signed=True)
    except VenueError as refusal:
        if refusal.code != endpoints.ORDER_DOES_NOT_EXIST:
            raise
        return ""
    return str(row["clientOrderId"])


def notice_of(client_id: str) -> Notice:
    """Say what a fill is whose order bears this name and is not of this session."""
    for prefix, notice in _BY_VENUE.items():
        if client_id.startswith(prefix):
            return notice
    return Notice.FOREIGN_TRADE


def own_intent(client_id: str, session_epoch: int) -> int:
    """Give the intent of an order of this session; 0 for any other order."""
    parsed = parse_client_order_id(client_id)
    return parsed[1] if parsed and parsed[0] == session_epoch else 0


def _fill_of(symbol: int, spec: SymbolSpec, row: dict[str, Any], intent_seq: int) -> Fill:
    fill = Fill(symbol, int(row["id"]), int(row["orderId"]), Side[row["side"]])
    fill.intent_seq = intent_seq
    fill.price_ticks = spec.ticks(row["price"])
    fill.qty_lots = spec.lots(row["qty"])
    fill.fee_e8 = parse_e8(row["commission"])
    fill.fee_asset = row["commissionAsset"].encode()
    fill.realised_e8 = parse_e8(row["realizedPnl"])
    fill.venue_ms = int(row["time"])
    fill.maker = bool(row["maker"])
    return fill
