"""What Prometheus is told, and that the Grafana file asks for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from dashboard.metrics import BINS_PER_BUCKET, buckets_of
from hft.events import Denial, Role
from hft.state.blocks import LATENCY_BINS, Leg, Life
from hft.state.histogram import bin_of
from hft.topology import House
from ringbuf.layout import TAIL
from tests.dashboard.furniture import Served, halt, write_account

GRAFANA = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"


def scraped(served: Served) -> dict[str, Metric]:
    reply = requests.get(served.url + "/metrics", timeout=5)
    assert reply.headers["Content-Type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(reply.text)}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    [found] = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    ]
    return float(found)


def test_figures_are_those_of_the_segment_at_the_scrape(house: House, served: Served) -> None:
    denied = np.zeros(64, np.int64)
    denied[Denial.TRADING_HALTED] = 3
    write_account(house, denied=denied, weight_used=40, weight_limit=2400, orders_sent=9)
    told = scraped(served)
    assert value(told, "hft_orders_sent_total") == 9
    assert value(told, "hft_denied_total", reason="TRADING_HALTED") == 3
    assert value(told, "hft_position_base", symbol="BTCUSDT") == 0.03
    assert value(told, "hft_pnl_quote", kind="total") == 42.5
    assert value(told, "hft_weight_used") == 40
    assert value(told, "hft_process_up", role="execution") == 1
    assert value(told, "hft_trading_state", state="ACTIVE") == 1
    halt(house)
    write_account(house, orders_sent=10)
    told = scraped(served)
    assert value(told, "hft_orders_sent_total") == 10
    states = {each.labels["state"]: each.value for each in told["hft_trading_state"].samples}
    assert states == {"ACTIVE": 0, "REDUCING": 0, "HALTED": 1}


def test_what_a_dead_execution_found_is_no_agreement(house: House, served: Served) -> None:
    assert value(scraped(served), "hft_position_agreed", symbol="BTCUSDT") == 1
    house.vitals[Role.EXECUTION]["life"] = Life.STOPPED
    assert value(scraped(served), "hft_position_agreed", symbol="BTCUSDT") == 0


def test_market_events_are_counted(house: House, served: Served) -> None:
    before = value(scraped(served), "hft_feed_events_total")
    house.market.words[TAIL] += 7
    assert value(scraped(served), "hft_feed_events_total") == before + 7


def test_names_and_units_are_those_prometheus_expects(served: Served) -> None:
    reply = requests.get(served.url + "/metrics", timeout=5)
    odd_units = re.compile(r"_(ms|us|ns|millis|minutes|percent|ratio_percent|kb|mb)(_|$)")
    for name, family in scraped(served).items():
        assert family.documentation.endswith("."), name
        assert not odd_units.search(name), name
        assert f"# TYPE {name}{'_total' if family.type == 'counter' else ''} " in reply.text, name
        assert family.type in ("counter", "gauge", "histogram"), name
        series = {(each.name, *sorted(each.labels.items())) for each in family.samples}
        assert len(series) == len(family.samples), name
        assert len(series) < 300, name


def test_what_is_not_known_is_not_told(empty_house: House, serve: object) -> None:
    assert callable(serve)
    told = scraped(serve(empty_house))
    assert not told["hft_pnl_quote"].samples
    assert not told["hft_feed_age_seconds"].samples
    assert value(told, "hft_trading_state", state="HALTED") == 1


def test_every_duration_falls_into_the_bucket_that_holds_it() -> None:
    durations_ns = np.geomspace(50, 3e9, 4000).astype(np.int64)
    bins = np.zeros(LATENCY_BINS, np.int64)
    for duration_ns in durations_ns:
        bins[bin_of(int(duration_ns))] += 1
    buckets = buckets_of(bins)
    assert buckets[-1] == ("+Inf", 4000)
    assert len(buckets) == (LATENCY_BINS - 2) // BINS_PER_BUCKET + 1
    for edge, count in buckets[:-1]:
        expected = int(np.count_nonzero(durations_ns < float(edge) * 1e9))
        # An edge is written with three digits, so what lies that near to it may be on either side.
        near = int(np.count_nonzero(abs(durations_ns / (float(edge) * 1e9) - 1) < 0.006))
        assert abs(count - expected) <= near, edge


def test_the_histogram_of_a_leg_adds_up(house: House, served: Served) -> None:
    record = house.latency[Leg.TICK_TO_TRADE]
    record["bins"][200], record["bins"][300] = 5, 2
    record["count"], record["sum_ns"] = 7, 700_000
    told = scraped(served)
    assert value(told, "hft_tick_to_trade_seconds_count") == 7
    assert value(told, "hft_tick_to_trade_seconds_sum") == pytest.approx(0.0007)
    family = told["hft_tick_to_trade_seconds"]
    counts = [each.value for each in family.samples if each.name.endswith("_bucket")]
    assert counts == sorted(counts)
    assert counts[-1] == 7


def test_grafana_asks_only_for_what_is_exported(served: Served) -> None:
    board = json.loads(GRAFANA.read_text())
    exported = {
        each.name for family in scraped(served).values() for each in family.samples
    } | {name for name, family in scraped(served).items() if not family.samples}  # fmt: skip
    exported |= {f"{name}_total" for name in exported}
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"\bhft_\w+", query)}
    assert len(asked) >= 20
    assert asked <= exported, asked - exported
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
    assert [each["type"] for each in board["templating"]["list"]] == ["datasource", "query"]
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_grafana_asks_each_figure_as_what_it_is(served: Served) -> None:
    families = scraped(served)
    kinds = {each.name: family.type for family in families.values() for each in family.samples}
    labels = {each.name: set(each.labels) for f in families.values() for each in f.samples}
    targets = [target for panel in panels_of_grafana() for target in panel["targets"]]
    assert len(targets) > 25
    for target in targets:
        query, told = target["expr"], set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for name, narrowed, span in re.findall(r"\b(hft_\w+)({[^}]*})(\[[^]]+\])?", query):
            known = labels.get(name, set())
            # What counts up is asked for its growth, what goes up and down for its value.
            growing = name.endswith(("_total", "_bucket"))
            assert growing is (kinds.get(name) in ("counter", "histogram")) or name not in kinds
            assert bool(span) is growing, query
            assert bool(re.search(rf"(rate|increase)\({name}\b", query)) is growing, query
            assert narrowed == '{instance="$instance"}', query
            by = set(re.split(r", ?", "".join(re.findall(r"by \(([^)]*)\)", query)))) - {""}
            assert by | told <= known, query
            if name.endswith("_bucket"):
                assert query.startswith("histogram_quantile(0."), query
                assert {"le"} | told == by, query


def test_grafana_can_draw_what_it_is_given() -> None:
    board = json.loads(GRAFANA.read_text())
    assert board["schemaVersion"] >= 36
    assert board["__inputs"] == []
    assert "id" not in board
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        columns = range(at["x"], at["x"] + at["w"])
        cells = {(x, y) for x in columns for y in range(at["y"], at["y"] + at["h"])}
        assert columns[-1] < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels_of_grafana():
        unit = panel["fieldConfig"]["defaults"]["unit"]
        names = " ".join(target["expr"] for target in panel["targets"])
        assert (unit == "s") is ("_seconds" in names), panel["title"]
        assert (unit == "ops") is ("rate(" in names and unit != "s"), panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        if panel["type"] == "stat":
            # The last value of an hour is no statement about now.
            assert all(target["instant"] for target in panel["targets"]), panel["title"]


def panels_of_grafana() -> list[dict[str, Any]]:
    board = json.loads(GRAFANA.read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]
