"""Raw memory for compiled code: bytes to read, one or eight at once, and whole numbers to keep.

Numba counts references each time an array is passed on, two atomic operations per call: more than
what a scanner does with a byte.  These take an address, so nothing is counted and nothing is
checked: the caller sees to it that what it reads belongs to its buffer.  Little-endian machines.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

Int = int | np.int64
"""A whole number in compiled code, where both are the same."""

assert sys.byteorder == "little", "the scanner compares words as little-endian bytes"


def _load(builder: Any, address: Any, bits: int) -> Any:
    pointer = builder.inttoptr(address, ir.IntType(bits).as_pointer())
    return builder.load(pointer, align=1)


@intrinsic
def _byte_at(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.zext(_load(builder, args[0], 8), ir.IntType(64))

    return types.int64(types.int64), codegen


@intrinsic
def _word_at(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _load(builder, args[0], 64)

    return types.uint64(types.int64), codegen


@intrinsic
def _trailing_zeros(typingctx: Any, word: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def _number_in(typingctx: Any, address: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(builder, args[0], args[1]), align=8)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _keep_number(typingctx: Any, address: Any, index: Any, number: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(builder, args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


def _place(builder: Any, address: Any, index: Any) -> Any:
    numbers = builder.inttoptr(address, ir.IntType(64).as_pointer())
    return builder.gep(numbers, [index])


# As in `ringbuf.atomics`: numba replaces the typing context by the call's own arguments.
byte_at = cast(Callable[[Int], Int], _byte_at)
"""The byte at an address, as int64."""
word_at = cast(Callable[[Int], np.uint64], _word_at)
"""The eight bytes from an address on, the first one lowest."""
trailing_zeros = cast(Callable[[Any], int], _trailing_zeros)
"""Zero bits below the lowest one; 64 for zero."""
number_in = cast(Callable[[Int, Int], Int], _number_in)
"""The int64 number `index` of those that begin at an address."""
keep_number = cast(Callable[[Int, Int, Int], None], _keep_number)
"""Store a number there."""
