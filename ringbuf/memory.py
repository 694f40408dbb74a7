"""Named shared memory and kernel locks, owned in one place.

A segment is a file in the machine's memory file system mapped by whoever knows its name.  It is
made by hand rather than with ``multiprocessing.shared_memory``, whose resource tracker (before
Python 3.13) unlinks a segment when a process that merely attached to it exits.  Locks are
``flock``: the kernel frees them with the process that held them, so a lock that is free means its
owner is gone.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

_MADV_POPULATE_WRITE = 23
"""Of Linux; `mmap` does not name it."""


def segment_folder() -> Path:
    """Find the folder where segments live: memory-backed on Linux, temporary elsewhere."""
    shm = Path("/dev/shm")
    return shm if shm.is_dir() else Path(tempfile.gettempdir())


class Segment:
    """One mapping of a named segment.

    Made by `create` or `attach`.  `array` gives typed views over the same bytes; they stay valid
    until `close`, which therefore waits for the last of them to be dropped.
    """

    def __init__(self, name: str, mapping: mmap.mmap) -> None:
        self.name = name
        self._mapping = mapping
        self.view = memoryview(mapping)

    @classmethod
    def create(cls, name: str, nbytes: int) -> Segment:
        """Make a segment of `nbytes` zero bytes, every page reserved now, not on first touch.

        Raises:
            FileExistsError: a segment of that name is there already.
            OSError: the memory file system has no room, or may not be written.
        """
        path = segment_folder() / name
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, nbytes)
            else:
                os.ftruncate(handle, nbytes)
            return cls(name, mmap.mmap(handle, nbytes, access=mmap.ACCESS_WRITE))
        except OSError as problem:
            path.unlink()
            if problem.errno == errno.ENOSPC:
                free = shutil.disk_usage(path.parent).free
                raise OSError(
                    errno.ENOSPC,
                    f"the segment needs {nbytes:,} bytes and {path.parent} has {free:,} free",
                ) from problem
            raise
        finally:
            os.close(handle)

    @classmethod
    def attach(cls, name: str, *, writable: bool = False) -> Segment:
        """Map an existing segment, read-only by page protection unless `writable`.

        Raises:
            FileNotFoundError: there is none of that name.
        """
        return cls.map_file(segment_folder() / name, writable=writable)

    @classmethod
    def map_file(cls, path: Path, *, writable: bool = False) -> Segment:
        """Map a segment, or the copy that was kept of one, by its path."""
        handle = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            return cls(path.name, mmap.mmap(handle, 0, access=access))
        finally:
            os.close(handle)

    def array(self, dtype: npt.DTypeLike, offset: int, count: int) -> npt.NDArray[np.void]:
        """View `count` records of `dtype` from byte `offset`; read-only when the mapping is."""
        array: npt.NDArray[np.void] = np.frombuffer(
            self._mapping, dtype=dtype, count=count, offset=offset
        )
        return array

    def words(self, offset: int, count: int) -> npt.NDArray[np.uint64]:
        """View `count` 64-bit words from byte `offset`."""
        if offset % 8:
            raise ValueError(f"words are eight-byte aligned: offset {offset}")
        return np.frombuffer(self._mapping, dtype=np.uint64, count=count, offset=offset)

    def populate(self) -> None:
        """Map every page now: a page touched later costs this process a fault of a microsecond.

        A fork hands none of these on; each process asks for itself.
        """
        try:
            self._mapping.madvise(_MADV_POPULATE_WRITE)
        except (AttributeError, OSError):
            # Before Linux 5.14, and elsewhere: reading maps a page, the first write less dearly.
            max(self.view[:: mmap.PAGESIZE])

    def close(self) -> None:
        """Drop the mapping; the segment itself stays until `unlink`.

        While arrays over it are alive the kernel frees it with the process instead.
        """
        try:
            self.view.release()
            self._mapping.close()
        except BufferError:
            return


def unlink(name: str) -> None:
    """Remove a segment's name; a segment that is already gone is no error."""
    (segment_folder() / name).unlink(missing_ok=True)


class KernelLock:
    """An exclusive lock on a file, freed by the kernel when its holder dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1

    def acquire(self) -> bool:
        """Try to take the lock now; False when another process holds it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it was never taken."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
