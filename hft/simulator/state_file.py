"""The state directory: rows on disk that survive a restart and the kill of the process.

An SQLite file in WAL mode, one transaction after the other; `synchronous=NORMAL` keeps a committed
transaction through the death of the process at any moment (a power cut may cost the last ones, and
leaves a whole older state).  A directory belongs to one process at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from hft.errors import BootError, HftError

VERSION = 1
"""Raised whenever rows change their meaning; a file of another version is refused."""
MAGIC = 0x48465458
"""SQLite's application id, by which a file of ours is known."""
CHECKPOINT_PAGES = 4_000
HEADER_BYTES = 100

TABLES = {
    "facts": "TEXT",
    "listings": "TEXT",
    "prices": "TEXT",
    "accounts": "INTEGER",
    "holdings": "TEXT",
    "orders": "INTEGER",
    "amendments": "TEXT",
    "fills": "TEXT",
    "income": "INTEGER",
    "margin_moves": "INTEGER",
    "rooms": "TEXT",
}
"""Every table and the type of its key; the rows are JSON with a check sum."""

Key = int | str


class Change(NamedTuple):
    """One row that is to be written, or with `data` None deleted."""

    table: str
    key: Key
    data: bytes | None


class StateFile:
    """The rows of one state directory, which is locked until it is closed."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, lock: int) -> None:
        self.folder = folder
        self._connection = connection
        self._lock = lock
        self._puts = {name: f"INSERT OR REPLACE INTO {name} VALUES (?, ?, ?)" for name in TABLES}
        self._drops = {name: f"DELETE FROM {name} WHERE key = ?" for name in TABLES}

    def rows(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """Read a table in the order of its keys.

        Raises:
            BootError: it is damaged.
        """
        try:
            for key, data, check in self._connection.execute(f"SELECT * FROM {table} ORDER BY key"):
                if check_sum(key, data) != check:
                    raise damaged(self.folder, f"row {key} of {table}")
                yield key, data
        except (sqlite3.Error, TypeError) as error:
            raise damaged(self.folder, str(error)) from None

    def write(self, changes: Iterable[Change]) -> None:
        """Write changes as one transaction; when this returns they are kept.

        Raises:
            HftError: they could not be written.
        """
        execute = self._connection.execute
        try:
            execute("BEGIN")
            for table, key, data in changes:
                if data is None:
                    execute(self._drops[table], (key,))
                else:
                    execute(self._puts[table], (key, data, check_sum(key, data)))
            execute("COMMIT")
        except sqlite3.Error as error:
            raise HftError(f"the state in {self.folder} cannot be written: {error}") from None

    def close(self) -> None:
        """Close the file and let others have the directory."""
        self._connection.close()
        os.close(self._lock)


def open_state(folder: Path, *, reset: bool = False) -> StateFile:
    """Open the state of a directory, or begin one; `reset` moves an old one aside.

    Raises:
        BootError: the directory cannot be used, another exchange has it, or its state is damaged or
            of another version; then nothing in it was changed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    except OSError as error:
        raise BootError(f"--state-dir {folder} cannot be used: {error.strerror}") from None
    try:
        current = folder / "current"
        if reset and current.exists():
            current.rename(_free_name(folder))
        if not current.exists():
            _begin(folder / "new", current)
        return StateFile(folder, _open(folder, current / "state.db"), lock)
    except OSError as error:
        os.close(lock)
        raise BootError(f"--state-dir {folder} cannot be used: {error.strerror}") from None
    except BootError:
        os.close(lock)
        raise


def check_sum(key: Key, data: bytes) -> int:
    """Give the check sum of a row; SQLite itself would not see a changed digit."""
    return crc32(data, key & 0xFFFFFFFF if isinstance(key, int) else crc32(key.encode()))


def damaged(folder: Path, what: str) -> BootError:
    """Say that a state cannot be read, and what to do."""
    return BootError(
        f"the state in {folder} is damaged ({what}): repair it, or begin anew with --reset-state, "
        "which moves it aside"
    )


def _lock(folder: Path) -> int:
    """Take the directory for this process; the system gives it back when the process ends."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode("ascii", "replace").strip()
        os.close(lock)
        raise BootError(
            f"another exchange (process {holder or 'unknown'}) keeps its state in {folder}"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d\n" % os.getpid(), 0)
    return lock


def _begin(new: Path, current: Path) -> None:
    """Make an empty state aside and move it in whole, so that a half-made one is never found."""
    if new.exists():
        shutil.rmtree(new)
    new.mkdir()
    connection = sqlite3.connect(new / "state.db", isolation_level=None)
    connection.execute("BEGIN")
    for name, kind in TABLES.items():
        by_text = "WITHOUT ROWID" if kind == "TEXT" else ""
        connection.execute(
            f"CREATE TABLE {name} (key {kind} PRIMARY KEY, data BLOB NOT NULL, "
            f"check_sum INTEGER NOT NULL) {by_text}"
        )
    connection.execute(f"PRAGMA application_id = {MAGIC}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
    connection.close()
    new.rename(current)


def _open(folder: Path, path: Path) -> sqlite3.Connection:
    _check_head(folder, path)
    address = path.resolve().as_uri() + "?mode=rw"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        # Nobody else opens it while the lock is held; so the index of the log needs no file.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(" ".join(str(verdict).split()))
    except sqlite3.Error as error:
        connection.close()
        raise damaged(folder, str(error)) from None
    return connection


def _check_head(folder: Path, path: Path) -> None:
    """Know our own file by its first bytes, before anything is opened that might mend it."""
    if not path.exists():
        raise damaged(folder, f"{path.name} is missing")
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if not head.startswith(b"SQLite format 3\0") or head[68:72] != MAGIC.to_bytes(4, "big"):
        raise damaged(folder, f"{path.name} is no state of an exchange")
    version = int.from_bytes(head[60:64], "big")
    if version != VERSION:
        raise BootError(
            f"the state in {folder} is of version {version}, and this exchange keeps version "
            f"{VERSION}: begin anew with --reset-state, which moves it aside"
        )


def _free_name(folder: Path) -> Path:
    number = 1
    while (folder / f"old-{number}").exists():
        number += 1
    return folder / f"old-{number}"
