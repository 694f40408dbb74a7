"""Two ledgers, entry by entry: what the venue lists and what our database keeps.  Pure.

An entry of a fill is looked for in `trades` by its trade id; every entry is looked for in `funding`
by its own id, as far as the engine has read the venue's list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

import msgspec

from hft.binance.income import COMMISSION, OF_FILLS, REALISED, Income
from hft.ledger.reading import Cover, Fill

LIST_SETTLES_MS = 60_000
"""Until then the venue may not list what a fill of ours came to."""

INCOME_SETTLES_MS = 600_000
"""Until then the engine, which reads the list every few minutes, may not have read an entry."""

EDGE_MS = 5_000
"""The venue dates an entry up to a second before its fill; sides are read from so much earlier."""


class Why(Enum):
    """Why an entry differs, in words."""

    MISSING_HERE = "missing here"
    MISSING_THERE = "missing at the venue"
    AMOUNT = "different amount"
    NOT_OURS = "not traded by us"
    BEFORE = "before our time"
    SETTLING = "still within settling time"


class Difference(msgspec.Struct, frozen=True):
    """One entry that is not the same on both sides; None where a side has none of it."""

    why: Why
    kind: str
    asset: str
    symbol: str
    ts_ms: int
    number: str
    venue_e8: int | None
    ours_e8: int | None
    table: str

    @property
    def off_e8(self) -> int:
        """What the venue has more than we."""
        return (self.venue_e8 or 0) - (self.ours_e8 or 0)


class Books(msgspec.Struct, frozen=True):
    """Our side."""

    fills: Sequence[Fill]
    incomes: Sequence[Income]
    cover: Cover


class Span(msgspec.Struct, frozen=True):
    """What is compared, both ends inclusive, and when the venue was asked."""

    since_ms: int
    until_ms: int
    now_ms: int

    def holds(self, ts_ms: int) -> bool:
        """Say whether a time is in it."""
        return self.since_ms <= ts_ms <= self.until_ms


_Place = tuple[str, int, str]
"""Symbol, trade id and kind: what a fill did to a wallet."""


class _Side:
    """Amounts of one place by asset, and when."""

    def __init__(self) -> None:
        self.amounts: dict[str, int] = defaultdict(int)
        self.ts_ms = 0

    def add(self, asset: str, amount_e8: int, ts_ms: int) -> None:
        self.amounts[asset] += amount_e8
        self.ts_ms = ts_ms


def compare(venue: Sequence[Income], books: Books, span: Span) -> list[Difference]:
    """Find every entry that differs, in order of time."""
    found = [*_compare_fills(venue, books, span), *_compare_entries(venue, books, span)]
    return sorted(found, key=lambda each: (each.ts_ms, each.symbol, each.number, each.kind))


def _compare_fills(venue: Iterable[Income], books: Books, span: Span) -> Iterator[Difference]:
    theirs: dict[_Place, _Side] = defaultdict(_Side)
    for entry in venue:
        if entry.kind in OF_FILLS and entry.trade_id is not None:
            place = (entry.symbol, entry.trade_id, entry.kind)
            theirs[place].add(entry.asset, entry.amount_e8, entry.ts_ms)
    assets = {asset for side in theirs.values() for asset in side.amounts}
    ours: dict[_Place, _Side] = defaultdict(_Side)
    for fill in books.fills:
        money = next((each for each in assets if fill.symbol.endswith(each)), "")
        for kind, asset, amount_e8 in (
            (COMMISSION, fill.fee_asset, -fill.fee_e8),
            (REALISED, money, fill.pnl_e8),
        ):
            if amount_e8:
                place = (fill.symbol, fill.trade_id, kind)
                ours[place].add(asset, amount_e8, fill.ts_ms)
    for place in {**theirs, **ours}:
        yield from _judge_fill(place, theirs.get(place), ours.get(place), books.cover, span)


def _judge_fill(
    place: _Place, theirs: _Side | None, ours: _Side | None, cover: Cover, span: Span
) -> Iterator[Difference]:
    symbol, trade_id, kind = place
    first = ours or theirs
    assert first is not None, "a place is on one side at least"
    if not span.holds(first.ts_ms):
        return
    settling = first.ts_ms > span.now_ms - LIST_SETTLES_MS
    their_amounts = theirs.amounts if theirs else {}
    our_amounts = ours.amounts if ours else {}
    for asset in {**their_amounts, **our_amounts}:
        there, here = their_amounts.get(asset), our_amounts.get(asset)
        if there == here:
            continue
        if here is not None:
            why = Why.SETTLING if settling else Why.MISSING_THERE
            why = why if there is None else Why.AMOUNT
        elif symbol not in cover.symbols:
            why = Why.NOT_OURS
        elif first.ts_ms < cover.symbols[symbol]:
            why = Why.BEFORE
        else:
            why = Why.MISSING_HERE
        number = f"trade {trade_id}"
        yield Difference(why, kind, asset, symbol, first.ts_ms, number, there, here, "trades")


def _compare_entries(venue: Iterable[Income], books: Books, span: Span) -> Iterator[Difference]:
    theirs = {entry.key: entry for entry in venue}
    ours = {entry.key: entry for entry in books.incomes}
    for key in {**theirs, **ours}:
        there, here = theirs.get(key), ours.get(key)
        entry = there or here
        assert entry is not None, "an entry is on one side at least"
        if not span.holds(entry.ts_ms):
            continue
        if there is not None and here is not None:
            why = None if there.amount_e8 == here.amount_e8 else Why.AMOUNT
        elif here is None:
            why = _why_not_kept(entry, books.cover, span)
        else:
            why = Why.MISSING_THERE
        if why is not None:
            yield Difference(
                why, entry.kind, entry.asset, entry.symbol, entry.ts_ms, f"entry {entry.tran_id}",
                there.amount_e8 if there else None, here.amount_e8 if here else None, "funding",
            )  # fmt: skip


def _why_not_kept(entry: Income, cover: Cover, span: Span) -> Why | None:
    if entry.ts_ms < cover.since_ms:
        # What a fill did then is told by the fill.
        return None if entry.kind in OF_FILLS else Why.BEFORE
    if entry.ts_ms <= cover.income_ms:
        return Why.MISSING_HERE
    if entry.kind in OF_FILLS:
        return None  # The engine has not read so far, and `trades` tells of it.
    return Why.SETTLING if entry.ts_ms > span.now_ms - INCOME_SETTLES_MS else Why.MISSING_HERE
