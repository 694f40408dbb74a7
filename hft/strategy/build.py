"""Building the burst of one strategy: the loop cloned around its functions, compiled or plain.

Every plain function that the loop or the strategy reaches is cloned into private globals, so the
same source can be compiled for one strategy, for another, and left plain, side by side.  numba's
disk cache has two traps: a compiled function that arrives as an argument never hits it, and a
cached caller goes stale when a function of another file changes.  Hence clones instead of
arguments, and one cache folder per digest of all files that took part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import msgspec
import numba
from numba import types
from numba.core import config

from hft.clock import monotonic_ns
from hft.strategy import api, booking, burst, placeholder
from hft.strategy.load import StrategySpec
from hft.strategy.sources import names_used
from ringbuf.compiled import compiled
from ringbuf.doorbell import ring_if_parked, ring_plainly_if_parked
from ringbuf.native import compiled_monotonic_ns

Function = Callable[..., Any]
_HOUSE_MODULES = (api.__name__, booking.__name__, burst.__name__)
_MACHINE_WORDS: dict[str, Any] = {"read_clock": compiled_monotonic_ns, "wake": ring_if_parked}
_STRATEGY_WORDS = ("on_market", "on_report", "STATE", "PARAMS")


# numba makes the attributes of its settings at run time.
numba_config: Any = config


class CompileRefused(Exception):
    """numba cannot compile a strategy; the text names the file, the line and the reason."""


class Burst(msgspec.Struct, frozen=True):
    """The loop around one strategy: `enter` takes the address of a table, `run` a Desk of arrays.

    Compiled, only `enter` is used; plain, only `run`.
    """

    compiled: bool
    enter: Any
    run: Any
    duty: Callable[[], Any] | None
    """Compile `enter_on_waking` as a C function, or load it; it is kept for good."""


def build(spec: StrategySpec, *, plain: bool = False) -> Burst:
    """Clone the loop around a strategy; nothing is compiled before the first call of `enter`."""
    words: dict[str, Any] = {
        "on_market": spec.on_market,
        "on_report": spec.on_report or placeholder.on_report,
        "STATE": spec.state_dtype,
        "PARAMS": spec.params_dtype,
    }
    if plain or not spec.compiled:
        cloner = _Cloner(
            {**words, "read_clock": monotonic_ns, "wake": ring_plainly_if_parked},
            lambda function: function,
        )
        return Burst(False, None, cloner.clone(burst.run_bursts), None)
    words |= _MACHINE_WORDS
    cloner = _Cloner(words, _njit(), f"_{spec.name}_{spec.digest}", _house_functions())
    folder = f"{spec.name}-{spec.digest}"
    with _cache_folder(folder):
        enter = compiled(cloner.copy(burst.enter))
    cloner.fill(burst.enter)
    on_waking = cloner.copy(burst.enter_on_waking)
    cloner.fill(burst.enter_on_waking)
    on_waking.__globals__["enter"] = enter

    @cache
    def duty() -> Any:
        with _cache_folder(folder):
            return numba.cfunc(types.int64(types.int64), cache=True)(on_waking)

    return Burst(True, enter, None, duty)


def _njit(**options: Any) -> Any:
    # Only the loop calls these: entries for callers in Python would double the time to compile.
    entries: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(boundscheck=True, **entries, **options)


@cache
def _house_functions() -> _Cloner:
    """Share what is the same for every strategy: compiled once, and kept in the house's cache."""
    return _Cloner(_MACHINE_WORDS, _njit(cache=True))


class _Cloner:
    """Clones functions together with the plain functions they reach, each once.

    `words` replace globals of the loop, `wrap` compiles a clone.  Functions of the house that name
    nothing of the strategy's come from `shared`, where there is one.
    """

    def __init__(
        self,
        words: dict[str, Any],
        wrap: Callable[[Function], Function],
        suffix: str = "",
        shared: _Cloner | None = None,
    ) -> None:
        self._words = words
        self._wrap = wrap
        self._suffix = suffix
        self._shared = shared
        self._globals: dict[int, dict[str, Any]] = {}
        self._done: dict[Any, Function] = {}

    def clone(self, function: Any) -> Function:
        """Clone one plain function, wrap the clone, and clone what it calls."""
        if function not in self._done:
            self._done[function] = self._wrap(self.copy(function))
            self.fill(function)
        return self._done[function]

    def copy(self, function: Any) -> Function:
        """Copy a function into private globals."""
        copy = FunctionType(
            function.__code__,
            self._world(function),
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        # numba imports the module of a cached function by name, and a user's file has none to find.
        copy.__module__ = burst.__name__
        # Symbols of compiled code carry the qualified name: two strategies loaded from the
        # disk cache would otherwise be taken for one another.
        copy.__qualname__ = function.__qualname__ + self._suffix
        return copy

    def fill(self, function: Any) -> None:
        """Put clones of what `function` calls into its private globals."""
        world = self._world(function)
        words = self._words if function.__globals__ is vars(burst) else {}
        for name in names_used(function.__code__):
            value = words.get(name, function.__globals__.get(name))
            if isinstance(value, FunctionType):
                shared = self._shared if self._shared and _is_shared(value) else self
                world[name] = shared.clone(value)
            elif name in words:
                world[name] = value

    def _world(self, function: Any) -> dict[str, Any]:
        key = id(function.__globals__)
        if key not in self._globals:
            self._globals[key] = dict(function.__globals__)
        return self._globals[key]


def _is_shared(function: Any) -> bool:
    return function.__module__ in _HOUSE_MODULES and not _reaches_strategy(function)


def _reaches_strategy(function: Any) -> bool:
    names = set(names_used(function.__code__))
    called = (function.__globals__.get(name) for name in names)
    return not names.isdisjoint(_STRATEGY_WORDS) or any(
        _reaches_strategy(each)
        for each in called
        if isinstance(each, FunctionType) and each.__module__ in _HOUSE_MODULES
    )


@contextmanager
def _cache_folder(name: str) -> Iterator[None]:
    """Let functions decorated inside keep their compiled code in a folder of their own."""
    before = numba_config.CACHE_DIR
    if before:
        numba_config.CACHE_DIR = str(Path(before) / name)
    try:
        yield
    finally:
        numba_config.CACHE_DIR = before
