"""Every interleaving of one who parks and one who rings: with the fences no wake-up is lost."""

from __future__ import annotations

import itertools

import pytest

from ringbuf import doorbell
from tests.ringbuf.exploring import BrokenPromise, Exploration, Program
from tests.ringbuf.shared_words import Local, Order, View, Words, memory_names, uncompiled

PARKED, TAIL, BELL, TAKEN = 0, 1, 2, 3
EVENTS = 2


class Sleeper:
    """A consumer that trusts its bell alone, and the producer that rings it."""

    def __init__(self, order: Order, *, sleeper_fences: bool, ringer_fences: bool) -> None:
        self.order, self.view = order, View(order)
        self.words = Words(self.view, {0: PARKED}, {})
        names = memory_names(self.view)
        unfenced = {**names, "full_fence": lambda: None}
        parks, rings = (names if f else unfenced for f in (sleeper_fences, ringer_fences))
        self.say_parked = uncompiled(doorbell.say_parked, parks)
        self.say_awake = uncompiled(doorbell.say_awake, parks)
        self.must_ring = uncompiled(doorbell.must_ring, rings)

    def publish_and_ring(self, view: View, local: Local) -> Local:
        view.store(TAIL, local[0] + 1, release=True)
        if self.must_ring(self.words):
            view.system_store(BELL, 1)
        return (local[0] + 1,)

    def take_or_sleep(self, view: View, local: Local) -> Local:
        waiting = view.load(TAIL)
        if waiting > local[0]:
            return self.took(view, waiting)
        self.say_parked(self.words)
        waiting = view.load(TAIL)
        if waiting == local[0]:
            view.sleep_until(BELL)
        self.say_awake(self.words)
        view.system_store(BELL, 0)
        return local

    def took(self, view: View, count: int) -> Local:
        view.store(TAKEN, count)
        return (count,)

    def explore(self) -> int:
        programs = (
            Program(self.publish_and_ring, lambda local: local[0] == EVENTS, (0,), frozenset()),
            Program(self.take_or_sleep, lambda local: local[0] == EVENTS, (0,), frozenset({TAKEN})),
        )
        exploration = Exploration(
            self.view,
            self.order,
            programs,
            lambda before, after: None,
            lambda words: words[TAKEN] == EVENTS,
        )
        return exploration.run((0, 0, 0, 0))


@pytest.mark.parametrize("order", list(Order), ids=lambda order: order.name)
def test_no_wake_up_is_lost_with_both_fences(order: Order) -> None:
    assert Sleeper(order, sleeper_fences=True, ringer_fences=True).explore() > 100


@pytest.mark.parametrize(
    ("sleeper_fences", "ringer_fences"),
    [pair for pair in itertools.product((False, True), repeat=2) if pair != (True, True)],
)
@pytest.mark.parametrize("order", [Order.BUFFERED, Order.LOOSE], ids=lambda order: order.name)
def test_without_either_fence_a_consumer_sleeps_on_what_was_published(
    order: Order, sleeper_fences: bool, ringer_fences: bool
) -> None:
    sleeper = Sleeper(order, sleeper_fences=sleeper_fences, ringer_fences=ringer_fences)
    with pytest.raises(BrokenPromise, match="nothing leads to the end"):
        sleeper.explore()


def test_the_fences_matter_only_where_stores_arrive_late() -> None:
    assert Sleeper(Order.AT_ONCE, sleeper_fences=False, ringer_fences=False).explore() > 50
