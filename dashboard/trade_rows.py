"""Trades, sums and days as numbers for people."""

from __future__ import annotations

from typing import Any

from hft.ledger.days import Day
from hft.ledger.pnl import Share, Sums
from hft.units import E8


def sums_row(sums: Sums) -> dict[str, Any]:
    """Tell sums as numbers for people."""
    return {
        "count": sums.count,
        "pnl": sums.pnl_e8 / E8,
        "fees": sums.fees_e8 / E8,
        "funding": sums.funding_e8 / E8,
        "net": sums.net_e8 / E8,
        "other_fees": {asset: fees / E8 for asset, fees in sums.other_fees_e8.items()},
    }


def share_row(share: Share) -> dict[str, Any]:
    """Tell what a strategy made with a symbol as numbers for people."""
    return {
        "strategy": share.strategy,
        "symbol": share.symbol,
        "count": share.count,
        "pnl": share.pnl_e8 / E8,
        "fees": share.fees_e8 / E8,
        "funding": share.funding_e8 / E8,
        "net": share.net_e8 / E8,
    }


def day_row(day: Day) -> dict[str, Any]:
    """Tell a day of the calendar."""
    return {
        "day": day.day,
        "from_ms": day.from_ms,
        "to_ms": day.to_ms,
        "count": day.count,
        "net": day.net_e8 / E8,
        "fees": day.fees_e8 / E8,
        "wins": day.wins,
        "losses": day.losses,
    }


def fill_mark(row: dict[str, Any]) -> dict[str, Any]:
    """Tell a fill as the chart marks it."""
    return {
        "ms": row["exchange_ts_ms"],
        "price": (row["price_e8"] or 0) / E8,
        "qty": (row["qty_e8"] or 0) / E8,
        "side": row["side"],
        "key": row["key"],
        "trade_id": row["trade_id"],
        "pnl": (row["pnl_e8"] or 0) / E8,
        "fee": (row["fee_e8"] or 0) / E8,
        "fee_currency": row["fee_currency"],
        "strategy": row["strategy"],
        "maker": bool(row["maker"]),
    }


def order_mark(row: dict[str, Any]) -> dict[str, Any]:
    """Tell an order as the chart marks it; `end_ms` is None while it is open."""
    return {
        "key": row["key"],
        "ms": row["updated_ms"] if row["sent_ms"] is None else row["sent_ms"],
        "end_ms": row["finished_ms"],
        "price": row["price_e8"] / E8,
        "qty": row["qty_e8"] / E8,
        "filled": row["filled_e8"] / E8,
        "side": row["side"],
        "type": row["type"],
        "state": row["state"],
        "strategy": row["strategy"],
    }
