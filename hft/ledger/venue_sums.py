"""What our books and the venue's income ledger say a stretch of time came to, side by side.

Every account is compared with the list of its own venue, which in the demo is the simulator.  A
fill is compared with the entries that name its trade, whenever the venue dated them, so the edges
of the stretch cut nothing in two.  Only what the ledger process has read of the venue's list is
compared; `hft reconcile` asks the venue itself, and names every entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, or_, select

from hft.binance.income import COMMISSION, FUNDING, OF_FILLS, REALISED
from hft.ledger.schema import checked, funding, trades

DATED_APART_MS = 5_000
"""The venue dates an entry up to a second before its fill; entries are sought so much around it."""

KINDS = {REALISED: "realised", COMMISSION: "commission", FUNDING: "funding"}


class VenueSum(msgspec.Struct, frozen=True):
    """One kind of income of one symbol, in units of 1e-8 of `asset`.

    `ours_e8` is None where nobody but the venue knows: funding is told by its list alone.
    """

    symbol: str
    kind: str
    asset: str
    ours_e8: int | None
    venue_e8: int

    @property
    def off_e8(self) -> int:
        """What the venue has more than we."""
        return 0 if self.ours_e8 is None else self.venue_e8 - self.ours_e8


class VenueSums(msgspec.Struct, frozen=True):
    """The sums, by symbol, and up to when they could be compared (None: nothing could)."""

    rows: list[VenueSum]
    fills: int
    compared_to_ms: int | None


class _Stretch(msgspec.Struct, frozen=True):
    """What is compared of one account; `from_ms` is inclusive, `to_ms` exclusive."""

    account_epoch: str
    from_ms: int
    to_ms: int


_Place = tuple[str, str, str]
"""Symbol, income type and asset."""


def read_venue_sums(
    engine: Engine, from_ms: int | None = None, to_ms: int | None = None
) -> VenueSums:
    """Add up both sides from a time (inclusive) to another (exclusive), as far as both are known.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    ours: dict[_Place, int] = defaultdict(int)
    venue: dict[_Place, int] = defaultdict(int)
    fills = 0
    with engine.connect() as connection:
        stretches = list(_stretches(connection, from_ms or 0, to_ms))
        for stretch in stretches:
            for place, amount_e8 in _of_venue(connection, stretch):
                venue[place] += amount_e8
            assets = {asset for _, _, asset in venue}
            for place, amount_e8, count in _of_trades(connection, stretch, assets):
                ours[place] += amount_e8
                fills += count
    places = sorted({*ours, *venue}, key=lambda place: (place[0], *_rank(place)))
    rows = [
        VenueSum(
            symbol,
            KINDS[kind],
            asset,
            None if kind == FUNDING else ours[symbol, kind, asset],
            venue[symbol, kind, asset],
        )
        for symbol, kind, asset in places
        if ours[symbol, kind, asset] or venue[symbol, kind, asset]
    ]
    compared_to_ms = max((stretch.to_ms for stretch in stretches), default=None)
    return VenueSums(rows, fills, compared_to_ms)


def _rank(place: _Place) -> tuple[int, str]:
    return list(KINDS).index(place[1]), place[2]


def _stretches(connection: Connection, from_ms: int, to_ms: int | None) -> Iterator[_Stretch]:
    """Cut the range to what was read of each account's list."""
    read = select(checked.c.account_epoch, checked.c.since_ms, checked.c.income_ms).where(
        checked.c.symbol == "", checked.c.income_ms.is_not(None)
    )
    for row in connection.execute(read):
        begin_ms, end_ms = max(from_ms, row.since_ms), row.income_ms + 1
        end_ms = end_ms if to_ms is None else min(to_ms, end_ms)
        if begin_ms < end_ms:
            yield _Stretch(row.account_epoch, begin_ms, end_ms)


def _fills(stretch: _Stretch) -> ColumnElement[bool]:
    return and_(
        trades.c.account_epoch == stretch.account_epoch,
        trades.c.exchange_ts_ms >= stretch.from_ms,
        trades.c.exchange_ts_ms < stretch.to_ms,
    )


def _of_trades(
    connection: Connection, stretch: _Stretch, assets: Iterable[str]
) -> Iterator[tuple[_Place, int, int]]:
    """Sum up the fills: realised P&L, and what they cost by asset.  Each counts once."""
    sums = select(
        trades.c.symbol,
        trades.c.fee_currency,
        func.sum(trades.c.pnl_e8),
        func.sum(trades.c.fee_e8),
        func.count(),
    )
    grouped = sums.where(_fills(stretch)).group_by(trades.c.symbol, trades.c.fee_currency)
    for symbol, fee_asset, pnl_e8, fee_e8, count in connection.execute(grouped):
        # A fill's P&L is in the asset its symbol is quoted in.
        quoted = next((each for each in sorted(assets) if symbol.endswith(each)), fee_asset or "")
        yield (symbol, REALISED, quoted), int(pnl_e8 or 0), int(count)
        yield (symbol, COMMISSION, fee_asset or ""), -int(fee_e8 or 0), 0


def _of_venue(connection: Connection, stretch: _Stretch) -> Iterator[tuple[_Place, int]]:
    """Sum up the entries: those of our fills, those of no fill of ours, and the funding."""
    in_time = and_(funding.c.ts_ms >= stretch.from_ms, funding.c.ts_ms < stretch.to_ms)
    near = and_(
        funding.c.ts_ms >= stretch.from_ms - DATED_APART_MS,
        funding.c.ts_ms < stretch.to_ms + DATED_APART_MS,
    )
    same_trade = and_(
        trades.c.account_epoch == funding.c.account_epoch,
        trades.c.symbol == funding.c.symbol,
        trades.c.trade_id == funding.c.trade_id,
    )
    of_fill = and_(near, exists().where(same_trade, _fills(stretch)))
    of_none = and_(in_time, ~exists().where(same_trade))
    wanted = or_(
        and_(funding.c.income_type.in_(OF_FILLS), or_(of_fill, of_none)),
        and_(funding.c.income_type == FUNDING, in_time),
    )
    place = (funding.c.symbol, funding.c.income_type, funding.c.asset)
    sums = select(*place, func.sum(funding.c.amount_e8)).where(
        funding.c.account_epoch == stretch.account_epoch, near, wanted
    )
    for symbol, kind, asset, amount_e8 in connection.execute(sums.group_by(*place)):
        yield (symbol, kind, asset), int(amount_e8)
