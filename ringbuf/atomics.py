"""Acquire, release and fence on 64-bit words of shared memory, from compiled Python.

The words are a contiguous ``uint64`` array over the mapping, eight-byte aligned as every layout
here guarantees.  `load_acquire` also accepts a read-only array, so observers may map without write
permission.  None of these can be called from the interpreter: they exist only inside
`ringbuf.compiled` functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numba.core import cgutils, errors
from numba.extending import intrinsic

Int = int | np.int64

_WORD_BYTES = 8


def _check(words: Any) -> None:
    good = (
        isinstance(words, types.Array)
        and words.dtype == types.uint64
        and words.ndim == 1
        and words.layout == "C"
        and words.aligned
    )
    if not good:
        raise errors.TypingError(f"atomics need an aligned, contiguous uint64 array, not {words}")


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, args[0])
    item_pointer: Any = cgutils.get_item_pointer
    return item_pointer(context, builder, kind, array, [args[1]], wraparound=False)


@intrinsic
def _load_acquire(typingctx: Any, words: Any, index: Any) -> Any:
    """Read word `index`; nothing after it in program order is read before it."""
    _check(words)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature, args)
        return builder.load_atomic(pointer, ordering="acquire", align=_WORD_BYTES)

    return types.uint64(words, types.intp), codegen


@intrinsic
def _store_release(typingctx: Any, words: Any, index: Any, value: Any) -> Any:
    """Write word `index`; everything before it in program order is visible once it is."""
    _check(words)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature, args)
        builder.store_atomic(args[2], pointer, ordering="release", align=_WORD_BYTES)
        return context.get_dummy_value()

    return types.void(words, types.intp, types.uint64), codegen


@intrinsic
def _full_fence(typingctx: Any) -> Any:
    """Order earlier stores before later loads; acquire and release alone do not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


# numba replaces the typing context by the call's own arguments; these names carry the types a
# caller sees.
load_acquire = cast(Callable[[Any, Int], int], _load_acquire)
store_release = cast(Callable[[Any, Int, Any], None], _store_release)
full_fence = cast(Callable[[], None], _full_fence)
