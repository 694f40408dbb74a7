"""Statistics of what was traded: of all, by strategy, by symbol and by the viewer's hour.

Fills and payments count where they happened, round trips (`hft.ledger.trips`) where they ended.  A
*win* is a round trip whose P&L less its fees is above zero, a *loss* one below; a trip of exactly
zero is neither.  Money is exact; what is no money of the books (averages, ratios) is a float, and
None where there is nothing to divide by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from hft.ledger.books import Books
from hft.ledger.days import hours_of
from hft.ledger.exposure import Exposure, exposure_of, notional_e8
from hft.ledger.fills import Fills, Payments, Wholes
from hft.ledger.pnl import exact_sum, net_curve
from hft.ledger.trips import Trips, shown_trips
from hft.units import E8


class Drawdown(msgspec.Struct, frozen=True):
    """The deepest fall of the net curve below its highest point so far, which is 0 at first."""

    amount_e8: int
    from_ms: int | None
    """When that highest point was reached; the beginning of the range for its 0."""
    to_ms: int | None


class Figures(msgspec.Struct, frozen=True):
    """What some fills, payments and round trips come to."""

    fills: int
    orders: int
    """Orders that were filled, in part at least."""
    volume_e8: int
    pnl_e8: int
    """Gross: as the venue realised it, before fees."""
    fees_e8: int
    funding_e8: int
    maker_fills: int
    trips: int
    wins: int
    losses: int
    won_e8: int
    """The net of all wins."""
    lost_e8: int
    """The net of all losses, negative."""
    largest_win_e8: int
    largest_loss_e8: int
    held_ms: int
    """The holding times of all trips together."""

    @property
    def net_e8(self) -> int:
        """P&L less fees, with funding."""
        return self.pnl_e8 - self.fees_e8 + self.funding_e8

    @property
    def win_rate(self) -> float | None:
        """Wins of all trips, 0 to 1."""
        return _ratio(self.wins, self.trips)

    @property
    def profit_factor(self) -> float | None:
        """What was won for each unit lost."""
        return _ratio(self.won_e8, -self.lost_e8)

    @property
    def average_win(self) -> float | None:
        """The mean net of a win."""
        return _ratio(self.won_e8, self.wins * E8)

    @property
    def average_loss(self) -> float | None:
        """The mean net of a loss, negative."""
        return _ratio(self.lost_e8, self.losses * E8)

    @property
    def expectancy(self) -> float | None:
        """The mean net of a trip."""
        return _ratio(self.won_e8 + self.lost_e8, self.trips * E8)

    @property
    def average_hold_ms(self) -> float | None:
        """The mean time from a trip's first fill to its last."""
        return _ratio(self.held_ms, self.trips)

    @property
    def maker_share(self) -> float | None:
        """Fills that were maker's, 0 to 1."""
        return _ratio(self.maker_fills, self.fills)

    @property
    def fee_share(self) -> float | None:
        """Fees of the gross P&L's size."""
        return _ratio(self.fees_e8, abs(self.pnl_e8))

    @property
    def funding_share(self) -> float | None:
        """Funding of the gross P&L's size; negative: paid."""
        return _ratio(self.funding_e8, abs(self.pnl_e8))


class Group(msgspec.Struct, frozen=True):
    """Figures of one strategy or symbol, with its own curve and position."""

    name: str
    figures: Figures
    drawdown: Drawdown
    exposure: Exposure


class Statistics(msgspec.Struct, frozen=True):
    """All of it; `by_hour` holds the hours, 0 to 23, in which something happened."""

    from_ms: int
    to_ms: int
    totals: Group
    by_strategy: list[Group]
    by_symbol: list[Group]
    by_hour: dict[int, Figures]


def read_statistics(
    books: Books, zone: ZoneInfo, now_ms: int, from_ms: int | None = None, to_ms: int | None = None
) -> Statistics:
    """Work out the statistics since the marker, or from a time on, up to another.

    Without times the stretch goes from the first fill or payment shown to `now_ms`.
    """
    fills, payments = books.shown(from_ms, to_ms)
    trips = shown_trips(books, from_ms, to_ms)
    firsts = [int(rows.ts_ms[0]) for rows in (fills, payments) if len(rows.ts_ms)]
    begin_ms = min(firsts, default=now_ms) if from_ms is None else max(from_ms, books.cleared_ms)
    end_ms = now_ms if to_ms is None else min(to_ms, now_ms)
    whole = _Part(fills, payments, trips)

    def group(name: str, part: _Part, **of: int) -> Group:
        return Group(
            name,
            part.figures(),
            drawdown_of(*net_curve(part.fills, part.payments), begin_ms),
            exposure_of(books, begin_ms, end_ms, **of),
        )

    def groups(column: str) -> list[Group]:
        found = [
            group(books.texts[number], whole.where(column, number), **{column: number})
            for number in whole.numbers(column)
        ]
        return sorted(found, key=lambda each: each.name)

    return Statistics(
        begin_ms,
        max(begin_ms, end_ms),
        group("", whole),
        groups("strategy"),
        groups("symbol"),
        _by_hour(whole, zone),
    )


def drawdown_of(ts_ms: Wholes, net_e8: Wholes, begin_ms: int) -> Drawdown:
    """Find the deepest fall of a curve that begins at 0; the earliest of equals."""
    peak_e8 = np.maximum.accumulate(np.append(0, net_e8))
    fall_e8 = peak_e8[1:] - net_e8
    if not len(fall_e8) or fall_e8.max() <= 0:
        return Drawdown(0, None, None)
    low = int(fall_e8.argmax())
    high = int(np.searchsorted(peak_e8[: low + 2], peak_e8[low + 1])) - 1
    return Drawdown(int(fall_e8[low]), begin_ms if high < 0 else int(ts_ms[high]), int(ts_ms[low]))


class _Part:
    """Some of the fills, payments and trips."""

    def __init__(self, fills: Fills, payments: Payments, trips: Trips) -> None:
        self.fills, self.payments, self.trips = fills, payments, trips

    def numbers(self, column: str) -> list[int]:
        """The numbers a column holds in any of them."""
        found = [np.unique(getattr(rows, column)) for rows in self._rows()]
        return [int(number) for number in np.unique(np.concatenate(found))]

    def where(self, column: str, number: int) -> _Part:
        """Take what a column gives that number."""
        fills, payments, trips = self._rows()
        return _Part(
            fills.pick(getattr(fills, column) == number),
            payments.pick(getattr(payments, column) == number),
            trips.pick(getattr(trips, column) == number),
        )

    def figures(self) -> Figures:
        """Sum it all up."""
        fills, payments, trips = self._rows()
        net_e8 = trips.net_e8
        won, lost = net_e8[net_e8 > 0], net_e8[net_e8 < 0]
        return Figures(
            fills=len(fills.ts_ms),
            orders=_count_orders(fills),
            volume_e8=exact_sum(notional_e8(fills.price_e8, np.abs(fills.qty_e8))),
            pnl_e8=exact_sum(fills.pnl_e8),
            fees_e8=exact_sum(fills.fee_e8) + exact_sum(payments.cost_e8),
            funding_e8=exact_sum(payments.funding_e8),
            maker_fills=int(fills.maker.sum()),
            trips=len(net_e8),
            wins=len(won),
            losses=len(lost),
            won_e8=exact_sum(won),
            lost_e8=exact_sum(lost),
            largest_win_e8=int(won.max(initial=0)),
            largest_loss_e8=int(lost.min(initial=0)),
            held_ms=int((trips.closed_ms - trips.opened_ms).sum()),
        )

    def _rows(self) -> tuple[Fills, Payments, Trips]:
        return self.fills, self.payments, self.trips


def _by_hour(whole: _Part, zone: ZoneInfo) -> dict[int, Figures]:
    times = (whole.fills.ts_ms, whole.payments.ts_ms, whole.trips.closed_ms)
    of_fill, of_payment, of_trip = (hours_of(column, zone) for column in times)
    hours: Iterable[Any] = np.unique(np.concatenate((of_fill, of_payment, of_trip)))
    return {
        int(hour): _Part(
            whole.fills.pick(of_fill == hour),
            whole.payments.pick(of_payment == hour),
            whole.trips.pick(of_trip == hour),
        ).figures()
        for hour in hours
    }


def _count_orders(fills: Fills) -> int:
    """Count distinct orders; their numbers are the venue's, one row of them per symbol."""
    if not len(fills.order):
        return 0
    order = np.lexsort((fills.order, fills.symbol, fills.account))
    new = np.zeros(len(order), np.bool_)
    new[0] = True
    for column in (fills.order, fills.symbol, fills.account):
        new[1:] |= np.diff(column[order]) != 0
    return int(new.sum())


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
