"""The tape: the newest market records of the house, kept by a ledger that only looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hft.clock import monotonic_ns
from hft.feed.decode import PUBLISH_EVERY
from hft.ledger.tape_desk import UNPUBLISHED_MAX, TapeDesk
from hft.state.blocks import TAPE_BATCH_MAX, TAPE_RECORDS
from hft.state.tape import READABLE, read_tape
from hft.topology import MARKET_SLOTS
from ringbuf.layout import HEAD, TAIL
from tests.hft.ledger.market import GAP, a_top, a_trade, many_trades, publish
from tests.hft.ledger.world import World, a_world


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """A world without a venue: only its memory is used."""
    with a_world(tmp_path, str(tmp_path / "trades.db")) as made:
        yield made


def a_desk(world: World) -> TapeDesk:
    return TapeDesk(world.house, lambda _records, _through: None)


def test_the_feed_publishes_long_before_it_reaches_what_is_being_copied() -> None:
    assert 2 * PUBLISH_EVERY <= UNPUBLISHED_MAX


def test_what_was_published_lies_in_the_tape_and_the_ring_is_untouched(alone: World) -> None:
    ring = alone.house.market
    publish(ring, a_trade(0, 60_000.1), a_top(5, 60_000.0, 60_000.1), a_trade(1, 60_000.2))
    a_desk(alone).look()
    stretch = read_tape(alone.house)
    assert (stretch.first, stretch.written) == (0, 3)
    assert stretch.records.tobytes() == ring.slots[:3].tobytes()
    assert (int(ring.words[HEAD]), int(ring.words[TAIL])) == (0, 3)
    assert read_tape(alone.house, after=2).records["price"].tolist() == [60_000.2]
    assert len(read_tape(alone.house, after=3).records) == 0


def test_the_block_is_overwritten_and_numbers_go_on(alone: World) -> None:
    desk, number = a_desk(alone), 0
    for _ in range(2 * TAPE_RECORDS // 10_000):
        records = many_trades(10_000)
        records["seq"] = number + np.arange(10_000)
        number += 10_000
        publish(alone.house.market, records)
        desk.look()
    stretch = read_tape(alone.house)
    assert (stretch.written, desk.missed) == (number, 0)
    assert stretch.records["seq"].tolist() == list(range(number - READABLE, number))
    assert stretch.first == number - READABLE


def test_a_restarted_ledger_goes_on_where_the_last_one_stood(alone: World) -> None:
    publish(alone.house.market, many_trades(100))
    a_desk(alone).look()
    publish(alone.house.market, many_trades(50))
    desk = a_desk(alone)
    desk.look()
    assert (desk.written, desk.missed) == (150, 0)
    assert not np.any(read_tape(alone.house).records["flags"])


def test_what_was_overwritten_is_counted_and_every_symbol_bears_the_gap(alone: World) -> None:
    publish(alone.house.market, many_trades(MARKET_SLOTS))
    publish(alone.house.market, many_trades(1_000))
    publish(alone.house.market, a_trade(0, 3_000.0, symbol=1), a_top(1, 60_000.0, 60_000.1))
    desk = a_desk(alone)
    desk.look()
    assert desk.missed == 1_002 + UNPUBLISHED_MAX
    assert desk.written + desk.missed == MARKET_SLOTS + 1_002
    # The book of the second symbol has not spoken since; its next word bears the gap as well.
    publish(alone.house.market, a_top(2, 3_000.0, 3_000.1, symbol=1), a_trade(1, 60_000.0))
    desk = a_desk(alone)
    desk.look()
    records = read_tape(alone.house).records
    holed = records[(records["flags"] & GAP) != 0]
    told = sorted(zip(holed["symbol"].tolist(), holed["kind"].tolist(), strict=True))
    assert told == [(0, 1), (0, 2), (1, 1), (1, 2)]


def test_a_reader_that_is_overtaken_keeps_only_what_is_beyond_doubt(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk(alone)
    for _ in range(5):
        publish(alone.house.market, many_trades(15_000))
        desk.look()
    looked = read_tape(alone.house)

    def slowly(tape: object, first: int, end: int) -> object:
        copied = looked.records[first - looked.first : end - looked.first].copy()
        publish(alone.house.market, many_trades(10_000))
        desk.look()
        return copied

    monkeypatch.setattr("hft.state.tape.copy_stretch", slowly)
    stretch = read_tape(alone.house)
    assert stretch.first == looked.first + 10_000
    assert stretch.first + len(stretch.records) == stretch.written == looked.written


def test_records_the_head_does_not_tell_yet_are_nobodys(alone: World) -> None:
    publish(alone.house.market, many_trades(TAPE_BATCH_MAX))
    a_desk(alone).look()
    alone.house.tape[TAPE_BATCH_MAX]["price"] = 1.0
    assert len(read_tape(alone.house).records) == TAPE_BATCH_MAX


def test_a_market_that_runs_costs_a_parked_ledger_no_extra_cycle(alone: World) -> None:
    with alone.ledger() as ledger:
        publish(alone.house.market, many_trades(10))
        ledger._follow_market(monotonic_ns())
        assert ledger.tape.written == 10
        assert alone.house.market not in ledger.inlets()
