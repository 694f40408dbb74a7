"""The fills and the payments of the database as columns of whole numbers.

Two hundred thousand rows take about half a second to read and a few milliseconds to sum, so whoever
asks often keeps the columns (`hft.ledger.books`).  Texts are numbers into one list of words.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Select, case, func, literal, or_, select

from hft.binance.income import CLEARANCE, FUNDING
from hft.ledger.schema import checked, funding, trades

Wholes = npt.NDArray[np.int64]

ROWS_AT_ONCE = 1000
"""Rows made into columns in one go: more of them only keep the garbage collector busy."""

_BETWEEN = "\x1f"
"""Divides the texts of a row, which are looked up together; no name holds it."""


class Words:
    """Numbers for texts; what has a number once keeps it."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Give a text its number."""
        found = self._numbers.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found


class Fills(NamedTuple):
    """Columns of `trades`, all int64 of one length.

    `account`, `symbol`, `strategy` and `other_asset` are numbers of words (the empty one for none),
    `order` tells orders apart.  `qty_e8` is negative for a sale.  `fee_e8` is what counts of a fee:
    its value in the margin asset, as far as it is known; one that waits for a price stands in
    `other_fee_e8`, in units of 1e-8 of `other_asset`.  Missing numbers are 0.
    """

    row_id: Wholes
    ts_ms: Wholes
    price_e8: Wholes
    qty_e8: Wholes
    pnl_e8: Wholes
    fee_e8: Wholes
    other_fee_e8: Wholes
    maker: Wholes
    order: Wholes
    account: Wholes
    symbol: Wholes
    strategy: Wholes
    other_asset: Wholes

    def pick(self, which: Any) -> Self:
        """Take rows by a slice, a mask or places."""
        return type(self)(*(column[which] for column in self))

    def followed_by(self, others: Fills) -> Fills:
        """Put rows behind these."""
        return Fills(*map(np.concatenate, zip(self, others, strict=True)))

    def in_order(self) -> Fills:
        """Sort by the venue's time, then by row."""
        place = np.lexsort((self.row_id, self.ts_ms))
        return self.pick(place)


class Payments(NamedTuple):
    """What was paid without a trade on symbols that are traded here, all int64, oldest first.

    `funding_e8` was received (negative: paid); `cost_e8` is what a liquidation cost beside its
    fill, which counts as a fee.  `strategy` is the one that had traded the symbol last.
    """

    ts_ms: Wholes
    account: Wholes
    symbol: Wholes
    strategy: Wholes
    funding_e8: Wholes
    cost_e8: Wholes

    def pick(self, which: Any) -> Self:
        """Take rows by a slice, a mask or places."""
        return type(self)(*(column[which] for column in self))

    @property
    def net_e8(self) -> Wholes:
        """What each changed the balance by."""
        return self.funding_e8 - self.cost_e8


def read_columns(
    connection: Connection, words: Words, after_id: int = 0, from_ms: int | None = None
) -> Fills:
    """Read the fills of rows after `after_id`, or of the venue's times from `from_ms` on."""
    query = _fills_query().where(trades.c.id > after_id).order_by(trades.c.id)
    if from_ms is not None:
        query = query.where(trades.c.exchange_ts_ms >= from_ms)
    # The driver's own rows: SQLAlchemy's would double the time.
    cursor: Any = connection.execute(query).cursor
    width = len(Fills._fields)
    parts = [np.zeros((width, 0), np.int64)]
    together: dict[str, list[int]] = {}
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        *numbers, orders, texts = zip(*rows, strict=True)
        for text in set(texts).difference(together):
            together[text] = [words.number(part) for part in text.split(_BETWEEN)]
        part = np.empty((width, len(rows)), np.int64)
        part[: width - 5] = numbers
        part[width - 5] = [_order_number(order, words) for order in orders]
        part[width - 4 :] = np.array([together[text] for text in texts]).T
        parts.append(part)
    return Fills(*np.concatenate(parts, axis=1))


def read_payments(connection: Connection, words: Words, fills: Fills) -> Payments:
    """Read what was paid; `fills`, in order, tell whose each payment was."""
    query = (
        select(
            funding.c.ts_ms,
            funding.c.account_epoch,
            funding.c.symbol,
            funding.c.income_type,
            funding.c.value_e8,
        )
        .where(
            funding.c.income_type.in_((FUNDING, CLEARANCE)),
            funding.c.value_e8.is_not(None),
            funding.c.symbol.in_(select(checked.c.symbol).where(checked.c.symbol != "")),
        )
        .order_by(funding.c.ts_ms, funding.c.id)
    )
    rows = [
        (
            int(ts_ms),
            words.number(account),
            words.number(symbol),
            int(value_e8) if kind == FUNDING else 0,
            -int(value_e8) if kind == CLEARANCE else 0,
        )
        for ts_ms, account, symbol, kind, value_e8 in connection.execute(query)
    ]
    ts_ms, account, symbol, received, cost = np.array(rows, np.int64).reshape(-1, 5).T
    holder = _holders(fills, ts_ms, account, symbol, words)
    return Payments(ts_ms, account, symbol, holder, received, cost)


def _holders(fills: Fills, ts_ms: Wholes, account: Wholes, symbol: Wholes, words: Words) -> Wholes:
    nobody = words.number("")
    holder = np.full(len(ts_ms), nobody, np.int64)
    for pair in set(zip(account.tolist(), symbol.tolist(), strict=True)):
        mine = (account == pair[0]) & (symbol == pair[1])
        named = fills.strategy != nobody
        theirs = np.flatnonzero((fills.account == pair[0]) & (fills.symbol == pair[1]) & named)
        last = np.searchsorted(fills.ts_ms[theirs], ts_ms[mine], "right") - 1
        if len(theirs):
            holder[mine] = np.where(last >= 0, fills.strategy[theirs[last]], nobody)
    return holder


def _fills_query() -> Select[Any]:
    columns = trades.c
    # The exact value of a sale's quantity is its negative; a row without a side moves nothing.
    qty_e8 = case(
        (columns.side == "BUY", columns.qty_e8), (columns.side == "SELL", -columns.qty_e8), else_=0
    )
    own, valued = _fee_in_own_money(), columns.fee_value_e8.is_not(None)
    fee_e8 = func.coalesce(columns.fee_value_e8, case((own, columns.fee_e8), else_=0))
    other = case((or_(valued, own), 0), else_=columns.fee_e8)
    asset = case((or_(valued, own), ""), else_=columns.fee_currency)
    texts: ColumnElement[str] = func.coalesce(columns.account_epoch, "")
    for text in (columns.symbol, columns.strategy, asset):
        texts = texts.concat(literal(_BETWEEN)).concat(func.coalesce(text, ""))
    numbers = (columns.exchange_ts_ms, columns.price_e8, qty_e8, columns.pnl_e8, fee_e8, other)
    whole = (func.coalesce(number, 0) for number in (*numbers, columns.maker))
    return select(columns.id, *whole, columns.order_id, texts)


def _fee_in_own_money() -> ColumnElement[bool]:
    # A perpetual's name ends with its money (BTCUSDT); the former system did not say in what it
    # paid.
    unsaid = func.coalesce(trades.c.fee_currency, "") == ""
    return or_(unsaid, trades.c.symbol.endswith(trades.c.fee_currency))


def _order_number(order: str | None, words: Words) -> int:
    """The venue's number of an order; below zero for a name of the former system."""
    if order and order.isdecimal() and len(order) < 19:
        return int(order)
    return -1 - words.number(order or "")
