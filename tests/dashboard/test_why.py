"""Why it does not trade: the gates in their colours, the counts, and the way to firing."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dashboard.strip import POINTS_MAX, STRIP_POINTS, Strip
from dashboard.view import View
from dashboard.watch import Watch
from dashboard.why_risk import ORDER
from hft.clock import monotonic_ns
from hft.events import (
    Agreement,
    Denial,
    IntentFlag,
    LatchReason,
    OrderState,
    Role,
    Side,
    Verdict,
)
from hft.execution.tops import read_top
from hft.seats import Seat
from hft.state import blocks
from hft.state.blocks import Life
from hft.topology import House
from hft.units import E8, NS_PER_S
from ringbuf.layout import TAIL
from tests.dashboard.furniture import (
    CATALOGUE,
    STRATEGIES,
    Served,
    beat,
    furnish,
    halt,
    later_ns,
    reader_of,
    wait_for,
    write,
    write_account,
)
from tests.dashboard.test_api import get
from tests.dashboard.test_order_story import put

START_NS = 1_000 * NS_PER_S
NEVER_NS = 1 << 62
"""A moment that does not come within any test."""


@pytest.fixture
def view(house: House) -> View:
    """The dashboard's view of a house in which everything is well."""
    return View(reader_of(house), [CATALOGUE.specs[name] for name in STRATEGIES])


def gates(view: View) -> dict[str, dict[str, Any]]:
    return {gate["name"]: gate for gate in view.explain()["gates"]}


def colours(view: View, *names: str) -> list[str]:
    found = gates(view)
    return [found[name]["colour"] for name in names]


def tell(house: House, verdict: Verdict, *, event_ns: int = 0, **counted: int) -> None:
    counts = np.zeros(16, np.int64)
    for name, count in counted.items():
        counts[Verdict[name]] = count
    write(
        house.verdict,
        blocks.VERDICT,
        event_ns=event_ns or monotonic_ns(),
        verdict=verdict,
        distance=3.0,
        needed=50.0,
        events=int(counts.sum()),
        counts=counts,
    )


def deny(house: House, **counted: int) -> None:
    denied = np.zeros(64, np.int64)
    for name, count in counted.items():
        denied[Denial[name]] = count
    write_account(house, denied=denied)


def test_a_healthy_house_waits_for_the_signal_and_says_so(served: Served) -> None:
    told = get(served, "/api/explain").json()
    assert told["sentence"] == ("Waiting: velocity +3.1 of +50.8 needed: base 2.0 + fees 48.8.")
    red = [gate["name"] for gate in told["gates"] if gate["colour"] == "red"]
    assert red == ["signal"], "all else passes, is not reached, or is not known"
    assert told["counts"]["session"] == {"NO_SIGNAL": 900, "ENTER": 7}
    assert get(served, "/api/status").json()["explain"]["gates"][0]["name"] == "engine"


def test_the_gates_stand_in_the_order_in_which_they_stop_an_order(view: View) -> None:
    told = view.explain()["gates"]
    groups = [gate["group"] for gate in told]
    assert groups == sorted(groups, key=["house", "strategy", "risk"].index)
    risk = [gate["name"] for gate in told if gate["group"] == "risk"]
    assert risk == [name for name, _, _ in ORDER if name in risk]


def test_every_denial_of_the_gate_belongs_to_one_gate_of_the_page() -> None:
    grouped = [code for _, _, codes in ORDER for code in codes]
    assert len(grouped) == len(set(grouped))
    assert set(Denial) - set(grouped) == {Denial.NONE, Denial.TRADING_HALTED}


def test_the_strategy_s_gates_after_the_one_that_stops_are_grey(house: House, view: View) -> None:
    tell(house, Verdict.WARMING_UP, WARMING_UP=5)
    assert colours(view, "gap", "warm_up", "cool_down", "signal", "edge", "intents") == [
        "green",
        "red",
        *["grey"] * 4,
    ]
    tell(house, Verdict.ENTER, ENTER=1)
    assert set(colours(view, "gap", "warm_up", "signal", "edge", "intents")) == {"green"}


def test_only_gates_that_the_strategy_uses_are_shown(house: House, view: View) -> None:
    assert "price_gate" not in gates(view)
    assert "in_flight" not in gates(view)
    tell(house, Verdict.IN_FLIGHT, IN_FLIGHT=1)
    assert colours(view, "in_flight") == ["red"], "it counted one"
    house.run[0]["strategy_index"] = STRATEGIES.index("PING_PONG")
    shown = gates(view)
    assert "price_gate" in shown
    assert "edge" not in shown


def test_a_gate_that_stopped_something_within_a_minute_is_amber(house: House, view: View) -> None:
    tell(house, Verdict.ENTER, GAP=50, INTENTS_FULL=9, ENTER=1)
    view.watch.sample(START_NS)
    tell(house, Verdict.ENTER, GAP=53, INTENTS_FULL=10, ENTER=2)
    deny(house, POSITION_ABOVE_LIMIT=2)
    view.watch.sample(START_NS + NS_PER_S)
    found = gates(view)
    assert (found["gap"]["colour"], found["gap"]["count_minute"]) == ("amber", 3)
    assert (found["intents"]["colour"], found["intents"]["count_minute"]) == ("amber", 1)
    assert (found["position"]["colour"], found["position"]["count_minute"]) == ("amber", 2)
    assert "the position would pass max_position" in found["position"]["sentence"]
    view.watch.sample(START_NS + 62 * NS_PER_S)
    assert colours(view, "gap", "intents", "position") == ["green"] * 3, "a minute later"


def test_a_strategy_that_only_waited_is_green_and_says_how_often(house: House, view: View) -> None:
    waits = {
        "warm_up": "WARMING_UP",
        "in_flight": "IN_FLIGHT",
        "price_gate": "PRICE_GATE",
        "cool_down": "COOLING_DOWN",
        "signal": "NO_SIGNAL",
        "edge": "EDGE_BELOW_FEES",
    }
    tell(house, Verdict.ENTER, ENTER=1, HOLDING=0, **dict.fromkeys(waits.values(), 5))
    view.watch.sample(START_NS)
    tell(house, Verdict.ENTER, ENTER=2, HOLDING=3, **dict.fromkeys(waits.values(), 12))
    view.watch.sample(START_NS + NS_PER_S)
    found = gates(view)
    assert {name: found[name]["colour"] for name in waits} == dict.fromkeys(waits, "green")
    assert found["warm_up"]["sentence"] == "Passed; it stopped 7 events in the last minute."
    assert found["signal"]["count_minute"] == 10, "waiting and holding"


def test_what_stands_against_every_order_is_red_and_says_the_number(
    house: House, view: View
) -> None:
    write(
        house.limits,
        blocks.LIMITS,
        max_position_e8=3_000_000,
        max_order_size_e8=E8,
        max_loss_e8=100 * E8,
        feed_stale_ns=3 * NS_PER_S,
        max_open_orders=10,
    )
    write_account(house, pnl_e8=-85 * E8, open_orders=10)
    found = gates(view)
    assert found["position"]["colour"] == "red"
    assert found["position"]["sentence"] == (
        "BTCUSDT: 0.03 of 0.03 held: only smaller positions pass."
    )
    assert found["results"]["colour"] == "amber", "85 of 100"
    assert found["results"]["sentence"] == "The session's loss is 85.00 of 100.00."
    assert found["open_orders"]["colour"] == "red"
    assert "leverage" not in found, "a limit of 0 is none"


@pytest.mark.parametrize(
    ("changed", "gate", "colour"),
    [
        ({"user_stream_up": 0}, "user_stream", "red"),
        ({"reconciled": 0}, "reconciled", "red"),
        ({"unknown_orders": 1}, "unknown_orders", "red"),
        ({"clock_error_ns": -1}, "venue_clock", "red"),
        ({"session_up": 0}, "order_session", "amber"),
        ({"session_up": 0, "connected": 0, "trading_state": 2}, "order_session", "red"),
        ({"session_up": 0, "trading_state": 1}, "order_session", "amber"),
        ({"session_up": 0, "trading_state": 2}, "order_session", "amber"),
        ({"session_up": 0, "trading_state": 2}, "followed", "amber"),
        ({"session_up": 0, "connected": 0}, "followed", "red"),
        ({"orders_last_s": 3}, "rate", "green"),
        ({"orders_last_s": 8}, "rate", "amber"),
        ({"orders_last_s": 10, "orders_full_until_ns": NEVER_NS}, "rate", "red"),
        ({"orders_last_s": 10, "orders_full_until_ns": 1}, "rate", "amber"),
        ({"may_order": 0}, "budget", "red"),
        ({"may_order": 0}, "room", "red"),
        ({"orders_until_ns": NEVER_NS}, "budget", "red"),
        ({"limited_until_ns": NEVER_NS}, "budget", "amber"),
        ({"weight_used": 2400, "weight_limit": 2400}, "budget", "amber"),
        ({"weight_used": 2300, "weight_limit": 2400}, "budget", "amber"),
        ({"weight_used": 1, "weight_limit": 2400}, "budget", "green"),
    ],
)
def test_what_execution_needs_has_a_gate(
    house: House, view: View, changed: dict[str, int], gate: str, colour: str
) -> None:
    write_account(house, **changed)
    assert colours(view, gate) == [colour]


def test_a_feed_that_fell_silent_is_red_with_its_age(house: House, view: View) -> None:
    now_ns = monotonic_ns()
    write(house.top[0], blocks.TOP, bid=1.0, ask=2.0, book_ns=now_ns - 7 * NS_PER_S)
    feed = gates(view)["feed"]
    assert feed["colour"] == "red"
    assert feed["sentence"].startswith("Feed 7.")
    assert feed["sentence"].endswith("s old, stale after 3.0 s.")
    assert view.explain()["sentence"].startswith("Feed 7.")


def test_a_mark_price_keeps_a_market_without_trades_fresh_as_execution_has_it(
    house: House, view: View
) -> None:
    now_ns = monotonic_ns()
    values = {"bid": 1.0, "ask": 2.0, "mark": 1.5, "book_ns": now_ns - 7 * NS_PER_S}
    write(house.top[0], blocks.TOP, **values, mark_ns=later_ns())
    assert read_top(house.top[0]).newest_ns > now_ns, "what execution judges by"
    assert colours(view, "feed", "market_age") == ["green", "green"]
    assert view.markets()[0]["tick_age_ms"] >= 7_000, "the price itself is as old as it is"


def test_of_several_symbols_the_slowest_says_whether_the_feed_is_fresh(house: House) -> None:
    furnish(house, symbols=("BTCUSDT", "DOGEUSDT"))
    view = View(reader_of(house), [CATALOGUE.specs[name] for name in STRATEGIES])
    assert view.feed(view.markets())["fresh"]
    silent = {"bid": 1.0, "ask": 2.0, "book_ns": monotonic_ns() - 7 * NS_PER_S}
    write(house.top[1], blocks.TOP, **silent)
    feed = view.feed(view.markets())
    assert not feed["fresh"]
    assert feed["age_ms"] >= 7_000
    assert "market data is not fresh" in view.not_ready()


def test_reports_that_are_not_taken_stop_orders_at_both_their_gates(
    house: House, view: View
) -> None:
    house.reports_ledger.words[TAIL] = house.reports_ledger.layout.slots // 2
    assert colours(view, "reports", "followed") == ["red", "red"]


def test_what_is_open_counts_as_held_where_the_gate_counts_it(house: House, view: View) -> None:
    limits = {"max_position_e8": E8 // 10, "max_leverage_e2": 100, "max_notional_e8": 6_000 * E8}
    write(house.limits, blocks.LIMITS, **limits, feed_stale_ns=3 * NS_PER_S, max_orders_per_s=9)
    write_account(house, equity_e8=6_000 * E8)
    put(house, state=OrderState.ACCEPTED, qty_lots=90, cum_qty_lots=20)
    names = ("position", "notional", "leverage")
    assert colours(view, *names) == ["amber"] * 3, "0.03 held, and 0.07 to come"
    assert gates(view)["position"]["sentence"] == (
        "BTCUSDT: 0.03 of 0.1 held; 0.1 of BTCUSDT with what is open filled: no more that way."
    )
    for changed in ({"flags": int(IntentFlag.REDUCE_ONLY)}, {"side": Side.SELL}):
        put(house, **{"state": OrderState.ACCEPTED, "qty_lots": 90, "cum_qty_lots": 20, **changed})
        assert colours(view, *names) == ["green"] * 3
    put(house, state=OrderState.FILLED, qty_lots=90, cum_qty_lots=20)
    assert colours(view, *names) == ["green"] * 3


def test_cancels_that_are_used_up_leave_orders_alone(house: House, view: View) -> None:
    limits = {"max_orders_per_s": 10, "max_cancels_per_s": 5, "feed_stale_ns": NS_PER_S}
    write(house.limits, blocks.LIMITS, **limits)
    write_account(house, changes_last_s=5, changes_full_until_ns=NEVER_NS)
    rate = gates(view)["rate"]
    assert (rate["colour"], rate["sentence"]) == (
        "amber",
        "0 of 10 orders in the last second, 5 of 5 cancels and changes: orders pass.",
    )


def test_an_account_that_was_never_looked_at_is_stale_where_there_is_a_limit(
    house: House, view: View
) -> None:
    assert colours(view, "reconciled") == ["green"]
    write(house.limits, blocks.LIMITS, account_stale_ns=90 * NS_PER_S, feed_stale_ns=NS_PER_S)
    assert colours(view, "reconciled", "knowledge") == ["red", "red"]


def test_a_symbol_without_prices_stops_its_own_orders_only(house: House, view: View) -> None:
    furnish(house, symbols=("BTCUSDT", "ETHUSDT"))
    write(house.top[1], blocks.TOP, mark=1.5, mark_ns=later_ns())
    assert colours(view, "price") == ["amber"]
    write(house.top[0], blocks.TOP, mark=1.5, mark_ns=later_ns())
    assert colours(view, "price") == ["red"]


def test_a_process_its_parent_saw_end_is_dead_at_once(house: House, view: View) -> None:
    house.orders_to[Seat.LEDGER]["died_ns"] = house.vitals[Seat.LEDGER]["started_ns"] + 1
    assert {row["role"]: row["health"] for row in view.processes()}["ledger"] == "dead"
    assert gates(view)["engine"]["sentence"].startswith("Ledger is dead")
    house.vitals[Seat.LEDGER]["started_ns"] += 2
    assert {row["role"]: row["health"] for row in view.processes()}["ledger"] == "ok"


def test_a_process_that_is_held_still_is_told_long_before_its_heart_is_missed(
    house: House, view: View
) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        vitals = house.vitals[Seat.LEDGER]
        vitals["pid"], vitals["heartbeat_ns"] = child.pid, monotonic_ns() - NS_PER_S

        def health() -> str:
            return {row["role"]: row["health"] for row in view.processes()}["ledger"]

        assert health() == "ok", "it may be silent for ten seconds"
        child.send_signal(signal.SIGSTOP)
        wait_for(lambda: health() == "suspended", "the ledger to be suspended")
        child.send_signal(signal.SIGCONT)
        wait_for(lambda: health() == "ok", "the ledger to go on")
    finally:
        child.kill()
        child.communicate()


def test_positions_that_differ_and_a_halt_are_red(house: House, view: View) -> None:
    write(house.position[0], blocks.POSITION_BLOCK, agreement=Agreement.DISAGREED)
    halt(house, LatchReason.PERSON)
    assert colours(view, "agreement", "trading") == ["red", "red"]


def test_without_execution_what_only_it_knows_is_grey(house: House, view: View) -> None:
    beat(house, Role.EXECUTION, Life.STOPPED)
    found = gates(view)
    assert found["engine"]["colour"] == "red"
    assert "execution is stopped" in found["engine"]["sentence"].lower()
    assert {found[name]["colour"] for name in ("reconciled", "budget", "position")} == {"grey"}
    beat(house, Role.STRATEGY, Life.STOPPED)
    assert {g["colour"] for g in view.explain()["gates"] if g["group"] == "strategy"} == {"grey"}


def test_windows_count_what_came_within_them(house: House) -> None:
    watch = Watch(house)
    for second in range(0, 4_000, 10):
        tell(house, Verdict.NO_SIGNAL, NO_SIGNAL=1_000 + second)
        watch.sample(START_NS + second * NS_PER_S)
    assert watch.minute().verdict_names() == {"NO_SIGNAL": 60}
    assert watch.session().verdict_names() == {"NO_SIGNAL": 4_990}
    assert watch.hour().verdict_names() == {"NO_SIGNAL": 3_600}
    apart_ms = watch.minute().since_ms - watch.hour().since_ms
    assert apart_ms == 3_540_000


def test_a_young_watch_says_since_when_its_windows_are(house: House) -> None:
    watch = Watch(house)
    tell(house, Verdict.NO_SIGNAL, NO_SIGNAL=500)
    watch.sample(START_NS)
    tell(house, Verdict.NO_SIGNAL, NO_SIGNAL=507)
    watch.sample(START_NS + 5 * NS_PER_S)
    hour = watch.hour()
    assert hour.verdict_names() == {"NO_SIGNAL": 7}
    assert hour.since_ms == house.anchor.to_wall_ns(START_NS) // 1_000_000
    assert watch.session().since_ms == int(house.run[0]["started_wall_ns"]) // 1_000_000


def test_a_restarted_strategy_begins_its_counters_anew_and_nothing_is_lost(house: House) -> None:
    watch = Watch(house)
    tell(house, Verdict.NO_SIGNAL, NO_SIGNAL=900, ENTER=7)
    watch.sample(START_NS)
    tell(house, Verdict.WARMING_UP, WARMING_UP=3)
    watch.sample(START_NS + NS_PER_S)
    assert watch.minute().verdict_names() == {"WARMING_UP": 3}
    assert watch.session().verdict_names() == {"WARMING_UP": 3, "NO_SIGNAL": 900, "ENTER": 7}


def test_denials_are_told_with_their_sentence(house: House) -> None:
    watch = Watch(house)
    deny(house)
    watch.sample(START_NS)
    deny(house, ORDER_RATE_ABOVE_LIMIT=4)
    watch.sample(START_NS + NS_PER_S)
    assert watch.minute().denial_names() == {
        "ORDER_RATE_ABOVE_LIMIT": {
            "count": 4,
            "sentence": "more orders than max_orders_per_second",
        }
    }


def test_the_strip_is_bounded_and_keeps_what_came_nearest_to_firing() -> None:
    strip = Strip()
    told = np.zeros(1, blocks.VERDICT)
    for number in range(STRIP_POINTS + 500):
        told["event_ns"], told["needed"] = number + 1, 50.0
        told["distance"] = -49.0 if number == 3_000 else 1.0
        strip.add(100 * number, told[0])
    answer = strip.told()
    assert len(answer["points"]) <= POINTS_MAX + 1
    assert answer["step_ms"] >= 1_000
    times = [point[0] for point in answer["points"]]
    assert times == sorted(times)
    assert times[0] >= 50_000, "the oldest were overwritten"
    assert [300_000, -49.0, 50.0, "NONE"] in answer["points"]
    newer = strip.told(after_ms=times[-1] - 500)
    assert newer["step_ms"] == 100
    assert newer["points"][0][0] > times[-1] - 500


def test_a_strategy_that_sees_nothing_leaves_a_hole_in_the_strip(house: House) -> None:
    watch = Watch(house)
    tell(house, Verdict.NO_SIGNAL, event_ns=5, NO_SIGNAL=1)
    watch.sample(START_NS)
    watch.sample(START_NS + NS_PER_S)
    assert len(watch.strip.told()["points"]) == 1
