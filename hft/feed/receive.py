"""Receiving and decoding the moment the feed wakes, before the interpreter is back.

Only where the socket is plain: TLS goes through Python.  A link arms its `RECEIPT`; what was then
received on waking is published already when Python finishes it: other frames than the scanner's,
control frames, counters.
"""

from __future__ import annotations

import errno
import functools
from typing import Any

import numpy as np
from numba import cfunc, types

from hft.events import record
from hft.feed.decode import decode
from hft.wire.bare_socket import receive_now
from ringbuf.addressed import array_at
from ringbuf.compiled import compiled
from ringbuf.native import clock_gettime

NOT_DECODED, BROKEN = 100, 101
"""In the place of decode's reasons to stop: fragments are open, or it never came back."""

RECEIPT = record(
    128,
    ("armed", "<i8"),  # 1: what follows is ready; 0: something was received, or Python is at it.
    ("descriptor", "<i8"),  # -1: Python receives.
    ("table", "<i8"),  # Addresses of the table `decode` is handed and of its buffer.
    ("buffer", "<i8"),
    ("at", "<i8"),  # What of the buffer is read, and what is filled.
    ("filled", "<i8"),
    ("room", "<i8"),
    ("fragments", "<i8"),  # 1: a fragmented message is open, so nothing is decoded here.
    ("got", "<i8"),  # Bytes received; 0: the end; minus the errno.
    ("recv_ns", "<i8"),
    ("decoded_off_ns", "<i8"),
    ("stop", "<i8"),
)
"""One link's receipt on waking."""

_RECEIPTS_AT = 0
_AGAIN = -errno.EAGAIN


@compiled
def receive(table: int) -> int:
    """Receive and decode on every armed link; returns how many links had something."""
    receipts = array_at(table, _RECEIPTS_AT, RECEIPT)
    links = 0
    for index in range(len(receipts)):
        receipt = receipts[index]
        if receipt.armed == 0 or receipt.descriptor < 0:
            continue
        receipt.recv_ns = clock_gettime()
        filled = receipt.filled
        got = receive_now(receipt.descriptor, receipt.buffer + filled, receipt.room)
        if got == _AGAIN:
            continue
        receipt.armed, receipt.got, receipt.stop = 0, got, NOT_DECODED
        receipt.decoded_off_ns = clock_gettime() - receipt.recv_ns
        if got > 0 and receipt.fragments == 0:
            # A fault in here is told to nobody else.
            receipt.stop = BROKEN
            receipt.stop = decode(
                receipt.table,
                receipt.at,
                filled + got,
                receipt.recv_ns,
                receipt.decoded_off_ns,
            )
        links += 1
    return links


@functools.cache
def entry() -> Any:
    """Compile `receive` as a C function, or load it; it is kept for good."""
    return cfunc(types.int64(types.int64), cache=True)(_enter)


def _enter(table: int) -> int:
    return receive(table)


def no_receipts(links: int) -> np.ndarray[Any, np.dtype[np.void]]:
    """Make the receipts of so many links, none of them armed."""
    receipts = np.zeros(links, RECEIPT)
    receipts["descriptor"] = -1
    return receipts
