from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.agent.machine import MOVES, Step, advance
from hft.state.blocks import Life


def test_a_whole_life_goes_through_six_states() -> None:
    life = Life.ABSENT
    seen = [life]
    for step in (Step.FORKED, Step.STARTED, Step.TOLD_TO_RUN, Step.TOLD_TO_DRAIN, Step.ENDED):
        life = advance(life, step)
        seen.append(life)
    assert seen == list(Life)


@given(st.sampled_from(Life), st.sampled_from(Step))
def test_a_move_that_was_never_drawn_is_a_loud_error(life: Life, step: Step) -> None:
    if (life, step) in MOVES:
        assert advance(life, step) is MOVES[life, step]
    else:
        with pytest.raises(LookupError, match=f"{life.name}.*{step.name}"):
            advance(life, step)


def test_every_state_can_end() -> None:
    for life in (Life.STARTING, Life.READY, Life.RUNNING, Life.DRAINING):
        assert advance(life, Step.ENDED) is Life.STOPPED
