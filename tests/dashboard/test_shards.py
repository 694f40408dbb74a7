"""What the page shows of a house of two shards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from dashboard.view import View
from hft.clock import monotonic_ns
from hft.events import Verdict
from hft.seats import Seat
from hft.state import blocks
from hft.state.blocks import Life
from hft.topology import House
from ringbuf.layout import TAIL
from tests.dashboard.furniture import (
    CATALOGUE,
    STRATEGIES,
    beat,
    furnish,
    later_ns,
    reader_of,
    write,
)
from tests.hft.houses import new_house


@pytest.fixture
def house() -> Iterator[House]:
    with new_house(shards=2) as made:
        furnish(made, symbols=("BTCUSDT", "ETHUSDT"))
        for seat in (Seat.FEED2, Seat.STRATEGY2):
            beat(made, seat)
        counts = np.zeros(16, np.int64)
        counts[Verdict.COOLING_DOWN] = 5
        write(
            made.shards[1].verdict,
            blocks.VERDICT,
            event_ns=monotonic_ns(),
            verdict=Verdict.COOLING_DOWN,
            events=93,
            intents=3,
            gaps_seen=1,
            counts=counts,
        )
        yield made


@pytest.fixture
def view(house: House) -> View:
    return View(reader_of(house), [CATALOGUE.specs[name] for name in STRATEGIES])


def test_every_seat_has_its_line(view: View) -> None:
    rows = {row["role"]: row["health"] for row in view.processes()}
    assert rows["feed2"] == rows["strategy2"] == "ok"
    assert len(rows) == 8
    assert view.not_ready() == []


def test_a_silent_second_feed_is_told_by_its_name(house: House, view: View) -> None:
    house.vitals[Seat.FEED2]["heartbeat_ns"] = monotonic_ns() - 5_000_000_000
    assert view.not_ready() == ["feed2 is silent"]
    house.vitals[Seat.FEED2]["heartbeat_ns"] = later_ns()
    house.vitals[Seat.STRATEGY2]["life"], house.vitals[Seat.STRATEGY2]["pid"] = Life.ABSENT, 0
    assert view.not_ready() == ["strategy2 was never started"]


def test_rings_and_connections_of_both_shards_are_listed(view: View) -> None:
    rings = {row["name"]: (row["producer"], row["consumer"]) for row in view.rings()}
    assert rings["market"] == ("feed", "strategy")
    assert rings["market2"] == ("feed2", "strategy2")
    assert rings["reports_strategy2"] == ("execution", "strategy2")
    assert rings["log_strategy2"] == ("strategy2", "ledger")
    routes = [link["route"] for link in view.feed(view.markets())["links"]]
    assert routes == ["public", "market", "public2", "market2"]


def test_counts_are_of_both_and_the_reason_is_of_the_symbol_that_is_shown(view: View) -> None:
    status = view.status(0.0)
    assert status["symbol"] == "BTCUSDT"
    verdict = status["verdict"]
    assert verdict["name"] == "NO_SIGNAL"
    assert (verdict["events"], verdict["intents"], verdict["gaps_seen"]) == (1000, 10, 1)
    assert verdict["counts"] == {"COOLING_DOWN": 5, "NO_SIGNAL": 900, "ENTER": 7}


def test_the_tick_rate_is_of_both(house: House, view: View) -> None:
    for shard in house.shards:
        shard.market.words[TAIL] += 7
    assert view.reader.market_events() == 14


def test_why_counts_every_shard_and_tells_what_each_says(view: View) -> None:
    view.watch.sample(monotonic_ns())
    told = view.explain()
    assert told["counts"]["session"] == {"COOLING_DOWN": 5, "NO_SIGNAL": 900, "ENTER": 7}
    assert [(row["strategy"], row["name"]) for row in told["shards"]] == [
        ("strategy", "NO_SIGNAL"),
        ("strategy2", "COOLING_DOWN"),
    ]
