"""The one decorator for hot code, typed, so that callers stay checked.

A compiled function keeps its Python source as ``.py_func``: the same answers, step by step, under a
debugger.  Bounds are checked (0.2 ns per event): a bad index raises instead of writing to a
neighbour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile `function` with numba on its first call, bounds checked, cached on disk."""
    return cast(F, njit(cache=True, boundscheck=True, nogil=True)(function))


def inlined(function: F) -> F:
    """Compile a small function that is inlined into every compiled caller."""
    return cast(F, njit(cache=True, boundscheck=True, inline="always")(function))


def merged(function: F) -> F:
    """Compile a function whose machine code is copied into every compiled caller.

    For what `inlined` would make too slow to compile: that copies Python's instructions, before
    any of them is optimised.
    """
    return cast(F, njit(cache=True, boundscheck=True, forceinline=True)(function))


def signature_count(function: Callable[..., Any]) -> int:
    """Count the signatures compiled so far; growth after READY is a late compilation."""
    return len(getattr(function, "signatures", ()))
