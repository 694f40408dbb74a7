"""How much was held, and for how long."""

from __future__ import annotations

import msgspec
import numpy as np

from hft.ledger.books import Books
from hft.ledger.fills import Fills, Wholes
from hft.ledger.opening import Opening
from hft.ledger.trips import positions_of
from hft.units import E8


class Exposure(msgspec.Struct, frozen=True):
    """What a position was worth over a stretch of time.

    Its notional is what it holds times the price of the fill that left it so; several symbols add
    up.  `average_notional` is weighted by time, over the time in a position only.
    """

    from_ms: int
    to_ms: int
    in_position_ms: int
    average_notional: float
    largest_notional_e8: int

    @property
    def share(self) -> float:
        """The part of the time in which a position was open, 0 to 1."""
        return self.in_position_ms / max(1, self.to_ms - self.from_ms)


def exposure_of(
    books: Books,
    from_ms: int,
    to_ms: int,
    *,
    symbol: int | None = None,
    strategy: int | None = None,
) -> Exposure:
    """Measure what was held from a time to another: in all, of one symbol, or by one strategy.

    A position that was open before counts from the beginning, one still open to the end; but that
    of an account no newer fill belongs to (each demo has its own) ends with its last fill.
    """
    fills = books.fills if symbol is None else books.fills.pick(books.fills.symbol == symbol)
    if not len(fills.ts_ms) or to_ms <= from_ms:
        return Exposure(from_ms, max(from_ms, to_ms), 0, 0.0, 0)
    ts_ms, level_e8 = _levels(fills, books.opening, int(books.fills.account[-1]), strategy)
    inside = slice(
        max(0, int(np.searchsorted(ts_ms, from_ms, "right")) - 1),
        int(np.searchsorted(ts_ms, to_ms)),
    )
    level_e8 = level_e8[inside]
    edges = np.clip(np.append(ts_ms[inside], to_ms), from_ms, to_ms)
    held_ms = np.diff(edges)
    # What was open for less than a millisecond was open, too.
    seen_e8 = level_e8[(held_ms > 0) | (ts_ms[inside] >= from_ms)]
    in_position_ms = int(held_ms[level_e8 > 0].sum())
    weighted = float((level_e8.astype(np.float64) * held_ms).sum())
    return Exposure(
        from_ms,
        to_ms,
        in_position_ms,
        weighted / E8 / in_position_ms if in_position_ms else 0.0,
        int(seen_e8.max(initial=0)),
    )


def notional_e8(price_e8: Wholes, qty_e8: Wholes) -> Wholes:
    """Multiply prices and quantities (not below 0) without leaving 64 bits, rounded down."""
    price_whole, price_part = np.divmod(price_e8, E8)
    qty_whole, qty_part = np.divmod(qty_e8, E8)
    whole_e8 = price_whole * qty_e8 + price_part * qty_whole
    product_e8: Wholes = whole_e8 + price_part * qty_part // E8
    return product_e8


def _levels(
    fills: Fills, opening: Opening, newest_account: int, strategy: int | None
) -> tuple[Wholes, Wholes]:
    """The times of the fills, and the notional of everything held after each."""
    held = positions_of(fills, opening)
    mine, begins = held.fills, held.begins
    level_e8 = notional_e8(mine.price_e8, np.abs(held.after_e8))
    ends = np.append(begins[1:], len(level_e8)) - 1
    level_e8[ends[mine.account[ends] != newest_account]] = 0
    if strategy is not None:
        level_e8[held.holders() != strategy] = 0
    change_e8 = np.diff(level_e8, prepend=0)
    change_e8[begins] = level_e8[begins]
    order = np.lexsort((mine.row_id, mine.ts_ms))
    return mine.ts_ms[order], np.cumsum(change_e8[order])
