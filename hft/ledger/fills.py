"""The fills and the payments of the database as columns of whole numbers.

Two hundred thousand rows take a third of a second to read and a few milliseconds to sum, so whoever
asks often keeps the columns (`hft.ledger.books`).  Texts are numbers into one list of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select

from hft.binance.income import CLEARANCE, FUNDING
from hft.ledger.packed import Packed, constant, known, read_packed
from hft.ledger.schema import checked, funding, trades

Wholes = npt.NDArray[np.int64]

IDS_AT_ONCE = 5000
"""Row numbers in one question: more of them are not read faster."""
READERS = 2
"""On a busy machine two threads get twice of its time that one gets."""

_HALF_BITS = 32

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

    @property
    def holding(self) -> Wholes:
        """Tells the positions apart: one number for each account and symbol."""
        return self.account << _HALF_BITS | self.symbol

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
    begins = _begins(connection, after_id)
    return _together((_read_ids(connection, begin, from_ms) for begin in begins), words)


def read_all_columns(engine: Engine, words: Words) -> Fills:
    """Read every fill, several parts at a time: the interpreter is not needed for most of it.

    What is added or changed meanwhile may be part of it or not.
    """

    def read(begin: int) -> Packed:
        with engine.connect() as connection:
            return _read_ids(connection, begin)

    with engine.connect() as connection:
        begins = _begins(connection)
    with ThreadPoolExecutor(READERS, "books") as readers:
        return _together(readers.map(read, begins), words)


def _begins(connection: Connection, after_id: int = 0) -> range:
    behind = trades.c.id > after_id
    ends = (select(end(trades.c.id)).where(behind) for end in (func.min, func.max))
    first, last = (connection.execute(end).scalar() for end in ends)
    return range(first or 0, (last or -1) + 1, IDS_AT_ONCE)


def _read_ids(connection: Connection, begin: int, from_ms: int | None = None) -> Packed:
    where: ColumnElement[bool] = trades.c.id.between(begin, begin + IDS_AT_ONCE - 1)
    if from_ms is not None:
        where = and_(where, trades.c.exchange_ts_ms >= from_ms)
    return read_packed(connection, _WHOLES, _TEXTS, where)


def _together(parts: Iterable[Packed], words: Words) -> Fills:
    meanings = _Meanings(words)
    none = Fills(*np.zeros((len(Fills._fields), 0), np.int64))
    fills = [none, *(_fills_of(part, meanings, words) for part in parts)]
    return Fills(*map(np.concatenate, zip(*fills, strict=True)))


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


_DIGITS_MAX = 18
"""What surely fits into 64 bits."""
_WAITS = -(1 << 62)
"""In place of the value of a fee that has none yet."""


def _joined_texts(*columns: ColumnElement[Any]) -> Any:
    texts = (known(column, "") for column in columns)
    return reduce(lambda text, more: text.concat(constant(_BETWEEN)).concat(more), texts)


_COLUMNS = trades.c
_WHOLES = (
    _COLUMNS.id,
    *(
        known(_COLUMNS[name], 0)
        for name in ("exchange_ts_ms", "price_e8", "qty_e8", "pnl_e8", "fee_e8", "maker")
    ),
    known(_COLUMNS.fee_value_e8, _WAITS),
)
_TEXTS = (
    known(_COLUMNS.order_id, ""),
    _joined_texts(
        *(
            _COLUMNS[name]
            for name in ("account_epoch", "symbol", "strategy", "fee_currency", "side")
        )
    ),
)


class _Meanings:
    """What the joined texts of rows say, as numbers; there are few of them."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._places: dict[str, int] = {}
        self._told: list[list[int]] = []

    def look_up(self, texts: Sequence[str]) -> Wholes:
        """Give account, symbol, strategy, asset, sign, and whether the asset is the symbol's own.

        One column per text.
        """
        for text in set(texts).difference(self._places):
            self._places[text] = len(self._told)
            self._told.append(self._meaning(text))
        places = np.fromiter(map(self._places.__getitem__, texts), np.int64, len(texts))
        found: Wholes = np.array(self._told, np.int64).reshape(-1, 6).T[:, places]
        return found

    def _meaning(self, text: str) -> list[int]:
        # A perpetual's name ends with its money (BTCUSDT); the former system did not say in what it
        # paid.  A row without a side moves nothing.
        *names, side = text.split(_BETWEEN)
        _, symbol, _, asset = names
        sign = {"BUY": 1, "SELL": -1}.get(side, 0)
        return [*map(self._words.number, names), sign, int(symbol.endswith(asset))]


def _fills_of(read: Packed, meanings: _Meanings, words: Words) -> Fills:
    row_id, ts_ms, price_e8, qty_e8, pnl_e8, fee_e8, maker, value_e8 = read.wholes
    orders, texts = read.texts
    account, symbol, strategy, asset, sign, own = meanings.look_up(texts)
    waits = (value_e8 == _WAITS) & (own == 0)
    counted_e8 = np.where(value_e8 == _WAITS, fee_e8, value_e8)
    return Fills(
        row_id,
        ts_ms,
        price_e8,
        sign * qty_e8,
        pnl_e8,
        np.where(waits, 0, counted_e8),
        np.where(waits, fee_e8, 0),
        maker,
        _order_numbers(orders, words),
        account,
        symbol,
        strategy,
        np.where(waits, asset, words.number("")),
    )


def _order_numbers(orders: Sequence[str], words: Words) -> Wholes:
    """The venue's numbers of orders; below zero for names of the former system."""
    if all(map(str.isdecimal, orders)) and max(map(len, orders), default=0) <= _DIGITS_MAX:
        return np.fromiter(map(int, orders), np.int64, len(orders))
    return np.array([_order_number(order, words) for order in orders], np.int64)


def _order_number(order: str, words: Words) -> int:
    if order.isdecimal() and len(order) <= _DIGITS_MAX:
        return int(order)
    return -1 - words.number(order)
