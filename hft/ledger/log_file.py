"""The daily JSON log file: one object per line, a new file with every UTC day.

::

    {"ts": "2026-11-22T09:03:57.123456Z", "level": "INFO", "role": "feed", "text": "connected"}

`dropped` joins them where records before this one found their ring full.  A line that is an event
has `notice`, the session's epoch and its exact time `ns` too, so that the database can be given
what it missed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from hft.clock import Anchor
from hft.events import Level, Notice
from hft.seats import Seat

US_PER_S = 1_000_000
NS_PER_US = 1_000


class LogFile:
    """Appends log records to `folder/hft-YYYY-MM-DD.jsonl`; a batch is handed over at once."""

    def __init__(self, folder: Path, anchor: Anchor, session_epoch: int = 0) -> None:
        self._folder = folder
        self._anchor = anchor
        self._session_epoch = session_epoch
        self._day = ""
        self._file: FileIO | None = None

    def append(self, records: Sequence[np.void] | npt.NDArray[np.void]) -> None:
        """Write LOG records in order; a failed write leaves no half line behind.

        Raises:
            OSError: the disk is full or the folder is gone; none of the last day's records was
            written.
        """
        lines_of_day: dict[str, list[bytes]] = {}
        for record in records:
            line = self._line(record)
            day = str(line["ts"])[:10]
            lines_of_day.setdefault(day, []).append(orjson.dumps(line))
        for day, lines in lines_of_day.items():
            self._write(day, b"\n".join(lines) + b"\n")

    def close(self) -> None:
        """Bring the file of the day to the disk and close it."""
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            self._day = ""

    def _line(self, record: np.void) -> dict[str, str | int]:
        line: dict[str, str | int] = {
            "ts": iso_utc(self._anchor.to_wall_ns(int(record["ns"]))),
            "level": Level(int(record["level"])).name,
            "role": Seat(int(record["role"])).label,
            "text": bytes(record["text"])[: int(record["size"])].decode(errors="replace"),
        }
        if record["count"]:
            line["dropped"] = int(record["count"])
        if record["notice"]:
            line["notice"] = notice_name(int(record["notice"]))
            line["session"], line["ns"] = self._session_epoch, int(record["ns"])
        return line

    def _write(self, day: str, text: bytes) -> None:
        file = self._file_of(day)
        start = file.seek(0, 2)
        try:
            # Unbuffered, so one call is one system call; a full disk may take only a part.
            written = file.write(text)
            if written != len(text):
                raise OSError(f"only {written} of {len(text)} bytes fitted into {file.name}")
        except OSError:
            file.truncate(start)
            raise

    def _file_of(self, day: str) -> FileIO:
        if self._file is None or day != self._day:
            self.close()
            self._file = (self._folder / f"hft-{day}.jsonl").open("ab", buffering=0)
            self._day = day
        return self._file


def notice_name(value: int) -> str:
    """Name of a Notice; its number where this release does not know it."""
    return Notice(value).name if value in tuple(Notice) else str(value)


def iso_utc(wall_ns: int) -> str:
    """Write wall-clock nanoseconds as ISO 8601 UTC with microseconds."""
    seconds, microseconds = divmod(wall_ns // NS_PER_US, US_PER_S)
    moment = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
