"""Every interleaving of a snapshot's writer, killed at any step, and a reader: its own source."""

from __future__ import annotations

from typing import Any

import pytest

from ringbuf import snapshot
from tests.ringbuf.exploring import BrokenPromise, Exploration, Operation, Program
from tests.ringbuf.shared_words import Local, Order, View, Words, memory_names, uncompiled

GENERATION = 0
PLACES = {GENERATION: 0}
WRITES, LIVES = 3, 8
PARTS = 2


class SmallSnapshot:
    """Two slots of two words that must always be the same, and a generation."""

    def __init__(self, order: Order) -> None:
        self.order, self.view = order, View(order)
        self.words = Words(self.view, PLACES, {})
        self.names = memory_names(self.view)
        self.face = object.__new__(snapshot.Snapshot)
        self.face._word = self.words  # type: ignore[assignment]
        self.face._views = [SlotView(self, 0), SlotView(self, 1)]  # type: ignore[list-item]

    def write_slot(self, slot: int, value: int) -> None:
        for part in range(PARTS):
            self.view.store(1 + PARTS * slot + part, value)

    def python_writer(self) -> Operation:
        def write(view: View, local: Local) -> Local:
            value = (self.words[GENERATION] + 1) * LIVES + local[1]
            self.face.write_values(SlotPacker(), (value,))  # type: ignore[arg-type]
            return (value // LIVES, local[1])

        return write

    def compiled_writer(self) -> Operation:
        commit = uncompiled(snapshot.commit, self.names)

        def write(view: View, local: Local) -> Local:
            value = (self.words[GENERATION] + 1) * LIVES + local[1]
            commit(self.words, Slots(self), [value])
            return (value // LIVES, local[1])

        return write

    def read(self, view: View, local: Local) -> Local:
        """Read until the last value is there; what is read is whole and never older."""
        told = self.face.read_bytes()
        if told is None:
            return local
        assert told[0] == told[1], f"torn: {list(told)}"
        number = told[0] // LIVES
        assert number >= local[0], f"generation {number} after {local[0]}"
        return (number, 0)

    def explore(self, writer: Operation, kills: int) -> int:
        def done(local: Local) -> bool:
            return local[0] >= WRITES

        def reborn(local: Local) -> Local:
            return (0, local[1] + 1)

        programs = (
            Program(writer, done, (0, 0), frozenset(range(1 + 2 * PARTS)), reborn, kills),
            Program(self.read, done, (0, 0), frozenset()),
        )
        exploration = Exploration(
            self.view, self.order, programs, lambda before, after: None, self.finished
        )
        return exploration.run((0,) * (1 + 2 * PARTS))

    def finished(self, words: tuple[int, ...]) -> bool:
        return words[0] >= WRITES


class SlotView:
    def __init__(self, small: SmallSnapshot, slot: int) -> None:
        self.small, self.slot = small, slot

    def __bytes__(self) -> bytes:
        first = 1 + PARTS * self.slot
        return bytes(self.small.view.load(first + part) for part in range(PARTS))


class SlotPacker:
    """Stands for the ``struct.Struct`` that packs one record."""

    def pack_into(self, slot: SlotView, offset: int, value: int) -> None:
        slot.small.write_slot(slot.slot, value)


class Slots:
    """Stands for the array of both slots in compiled code."""

    def __init__(self, small: SmallSnapshot) -> None:
        self._small = small

    def __setitem__(self, slot: Any, value: int) -> None:
        self._small.write_slot(int(slot), value)


@pytest.fixture(autouse=True)
def _as_on_x86_and_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "STORES_KEEP_ORDER", True)
    monkeypatch.setattr(snapshot, "READ_ATTEMPTS", 2)


@pytest.mark.parametrize("kills", [0, 1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("face", "order"),
    [("python", Order.AT_ONCE), ("python", Order.BUFFERED)]
    + [("compiled", order) for order in Order],
)
def test_a_reader_sees_whole_values_that_never_go_back_and_the_last_one_in_the_end(
    face: str, order: Order, kills: int
) -> None:
    small = SmallSnapshot(order)
    writer = small.python_writer() if face == "python" else small.compiled_writer()
    assert small.explore(writer, kills) > 80


def test_without_its_fence_the_next_value_could_overtake_the_generation() -> None:
    small = SmallSnapshot(Order.LOOSE)
    small.names["full_fence"] = lambda: None
    with pytest.raises(BrokenPromise, match="torn"):
        small.explore(small.compiled_writer(), kills=0)


def test_with_one_slot_a_reader_would_meet_torn_values() -> None:
    small = SmallSnapshot(Order.AT_ONCE)
    honest = small.write_slot
    small.face._views = [SlotView(small, 0), SlotView(small, 0)]  # type: ignore[list-item]
    small.write_slot = lambda slot, value: honest(0, value)  # type: ignore[method-assign]
    with pytest.raises(BrokenPromise, match="torn"):
        small.explore(small.python_writer(), kills=0)
