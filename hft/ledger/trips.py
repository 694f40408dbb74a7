"""Round trips: what lies between two moments in which a symbol's position was flat.

The venue keeps one position per account and symbol, and strategies are switched only while it is
flat, so a trip belongs to the strategy of its first fill; a fill without one (a flatten, an order
by hand) ends the trip it closes instead of opening one of its own.  A fill that turns a position
ends one trip and begins the next: its realised P&L is the first one's, its fee is divided by
quantity (the ended trip's part rounded down).  Funding is no part of a trip.

What was held before the first kept fill (`hft.ledger.opening`) is no trip: nobody saw it open.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hft.ledger.books import Books
from hft.ledger.fills import Fills, Wholes
from hft.ledger.opening import Opening

Marks = npt.NDArray[np.bool_]


class Trips(NamedTuple):
    """Closed round trips by the time they ended, all int64 of one length.

    `row_id` is that of the last fill; `net_e8` is P&L less fees, before funding.
    """

    row_id: Wholes
    opened_ms: Wholes
    closed_ms: Wholes
    symbol: Wholes
    strategy: Wholes
    pnl_e8: Wholes
    fee_e8: Wholes

    def pick(self, which: Any) -> Self:
        """Take rows by a slice, a mask or places."""
        return type(self)(*(column[which] for column in self))

    @property
    def net_e8(self) -> Wholes:
        """P&L less fees."""
        return self.pnl_e8 - self.fee_e8


class Positions(NamedTuple):
    """Fills by account and symbol, each group in order, and the position around each of them."""

    fills: Fills
    begins: Wholes
    """Places at which another account or symbol begins."""
    before_e8: Wholes
    after_e8: Wholes
    turns: Marks
    """Fills that ended one position and opened its opposite."""
    starts: Wholes
    """Places of the first fill of each trip; that of a trip born of a turn is the one behind it."""
    strategy: Wholes
    """Whose each trip is."""
    born_of_turn: Marks
    """Trips that a turn opened."""
    seen_open: Marks
    """Trips whose beginning is among the fills."""

    def holders(self) -> Wholes:
        """Whose the position is that each fill left; anything where it left none."""
        trip = np.zeros(len(self.turns), np.int64)
        trip[self.starts] = 1
        held = self.strategy[np.cumsum(trip) - 1]
        return np.where(self.turns, self.fills.strategy, held)


def positions_of(fills: Fills, opening: Opening, nobody: int = 0) -> Positions:
    """Follow the positions through fills (one at least), which are in order.

    `opening` is what was held before them; `nobody` is the number of the empty strategy.
    """
    mine = fills.pick(np.lexsort((fills.symbol, fills.account)))
    changes = np.diff(mine.account, prepend=-1) | np.diff(mine.symbol, prepend=-1)
    begins = np.flatnonzero(changes)
    total_e8 = np.cumsum(mine.qty_e8)
    sizes = np.diff(np.append(begins, len(total_e8)))
    held = [opening.get(holding, 0) for holding in mine.holding[begins].tolist()]
    held_e8 = np.array(held, np.int64)
    after_e8 = total_e8 + np.repeat(held_e8 - total_e8[begins] + mine.qty_e8[begins], sizes)
    before_e8 = after_e8 - mine.qty_e8
    turns = np.sign(before_e8) * np.sign(after_e8) < 0
    begins_here = np.zeros(len(before_e8), np.bool_)
    begins_here[begins] = True
    starts = np.flatnonzero((before_e8 == 0) | begins_here | np.append(False, turns[:-1]))
    born_of_turn = (before_e8[starts] != 0) & ~begins_here[starts]
    seen_open = (before_e8[starts] == 0) | born_of_turn
    opener = mine.strategy[starts - born_of_turn]
    places = np.arange(len(before_e8))
    named = np.minimum.reduceat(np.where(mine.strategy != nobody, places, len(places)), starts)
    first_named = np.append(mine.strategy, nobody)[named]
    strategy = np.where(opener != nobody, opener, first_named)
    return Positions(
        mine, begins, before_e8, after_e8, turns, starts, strategy, born_of_turn, seen_open
    )


def trips_of(fills: Fills, opening: Opening) -> Trips:
    """Find the closed round trips of fills, which are in order; `opening` was held before them."""
    if not len(fills.ts_ms):
        return Trips(*np.zeros((len(Trips._fields), 0), np.int64))
    held = positions_of(fills, opening)
    mine, starts = held.fills, held.starts
    fee_e8, carried_e8 = _divided_fees(held)
    last = np.append(starts[1:], len(fee_e8)) - 1
    found = Trips(
        mine.row_id[last],
        mine.ts_ms[starts - held.born_of_turn],
        mine.ts_ms[last],
        mine.symbol[starts],
        held.strategy,
        np.add.reduceat(mine.pnl_e8, starts),
        np.add.reduceat(fee_e8, starts) + carried_e8,
    )
    ended = (held.before_e8[last] != 0) & ((held.after_e8[last] == 0) | held.turns[last])
    found = found.pick(ended & held.seen_open)
    return found.pick(np.lexsort((found.row_id, found.closed_ms)))


def _divided_fees(held: Positions) -> tuple[Wholes, Wholes]:
    """The fee of each fill for the trip it is in, and what each trip has of the turn before it."""
    fee_e8 = held.fills.fee_e8.copy()
    for turn in np.flatnonzero(held.turns).tolist():
        whole_e8, qty_e8 = int(fee_e8[turn]), abs(int(held.fills.qty_e8[turn]))
        fee_e8[turn] = whole_e8 * abs(int(held.before_e8[turn])) // qty_e8
    carried_e8 = np.zeros(len(held.starts), np.int64)
    behind = held.starts[held.born_of_turn] - 1
    carried_e8[held.born_of_turn] = held.fills.fee_e8[behind] - fee_e8[behind]
    return fee_e8, carried_e8


def shown_trips(books: Books, from_ms: int | None = None, to_ms: int | None = None) -> Trips:
    """The trips that ended since the marker, from a time (inclusive) to another (exclusive).

    A trip counts where it ended, with all of its money.
    """
    trips = trips_of(books.fills, books.opening)
    first = 0 if from_ms is None else int(np.searchsorted(trips.closed_ms, from_ms))
    last = len(trips.closed_ms)
    if to_ms is not None:
        last = int(np.searchsorted(trips.closed_ms, to_ms))
    trips = trips.pick(slice(first, last))
    return trips.pick(trips.row_id > books.hidden_id)
