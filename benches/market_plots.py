"""Draws markets beside each other, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benches.market_measures import Floats, Measures

POINTS_MAX = 100
COLOURS = ("#1f4e79", "#2e86c1", "#7fb3d5", "#c0392b", "#e59866")
WIDTH_IN, HEIGHT_IN = 12.0, 7.0


def draw(path: Path, markets: Mapping[str, Measures]) -> None:
    """Write one SVG with six panels, a line per market."""
    mpl.rcParams.update({"svg.hashsalt": "markets", "svg.fonttype": "none", "font.size": 9})
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    panels = figure.subplots(2, 3).flatten()
    for (name, market), colour in zip(markets.items(), COLOURS, strict=True):
        curves = market.curves
        width = 1.6 if name.startswith("synthetic") else 1.0
        style: dict[str, Any] = {"color": colour, "label": name, "linewidth": width}
        panels[0].plot(curves["spread_ticks"], curves["spread_shares"], ".-", **style)
        _plot_tail(panels[1], curves["gaps"] / 1_000, style)
        _plot_tail(panels[2], curves["volumes"], style)
        _plot_tail(panels[3], curves["returns"], style)
        panels[4].plot(np.arange(1, len(curves["signs"]) + 1), curves["signs"], **style)
        panels[5].plot(np.arange(1, len(curves["moves"]) + 1), curves["moves"], **style)
    _name(panels[0], "Share of time by spread", "ticks", log="xy")
    _name(panels[1], "Time between two prints: share beyond", "seconds", log="xy")
    _name(panels[2], "Volume of a second: share beyond", "times the mean", log="xy")
    _name(panels[3], "|Return| of a second: share beyond", "deviations", log="y")
    _name(panels[4], "Correlation of the taker's side", "prints later")
    _name(panels[5], "Correlation of |return|", "seconds later")
    panels[0].legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _plot_tail(panel: Axes, values: Floats, style: Mapping[str, Any]) -> None:
    """Plot which share of the values lies beyond each."""
    ranked = np.sort(values)
    shares = 1.0 - np.arange(len(ranked)) / len(ranked)
    keep = np.unique(np.geomspace(1, len(ranked), POINTS_MAX).astype(int))
    chosen = (len(ranked) - keep)[::-1]
    inside = chosen[ranked[chosen] > 0]
    panel.plot(ranked[inside], shares[inside], **style)


def _name(panel: Axes, title: str, unit: str, *, log: str = "") -> None:
    panel.set_title(title, fontsize=9)
    panel.set_xlabel(unit)
    if "x" in log:
        panel.set_xscale("log")
    if "y" in log:
        panel.set_yscale("log")
    panel.grid(visible=True, linewidth=0.3)
