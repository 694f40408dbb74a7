"""What the compiled burst needs from the machine: arrays at an address, the clock, a block copy.

Handing an array from the interpreter to compiled code costs about 150 ns, and a burst works on
twenty of them: 7 us per call were measured, more than the burst itself.  So the agent hands over
one table of addresses and the compiled side makes its arrays from it for nothing.
"""

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
from numba.np import arrayobj as typed_arrayobj

from ringbuf.atomics import full_fence, store_release
from ringbuf.compiled import compiled

# numba gives its code generators no types.
arrayobj: Any = typed_arrayobj
cgutils: Any = typed_cgutils

Words = npt.NDArray[np.uint64]

# CPython's monotonic clock on macOS is the uptime clock, not the one POSIX calls monotonic.
_CLOCK_ID = 8 if sys.platform == "darwin" else getattr(time, "CLOCK_MONOTONIC", 1)
_NS_PER_S = 1_000_000_000


@intrinsic
def _array_at(typingctx: Any, table: Any, row: Any, dtype: Any) -> Any:
    """View the memory that row `row` of an address table (address, count) names, as `dtype`."""
    kind = types.Array(dtype.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = context.make_array(signature.args[0])(context, builder, args[0])
        word = ir.IntType(64)
        item = context.get_abi_sizeof(context.get_data_type(dtype.dtype))
        at = builder.shl(builder.sext(args[1], word), word(1))
        address = builder.load(builder.gep(source.data, [at]))
        count = builder.load(builder.gep(source.data, [builder.add(at, word(1))]))
        view = context.make_array(kind)(context, builder)
        arrayobj.populate_array(
            view,
            data=builder.inttoptr(address, view.data.type),
            shape=[count],
            strides=[word(item)],
            itemsize=word(item),
            meminfo=None,
        )
        return view._getvalue()

    return kind(table, types.intp, dtype), codegen


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


array_at = cast(Callable[[Words, int, Any], Any], _array_at)
clock_gettime = cast(Callable[[], int], _clock_gettime)


@njit
def compiled_monotonic_ns() -> int:
    """Read CLOCK_MONOTONIC from compiled code: the same clock as `hft.clock.monotonic_ns`."""
    return clock_gettime()


@compiled
def commit_words(generation_word: Words, slots: Words, value: Words) -> None:
    """Publish `value` into the idle half of `slots` of a two-slot snapshot (`ringbuf.snapshot`)."""
    full_fence()
    generation = generation_word[0] + np.uint64(1)
    first = (len(slots) // 2) * np.int64(generation & np.uint64(1))
    for index in range(len(value)):
        slots[first + index] = value[index]
    store_release(generation_word, 0, generation)  # SYNC(generation): pairs with Snapshot.read().
