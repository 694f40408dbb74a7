"""Where numba keeps compiled code: one folder per digest of everything it may be compiled from.

numba looks only at the file a function stands in.  A cached caller therefore goes stale when a
function it calls in another file changes, and an edit would silently do nothing.  So the folder's
name is a digest of all sources that can become part of compiled code and of the versions that
compile them: any change starts from an empty folder.  This runs before numba is imported, in every
process, so it imports neither numba nor numpy.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

KEPT = 4
"""Folders that stay; older ones go unless a living process holds them."""

ROOT = Path(__file__).parent.parent
COMPILED_SOURCES = (
    "ringbuf",
    "hft/events.py",
    "hft/seats.py",
    "hft/units.py",
    "hft/state",
    "hft/wire",
    "hft/binance",
    "hft/feed",
    "hft/strategy",
    "hft/strategies",
    "hft/risk",
    "hft/execution/latency.py",
    "hft/execution/facts.py",
    "hft/execution/launch.py",
    "hft/execution/pad_rows.py",
)
"""Files and folders below the project's root that compiled functions may come from."""

_COMPILERS = ("numba", "llvmlite", "numpy")
_LOCK_NAME = "in-use"


def prepare() -> None:
    """Point numba at its folder and keep OpenBLAS from starting threads, unless the user said so.

    A process with threads must not fork, and importing numpy starts one unless told otherwise.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "NUMBA_CACHE_DIR" not in os.environ:
        os.environ["NUMBA_CACHE_DIR"] = str(_claim_somewhere(source_digest(ROOT)))


def _claim_somewhere(name: str) -> Path:
    try:
        return claim(cache_root(), name)
    except OSError:
        # A full disk, or a file system that knows no locks.
        return claim(_private_temporary(), name)


def cache_root() -> Path:
    """Find the user's cache folder for compiled code, or make a private temporary one."""
    home = Path(os.path.expanduser("~"))
    default = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    base = Path(os.environ.get("XDG_CACHE_HOME") or default)
    root = base / "hft" / "numba"
    try:
        root.mkdir(parents=True, exist_ok=True)
        if os.access(root, os.W_OK | os.X_OK):
            return root
    except OSError:
        return _private_temporary()
    return _private_temporary()


def source_digest(root: Path) -> str:
    """Digest the compiled sources below `root`, the interpreter and the compilers' versions."""
    digest = hashlib.blake2b(digest_size=10)
    digest.update(repr((sys.version_info[:3], sys.platform, _versions(sys.path))).encode())
    for name in COMPILED_SOURCES:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else (place,):
            if path.is_file():
                digest.update(f"\0{path.relative_to(root)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def claim(root: Path, name: str) -> Path:
    """Make the folder `name`, hold it for the life of this process, and drop the oldest others."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    # Never closed on purpose: the kernel gives the lock back with the last process that has it.
    handle = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _prune(root)
    return folder


def _prune(root: Path) -> None:
    ages = []
    for folder in root.iterdir():
        try:
            ages.append((folder.stat().st_mtime, folder))
        except OSError:
            continue  # Another process was quicker.
    for _, folder in sorted(ages)[:-KEPT]:
        _remove_unless_held(folder)


def _remove_unless_held(folder: Path) -> None:
    import shutil

    try:
        handle = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return  # Not one of ours, or half removed by another process.
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(handle)


def _private_temporary() -> Path:
    """Make a folder only this user can write: what lies in it is loaded as code."""
    import tempfile

    folder = Path(tempfile.gettempdir()) / f"hft-numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid == os.getuid() and status.st_mode & 0o777 == 0o700:
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="hft-numba-"))
    return Path(tempfile.mkdtemp(prefix="hft-numba-"))


def _versions(places: Iterable[str]) -> list[str]:
    """Name the installed compilers by their metadata folders.

    importlib.metadata says the same and takes longer to import than everything else here together.
    """
    found = []
    for place in places:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue  # An archive, or a folder that is not there.
        found += [
            name
            for name in names
            if name.endswith(".dist-info") and name.partition("-")[0] in _COMPILERS
        ]
    return sorted(found)
