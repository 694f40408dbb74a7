from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.agent.idle import IdleKind
from hft.events import Role
from hft.pinning import hot_seats, plan_cores
from hft.seats import SHARDS_MAX, Seat, seats_of


def test_two_cores_give_the_strategy_the_last_one_alone() -> None:
    plan = plan_cores([0, 1], math.inf, "auto", pin=True)
    assert [role for role, core in plan.cores.items() if core == 1] == [Role.STRATEGY]
    assert "share core 0" in plan.warning
    assert set(plan.idle.values()) == {IdleKind.PARK}


def test_the_plan_follows_the_cores_this_process_may_use() -> None:
    plan = plan_cores([3, 5, 8, 9], math.inf, "auto", pin=True)
    assert plan.cores[Role.STRATEGY] == 9
    assert plan.cores[Role.FEED] == 8
    assert plan.cores[Role.EXECUTION] == 5
    assert plan.cores[Role.LEDGER] == plan.cores[Role.DASHBOARD] == 3
    assert plan.warning == ""


def test_hot_processes_spin_only_where_cores_are_left_over() -> None:
    assert plan_cores(list(range(5)), math.inf, "auto", pin=True).idle[Role.FEED] is IdleKind.SPIN
    assert plan_cores(list(range(4)), math.inf, "auto", pin=True).idle[Role.FEED] is IdleKind.PARK
    assert plan_cores(list(range(8)), 2.0, "auto", pin=True).idle[Role.FEED] is IdleKind.PARK


def test_without_affinity_nothing_is_pinned_and_it_says_so() -> None:
    plan = plan_cores([], math.inf, "auto", pin=True)
    assert set(plan.cores.values()) == {-1}
    assert "not pinned" in plan.warning


@given(st.sets(st.integers(0, 63), min_size=1, max_size=16), st.sampled_from(["auto", "park"]))
def test_every_role_has_a_core_it_may_use(cores: set[int], idle: str) -> None:
    plan = plan_cores(sorted(cores), math.inf, idle, pin=True)
    assert set(plan.cores) == set(Role) == set(plan.idle)
    assert set(plan.cores.values()) <= cores


def hot_on(cores: int, shards: int) -> dict[int, list[str]]:
    """Which hot processes run on which core."""
    plan = plan_cores(list(range(cores)), math.inf, "auto", pin=True, shards=shards)
    placed: dict[int, list[str]] = {}
    for seat in hot_seats(shards):
        placed.setdefault(plan.cores[seat], []).append(seat.label)
    return placed


def test_one_core_carries_every_shard() -> None:
    assert set(hot_on(1, 4)) == {0}


def test_two_shards_on_two_cores_share_them_evenly() -> None:
    assert hot_on(2, 2) == {1: ["strategy", "feed2", "execution"], 0: ["strategy2", "feed"]}
    plan = plan_cores([0, 1], math.inf, "auto", pin=True, shards=2)
    assert plan.warning == (
        "2 cores: feed and strategy2 share core 0 with everything else; "
        "strategy, execution and feed2 share core 1"
    )


def test_strategies_come_first_when_cores_are_few() -> None:
    assert hot_on(4, 2) == {
        3: ["strategy"],
        2: ["strategy2"],
        1: ["feed"],
        0: ["feed2", "execution"],
    }
    plan = plan_cores(list(range(4)), math.inf, "auto", pin=True, shards=2)
    assert plan.warning == "4 cores: execution and feed2 share core 0 with everything else"


@pytest.mark.parametrize(("cores", "shards"), [(4, 1), (8, 1), (8, 2), (8, 3), (16, 4)])
def test_with_enough_cores_each_hot_process_has_its_own(cores: int, shards: int) -> None:
    placed = hot_on(cores, shards)
    assert all(len(seats) == 1 for seats in placed.values())
    assert 0 not in placed
    plan = plan_cores(list(range(cores)), math.inf, "auto", pin=True, shards=shards)
    assert plan.warning == ""
    spins = cores - 1 > len(hot_seats(shards))
    assert plan.idle[Seat.FEED] is (IdleKind.SPIN if spins else IdleKind.PARK)


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("shards", range(1, SHARDS_MAX + 1))
def test_hot_processes_are_spread_as_evenly_as_can_be(cores: int, shards: int) -> None:
    plan = plan_cores(list(range(cores)), math.inf, "auto", pin=True, shards=shards)
    assert set(plan.cores) == set(plan.idle) == set(seats_of(shards))
    load = Counter(plan.cores[seat] for seat in hot_seats(shards))
    counts = [load[core] for core in range(cores)]
    assert max(counts) - min(counts) <= 1
