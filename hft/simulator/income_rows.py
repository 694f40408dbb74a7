"""What changed a wallet, told in order of time: fees and profits of fills, and everything else.

There may be very many, so rows are made only of those that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge

from hft.simulator.desk import Desk
from hft.simulator.messages import Json, price8
from hft.simulator.outcomes import Fill, Income

COMMISSION = "COMMISSION"
REALIZED = "REALIZED_PNL"

Entry = tuple[int, str, Fill | Income]
"""When in ms, of what kind, and what it is part of."""


def entries(desk: Desk, kind: str = "", *, newest_first: bool) -> Iterator[Entry]:
    """Give every change (of one kind) in order of time; a fill's fee comes before its profit."""
    kinds = tuple(each for each in (COMMISSION, REALIZED) if kind in ("", each))
    # A merge takes from its first part when times are the same, so the order of the parts counts.
    if newest_first:
        fills = _of_fills(reversed(desk.fills) if kinds else (), kinds[::-1])
        return merge(_others(reversed(desk.income), kind), fills, key=_time_ms, reverse=True)
    fills = _of_fills(desk.fills if kinds else (), kinds)
    return merge(fills, _others(desk.income, kind), key=_time_ms)


def symbol_of(entry: Entry) -> str:
    """Name the contract a change belongs to; a deposit belongs to none."""
    source = entry[2]
    return source.symbol if isinstance(source, Income) else source.symbol.name


def row_of(entry: Entry) -> Json:
    """Write a change as the venue does."""
    _, kind, source = entry
    if isinstance(source, Income):
        return {
            "symbol": source.symbol,
            "incomeType": kind,
            "income": price8(source.amount_e8),
            "asset": source.asset,
            "info": source.info,
            "time": source.time_ms,
            "tranId": source.number,
            "tradeId": "",
        }
    realized = kind == REALIZED
    return {
        "symbol": source.symbol.name,
        "incomeType": kind,
        "income": price8(source.realized_e8 if realized else -source.fee_e8),
        "asset": source.symbol.quote if realized else source.fee_asset,
        "info": kind,
        "time": source.time_ms,
        "tranId": source.trade_id * 2 + realized,
        "tradeId": str(source.trade_id),
    }


def _of_fills(fills: Iterable[Fill], kinds: tuple[str, ...]) -> Iterator[Entry]:
    for fill in fills:
        for kind in kinds:
            if fill.realized_e8 if kind == REALIZED else fill.fee_e8:
                yield fill.time_ms, kind, fill


def _others(income: Iterable[Income], kind: str) -> Iterator[Entry]:
    for entry in income:
        if kind in ("", entry.kind):
            yield entry.time_ms, entry.kind, entry


def _time_ms(entry: Entry) -> int:
    return entry[0]
