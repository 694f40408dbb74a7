"""Turning log records with a notice, and lines of the daily file that had one, into rows of
`events`.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from hft.clock import Anchor
from hft.events import Level
from hft.ledger.inserting import Row
from hft.ledger.log_file import notice_name
from hft.seats import Seat
from hft.units import NS_PER_MS

CAUGHT_UP_FILES = 2
"""How many of the newest daily files are looked through for events the database missed."""

_MS_PER_S = 1000


def rows_of_records(records: npt.NDArray[np.void], anchor: Anchor, session_epoch: int) -> list[Row]:
    """Make a row of every log record."""
    return [
        {
            "ts_ms": anchor.to_wall_ns(int(record["ns"])) // NS_PER_MS,
            "ns": int(record["ns"]),
            "session_epoch": session_epoch,
            "seat": Seat(int(record["role"])).label,
            "level": Level(int(record["level"])).name,
            "kind": notice_name(int(record["notice"])),
            # A server's text holds no NUL.
            "text": bytes(record["text"])[: int(record["size"])]
            .decode(errors="replace")
            .replace("\0", "\ufffd"),
        }
        for record in records
    ]


def rows_of_files(folder: Path) -> list[Row]:
    """Make a row of every event in the newest daily files; a half line of a full disk is left out.

    Raises:
        OSError: a file cannot be read.
    """
    rows = []
    for path in sorted(folder.glob("hft-*.jsonl"))[-CAUGHT_UP_FILES:]:
        with path.open("rb") as file:
            rows += [_row_of_line(line) for line in file if b'"notice":' in line and b"}" in line]
    return rows


def _row_of_line(line: bytes) -> Row:
    told = orjson.loads(line)
    moment = datetime.fromisoformat(told["ts"])
    return {
        "ts_ms": int(moment.timestamp() * _MS_PER_S),
        "ns": told["ns"],
        "session_epoch": told["session"],
        "seat": told["role"],
        "level": told["level"],
        "kind": told["notice"],
        "text": told["text"].replace("\0", "\ufffd"),
    }
