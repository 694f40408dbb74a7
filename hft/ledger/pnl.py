"""What was made: sums, shares by strategy and symbol, and the curve, from the kept books.

All of it looks only at what the newest clearing left in sight.  P&L is exact: sums of whole units
of 1e-8.  A fee charged in another asset than the symbol's own money (BNB, say) counts as what it
was worth at its time; until that is known it is left out of the net and told apart in
`other_fees_e8`.  Deposits and transfers are never P&L; what a liquidation costs beside its fill is
a fee.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
import numpy as np

from hft.ledger.books import Books
from hft.ledger.fills import Fills, Payments, Wholes
from hft.ledger.schema import to_real
from hft.ledger.thinning import thin

POINTS_MAX = 2000
_HALF_BITS = 32


class Sums(msgspec.Struct, frozen=True):
    """Count and money of some trades; `net_e8` is P&L less fees, with funding."""

    count: int
    pnl_e8: int
    fees_e8: int
    net_e8: int
    other_fees_e8: dict[str, int]
    funding_e8: int = 0
    """Received; negative: paid."""


class Share(msgspec.Struct, frozen=True):
    """What one strategy made with one symbol; trades by hand have no strategy."""

    strategy: str
    symbol: str
    count: int
    pnl_e8: int
    fees_e8: int
    funding_e8: int

    @property
    def net_e8(self) -> int:
        """P&L less fees, with funding."""
        return self.pnl_e8 - self.fees_e8 + self.funding_e8


class Totals(msgspec.Struct, frozen=True):
    """Sums since the marker, and of those since the beginning of the day."""

    all_time: Sums
    today: Sums


class Point(msgspec.Struct, frozen=True):
    """P&L net of fees, with funding, up to and including this moment."""

    ts_ms: int
    pnl_e8: int
    pnl: float


def read_totals(books: Books, midnight_ms: int) -> Totals:
    """Sums of everything since the marker, and of the day that began at `midnight_ms`."""
    return Totals(sum_trades(books), sum_trades(books, midnight_ms))


def sum_trades(books: Books, from_ms: int | None = None, to_ms: int | None = None) -> Sums:
    """Sums of the trades since the marker, or of those from a venue time on, up to another."""
    fills, payments = books.shown(from_ms, to_ms)
    return sums_of(fills, payments, books.texts)


def sums_of(fills: Fills, payments: Payments, texts: list[str]) -> Sums:
    """Sums of some fills and payments; `texts` are those of their books."""
    pnl_e8 = exact_sum(fills.pnl_e8)
    fees_e8 = exact_sum(fills.fee_e8) + exact_sum(payments.cost_e8)
    funding_e8 = exact_sum(payments.funding_e8)
    waiting = fills.pick(fills.other_fee_e8 != 0)
    other = {
        texts[asset]: exact_sum(waiting.other_fee_e8[waiting.other_asset == asset])
        for asset in np.unique(waiting.other_asset)
    }
    net_e8 = pnl_e8 - fees_e8 + funding_e8
    return Sums(len(fills.ts_ms), pnl_e8, fees_e8, net_e8, other, funding_e8)


def shares(books: Books, from_ms: int | None = None) -> list[Share]:
    """Divide P&L, fees and funding since the marker (or a venue time) by strategy and symbol.

    Funding is the strategy's that traded the symbol last before it.
    """
    fills, payments = books.shown(from_ms)
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for rows in (fills, payments):
        for strategy, symbol in pairs(rows.strategy, rows.symbol):
            which = (rows.strategy == strategy) & (rows.symbol == symbol)
            row = found[books.texts[strategy], books.texts[symbol]]
            if isinstance(rows, Fills):
                row[0] += int(which.sum())
                row[1] += exact_sum(rows.pnl_e8[which])
                row[2] += exact_sum(rows.fee_e8[which])
            else:
                row[2] += exact_sum(rows.cost_e8[which])
                row[3] += exact_sum(rows.funding_e8[which])
    return [Share(*names, *amounts) for names, amounts in sorted(found.items())]


def pairs(first: Wholes, second: Wholes) -> list[tuple[int, int]]:
    """The pairs of numbers of words that there are."""
    together = np.unique(first << _HALF_BITS | second).tolist()
    return [(each >> _HALF_BITS, each & (1 << _HALF_BITS) - 1) for each in together]


def net_curve(fills: Fills, payments: Payments) -> tuple[Wholes, Wholes]:
    """Tell the times and the cumulative net after each fill and payment, in units of 1e-8.

    A fill comes before a payment of the same millisecond.
    """
    ts_ms = np.concatenate((fills.ts_ms, payments.ts_ms))
    net_e8 = np.concatenate((fills.pnl_e8 - fills.fee_e8, payments.net_e8))
    order = np.argsort(ts_ms, kind="stable")
    return ts_ms[order], np.cumsum(net_e8[order])


def pnl_series(
    books: Books,
    from_ms: int | None = None,
    to_ms: int | None = None,
    points_max: int = POINTS_MAX,
) -> list[Point]:
    """The curve of P&L net of fees since the marker, or from a time on, up to another.

    The curve of a range starts at 0 at its beginning.  At most `points_max` points, or a few more,
    keep the shape (`thin`); what happened last is always the last of them.
    """
    ts_ms, net_e8 = net_curve(*books.shown(from_ms, to_ms))
    kept = thin(ts_ms, net_e8, points_max)
    points = [
        Point(ms, net, to_real(net))
        for ms, net in zip(ts_ms[kept].tolist(), net_e8[kept].tolist(), strict=True)
    ]
    return points if from_ms is None else [Point(from_ms, 0, 0.0), *points]


def exact_sum(column: Any) -> int:
    """Sum whole numbers without ever leaving 64 bits: the halves are summed apart."""
    high, low = column >> _HALF_BITS, column & (1 << _HALF_BITS) - 1
    return (int(high.sum()) << _HALF_BITS) + int(low.sum())
