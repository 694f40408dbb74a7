"""Every interleaving of a producer and a consumer that run the ring's own source."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringbuf import spsc
from ringbuf.layout import HEAD, TAIL
from tests.ringbuf.exploring import BrokenPromise, Operation
from tests.ringbuf.shared_words import Local, Order, View, Words, memory_names, uncompiled
from tests.ringbuf.small_ring import SmallRing

PRODUCERS = {
    "compiled": SmallRing.compiled_producer,
    "python": SmallRing.python_producer,
    "mixed": SmallRing.mixed_producer,
}
CONSUMERS = {
    "compiled": SmallRing.compiled_consumer,
    "python": SmallRing.python_consumer,
    "mixed": SmallRing.mixed_consumer,
}
FACES = [(p, c) for p in ("compiled", "python") for c in ("compiled", "python")]
FACES.append(("mixed", "mixed"))
SHAPES = [(2, 3, 1, (1, 1)), (2, 4, 2, (0, 1)), (2, 4, 2, (1, 0)), (4, 5, 2, (0, 0))]
SMALL_SHAPES = [(2, 3, 1, (0, 0)), (2, 2, 2, (1, 0)), (2, 2, 1, (0, 1))]
Shape = tuple[int, int, int, tuple[int, int]]
"""Slots, events, the most in one batch, and how often each side is killed."""


def explore_both(order: Order, shape: Shape, producer: str, consumer: str) -> int:
    slots, events, batch, kills = shape
    ring = SmallRing(slots, order)
    produce = PRODUCERS[producer](ring, events, batch)
    consume = CONSUMERS[consumer](ring, events, batch)
    return ring.explore(produce, consume, events, kills)


@pytest.fixture(autouse=True)
def _as_on_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spsc, "STORES_KEEP_ORDER", True)


@pytest.mark.parametrize(("producer", "consumer"), FACES)
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost_doubled_torn_or_overwritten_in_any_interleaving(
    shape: Shape, producer: str, consumer: str
) -> None:
    assert explore_both(Order.AT_ONCE, shape, producer, consumer) > 80


@pytest.mark.parametrize(("producer", "consumer"), FACES)
@pytest.mark.parametrize("shape", SMALL_SHAPES)
def test_nor_when_stores_arrive_late(shape: Shape, producer: str, consumer: str) -> None:
    assert explore_both(Order.BUFFERED, shape, producer, consumer) > 100


# The Python face stores plainly only where stores keep their order, so it is left out here.
@pytest.mark.parametrize("shape", SMALL_SHAPES)
def test_nor_when_they_arrive_in_any_order_a_release_allows(shape: Shape) -> None:
    assert explore_both(Order.LOOSE, shape, "compiled", "compiled") > 200


@pytest.mark.long
@pytest.mark.parametrize(("producer", "consumer"), FACES)
@pytest.mark.parametrize("shape", SHAPES)
def test_nor_in_larger_rings_when_stores_arrive_late(
    shape: Shape, producer: str, consumer: str
) -> None:
    assert explore_both(Order.BUFFERED, shape, producer, consumer) > 80


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES + SMALL_SHAPES)
def test_nor_in_larger_rings_when_they_arrive_in_any_order(shape: Shape) -> None:
    assert explore_both(Order.LOOSE, shape, "compiled", "compiled") > 200


def publish_first(ring: SmallRing) -> None:
    def dishonest(events: int, batch: int) -> Operation:
        def produce(view: View, local: Local) -> Local:
            tail = ring.words[TAIL]
            if tail < events and int(ring.free_slots(ring.words, 1)):
                ring.publish(ring.words, 1)
                ring.write(tail, local[1])
                tail += 1
            return (tail, local[1])

        return produce

    ring.compiled_producer = dishonest  # type: ignore[method-assign]


def one_slot_too_many(ring: SmallRing) -> None:
    honest = ring.free_slots
    ring.free_slots = lambda words, wanted: honest(words, wanted + 1) + 1


def release_first(ring: SmallRing) -> None:
    honest, check = ring.available, ring.check

    def available(words: Words, wanted: int) -> int:
        ready = min(int(honest(words, wanted)), wanted)
        if ready:
            ring.release(words, ready)
            for step in range(ready):
                check(words[HEAD] - ready + step)
        return 0

    ring.available = available


def publish_without_release(ring: SmallRing) -> None:
    names = {**memory_names(ring.view), "store_release": plain_store}
    ring.publish = uncompiled(spsc.publish, names)


def plain_store(words: Words, index: int, value: int) -> None:
    words[index] = value


MISTAKES: list[tuple[Callable[[SmallRing], None], Order, str]] = [
    (publish_first, Order.AT_ONCE, "published torn|is overwritten"),
    (one_slot_too_many, Order.AT_ONCE, "is published torn|is overwritten"),
    (release_first, Order.AT_ONCE, "torn|holds"),
    (publish_without_release, Order.LOOSE, "published torn|is overwritten"),
]


@pytest.mark.parametrize(("mistake", "order", "what"), MISTAKES)
def test_the_exploration_finds_a_ring_with_a_mistake_in_it(
    mistake: Callable[[SmallRing], None], order: Order, what: str
) -> None:
    ring = SmallRing(2, order)
    mistake(ring)
    produce, consume = ring.compiled_producer(4, 1), ring.compiled_consumer(4, 1)
    with pytest.raises(BrokenPromise, match=what):
        ring.explore(produce, consume, 4, (0, 0))


def test_plain_stores_are_enough_where_stores_keep_their_order() -> None:
    ring = SmallRing(2, Order.BUFFERED)
    publish_without_release(ring)
    produce, consume = ring.compiled_producer(3, 1), ring.compiled_consumer(3, 1)
    assert ring.explore(produce, consume, 3, (0, 0)) > 200
