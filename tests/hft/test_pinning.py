from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hft.agent.idle import IdleKind
from hft.events import Role
from hft.pinning import plan_cores


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
