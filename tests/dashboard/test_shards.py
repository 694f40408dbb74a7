"""What the page shows of a house of two shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from dashboard.view import View
from hft.clock import monotonic_ns
from hft.events import Verdict
from hft.seats import Seat
from hft.state import blocks
from hft.state.blocks import Life
from hft.state.reader import STAY_NS
from hft.topology import House
from hft.units import NS_PER_S
from ringbuf.layout import TAIL
from tests.dashboard.furniture import (
    CATALOGUE,
    STRATEGIES,
    Served,
    beat,
    furnish,
    later_ns,
    reader_of,
    write,
)
from tests.dashboard.test_api import get
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
            symbol=1,
            distance=0.3,
            needed=1.0,
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


def fire(house: House, shard: int, verdict: Verdict, ratio: float, symbol: int) -> None:
    write(
        house.shards[shard].verdict,
        blocks.VERDICT,
        event_ns=later_ns(),
        events=1,
        verdict=verdict,
        distance=-50.0 * ratio,
        needed=-50.0,
        symbol=symbol,
    )


def nearest(view: View) -> str:
    return str(view.explain()["symbol"])


def test_the_symbol_nearest_to_firing_is_told_by_its_name(house: House, view: View) -> None:
    fire(house, 0, Verdict.NO_SIGNAL, 0.5, 0)
    fire(house, 1, Verdict.NO_SIGNAL, 0.9, 1)
    told = view.explain()
    assert told["symbol"] == "ETHUSDT"
    assert told["sentence"].startswith("ETHUSDT: Waiting: velocity -45.0 of -50.0 needed")
    colours = {gate["name"]: gate["colour"] for gate in told["gates"]}
    assert (colours["cool_down"], colours["signal"], colours["edge"]) == ("green", "red", "grey")


def test_a_nearer_symbol_waits_until_words_could_be_read_and_one_that_fires_does_not(
    house: House,
) -> None:
    now_ns = monotonic_ns()
    specs = [CATALOGUE.specs[name] for name in STRATEGIES]
    view = View(reader_of(house), specs, now_ns=lambda: now_ns)
    fire(house, 0, Verdict.NO_SIGNAL, 0.9, 0)
    fire(house, 1, Verdict.NO_SIGNAL, 0.5, 1)
    assert nearest(view) == "BTCUSDT"
    fire(house, 1, Verdict.NO_SIGNAL, 0.95, 1)
    assert nearest(view) == "BTCUSDT"
    now_ns += STAY_NS
    assert nearest(view) == "ETHUSDT"
    fire(house, 0, Verdict.ENTER, 1.1, 0)
    assert nearest(view) == "BTCUSDT"


def test_one_strategy_of_two_symbols_is_remembered_for_both(house: House, view: View) -> None:
    house.run[0]["symbol_count"] = 3
    house.run[0]["symbols"][2] = b"SOLUSDT"
    fire(house, 0, Verdict.NO_SIGNAL, 0.5, 0)
    view.explain()
    fire(house, 0, Verdict.WARMING_UP, 0.5, 2)
    rows = view.explain()["shards"]
    assert [(row["symbol"], row["strategy"], row["name"]) for row in rows] == [
        ("BTCUSDT", "strategy", "NO_SIGNAL"),
        ("ETHUSDT", "strategy2", "COOLING_DOWN"),
        ("SOLUSDT", "strategy", "WARMING_UP"),
    ]
    house.run[0]["strategy_epoch"] += 1
    assert [row["symbol"] for row in view.explain()["shards"]] == ["ETHUSDT", "SOLUSDT"]


def test_gates_sentence_and_strip_are_of_the_symbol_that_is_asked_for(
    house: House, serve: Callable[..., Served]
) -> None:
    served = serve(house)
    for ratio, at in ((0.5, 0), (0.7, 1)):
        fire(house, 0, Verdict.NO_SIGNAL, ratio, 0)
        fire(house, 1, Verdict.WARMING_UP, ratio, 1)
        served.view.watch.sample(monotonic_ns() + at * NS_PER_S)
    first = get(served, "/api/explain").json()
    assert first["symbol"] == "BTCUSDT"
    told = get(served, "/api/explain?symbol=ETHUSDT").json()
    assert told["symbol"] == "ETHUSDT"
    assert told["sentence"] == told["verdict_sentence"]
    assert told["sentence"].startswith("ETHUSDT: Warming up: ")
    assert told["verdict"]["name"] == "WARMING_UP"
    colours = {gate["name"]: gate["colour"] for gate in told["gates"]}
    assert (colours["gap"], colours["warm_up"], colours["signal"]) == ("green", "red", "grey")
    assert first["strip"]["points"][-1][1:] == [-35.0, -50.0, "NO_SIGNAL"]
    assert told["strip"]["points"][-1][1:] == [-35.0, -50.0, "WARMING_UP"]
    assert get(served, "/api/explain?symbol=NOSUCH").json()["symbol"] == "BTCUSDT"
    house.vitals[Seat.FEED]["life"] = Life.STOPPED
    told = get(served, "/api/explain?symbol=ETHUSDT").json()
    assert told["sentence"].startswith("The feed is down."), "that stops every symbol"
    assert told["verdict_sentence"].startswith("ETHUSDT: ")
