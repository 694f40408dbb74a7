"""Parking: what woke a process is told once, and no ring is lost between work and sleep."""

from __future__ import annotations

import pytest

from hft.agent.idle import IdleKind, make_idle
from hft.events import Role
from tests.hft.houses import new_context, new_house


def test_what_ended_the_sleep_is_told_once_and_then_looked_up_anew() -> None:
    with new_house("BTCUSDT") as house, new_context(house, Role.FEED) as context:
        bell = context.bells[Role.FEED]
        assert context.parking.wait(0) == []
        bell.ring()
        assert context.parking.look() == [], "what the wait found"
        assert context.parking.look() == [bell.fileno()], "what is there now"


def test_a_ring_that_comes_while_the_agent_works_gives_it_one_more_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with new_house("BTCUSDT") as house, new_context(house, Role.FEED) as context:
        slept: list[int] = []
        sleep = context.parking.sleep

        def sleep_and_count(timeout_ms: int) -> int:
            slept.append(timeout_ms)
            return sleep(timeout_ms)

        monkeypatch.setattr(context.parking, "sleep", sleep_and_count)
        idle = make_idle(IdleKind.PARK, context, hot=True)
        context.wake_self()
        idle(0)
        context.wake_self()
        idle(0)
        assert len(slept) == 1, "it did not park before the agent had looked again"
        idle(0)
        assert len(slept) == 2
        assert context.parking.wait(0) == [], "the bell was silenced"
        assert not house.parked[Role.FEED]["parked"]
