from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hft.events import Role
from hft.restarts import LATCH_DEATHS, WINDOW_NS, decide
from hft.units import NS_PER_S

NOW = 10_000 * NS_PER_S


def test_the_first_death_restarts_at_once_and_keeps_everything() -> None:
    for role in Role:
        decision = decide(role, [NOW], NOW)
        assert (decision.delay_ns, decision.fresh_state, decision.latch) == (0, False, False)


def test_the_second_death_of_the_strategy_starts_it_from_zero() -> None:
    assert decide(Role.STRATEGY, [NOW - NS_PER_S, NOW], NOW).fresh_state
    assert not decide(Role.FEED, [NOW - NS_PER_S, NOW], NOW).fresh_state


def test_the_fourth_death_of_a_trading_process_latches_and_of_no_other() -> None:
    deaths = [NOW - NS_PER_S * back for back in range(LATCH_DEATHS)]
    latching = {role for role in Role if decide(role, deaths, NOW).latch}
    assert latching == {Role.FEED, Role.STRATEGY, Role.EXECUTION}
    assert not decide(Role.FEED, deaths[1:], NOW).latch


@given(st.lists(st.integers(0, 3 * WINDOW_NS), max_size=12), st.sampled_from(Role))
def test_only_deaths_within_the_window_count(ages: list[int], role: Role) -> None:
    deaths = [NOW - age for age in ages]
    recent = [death for death in deaths if NOW - death <= WINDOW_NS]
    assert decide(role, deaths, NOW) == decide(role, recent, NOW)
    assert 0 <= decide(role, deaths, NOW).delay_ns <= 5 * NS_PER_S
