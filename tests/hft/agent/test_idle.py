"""Parking: what woke a process is told once, and no ring is lost between work and sleep."""

from __future__ import annotations

import numpy as np
import pytest
from numba import cfunc, types

from hft.agent.idle import IdleKind, make_idle
from hft.events import Role
from hft.state.blocks import Order
from ringbuf.addressed import AddressTable, array_at
from ringbuf.parking import Duty
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


def test_no_duty_is_begun_once_the_process_is_told_to_drain_or_to_end() -> None:
    """The first order to run is there while it parks; a later one must stop what C would begin."""
    done: list[int] = []

    @cfunc(types.int64(types.int64))
    def count(table: int) -> int:
        array_at(table, 0, np.dtype("<i8"))[0] += 1
        return 1

    with new_house("BTCUSDT") as house, new_context(house, Role.FEED) as context:
        counter = np.zeros(1, np.int64)
        table = AddressTable((counter,))
        orders = house.orders_to[Role.FEED : Role.FEED + 1].view(np.int64)
        duty = Duty(int(count.address), table.address, orders, int(Order.RUN))
        context.parking.watch((), duty)
        for order in (Order.RUN, Order.DRAIN, Order.RUN):
            house.orders_to[Role.FEED]["order"] = order
            context.wake_self()
            context.parking.sleep(1000)
            done.append(int(counter[0]))
        context.parking.stop_duty()
        context.wake_self()
        context.parking.sleep(1000)
        done.append(int(counter[0]))
    assert done == [1, 1, 2, 2]
