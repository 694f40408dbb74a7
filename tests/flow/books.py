"""Comparing our trades with the venue's, to the last unit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

Fill = tuple[int, str, Decimal, Decimal, Decimal, Decimal]
"""Trade id, side, price, quantity, commission, realised P&L."""


def our_fills(data_dir: Path, symbol: str = "BTCUSDT") -> list[Fill]:
    """Every trade of a symbol in trades.db from its exact columns, by trade id."""
    with sqlite3.connect(f"file:{data_dir / 'trades.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT trade_id, side, price_e8, qty_e8, fee_e8, pnl_e8 FROM trades "
            "WHERE symbol = ? ORDER BY trade_id",
            (symbol,),
        ).fetchall()
    database.close()
    unit = Decimal(10) ** 8
    return [
        (int(trade_id), side, price / unit, qty / unit, fee / unit, pnl / unit)
        for trade_id, side, *amounts in rows
        for price, qty, fee, pnl in [[Decimal(amount) for amount in amounts]]
    ]


def venue_fills(trades: Iterable[dict[str, Any]]) -> list[Fill]:
    """The same from a `userTrades` reply."""
    return sorted(
        (
            int(trade["id"]),
            str(trade["side"]),
            Decimal(trade["price"]),
            Decimal(trade["qty"]),
            Decimal(trade["commission"]),
            Decimal(trade["realizedPnl"]),
        )
        for trade in trades
    )


def displayed_fills(data_dir: Path) -> list[tuple[int, float, float, float, float]]:
    """The seed's own columns, as its queries read them."""
    with sqlite3.connect(f"file:{data_dir / 'trades.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT exec_id, price, quantity, fee, pnl FROM trades ORDER BY trade_id"
        ).fetchall()
    database.close()
    return [(int(trade_id), *map(float, rest)) for trade_id, *rest in rows]  # type: ignore[misc]
