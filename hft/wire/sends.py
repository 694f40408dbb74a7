"""Handing bytes to the kernel from compiled code.

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


@intrinsic
def _send_now(typingctx: Any, descriptor: Any, address: Any, size: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, half = ir.IntType(64), ir.IntType(32)
        kind = ir.FunctionType(word, [half, cgutils.voidptr_t, word, half])
        send = cgutils.get_or_insert_function(builder.module, kind, "send")
        where = builder.inttoptr(args[1], cgutils.voidptr_t)
        sent = builder.call(send, [builder.trunc(args[0], half), where, args[2], half(_FLAGS)])
        place = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(half.as_pointer(), []), _ERRNO
        )
        failed = builder.icmp_signed("<", sent, word(0))
        why = builder.neg(builder.sext(builder.load(builder.call(place, [])), word))
        return builder.select(failed, why, sent)

    return types.int64(types.int64, types.int64, types.int64), codegen


send_now = cast(Callable[[Int, Int, Int], int], _send_now)
"""Send up to `size` bytes from an address without waiting: how many went, or minus the errno."""
