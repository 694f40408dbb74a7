"""The segment of a house of one shard and of several."""

from __future__ import annotations

import pytest

from hft.agent.scratch import scratch_house
from hft.events import Role
from hft.seats import SHARDS_MAX, seats_of
from hft.state.blocks import STATE_BYTES_MAX
from hft.state.segment import SegmentRefused
from hft.topology import BLOCKS, House, OfShard, rings_of, segment_bytes
from ringbuf.memory import Segment
from tests.hft.houses import new_house

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


def test_a_house_of_one_shard_is_laid_as_if_there_were_no_shards() -> None:
    house = scratch_house("one")
    assert [ring.name for ring in rings_of(1)] == [
        "market",
        "intents",
        "reports_strategy",
        "reports_ledger",
        *(f"log_{role.name.lower()}" for role in Role),
    ]
    assert {block.name: block.count_in(1) for block in BLOCKS if block.per != "house"} == {
        "orders_to": len(Role),
        "vitals": len(Role),
        "parked": len(Role),
        "feed_link": 2,
        "verdict": 1,
        "state_head": 1,
        "state": 1,
    }
    assert house.market is house.shards[0].market


@pytest.mark.parametrize("shards", range(1, SHARDS_MAX + 1))
def test_nothing_in_the_segment_lies_over_anything_else(shards: int) -> None:
    house = scratch_house("whole", SYMBOLS, shards=shards)
    for number, block in enumerate((house.vitals, house.orders_to, house.parked), start=1):
        assert len(block) == len(seats_of(shards))
        block.view("u1")[:] = number
    for shard in house.shards:
        shard.state.write_bytes(bytes([10 + shard.number]) * STATE_BYTES_MAX)
        shard.feed_link.view("u1")[:] = 20 + shard.number
        shard.state_head.view("u1")[:] = 30 + shard.number
    for ring in house.rings.values():
        ring.slots.view("u1")[:] = 40
    for number, block in enumerate((house.vitals, house.orders_to, house.parked), start=1):
        assert (block.view("u1") == number).all()
    for shard in house.shards:
        assert set(shard.state.read_bytes() or b"") == {10 + shard.number}
        assert (shard.feed_link.view("u1") == 20 + shard.number).all()
        assert (shard.state_head.view("u1") == 30 + shard.number).all()


def test_each_shard_has_rings_and_blocks_of_its_own() -> None:
    house = scratch_house("two", SYMBOLS, shards=2)
    for name in OfShard.__annotations__:
        assert getattr(house.shards[0], name) is not getattr(house.shards[1], name)
    house.rings["market2"].words[0] += 3
    assert (house.shards[0].market.depth(), house.shards[1].market.depth()) == (0, 3)
    assert [list(house.symbols_of(shard)) for shard in (0, 1)] == [[0, 2], [1]]


def test_whoever_attaches_is_told_how_many_shards_there_are() -> None:
    with new_house(*SYMBOLS, shards=3) as made:
        again = House.attach(Segment.attach(made.segment.name))
        assert len(again.shards) == 3
        assert again.seats == seats_of(3)
        assert len(again.segment.view) == segment_bytes(3)


def test_a_number_of_shards_that_cannot_be_is_refused() -> None:
    with new_house(*SYMBOLS, shards=2) as made:
        made.segment.words(0, 8)[7] = 9
        with pytest.raises(SegmentRefused, match="shards is 9, expected 1 to 4"):
            House.attach(Segment.attach(made.segment.name))
        made.segment.words(0, 8)[7] = 1
        with pytest.raises(SegmentRefused, match="size is"):
            House.attach(Segment.attach(made.segment.name))
