"""What compiled code needs from the machine: the clock, a block copy, a call to an address."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils as typed_cgutils
from numba.extending import intrinsic

from ringbuf.atomics import full_fence, store_release
from ringbuf.compiled import compiled

# numba gives its code generators no types.
cgutils: Any = typed_cgutils

Words = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]

# CPython's monotonic clock on macOS is the uptime clock, not the one POSIX calls monotonic.
_CLOCK_ID = 8 if sys.platform == "darwin" else getattr(time, "CLOCK_MONOTONIC", 1)
_NS_PER_S = 1_000_000_000


@intrinsic
def _copy_words(typingctx: Any, target: Any, first: Any, source: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        into = context.make_array(signature.args[0])(context, builder, args[0])
        out_of = context.make_array(signature.args[2])(context, builder, args[2])
        start = builder.gep(into.data, [args[1]])
        cgutils.raw_memcpy(builder, start, out_of.data, out_of.nitems, ir.IntType(64)(8))
        return context.get_dummy_value()

    return types.void(target, types.int64, source), codegen


@intrinsic
def _call_at(typingctx: Any, address: Any, argument: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _clock_gettime(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, half = ir.IntType(64), ir.IntType(32)
        pair = cgutils.alloca_once(builder, ir.ArrayType(word, 2))
        kind = ir.FunctionType(half, [half, cgutils.voidptr_t])
        read = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        builder.call(read, [half(_CLOCK_ID), builder.bitcast(pair, cgutils.voidptr_t)])
        seconds = builder.load(cgutils.gep_inbounds(builder, pair, 0, 0))
        rest = builder.load(cgutils.gep_inbounds(builder, pair, 0, 1))
        return builder.add(builder.mul(seconds, word(_NS_PER_S)), rest)

    return types.int64(), codegen


copy_words = cast(Callable[[Words, Any, Words], None], _copy_words)
call_at = cast(Callable[[int, int], int], _call_at)
"""Call the C function ``int64 (int64)`` at an address: how rooms that never meet are joined."""
clock_gettime = cast(Callable[[], int], _clock_gettime)


@njit
def compiled_monotonic_ns() -> int:
    """Read CLOCK_MONOTONIC from compiled code: the same clock as `hft.clock.monotonic_ns`."""
    return clock_gettime()


CARRIED = 2
"""Commits that carry a row after it changed: either half of the snapshot must learn of it."""


@compiled
def commit_rows(generation_word: Words, slots: Words, value: Words, changed: Bytes) -> None:
    """Publish `value` into the idle half of `slots` of a two-slot snapshot (`ringbuf.snapshot`).

    `value` consists of rows of one size; only those are copied of which `changed` is above 0, and
    it counts down.  Whoever changes a row sets it to `CARRIED`.
    """
    full_fence()
    generation = generation_word[0] + np.uint64(1)
    half, size = len(slots) // 2, len(value) // len(changed)
    assert len(value) <= half, "the value fits its slot"
    for row in range(len(changed)):
        if changed[row] != 0:
            changed[row] -= 1
            at = row * size
            into = half * np.int64(generation & np.uint64(1)) + at
            copy_words(slots, into, value[at : at + size])
    store_release(generation_word, 0, generation)  # SYNC(generation): pairs with Snapshot.read().
