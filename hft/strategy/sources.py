"""Which files a strategy is made of, and one digest of them all.

Compiled code is kept under this digest, so an edit of the strategy or of any file whose functions
it uses is a new name and never finds old code.
"""

from __future__ import annotations

import dis
import hashlib
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


def source_digest(source: bytes, functions: Iterable[Callable[..., Any] | None]) -> str:
    """Digest the strategy's own source and every file a function or module it uses stands in."""
    digest = hashlib.blake2b(source, digest_size=10)
    for path in sorted(files_of(functions)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def files_of(functions: Iterable[Callable[..., Any] | None]) -> set[Path]:
    """Find the files of all functions that these reach, and of the modules they name."""
    found: set[Path] = set()
    seen: set[Any] = set()
    waiting: list[Any] = list(functions)
    while waiting:
        thing = waiting.pop()
        function = getattr(thing, "py_func", thing)  # The source of one that is compiled already.
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        found.add(Path(function.__code__.co_filename))
        for name in names_used(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType) and not _is_installed(value):
                found.add(Path(str(value.__file__)))
                waiting.extend(vars(value).values())
            else:
                waiting.append(value)
    return {path for path in found if path.is_file()}


def names_used(code: CodeType) -> Iterator[str]:
    """Name the globals a function's code reads, inner functions included."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_used(constant)


def _is_installed(module: ModuleType) -> bool:
    place = getattr(module, "__file__", None)
    return place is None or place.startswith(_INSTALLED)
