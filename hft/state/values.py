"""Records as plain Python values, and numbers by their names."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ringbuf.snapshot import Snapshot

Records = npt.NDArray[np.void]
Values = dict[str, Any]


def plain(record: np.void) -> Values:
    """Turn one record into plain Python values: numbers, text, lists of them."""
    values: Values = {}
    for name in record.dtype.names or ():
        value = record[name].tolist()
        values[name] = value.decode(errors="replace") if isinstance(value, bytes) else value
    return values


def read(block: Snapshot) -> Values | None:
    """Read a snapshot as plain values; None when it was never written."""
    copy = block.read()
    return None if copy is None else plain(copy[0])


def name_of(words: type[IntEnum], number: int) -> str:
    """Name a number; one this build does not know keeps its digits instead of raising."""
    try:
        return words(number).name
    except ValueError:
        return str(number)
