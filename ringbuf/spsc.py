"""A ring with one producer and one consumer, in two faces over the same bytes.

The compiled face are free functions over a ring's header words and slots: `free_slots`, `publish`,
`available`, `release`; the caller moves whole batches between them.  The Python face is `Producer`
and `Consumer`: one packed record at a time through ``struct`` on a memoryview, four times cheaper
than numpy scalars.  Either side may die and come back: cursors live in the shared memory.

What the other process may change under you: for the producer `free_slots` may only be too small
(the consumer releases more), never too large; for the consumer `available` may only be too small.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ringbuf import layout
from ringbuf.atomics import load_acquire, store_release
from ringbuf.compiled import compiled, inlined
from ringbuf.layout import (
    CACHED_HEAD,
    CACHED_TAIL,
    CONSUMER_EPOCH,
    DEEPEST,
    DIGEST,
    DROPPED,
    GAP,
    HEAD,
    HEADER_BYTES,
    HEADER_WORDS,
    PRODUCER_EPOCH,
    READY,
    READY_MAGIC,
    SLOT_BYTES,
    SLOTS,
    TAIL,
    RingLayout,
)
from ringbuf.memory import Segment

Words = npt.NDArray[np.uint64]

STORES_KEEP_ORDER = platform.machine() in ("x86_64", "AMD64")
"""x86-64 makes stores visible in program order: a plain aligned store is a release store."""


@inlined
def free_slots(words: Words, wanted: int) -> np.int64:
    """Count the slots the producer may write from its tail on.

    Looks at the consumer's head only when the cached copy leaves fewer than `wanted`.
    """
    slots = np.int64(words[SLOTS])
    tail = np.int64(words[TAIL])
    free = slots - (tail - np.int64(words[CACHED_HEAD]))
    if free < wanted:
        head = load_acquire(words, HEAD)  # SYNC(head): pairs with the store in release().
        words[CACHED_HEAD] = head
        free = slots - (tail - np.int64(head))
    return free


@inlined
def publish(words: Words, count: int | np.int64) -> None:
    """Make `count` written slots visible to the consumer."""
    tail = np.int64(words[TAIL]) + count
    depth = tail - np.int64(words[CACHED_HEAD])
    if depth > np.int64(words[DEEPEST]):
        # The cached head is stale on purpose; look again before calling it a record.
        words[CACHED_HEAD] = load_acquire(words, HEAD)
        depth = tail - np.int64(words[CACHED_HEAD])
        if depth > np.int64(words[DEEPEST]):
            words[DEEPEST] = np.uint64(depth)
    store_release(words, TAIL, np.uint64(tail))  # SYNC(tail): pairs with available().


@inlined
def available(words: Words, wanted: int) -> np.int64:
    """Count the published slots from the consumer's head on, looking anew when below `wanted`."""
    head = np.int64(words[HEAD])
    ready = np.int64(words[CACHED_TAIL]) - head
    if ready < wanted:
        tail = load_acquire(words, TAIL)  # SYNC(tail): pairs with publish().
        words[CACHED_TAIL] = tail
        ready = np.int64(tail) - head
    return ready


@inlined
def release(words: Words, count: int | np.int64) -> None:
    """Give `count` slots back to the producer; their contents are its own from now on."""
    # SYNC(head): pairs with the load in free_slots().
    store_release(words, HEAD, np.uint64(np.int64(words[HEAD]) + count))


@inlined
def slot_of(words: Words, position: int | np.int64) -> np.int64:
    """Index of the slot of a position."""
    return position & (np.int64(words[SLOTS]) - 1)


@compiled
def _publish_one(words: Words) -> None:
    publish(words, 1)


@compiled
def _release_many(words: Words, count: int) -> None:
    release(words, count)


@compiled
def jump_to_tail(words: Words) -> np.int64:
    """Move the consumer to the current tail and return how many events that skipped."""
    tail = load_acquire(words, TAIL)
    skipped = np.int64(tail) - np.int64(words[HEAD])
    words[CACHED_TAIL] = tail
    store_release(words, HEAD, tail)
    return skipped


class Ring:
    """A ring over a part of a segment: its header words and its slots as arrays.

    Raises:
        ValueError: on `attach`, when the memory holds another kind of ring; says which part.
    """

    def __init__(self, segment: Segment, offset: int, shape: RingLayout) -> None:
        self.layout = shape
        self.words = segment.words(offset, HEADER_WORDS)
        self.slots = segment.array(shape.dtype, offset + HEADER_BYTES, shape.slots)
        self.bytes = segment.view[offset : offset + shape.nbytes]

    @classmethod
    def create(cls, segment: Segment, offset: int, shape: RingLayout, digest: int) -> Ring:
        """Lay a new ring into zeroed memory; the ready word is written last."""
        ring = cls(segment, offset, shape)
        ring.words[SLOTS] = shape.slots
        ring.words[SLOT_BYTES] = shape.dtype.itemsize
        ring.words[DIGEST] = digest
        _store_word(ring.words, READY, READY_MAGIC)
        return ring

    @classmethod
    def attach(cls, segment: Segment, offset: int, shape: RingLayout, digest: int) -> Ring:
        """Open a ring that another process laid, refusing one of another shape."""
        ring = cls(segment, offset, shape)
        expected = (
            ("ready word", READY, READY_MAGIC),
            ("slots", SLOTS, shape.slots),
            ("slot bytes", SLOT_BYTES, shape.dtype.itemsize),
            ("digest", DIGEST, digest),
        )
        for name, word, value in expected:
            found = int(ring.words[word])
            if found != value:
                raise ValueError(f"ring at byte {offset}: {name} is {found}, expected {value}")
        return ring

    def depth(self) -> int:
        """Events published and not yet released; a glance, both sides may be moving."""
        return int(self.words[TAIL]) - int(self.words[HEAD])


@compiled
def _store_word(words: Words, index: int, value: int) -> None:
    store_release(words, index, np.uint64(value))


class Producer:
    """The Python face of the writing side; there is at most one per ring at a time."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.words = ring.words
        self._cursors = ring.bytes[:HEADER_BYTES].cast("B").cast("Q")
        self._slots = ring.bytes[HEADER_BYTES:]
        self._slot_bytes = ring.layout.dtype.itemsize
        self._mask = ring.layout.slots - 1
        self._cursors[PRODUCER_EPOCH] += 1

    def offer(self, packer: struct.Struct, values: Sequence[object]) -> bool:
        """Pack one record into the next slot and publish it; False, nothing touched, when full."""
        cursors = self._cursors
        tail = cursors[TAIL]
        if tail - cursors[CACHED_HEAD] > self._mask:
            cursors[CACHED_HEAD] = cursors[HEAD]
            if tail - cursors[CACHED_HEAD] > self._mask:
                return False
        packer.pack_into(self._slots, (tail & self._mask) * self._slot_bytes, *values)
        if STORES_KEEP_ORDER:
            depth = tail + 1 - cursors[CACHED_HEAD]
            if depth > cursors[DEEPEST]:
                depth = tail + 1 - cursors[HEAD]
                cursors[DEEPEST] = max(depth, cursors[DEEPEST])
            cursors[TAIL] = tail + 1  # SYNC(tail): pairs with available().
        else:
            _publish_one(self.words)
        return True

    def count_drop(self) -> None:
        """Count an event that found the ring full, and mark the gap for the consumer."""
        self._cursors[DROPPED] += 1
        self._cursors[GAP] += 1

    def room(self) -> int:
        """Slots that are free right now; may only grow before this side writes again."""
        return self._mask + 1 - (self._cursors[TAIL] - self._cursors[HEAD])


class Consumer:
    """The Python face of the reading side; there is at most one per ring at a time."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.words = ring.words
        self._cursors = ring.bytes[:HEADER_BYTES].cast("B").cast("Q")
        self._slots = ring.bytes[HEADER_BYTES:]
        self._slot_bytes = ring.layout.dtype.itemsize
        self._mask = ring.layout.slots - 1
        self._cursors[CONSUMER_EPOCH] += 1

    def waiting(self) -> int:
        """Events published and not yet released; may only grow before this side releases."""
        return self._cursors[TAIL] - self._cursors[HEAD]

    def peek(self, packer: struct.Struct, ahead: int = 0) -> tuple[object, ...]:
        """Unpack the event `ahead` of the head without giving its slot back.

        Valid for ``0 <= ahead < waiting()``; the values are copies.
        """
        position = self._cursors[HEAD] + ahead
        return packer.unpack_from(self._slots, (position & self._mask) * self._slot_bytes)

    def copy(self, count: int, ahead: int = 0) -> npt.NDArray[np.void]:
        """Copy `count` waiting events, from `ahead` of the head on, as an array of records."""
        first = (self._cursors[HEAD] + ahead) & self._mask
        indices = (first + np.arange(count)) & self._mask
        copied: npt.NDArray[np.void] = self.ring.slots[indices]
        return copied

    def release(self, count: int = 1) -> None:
        """Give `count` slots back to the producer."""
        if STORES_KEEP_ORDER:
            self._cursors[HEAD] += count  # SYNC(head): pairs with free_slots().
        else:
            _release_many(self.words, count)

    def gaps(self) -> int:
        """How many events the producer has ever dropped into a full ring."""
        return self._cursors[GAP]


def packer_of(dtype: np.dtype[np.void]) -> struct.Struct:
    """Build the ``struct.Struct`` that packs one record of `dtype`, field by field, in order.

    A nested array of n numbers becomes n values; the padding at the end of the record is kept.
    """
    assert dtype.names is not None
    assert dtype.fields is not None
    text, at = "<", 0
    for name in dtype.names:
        kind, offset = dtype.fields[name][:2]
        text += "x" * (offset - at)
        base, shape = (kind.base, kind.shape) if kind.subdtype else (kind, ())
        count = int(np.prod(shape)) if shape else 1
        letter = {"f": "d", "S": "s", "V": "s"}.get(base.kind) or {
            ("u", 8): "Q", ("i", 8): "q", ("u", 4): "I", ("i", 4): "i",
            ("u", 2): "H", ("i", 2): "h", ("u", 1): "B", ("i", 1): "b",
        }[base.kind, base.itemsize]  # fmt: skip
        text += f"{base.itemsize}s" if letter == "s" else letter * count
        at = offset + kind.itemsize
    packer = struct.Struct(text + "x" * (dtype.itemsize - at))
    assert packer.size == dtype.itemsize
    return packer


def ring_report(ring: Ring) -> dict[str, int]:
    """Read what a ring tells from outside: depth, deepest, dropped, epochs."""
    words = ring.words
    return {
        "slots": int(words[layout.SLOTS]),
        "depth": ring.depth(),
        "deepest": int(words[DEEPEST]),
        "dropped": int(words[DROPPED]),
        "producer_epoch": int(words[PRODUCER_EPOCH]),
        "consumer_epoch": int(words[CONSUMER_EPOCH]),
    }
