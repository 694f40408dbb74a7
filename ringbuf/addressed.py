"""Arrays that compiled code finds at an address instead of being handed them.

Handing an array from the interpreter to compiled code costs about 150 ns.  And an array that was
handed over carries a reference count: each compiled call it is passed on to counts with two atomic
operations, and such an operation waits until every store before it has reached memory.  In a loop
that writes to memory another core has just read, that wait is most of its time.  An array made from
an address costs nothing and counts nothing; whoever made the table keeps the memory alive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np import arrayobj as typed_arrayobj

# numba gives its code generators no types.
arrayobj: Any = typed_arrayobj


@intrinsic
def _array_at(typingctx: Any, table: Any, row: Any, dtype: Any) -> Any:
    kind = types.Array(dtype.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(64)
        rows = builder.inttoptr(args[0], word.as_pointer())
        at = builder.shl(args[1], word(1))
        address = builder.load(builder.gep(rows, [at]))
        count = builder.load(builder.gep(rows, [builder.add(at, word(1))]))
        item = word(context.get_abi_sizeof(context.get_data_type(dtype.dtype)))
        view = context.make_array(kind)(context, builder)
        arrayobj.populate_array(
            view,
            data=builder.inttoptr(address, view.data.type),
            shape=[count],
            strides=[item],
            itemsize=item,
            meminfo=None,
        )
        return view._getvalue()

    return kind(types.int64, types.int64, dtype), codegen


array_at = cast(Callable[[int, int, Any], Any], _array_at)
"""View the memory that row `row` of the table (address, count) at an address names, as a dtype."""


class AddressTable:
    """Where some arrays lie and how long they are, for `array_at`; keeps them alive.

    `address` is what compiled code is handed; it stays the same for the life of the table.
    """

    def __init__(self, arrays: Sequence[npt.NDArray[Any]]) -> None:
        self._arrays = list(arrays)
        self._rows = np.zeros((len(self._arrays), 2), np.uint64)
        for row in range(len(self._arrays)):
            self._point(row)
        self.address = int(self._rows.ctypes.data)

    def replace(self, row: int, array: npt.NDArray[Any]) -> None:
        """Name another array in row `row`; nothing may still work on the old one."""
        self._arrays[row] = array
        self._point(row)

    def _point(self, row: int) -> None:
        array = self._arrays[row]
        assert array.flags.c_contiguous
        self._rows[row] = array.ctypes.data, len(array)
