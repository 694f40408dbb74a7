"""The house for Prometheus: every figure is read from the segment when it is asked for.

Nothing is counted here, so a restart of the dashboard resets no counter; those of execution and
the others restart with the run.  Names end in base units: seconds, the quote asset, base units.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dashboard.safety import is_answering
from dashboard.stream import Pulse
from hft.events import Denial, TradingState
from hft.state.blocks import LATENCY_BINS, Leg
from hft.state.histogram import FIRST_EDGE_NS, GROWTH
from hft.units import MS_PER_S, NS_PER_S

BINS_PER_BUCKET = 26
"""512 bins of 3.25 % make 19 buckets, each 2.3 times as wide as the one before, and +Inf."""
_PNL = {
    "total": "total_pnl",
    "realized": "realized_pnl",
    "unrealized": "unrealized_pnl",
    "fees": "fees",
    "funding": "funding",
}

Row = tuple[list[str], float | None]
"""The values of a metric's labels, and its value; None: not known, so not told."""


def buckets_of(bins: npt.NDArray[np.int64]) -> list[tuple[str, float]]:
    """Add bins up to cumulative buckets whose edges are edges of bins, so that none is split.

    Returns:
        (upper edge in seconds, how many were not longer), ascending, the last "+Inf".
    """
    up_to = np.cumsum(bins)
    edges = range(BINS_PER_BUCKET, LATENCY_BINS - 1, BINS_PER_BUCKET)
    buckets = [
        (f"{FIRST_EDGE_NS * GROWTH**edge / NS_PER_S:.3g}", float(up_to[edge - 1])) for edge in edges
    ]
    return [*buckets, ("+Inf", float(up_to[-1]))]


class HouseCollector(Collector):
    """Reads one house at each scrape."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def collect(self) -> Iterator[Metric]:
        """Tell everything there is to tell now."""
        view = self._pulse.view
        status = view.status(self._pulse.ticks_per_second, logs_max=0)
        account = view.reader.account() or {}
        yield _gauge(
            "hft_build_info", "What runs, always 1.", ("version", "python", "mode"),
            [([version("hft"), platform.python_version(), str(status["mode"])], 1.0)],
        )  # fmt: skip
        yield from _orders(status, account)
        yield from _money(status)
        yield from _machinery(status)
        yield from _venue(status, account)
        events: list[Row] = [([], float(view.reader.market_events()))]
        yield _counter("hft_feed_events", "Market events published.", (), events)
        yield from self._latency()
        watchers: list[Row] = [([], float(self._pulse.watchers))]
        yield _gauge("hft_dashboard_watchers", "Pages that watch the stream.", (), watchers)

    def _latency(self) -> Iterator[Metric]:
        one = HistogramMetricFamily(
            "hft_tick_to_trade_seconds", "From a market frame's arrival to its order's departure."
        )
        legs = HistogramMetricFamily(
            "hft_leg_seconds", "One stretch of the way from tick to fill.", labels=("leg",)
        )
        for leg, record in zip(Leg, self._pulse.view.house.latency, strict=True):
            buckets = buckets_of(record["bins"].copy())
            sum_s = int(record["sum_ns"]) / NS_PER_S
            if leg is Leg.TICK_TO_TRADE:
                one.add_metric([], buckets, sum_s)
            else:
                legs.add_metric([leg.name.lower()], buckets, sum_s)
        yield from (one, legs)


def _orders(status: Mapping[str, Any], account: Mapping[str, Any]) -> Iterator[Metric]:
    yield _counter("hft_orders_sent", "Orders sent.", (), [([], status["orders_sent"])])
    yield _counter("hft_fills", "Fills of our orders.", (), [([], status["trade_count"])])
    yield _counter("hft_rejected", "Orders the venue refused.", (), [([], status["rejected"])])
    denied = account.get("denied") or [0] * len(Denial)
    rows = [([reason.name], denied[reason]) for reason in Denial if reason.name != "NONE"]
    yield _counter("hft_denied", "Intents our own gate refused.", ("reason",), rows)
    yield _gauge("hft_open_orders", "Orders open at the venue.", (), [([], status["open_orders"])])
    unknown: list[Row] = [([], status["unknown_orders"])]
    yield _gauge("hft_unknown_orders", "Orders that may be at the venue or not.", (), unknown)
    states = [([state.name], status["trading_state"] == state.name) for state in TradingState]
    yield _gauge("hft_trading_state", "1 for the state that holds.", ("state",), states)


def _money(status: Mapping[str, Any]) -> Iterator[Metric]:
    rows = [([kind], status[name]) for kind, name in _PNL.items()]
    yield _gauge("hft_pnl_quote", "P&L of the session; realized is net of fees.", ("kind",), rows)
    yield _gauge("hft_equity_quote", "Equity.", (), [([], status["equity"])])
    available: list[Row] = [([], status["available_balance"])]
    yield _gauge("hft_available_balance_quote", "Free balance.", (), available)
    symbols = status["symbols"]
    held = [([row["symbol"]], row["position"]) for row in symbols]
    yield _gauge("hft_position_base", "Position; short is negative.", ("symbol",), held)
    # What a dead process found is no statement about now.
    told = is_answering(status["processes"])
    agree = [([row["symbol"]], told and row["agreement"] == "AGREED") for row in symbols]
    help_text = "1 while fills, user stream and REST are known to tell the same position."
    yield _gauge("hft_position_agreed", help_text, ("symbol",), agree)


def _machinery(status: Mapping[str, Any]) -> Iterator[Metric]:
    rings, processes = status["rings"], status["processes"]
    depth = [([row["name"]], row["depth"]) for row in rings]
    yield _gauge("hft_ring_depth", "Events waiting.", ("ring",), depth)
    deepest = [([row["name"]], row["deepest"]) for row in rings]
    yield _gauge("hft_ring_deepest", "Most events that ever waited.", ("ring",), deepest)
    slots = [([row["name"]], row["slots"]) for row in rings]
    yield _gauge("hft_ring_slots", "Room for so many.", ("ring",), slots)
    dropped = [([row["name"]], row["dropped"]) for row in rings]
    yield _counter("hft_ring_dropped", "Events that found no room.", ("ring",), dropped)
    ages = [([row["role"]], _seconds(row["heartbeat_age_ms"])) for row in processes]
    yield _gauge("hft_process_heartbeat_age_seconds", "Since its last cycle.", ("role",), ages)
    alive = [([row["role"]], row["health"] == "ok") for row in processes]
    yield _gauge("hft_process_up", "1 while it runs and its heart beats.", ("role",), alive)
    restarts = [([row["role"]], row["restarts"]) for row in processes]
    yield _counter("hft_restarts", "Times it was started again.", ("role",), restarts)
    stalls = [([row["role"]], row["stalls"]) for row in processes]
    yield _counter("hft_stalls", "Cycles longer than the role's threshold.", ("role",), stalls)
    late = [([row["role"]], row["late_compilations"]) for row in processes]
    yield _counter("hft_late_compilations", "Compiled while running: 0.", ("role",), late)
    ledger = status["ledger"]
    rows: list[Row] = [] if ledger is None else [([], ledger["committed"])]
    yield _counter("hft_ledger_committed_reports", "Reports in the database.", (), rows)
    rows = [] if ledger is None else [([], ledger["errors"])]
    yield _counter("hft_ledger_errors", "Commits that failed.", (), rows)


def _venue(status: Mapping[str, Any], account: Mapping[str, Any]) -> Iterator[Metric]:
    feed = status["feed"]
    age: list[Row] = [([], _seconds(feed["age_ms"]))]
    yield _gauge("hft_feed_age_seconds", "Of the slowest symbol.", (), age)
    ticks: list[Row] = [([], status["ticks_per_second"])]
    yield _gauge("hft_feed_events_per_second", "Market events.", (), ticks)
    gaps = [([link["route"]], link["gaps"]) for link in feed["links"]]
    yield _counter("hft_feed_gaps", "Missing sequence numbers.", ("route",), gaps)
    used, limit = account.get("weight_used"), account.get("weight_limit")
    yield _gauge("hft_weight_used", "Request weight of this minute.", (), [([], used)])
    yield _gauge("hft_weight_limit", "What the venue allows.", (), [([], limit or None)])
    error_ns = account.get("clock_error_ns", -1)
    known = error_ns >= 0
    offset_s = account["clock_offset_ns"] / NS_PER_S if known else None
    yield _gauge("hft_clock_offset_seconds", "Venue minus ours.", (), [([], offset_s)])
    error_s = error_ns / NS_PER_S if known else None
    yield _gauge("hft_clock_error_seconds", "Uncertainty of the offset.", (), [([], error_s)])


def _seconds(age_ms: float | None) -> float | None:
    return None if age_ms is None else age_ms / MS_PER_S


def _gauge(name: str, help_text: str, labels: Iterable[str], rows: Iterable[Row]) -> Metric:
    return _filled(GaugeMetricFamily(name, help_text, labels=list(labels)), rows)


def _counter(name: str, help_text: str, labels: Iterable[str], rows: Iterable[Row]) -> Metric:
    return _filled(CounterMetricFamily(name, help_text, labels=list(labels)), rows)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, rows: Iterable[Row]
) -> GaugeMetricFamily | CounterMetricFamily:
    for values, figure in rows:
        if figure is not None:
            family.add_metric(values, float(figure))
    return family


def registry_of(pulse: Pulse) -> CollectorRegistry:
    """Make a registry of this house alone: nothing of Python's or of other tests is in it."""
    registry = CollectorRegistry()
    registry.register(HouseCollector(pulse))
    return registry
