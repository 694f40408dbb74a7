"""Which process is which, and whose the symbols and the intents' numbers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.events import SYMBOLS_MAX, Role
from hft.seats import (
    SHARDS_MAX,
    Seat,
    next_intent,
    seat_of,
    seats_in,
    seats_of,
    shard_of,
    symbols_of,
)

SHARDS = st.integers(1, SHARDS_MAX)


def test_with_one_shard_the_seats_are_the_roles() -> None:
    assert list(seats_of(1)) == list(Role)
    assert [seat.name for seat in seats_of(1)] == [role.name for role in Role]
    assert {seat.shard for seat in seats_of(1)} == {0}


def test_every_further_shard_brings_a_feed_and_a_strategy() -> None:
    for shards in range(2, SHARDS_MAX + 1):
        more = set(seats_of(shards)) - set(seats_of(shards - 1))
        assert {seat.role for seat in more} == {Role.FEED, Role.STRATEGY}
        assert {seat.shard for seat in more} == {shards - 1}


def test_names_tell_role_and_shard() -> None:
    assert [seat.label for seat in seats_of(3)[len(Role) :]] == [
        "feed2",
        "strategy2",
        "feed3",
        "strategy3",
    ]


@given(SHARDS)
def test_a_seat_is_found_by_role_and_shard(shards: int) -> None:
    for seat in seats_of(shards):
        assert seat_of(seat.role, seat.shard) is seat
        assert seat in seats_in(seat.role, shards)
    assert seats_in(Role.LEDGER, shards) == (Seat.LEDGER,)
    assert len(seats_in(Role.FEED, shards)) == shards


@given(SHARDS, st.integers(1, SYMBOLS_MAX))
def test_every_symbol_belongs_to_one_shard_and_none_has_two_more_than_another(
    shards: int, count: int
) -> None:
    split = [symbols_of(shard, shards, count) for shard in range(shards)]
    assert sorted(symbol for symbols in split for symbol in symbols) == list(range(count))
    for shard, symbols in enumerate(split):
        assert all(shard_of(symbol, shards) == shard for symbol in symbols)
    assert max(map(len, split)) - min(map(len, split)) <= 1


@given(SHARDS, st.lists(st.integers(0, SHARDS_MAX - 1), max_size=60))
def test_no_two_shards_ever_use_the_same_intent_number(shards: int, turns: list[int]) -> None:
    last, used = [0] * shards, []
    for turn in turns:
        shard = turn % shards
        last[shard] = next_intent(last[shard], shard, shards)
        used.append(last[shard])
        assert (last[shard] - 1) % shards == shard
    assert len(used) == len(set(used))
    assert 0 not in used


def test_one_shard_counts_intents_from_one() -> None:
    assert [next_intent(last, 0, 1) for last in (0, 1, 2)] == [1, 2, 3]


@pytest.mark.parametrize("role", Role)
def test_a_role_finds_what_was_kept_for_its_seat_of_shard_0(role: Role) -> None:
    kept = {seat: seat.label for seat in Seat}
    assert kept[role] == role.name.lower()  # type: ignore[index]
