"""The venue's income ledger: everything that changed a wallet, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hft.binance.rest import INCOME_LIMIT_MAX, Rest
from hft.units import MS_PER_DAY, parse_e8

COMMISSION = "COMMISSION"
REALISED = "REALIZED_PNL"
FUNDING = "FUNDING_FEE"
CLEARANCE = "INSURANCE_CLEAR"
"""What a liquidated account pays into the insurance fund, or gets back from it."""

OF_FILLS = (COMMISSION, REALISED)
"""Kinds of which every entry belongs to a fill, whose id it carries."""

WINDOW_MS = 7 * MS_PER_DAY
HISTORY_MS = 89 * MS_PER_DAY
"""The venue keeps three months of it."""

Key = tuple[int, str, str, str]


class Income(msgspec.Struct, frozen=True):
    """One entry; what was paid is negative.  `symbol` is empty for what belongs to no contract."""

    kind: str
    asset: str
    symbol: str
    amount_e8: int
    ts_ms: int
    tran_id: int
    trade_id: int | None = None
    info: str = ""

    @property
    def key(self) -> Key:
        """What makes it unique in its account."""
        return self.tran_id, self.kind, self.asset, self.symbol


def fetch_income(rest: Rest, start_ms: int, end_ms: int, kind: str = "") -> Iterator[Income]:
    """Read what happened between two times, both inclusive, oldest first, page by page."""
    while start_ms <= end_ms:
        last_ms = min(end_ms, start_ms + WINDOW_MS - 1)
        page = 1
        while True:
            rows = rest.income(start_ms, last_ms, page, kind or None)
            yield from map(read_income, rows)
            if len(rows) < INCOME_LIMIT_MAX:
                break
            page += 1
        start_ms = last_ms + 1


def read_income(row: Mapping[str, Any]) -> Income:
    """Read an entry as the venue writes it."""
    trade_id = str(row.get("tradeId") or "")
    return Income(
        kind=str(row["incomeType"]),
        asset=str(row["asset"]),
        symbol=str(row.get("symbol") or ""),
        amount_e8=parse_e8(str(row["income"])),
        ts_ms=int(row["time"]),
        tran_id=int(row["tranId"]),
        trade_id=int(trade_id) if trade_id else None,
        info=str(row.get("info") or ""),
    )
