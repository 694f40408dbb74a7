"""A ring small enough to explore, run by the ring's own source in both faces.

A slot is two words that must always be the same, so that a torn one can be told.  What a word
holds names its position in the ring and the life of the producer that wrote it.
"""

from __future__ import annotations

from typing import Any

from ringbuf import spsc
from ringbuf.layout import CACHED_HEAD, CACHED_TAIL, DEEPEST, HEAD, SLOTS, TAIL
from tests.ringbuf.exploring import Exploration, Operation, Program
from tests.ringbuf.shared_words import Local, Order, View, Words, memory_names, uncompiled

PLACES = {TAIL: 0, CACHED_HEAD: 1, DEEPEST: 2, HEAD: 3, CACHED_TAIL: 4}
FIRST_SLOT = len(PLACES)
PRODUCERS_OWN, CONSUMERS_OWN = frozenset((0, 1, 2)), frozenset((3, 4))
LIVES = 8


def value_of(position: int, life: int) -> int:
    return position * LIVES + life + 1


def position_in(value: int) -> int:
    return (value - 1) // LIVES if value else -1


class SmallRing:
    """One ring of the exploration: its words, and both faces of both sides over them."""

    def __init__(self, slots: int, order: Order) -> None:
        self.slots, self.order = slots, order
        self.view = View(order)
        self.words = Words(self.view, PLACES, {SLOTS: slots})
        names = memory_names(self.view)
        self.free_slots, self.publish, self.available, self.release = (
            uncompiled(function, names)
            for function in (spsc.free_slots, spsc.publish, spsc.available, spsc.release)
        )

    def slot(self, position: int) -> tuple[int, int]:
        first = FIRST_SLOT + 2 * (position % self.slots)
        return first, first + 1

    def write(self, position: int, life: int) -> None:
        for address in self.slot(position):
            self.view.store(address, value_of(position, life))

    def check(self, position: int) -> None:
        seen = [self.view.load(address) for address in self.slot(position)]
        assert seen[0] == seen[1], f"position {position} is torn: {seen}"
        assert position_in(seen[0]) == position, f"position {position} holds {seen}"

    def compiled_producer(self, events: int, batch: int) -> Operation:
        def produce(view: View, local: Local) -> Local:
            tail, life = self.words[TAIL], local[1]
            wanted = min(batch, events - tail)
            room = min(int(self.free_slots(self.words, wanted)), wanted)
            for step in range(room):
                self.write(tail + step, life)
            if room:
                self.publish(self.words, room)
            return (tail + room, life)

        return produce

    def python_producer(self, events: int, batch: int) -> Operation:
        producer = object.__new__(spsc.Producer)
        fill(producer, self.words, self.slots)

        def produce(view: View, local: Local) -> Local:
            tail, life = self.words[TAIL], local[1]
            if tail == events:
                return (tail, life)
            taken = producer.offer(SlotPacker(self), (tail, life))  # type: ignore[arg-type]
            return (tail + taken, life)

        return produce

    def compiled_consumer(self, events: int, batch: int) -> Operation:
        def consume(view: View, local: Local) -> Local:
            head = self.words[HEAD]
            wanted = min(batch, events - head)
            ready = min(int(self.available(self.words, wanted)), wanted)
            for step in range(ready):
                self.check(head + step)
            if ready:
                self.release(self.words, ready)
            return (head + ready, local[1])

        return consume

    def python_consumer(self, events: int, batch: int) -> Operation:
        consumer = object.__new__(spsc.Consumer)
        fill(consumer, self.words, self.slots)

        def consume(view: View, local: Local) -> Local:
            head = self.words[HEAD]
            if head == events:
                return (head, local[1])
            ready = min(consumer.waiting(), batch)
            for ahead in range(ready):
                consumer.peek(SlotPacker(self, head + ahead), ahead)  # type: ignore[arg-type]
            if ready:
                consumer.release(ready)
            return (head + ready, local[1])

        return consume

    def mixed_producer(self, events: int, batch: int) -> Operation:
        """Both faces in turn: each finds the cached positions as the other left them."""
        faces = self.compiled_producer(events, batch), self.python_producer(events, batch)

        def in_turn(view: View, local: Local) -> Local:
            return faces[self.words[TAIL] % 2](view, local)

        return in_turn

    def mixed_consumer(self, events: int, batch: int) -> Operation:
        """Both faces in turn: each finds the cached positions as the other left them."""
        faces = self.compiled_consumer(events, batch), self.python_consumer(events, batch)

        def in_turn(view: View, local: Local) -> Local:
            return faces[self.words[HEAD] % 2](view, local)

        return in_turn

    def promise(self, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """Cursors never go back, and what is published and not released is whole and stays."""
        tail, head = after[PLACES[TAIL]], after[PLACES[HEAD]]
        assert before[PLACES[TAIL]] <= tail, "the tail goes back"
        assert before[PLACES[HEAD]] <= head <= tail, "the head goes back or overtakes"
        assert tail - head <= self.slots, "more is published than there are slots"
        for position in range(head, tail):
            first, second = (after[address] for address in self.slot(position))
            assert first == second, f"position {position} is published torn"
            assert position_in(first) == position, f"position {position} is overwritten"
            if before[PLACES[HEAD]] <= position < before[PLACES[TAIL]]:
                assert before[self.slot(position)[0]] == first, "published, and changed"

    def explore(
        self, producer: Operation, consumer: Operation, events: int, kills: tuple[int, int]
    ) -> int:
        def reborn(local: Local) -> Local:
            # A fresh process knows nothing but what lies in the ring, and which life it is.
            return (0, local[1] + 1)

        def done(local: Local) -> bool:
            return local[0] == events

        programs = (
            Program(producer, done, (0, 0), PRODUCERS_OWN, reborn, kills[0]),
            Program(consumer, done, (0, 0), CONSUMERS_OWN, reborn, kills[1]),
        )
        exploration = Exploration(
            self.view, self.order, programs, self.promise, lambda words: words[0] == words[3]
        )
        return exploration.run((0,) * (FIRST_SLOT + 2 * self.slots))


def fill(side: Any, words: Words, slots: int) -> None:
    """Give a side of the Python face what its constructor would take from a mapping."""
    side._cursors, side._slots, side._slot_bytes, side._mask = words, None, 1, slots - 1


class SlotPacker:
    """Stands for the ``struct.Struct`` that moves one record."""

    def __init__(self, ring: SmallRing, position: int = -1) -> None:
        self._ring, self._position = ring, position

    def pack_into(self, slots: Any, slot: int, position: int, life: int) -> None:
        assert slot == position % self._ring.slots
        self._ring.write(position, life)

    def unpack_from(self, slots: Any, slot: int) -> tuple[int, ...]:
        assert slot == self._position % self._ring.slots
        self._ring.check(self._position)
        return ()
