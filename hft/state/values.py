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
    # One call for the whole record: a call for each field takes ten times as long.
    names, items = record.dtype.names or (), record.item()
    return {name: _plain_item(item) for name, item in zip(names, items, strict=True)}


def _plain_item(item: Any) -> Any:
    if isinstance(item, bytes):
        return item.decode(errors="replace")
    return item.tolist() if isinstance(item, np.ndarray) else item


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
