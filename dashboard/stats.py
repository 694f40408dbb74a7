"""Statistics and markouts as the page shows them."""

from __future__ import annotations

from typing import Any

import msgspec

from hft.ledger.exposure import Exposure
from hft.ledger.markout_queries import Markouts
from hft.ledger.statistics import Drawdown, Figures, Group, Statistics
from hft.units import E8

NOTHING = {"from_ms": None, "to_ms": None, "totals": None}
NO_GROUPS: dict[str, list[Any]] = {"by_strategy": [], "by_symbol": [], "by_hour": []}


def statistics_answer(statistics: Statistics | None) -> dict[str, Any]:
    """Tell statistics as numbers for people; without a database there are none."""
    if statistics is None:
        return {**NOTHING, **NO_GROUPS}
    return {
        "from_ms": statistics.from_ms,
        "to_ms": statistics.to_ms,
        "totals": _group_row(statistics.totals),
        "by_strategy": [
            {"strategy": group.name, **_group_row(group)} for group in statistics.by_strategy
        ],
        "by_symbol": [
            {"symbol": group.name, **_group_row(group)} for group in statistics.by_symbol
        ],
        "by_hour": [
            {"hour": hour, **_figures_row(figures)} for hour, figures in statistics.by_hour.items()
        ],
    }


def markouts_answer(markouts: Markouts) -> dict[str, Any]:
    """Tell markouts; each list has one row per horizon."""
    return {"horizons": msgspec.to_builtins(markouts.totals)} | {
        part: [
            {part.removeprefix("by_"): name, "horizons": msgspec.to_builtins(moves)}
            for name, moves in getattr(markouts, part).items()
        ]
        for part in ("by_strategy", "by_symbol", "by_side", "by_role")
    }


def _group_row(group: Group) -> dict[str, Any]:
    return {
        **_figures_row(group.figures),
        "max_drawdown": _drawdown_row(group.drawdown),
        "exposure": _exposure_row(group.exposure),
    }


def _figures_row(figures: Figures) -> dict[str, Any]:
    return {
        "fills": figures.fills,
        "orders": figures.orders,
        "volume": figures.volume_e8 / E8,
        "pnl": figures.pnl_e8 / E8,
        "fees": figures.fees_e8 / E8,
        "funding": figures.funding_e8 / E8,
        "net": figures.net_e8 / E8,
        "fee_share": figures.fee_share,
        "funding_share": figures.funding_share,
        "trips": figures.trips,
        "wins": figures.wins,
        "losses": figures.losses,
        "win_rate": figures.win_rate,
        "profit_factor": figures.profit_factor,
        "average_win": figures.average_win,
        "average_loss": figures.average_loss,
        "expectancy": figures.expectancy,
        "largest_win": figures.largest_win_e8 / E8,
        "largest_loss": figures.largest_loss_e8 / E8,
        "average_hold_ms": figures.average_hold_ms,
        "maker_share": figures.maker_share,
    }


def _drawdown_row(drawdown: Drawdown) -> dict[str, Any]:
    return {
        "amount": drawdown.amount_e8 / E8,
        "from_ms": drawdown.from_ms,
        "to_ms": drawdown.to_ms,
    }


def _exposure_row(exposure: Exposure) -> dict[str, Any]:
    return {
        "share": exposure.share,
        "in_position_ms": exposure.in_position_ms,
        "average_notional": exposure.average_notional,
        "largest_notional": exposure.largest_notional_e8 / E8,
    }
