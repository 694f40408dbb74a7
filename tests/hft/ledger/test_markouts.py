"""Where the mid price went after each fill."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.clock import monotonic_ns
from hft.events import MARKET
from hft.ledger.markouts import Known, mids_at
from hft.units import E8, NS_PER_MS, NS_PER_S
from tests.hft.ledger.databases import ask
from tests.hft.ledger.market import GAP, a_top, publish
from tests.hft.ledger.world import TICK_E8, World, turn_until


def slow_mid(tops: list[tuple[int, int, int, bool]], time_ns: int) -> tuple[int, Known]:
    """The same, one book top after the other."""
    force = None
    for recv_ns, bid, ask_ticks, gap in tops:
        if recv_ns > time_ns:
            if force is None or gap:
                return 0, Known.NEVER
            return (force[0] + force[1]) * TICK_E8 // 2, Known.YES
        force = (bid, ask_ticks)
    return 0, Known.NOT_YET


books = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 900_000), st.integers(1, 9), st.booleans()),
    max_size=30,
)


@settings(deadline=None)
@given(books, st.lists(st.integers(-5, 60), max_size=20))
def test_the_mid_of_every_moment_is_that_of_a_slow_look(books: Any, times: list[int]) -> None:
    tops = sorted((recv, bid, bid + wide, gap) for recv, bid, wide, gap in books)
    records = [
        a_top(recv, bid * TICK_E8 / E8, ask_ticks * TICK_E8 / E8, flags=GAP * gap)
        for recv, bid, ask_ticks, gap in tops
    ]
    array = np.concatenate(records) if records else np.zeros(0, MARKET)
    mids_e8, known = mids_at(array, np.array(times, np.int64), TICK_E8)
    found = list(zip(mids_e8.tolist(), map(Known, known.tolist()), strict=True))
    assert found == [slow_mid(tops, time) for time in times]


def markouts(world: World) -> list[tuple[Any, ...]]:
    query = "SELECT trade_row, horizon_ms, mid_e8, then_e8, move_e8 FROM markouts"
    return ask(world.place, f"{query} ORDER BY trade_row, horizon_ms")


def moving_book(start_ns: int, *steps: tuple[int, float, int]) -> list[Any]:
    """A book of one tick's width that is there from so many ms after the start on."""
    return [
        a_top(start_ns + ms * NS_PER_MS, bid, bid + 0.1, flags=flags) for ms, bid, flags in steps
    ]


def test_a_buy_and_a_sale_are_measured_at_every_horizon(world: World) -> None:
    told_ns = monotonic_ns() - 20 * NS_PER_S
    steps = ((-5, 60_000.0, 0), (50, 60_001.0, 0), (900, 59_990.0, 0), (9_000, 60_100.0, 0))
    publish(world.house.market, *moving_book(told_ns, *steps, (10_001, 1.0, 0)))
    world.report(1, local_ns=told_ns)
    world.report(2, local_ns=told_ns, side=-1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.markouts == 6)
    at_e8 = 6_000_005_000_000
    after = {100: E8, 1_000: -10 * E8, 10_000: 100 * E8}
    rows = [(row, h, at_e8, at_e8 + m, m * s) for row, s in ((1, 1), (2, -1))
            for h, m in after.items()]  # fmt: skip
    assert markouts(world) == rows


def test_a_hole_and_the_time_before_the_tape_give_none_and_are_counted(world: World) -> None:
    told_ns = monotonic_ns() - 20 * NS_PER_S
    steps = ((0, 60_000.0, 0), (500, 60_001.0, 0), (1_500, 60_002.0, GAP), (10_500, 1.0, 0))
    publish(world.house.market, *moving_book(told_ns, *steps))
    world.report(1, local_ns=told_ns)
    world.report(2, local_ns=told_ns - NS_PER_S)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.no_markouts == 4)
        turn_until(ledger, lambda: ledger.status.markouts == 2)
    assert [row[:2] for row in markouts(world)] == [(1, 100), (1, 10_000)]
    told = world.house.ledger.read()
    assert told is not None
    assert (told[0]["markouts"], told[0]["no_markouts"]) == (2, 4)


def test_what_a_killed_ledger_left_unmeasured_the_next_one_measures(world: World) -> None:
    told_ns = monotonic_ns() - 20 * NS_PER_S
    publish(world.house.market, *moving_book(told_ns, (0, 60_000.0, 0), (200, 60_001.0, 0)))
    world.report(1, local_ns=told_ns + 1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.markouts == 1)
        assert ledger.markouts.waiting() == 1
    publish(world.house.market, *moving_book(told_ns, (1_200, 60_002.0, 0), (11_000, 60_003.0, 0)))
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.markouts == 3)
        assert ledger.markouts.waiting() == 0
    assert [(row[1], row[4]) for row in markouts(world)] == [
        (100, 0),
        (1_000, E8),
        (10_000, 2 * E8),
    ]
