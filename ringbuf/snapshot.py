"""One record in two slots and a generation: one writer, many readers, the last whole value wins.

::

    word 0: generation (0: never written) | 64 bytes in: slot 0 | slot 1

The writer fills the slot that `generation + 1` will name, then release-stores the generation.  A
reader copies slot ``generation & 1`` and looks at the generation again: unchanged, the copy is
whole.  A writer killed in the middle leaves the last whole value in place; a plain seqlock would
leave readers spinning.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ringbuf.atomics import full_fence, load_acquire, store_release
from ringbuf.compiled import compiled
from ringbuf.layout import LINE_BYTES
from ringbuf.memory import Segment
from ringbuf.spsc import STORES_KEEP_ORDER

Words = npt.NDArray[np.uint64]
READ_ATTEMPTS = 64


def snapshot_bytes(dtype: np.dtype[np.void]) -> int:
    """Bytes a snapshot of `dtype` occupies: one line for the generation and two padded slots."""
    return LINE_BYTES + 2 * _slot_bytes(dtype)


def _slot_bytes(dtype: np.dtype[np.void]) -> int:
    return -(-dtype.itemsize // LINE_BYTES) * LINE_BYTES


@compiled
def commit(words: Words, slots: npt.NDArray[np.void], value: npt.NDArray[np.void]) -> None:
    """Publish `value[0]` from compiled code; `slots` are the two padded slots as records."""
    # Without the fence the next value's stores could be hoisted above the previous generation's.
    full_fence()
    generation = words[0] + np.uint64(1)
    slots[np.int64(generation & np.uint64(1))] = value[0]
    store_release(
        words, 0, generation
    )  # SYNC(generation): pairs with the loads in Snapshot.read().


@compiled
def _generation(words: Words) -> int:
    full_fence()
    return load_acquire(words, 0)


@compiled
def _set_generation(words: Words, generation: int) -> None:
    store_release(words, 0, np.uint64(generation))
    full_fence()  # The next value's stores must not overtake this one.


class Snapshot:
    """A two-slot snapshot at a byte offset of a segment.

    `read` and `read_values` return the last whole value, or None when nothing was ever written or a
    writer outran every one of the bounded attempts (the caller keeps its previous copy).
    """

    def __init__(self, segment: Segment, offset: int, dtype: np.dtype[np.void]) -> None:
        size = _slot_bytes(dtype)
        self.dtype = dtype
        self.words = segment.words(offset, 1)
        self._word = segment.view[offset : offset + 8].cast("B").cast("Q")
        starts = (offset + LINE_BYTES, offset + LINE_BYTES + size)
        self._views = [segment.view[start : start + dtype.itemsize] for start in starts]
        padded = np.dtype(
            {
                "names": list(dtype.names or ()),
                "formats": [dtype.fields[n][0] for n in dtype.names or ()] if dtype.fields else [],
                "offsets": [dtype.fields[n][1] for n in dtype.names or ()] if dtype.fields else [],
                "itemsize": size,
            }
        )
        self.slots = segment.array(padded, offset + LINE_BYTES, 2)

    def generation(self) -> int:
        """How often the snapshot was written; 0: never."""
        return self._word[0] if STORES_KEEP_ORDER else int(_generation(self.words))

    def write_bytes(self, value: bytes) -> None:
        """Publish one packed record."""
        generation = self._word[0] + 1
        self._views[generation & 1][:] = value
        self._publish(generation)

    def write_values(self, packer: struct.Struct, values: Sequence[object]) -> None:
        """Pack and publish one record."""
        generation = self._word[0] + 1
        packer.pack_into(self._views[generation & 1], 0, *values)
        self._publish(generation)

    def _publish(self, generation: int) -> None:
        if STORES_KEEP_ORDER:
            self._word[0] = generation  # SYNC(generation): pairs with the loads in read_bytes().
        else:
            _set_generation(self.words, generation)

    def read_bytes(self) -> bytes | None:
        """Copy the last whole value."""
        for _ in range(READ_ATTEMPTS):
            generation = self.generation()
            if generation == 0:
                return None
            value = bytes(self._views[generation & 1])
            # At the same generation the writer can only have been filling the other slot.
            if self.generation() == generation:
                return value
        return None

    def read_values(self, packer: struct.Struct) -> tuple[object, ...] | None:
        """Copy and unpack the last whole value."""
        value = self.read_bytes()
        return None if value is None else packer.unpack(value)

    def read(self) -> npt.NDArray[np.void] | None:
        """Copy the last whole value as an array of one record."""
        value = self.read_bytes()
        return None if value is None else np.frombuffer(bytearray(value), dtype=self.dtype)
