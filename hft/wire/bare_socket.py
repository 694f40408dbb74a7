"""Sending and receiving from compiled code, without waiting.

The descriptor must be that of a plain, connected socket; TLS has no such way.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils as typed_cgutils
from numba.extending import intrinsic

from hft.wire.loads import Int

# numba gives its code generators no types.
cgutils: Any = typed_cgutils

_FLAGS = int(socket.MSG_DONTWAIT) | int(getattr(socket, "MSG_NOSIGNAL", 0))
_ERRNO = "__error" if sys.platform == "darwin" else "__errno_location"


def _transfer(builder: Any, name: str, args: Any) -> Any:
    """Call send(2) or recv(2), and give what it returned or minus the errno."""
    word, half = ir.IntType(64), ir.IntType(32)
    kind = ir.FunctionType(word, [half, cgutils.voidptr_t, word, half])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    where = builder.inttoptr(args[1], cgutils.voidptr_t)
    count = builder.call(function, [builder.trunc(args[0], half), where, args[2], half(_FLAGS)])
    place = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(half.as_pointer(), []), _ERRNO
    )
    failed = builder.icmp_signed("<", count, word(0))
    why = builder.neg(builder.sext(builder.load(builder.call(place, [])), word))
    return builder.select(failed, why, count)


@intrinsic
def _send_now(typingctx: Any, descriptor: Any, address: Any, size: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _transfer(builder, "send", args)

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def _receive_now(typingctx: Any, descriptor: Any, address: Any, size: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _transfer(builder, "recv", args)

    return types.int64(types.int64, types.int64, types.int64), codegen


send_now = cast(Callable[[Int, Int, Int], int], _send_now)
"""Send up to `size` bytes from an address: how many went, or minus the errno."""
receive_now = cast(Callable[[Int, Int, Int], int], _receive_now)
"""Receive up to `size` bytes to an address: how many came, 0 at the end, or minus the errno."""
