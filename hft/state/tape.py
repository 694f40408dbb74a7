"""The newest market records of the house, as the ledger lays them in the segment for observers.

Record ``i`` (counting from 0 since the segment was made) lies in slot ``i % TAPE_RECORDS``.  The
records of one symbol are in the order they came; those of two shards may be interleaved otherwise
than by time.  A trade or book top carries GAP when one of its symbol and kind may be missing before
it, whether the feed lost it or the ledger came too late.

The ledger lays at most `TAPE_BATCH_MAX` records before it moves the head, so the oldest that many
slots may be half new: a reader looks at the head before and after, and keeps what is beyond doubt.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hft.state.blocks import TAPE_BATCH_MAX, TAPE_RECORDS
from hft.state.values import Records
from ringbuf.snapshot import Snapshot

READABLE = TAPE_RECORDS - TAPE_BATCH_MAX
"""Records behind the head that the writer cannot be touching."""


class HouseWithTape(Protocol):
    """The part of a house that holds the tape."""

    tape_head: Snapshot
    tape: Records


class Stretch(NamedTuple):
    """Records of the tape in a row: the number of the first, and how many were ever written."""

    first: int
    records: npt.NDArray[np.void]
    written: int


def written(house: HouseWithTape) -> int:
    """How many records the tape has ever held; 0 before the first."""
    head = house.tape_head.read()
    return 0 if head is None else int(head[0]["written"])


def read_tape(house: HouseWithTape, after: int = 0) -> Stretch:
    """Copy the records numbered `after` and up (0 is the first ever), as far back as there are any.

    What the ledger overwrote while it was being copied is left out.
    """
    newest = written(house)
    first = min(max(after, newest - READABLE, 0), newest)
    records = copy_stretch(house.tape, first, newest)
    oldest_whole = written(house) - READABLE
    lost = min(max(0, oldest_whole - first), len(records))
    return Stretch(first + lost, records[lost:], newest)


def copy_stretch(tape: Records, first: int, end: int) -> npt.NDArray[np.void]:
    """Copy records ``first`` to ``end - 1``, wherever the end of the block falls."""
    at = first % TAPE_RECORDS
    straight = min(end - first, TAPE_RECORDS - at)
    records = np.empty(end - first, tape.dtype)
    records[:straight] = tape[at : at + straight]
    records[straight:] = tape[: end - first - straight]
    return records


def lay_stretch(tape: Records, first: int, records: npt.NDArray[np.void]) -> None:
    """Write records from number `first` on; they are nobody's to read until the head says so."""
    at = first % TAPE_RECORDS
    straight = min(len(records), TAPE_RECORDS - at)
    tape[at : at + straight] = records[:straight]
    tape[: len(records) - straight] = records[straight:]
