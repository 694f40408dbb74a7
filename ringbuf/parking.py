"""Sleeping until something comes, and the first work after waking, in one compiled call.

Between the end of a process's sleep and its first work lies no interpreted Python: after a
millisecond of sleep the interpreter's caches are cold, and every step it takes costs several times
what a tight loop measures.  Here the process says that it sleeps, looks once more at its rings,
sleeps on its descriptors, says that it is awake and does its *duty*: one C function at an address.
The interpreter lock is free meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils as typed_cgutils
from numba.extending import intrinsic

from ringbuf.addressed import AddressTable, array_at
from ringbuf.atomics import full_fence, load_acquire, store_release
from ringbuf.compiled import compiled, merged
from ringbuf.layout import HEAD, TAIL
from ringbuf.native import call_at
from ringbuf.spsc import Ring

# numba gives its code generators no types.
cgutils: Any = typed_cgutils

Words = npt.NDArray[np.uint64]

POLLFD = np.dtype([("descriptor", "<i4"), ("events", "<i2"), ("ready", "<i2")])
"""``struct pollfd`` of poll(2)."""
_READY_SHIFT = 48
DESCRIPTORS_MAX = 64
_POLLIN = 1

STATE = np.dtype(
    [(name, "<i8") for name in ("descriptors", "rings", "duty", "argument", "did", "run")]
)
"""Counts of descriptors and rings; the duty, what it is handed, what it said it did, and the order
under which it is done."""

_WORD = np.dtype("<u8")
_LONG = np.dtype("<i8")
_PARKED, _POLLED, _STATE, _ORDER, _RINGS = range(5)


_ALWAYS = np.zeros(1, np.int64)


class Duty(NamedTuple):
    """What a process does the moment it wakes: ``int64 (int64)`` at `address`, given `argument`.

    It returns how much work it did, and must be harmless when nothing is there to do.  It is done
    only while the word in `order` is `run`: nothing new begins once the process was told to stop.
    """

    address: int
    argument: int
    order: npt.NDArray[np.int64] | None = None
    run: int = 0


@intrinsic
def _poll(typingctx: Any, address: Any, count: Any, timeout_ms: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        half, size = ir.IntType(32), ir.IntType(8 * ctypes.sizeof(ctypes.c_ulong))
        kind = ir.FunctionType(half, [cgutils.voidptr_t, size, half])
        poll = cgutils.get_or_insert_function(builder.module, kind, "poll")
        where = builder.inttoptr(args[0], cgutils.voidptr_t)
        ready = builder.call(poll, [where, args[1], builder.trunc(args[2], half)])
        return builder.sext(ready, ir.IntType(64))

    return types.int64(types.int64, types.int64, types.int64), codegen


poll = cast(Callable[[Any, int, int], int], _poll)
"""poll(2): how many descriptors are ready; -1 after a signal."""


@merged
def _something_waits(table: int, rings: int) -> bool:
    for ring in range(rings):
        words = array_at(table, _RINGS + ring, _WORD)
        if load_acquire(words, TAIL) != words[HEAD]:
            return True
    return False


@compiled
def park(table: int, timeout_ms: int) -> int:
    """Sleep until something comes or `timeout_ms` are over, then do the duty.

    Returns how many descriptors are ready; 1 without having slept when a ring had something.
    """
    parked, state = array_at(table, _PARKED, _WORD), array_at(table, _STATE, STATE)[0]
    polled = array_at(table, _POLLED, POLLFD)
    store_release(parked, 0, np.uint64(1))
    full_fence()  # SYNC(parked): pairs with the fence in must_ring().
    ready = 1
    if _something_waits(table, state.rings):
        for index in range(state.descriptors):
            polled[index].ready = 0
    else:
        ready = wait(table, timeout_ms)
    store_release(parked, 0, np.uint64(0))
    if ready > 0 and state.duty != 0 and array_at(table, _ORDER, _LONG)[0] == state.run:
        state.did += call_at(state.duty, state.argument)
    return int(ready)


@compiled
def wait(table: int, timeout_ms: int) -> int:
    """Sleep on the descriptors alone: how many are ready."""
    state = array_at(table, _STATE, STATE)[0]
    polled = array_at(table, _POLLED, POLLFD)
    return poll(np.int64(polled.ctypes.data), state.descriptors, timeout_ms)


class Parking:
    """The place where one process sleeps: its parked word, its rings, its descriptors, its duty."""

    def __init__(self, parked: Words) -> None:
        self._parked = parked
        self._polled = np.zeros(DESCRIPTORS_MAX, POLLFD)
        self._state = np.zeros(1, STATE)
        self._words = self._state.view(np.int64).data
        # The same records as plain integers, `ready` highest: numpy's scalars cost ten times more.
        self._raw = self._polled.view(np.int64).data
        self._known: list[int] = []
        self._told = False
        self._rings: list[Ring] = []
        self._table = AddressTable((parked, self._polled, self._state, _ALWAYS))
        self._address = self._table.address

    def watch(self, rings: Sequence[Ring], duty: Duty | None) -> None:
        """Look at these rings before sleeping, and do this duty on waking."""
        self._rings = list(rings)
        self._table = AddressTable(
            (
                self._parked, self._polled, self._state,
                _ALWAYS if duty is None or duty.order is None else duty.order,
                *(ring.words for ring in self._rings),
            )
        )  # fmt: skip
        self._address = self._table.address
        self._words[1] = len(self._rings)
        self._words[2], self._words[3] = (duty.address, duty.argument) if duty else (0, 0)
        self._words[5] = duty.run if duty else 0

    def stop_duty(self) -> None:
        """Do no duty from now on."""
        self._words[2] = 0

    def descriptors(self) -> list[int]:
        """The descriptors it sleeps on."""
        return list(self._known)

    def register(self, descriptor: int) -> None:
        """Wake up when `descriptor` can be read; asking twice is harmless.

        Raises:
            ValueError: there are too many.
        """
        count = len(self._known)
        if descriptor in self._known:
            return
        if count == DESCRIPTORS_MAX:
            raise ValueError(f"more than {DESCRIPTORS_MAX} descriptors to sleep on")
        self._polled[count] = (descriptor, _POLLIN, 0)
        self._known.append(descriptor)
        self._words[0] = count + 1

    def forget(self, descriptor: int) -> None:
        """Stop waiting on `descriptor`; one that was never registered is harmless."""
        kept = [each for each in self._known if each != descriptor]
        self._known, self._words[0] = [], 0
        for each in kept:
            self.register(each)

    def sleep(self, timeout_ms: int) -> int:
        """Say parked and sleep, as `park` does: how many descriptors are ready."""
        self._told = True
        return park(self._address, timeout_ms)

    def wait(self, timeout_ms: int) -> list[int]:
        """Wait for the descriptors alone, without saying so and without a duty: which are ready."""
        self._told = True
        wait(self._address, timeout_ms)
        return self.ready()

    def look(self) -> list[int]:
        """What is ready, without sleeping: what the last sleep found, once, else asked anew.

        One look costs half a microsecond, a read that finds nothing costs more than one.
        """
        if not self._told:
            wait(self._address, 0)
        self._told = False
        return self.ready()

    def ready(self) -> list[int]:
        """The descriptors the last sleep found ready, or ended."""
        raw = self._raw
        return [known for at, known in enumerate(self._known) if raw[at] >> _READY_SHIFT]

    def rang(self) -> bool:
        """Say whether the last sleep found the descriptor ready that was registered first."""
        return bool(self._raw[0] >> _READY_SHIFT)

    def did(self) -> int:
        """How much the duty has done since this was asked the last time."""
        done, self._words[4] = self._words[4], 0
        return int(done)
