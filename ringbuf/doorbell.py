"""Waking a consumer that said it sleeps, and costing nothing when it does not.

One doorbell per consumer, whatever the number of its rings: an ``eventfd`` (a pipe where there is
none) made before the first fork, and a *parked* word in shared memory.  The consumer stores
`parked`, fences, looks at its rings once more, then sleeps; the producer publishes, fences, loads
`parked`.  Without the two fences each side may miss the other's store (592 of 2,000,000 wake-ups
were lost in a test), so the Python face goes through the compiled ones too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils as typed_cgutils
from numba.extending import intrinsic

from ringbuf.atomics import full_fence, load_acquire, store_release
from ringbuf.compiled import compiled, inlined
from ringbuf.spsc import STORES_KEEP_ORDER

# numba gives its code generators no types.
cgutils: Any = typed_cgutils

Words = npt.NDArray[np.uint64]

_ONE = b"\x01\x00\x00\x00\x00\x00\x00\x00"


@intrinsic
def _write_one(typingctx: Any, handle: Any) -> Any:
    """Write the eight bytes of a one; that a bell which rings already takes none is no error."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, half = ir.IntType(64), ir.IntType(32)
        value = cgutils.alloca_once_value(builder, word(1))
        kind = ir.FunctionType(word, [half, cgutils.voidptr_t, word])
        write = cgutils.get_or_insert_function(builder.module, kind, "write")
        start = builder.bitcast(value, cgutils.voidptr_t)
        builder.call(write, [builder.trunc(args[0], half), start, word(len(_ONE))])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


write_one = cast(Callable[[int], None], _write_one)


@compiled
def say_parked(words: Words) -> None:
    """Consumer: announce that it is about to sleep; it must look at its rings after this."""
    store_release(words, 0, np.uint64(1))
    full_fence()  # SYNC(parked): pairs with the fence in must_ring().


@compiled
def say_awake(words: Words) -> None:
    """Consumer: announce that it is looking at its rings by itself."""
    store_release(words, 0, np.uint64(0))


@compiled
def must_ring(words: Words) -> bool:
    """Producer, after publishing: say whether the consumer needs the bell."""
    full_fence()  # SYNC(parked): pairs with the fence in say_parked().
    return load_acquire(words, 0) != np.uint64(0)


@inlined
def ring_if_parked(words: Words, handle: int) -> None:
    """Producer, after publishing, in compiled code: the same as `Doorbell.ring_if_parked`.

    `handle` is the bell's `write_end`.
    """
    full_fence()  # SYNC(parked): pairs with the fence in say_parked().
    if load_acquire(words, 0) != np.uint64(0):
        write_one(handle)


def ring_plainly_if_parked(words: Words, handle: int) -> None:
    """Wake as `ring_if_parked` does, from the interpreter."""
    if must_ring(words):
        _ring(handle)


def _ring(handle: int) -> None:
    try:
        os.write(handle, _ONE)
    except BlockingIOError:
        return  # A bell that is ringing already stays ringing.


class Doorbell:
    """The bell of one consumer.

    `words` is its parked word in shared memory (a view of one uint64).  Both ends survive a fork;
    any number of producers may hold it.
    """

    def __init__(self, words: Words) -> None:
        self.words = words
        self._parked = words.data
        if hasattr(os, "eventfd"):
            self._read_end = self._write_end = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._read_end, self._write_end = os.pipe()
            os.set_blocking(self._read_end, False)
            os.set_blocking(self._write_end, False)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._read_end

    @property
    def write_end(self) -> int:
        """The descriptor that compiled code rings (`ring_if_parked`)."""
        return self._write_end

    def ring_if_parked(self) -> None:
        """Producer, after publishing: wake the consumer when it said that it sleeps."""
        ring_plainly_if_parked(self.words, self._write_end)

    def ring(self) -> None:
        """Wake the consumer; a bell that is ringing already stays ringing."""
        _ring(self._write_end)

    def say_awake(self) -> None:
        """Consumer: announce that it is looking at its rings by itself; `say_awake`, cheaper."""
        if STORES_KEEP_ORDER:
            self._parked[0] = 0
        else:
            say_awake(self.words)

    def silence(self) -> None:
        """Consumer, awake: take the pending rings so that the next sleep waits again."""
        try:
            os.read(self._read_end, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close both ends."""
        os.close(self._read_end)
        if self._write_end != self._read_end:
            os.close(self._write_end)
