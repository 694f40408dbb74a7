"""What fills were worth a moment later: markouts, summed up by horizon.

A move is that of the mid price from the fill to the horizon, above zero where it went the fill's
way (up after a purchase).  It is told in quote per unit of base and in basis points of the mid at
the fill; once with each fill counted the same, once weighted by quantity.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from hft.ledger.books import Books
from hft.ledger.fills import IDS_AT_ONCE, Fills, Wholes
from hft.ledger.packed import read_packed
from hft.ledger.schema import markouts
from hft.units import E8

BASIS_POINTS = 10_000


class Moves(msgspec.Struct, frozen=True):
    """The moves of some fills at one horizon."""

    horizon_ms: int
    count: int
    mean: float
    mean_bps: float
    median: float
    median_bps: float
    weighted_mean: float
    weighted_mean_bps: float
    favourable: float
    """The share of fills after which the mid had moved their way, 0 to 1."""


class Markouts(msgspec.Struct, frozen=True):
    """The moves of all fills, and divided; one row per horizon, ascending."""

    totals: list[Moves]
    by_strategy: dict[str, list[Moves]]
    by_symbol: dict[str, list[Moves]]
    by_side: dict[str, list[Moves]]
    by_role: dict[str, list[Moves]]
    """Maker or taker."""


def read_markouts(
    engine: Engine, books: Books, from_ms: int | None = None, to_ms: int | None = None
) -> Markouts:
    """Sum up the markouts of the fills shown, from a time (inclusive) to another (exclusive).

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    fills, _ = books.shown(from_ms, to_ms)
    row_id, horizon_ms, mid_e8, move_e8 = _read(engine, fills)
    order = np.argsort(fills.row_id, kind="stable")
    place = np.searchsorted(fills.row_id, row_id, sorter=order)
    known = place < len(order)
    known[known] = fills.row_id[order[place[known]]] == row_id[known]
    of_fill = fills.pick(order[place[known]])
    table = _Table(of_fill, horizon_ms[known], mid_e8[known], move_e8[known])
    sides, roles = of_fill.qty_e8 > 0, of_fill.maker != 0
    return Markouts(
        table.moves(np.ones(len(sides), np.bool_)),
        table.divided(of_fill.strategy, books.texts),
        table.divided(of_fill.symbol, books.texts),
        {"BUY": table.moves(sides), "SELL": table.moves(~sides)},
        {"maker": table.moves(roles), "taker": table.moves(~roles)},
    )


def _read(engine: Engine, fills: Fills) -> Wholes:
    columns = [markouts.c[name] for name in ("trade_row", "horizon_ms", "mid_e8", "move_e8")]
    parts = [np.zeros((len(columns), 0), np.int64)]
    if len(fills.row_id):
        first, last = int(fills.row_id.min()), int(fills.row_id.max())
        with engine.connect() as connection:
            for begin in range(first, last + 1, IDS_AT_ONCE):
                end = min(last, begin + IDS_AT_ONCE - 1)
                where = markouts.c.trade_row.between(begin, end)
                parts.append(read_packed(connection, columns, (), where).wholes)
    return np.concatenate(parts, axis=1)


class _Table:
    """Markouts beside the fills they belong to."""

    def __init__(self, fills: Fills, horizon_ms: Wholes, mid_e8: Wholes, move_e8: Wholes) -> None:
        self._horizon_ms = horizon_ms
        self._move = move_e8 / E8
        self._move_bps = move_e8 * float(BASIS_POINTS) / np.maximum(mid_e8, 1)
        self._weight = np.abs(fills.qty_e8).astype(np.float64)

    def moves(self, which: npt.NDArray[np.bool_]) -> list[Moves]:
        """Sum up some of the fills, by horizon."""
        found = []
        for horizon_ms in np.unique(self._horizon_ms[which]).tolist():
            mine = which & (self._horizon_ms == horizon_ms)
            move, move_bps = self._move[mine], self._move_bps[mine]
            weight = self._weight[mine]
            weight = weight if weight.any() else np.ones(len(move))
            found.append(
                Moves(
                    horizon_ms,
                    len(move),
                    float(move.mean()),
                    float(move_bps.mean()),
                    float(np.median(move)),
                    float(np.median(move_bps)),
                    float(np.average(move, weights=weight)),
                    float(np.average(move_bps, weights=weight)),
                    float((move > 0).mean()),
                )
            )
        return found

    def divided(self, numbers: Wholes, texts: list[str]) -> dict[str, list[Moves]]:
        """Sum up by what a column of words says."""
        return {
            texts[number]: self.moves(numbers == number) for number in np.unique(numbers).tolist()
        }
