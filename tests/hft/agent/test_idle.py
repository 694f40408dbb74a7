"""Parking: no ring is lost between work and sleep."""

from __future__ import annotations

from hft.agent.idle import IdleKind, make_idle
from hft.events import Role
from tests.hft.houses import new_context, new_house


def test_a_ring_that_comes_while_the_agent_works_gives_it_one_more_look() -> None:
    with new_house("BTCUSDT") as house, new_context(house, Role.FEED) as context:
        idle = make_idle(IdleKind.PARK, context, hot=True)
        context.wake_self()
        idle(0)
        assert context.parking.look() == [context.bells[Role.FEED].fileno()], "it was woken"
        context.wake_self()
        idle(0)
        assert context.parking.look() == [], "silenced; it did not sleep before another look"
        idle(0)
        assert context.parking.look() == [], "nothing was left to wake it"
        assert not house.parked[Role.FEED]["parked"]
