"""Building the burst of one strategy: the loop cloned around its functions, compiled or plain.

Every plain function that the loop or the strategy reaches is cloned into private globals, so the
same source can be compiled for one strategy, for another, and left plain, side by side.  numba's
disk cache has two traps: a compiled function that arrives as an argument never hits it, and a
cached caller goes stale when a function of another file changes.  Hence clones instead of
arguments, and one cache folder per digest of all files that took part.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import msgspec
import numba
from numba.core import config
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError

from hft.clock import monotonic_ns
from hft.strategy import burst, placeholder
from hft.strategy.load import StrategySpec
from hft.strategy.native import compiled_monotonic_ns
from ringbuf.compiled import compiled

Function = Callable[..., Any]
_NO_ENTRIES: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


# numba makes the attributes of its settings at run time.
numba_config: Any = config


class CompileRefused(Exception):
    """numba cannot compile this strategy; the text is its own explanation."""


class Burst(msgspec.Struct, frozen=True):
    """The loop around one strategy: `enter` takes a table of addresses, `run` a Desk of arrays.

    Compiled, only `enter` is used; plain, only `run`.
    """

    compiled: bool
    enter: Any
    run: Any


def build(spec: StrategySpec, *, plain: bool = False) -> Burst:
    """Clone the loop around a strategy; nothing is compiled before the first call of `enter`."""
    if plain or not spec.compiled:
        cloner = _Cloner(_injected(spec, monotonic_ns), "", lambda function: function)
        return Burst(False, None, cloner.clone(burst.run_burst))
    digest = source_digest(spec)
    suffix = f"_{spec.name}_{digest}"
    # Only the loop calls these: entries for callers in Python would double the time to compile.
    njit: Any = partial(numba.njit, boundscheck=True, **_NO_ENTRIES)
    cloner = _Cloner(_injected(spec, compiled_monotonic_ns), suffix, njit)
    with _cache_folder(f"{spec.name}-{digest}"):
        enter = compiled(cloner.bare(burst.enter))
    return Burst(True, enter, None)


def source_digest(spec: StrategySpec) -> str:
    """Digest every file a function or module used by the strategy stands in, its own first."""
    digest = hashlib.blake2b(spec.path.read_bytes(), digest_size=10)
    for path in sorted(_files_of(spec)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _injected(spec: StrategySpec, clock: Function) -> dict[str, Any]:
    return {
        "on_market": spec.on_market,
        "on_report": spec.on_report or placeholder.on_report,
        "read_clock": clock,
        "STATE": spec.state_dtype,
        "PARAMS": spec.params_dtype,
    }


class _Cloner:
    """Clones functions together with the plain functions they reach, each once."""

    def __init__(
        self, injected: dict[str, Any], suffix: str, wrap: Callable[[Function], Function]
    ) -> None:
        self._injected = injected
        self._suffix = suffix
        self._wrap = wrap
        self._globals: dict[int, dict[str, Any]] = {}
        self._done: dict[Function, Function] = {}

    def clone(self, function: Function) -> Function:
        """Clone one plain function and wrap the clone."""
        if function not in self._done:
            self._done[function] = (
                placeholder.read_clock
            )  # Guards against a function that calls itself.
            self._done[function] = self._wrap(self.bare(function))
        return self._done[function]

    def bare(self, function: Any) -> Function:
        """Clone one plain function without wrapping it."""
        world = self._world(function)
        bare = FunctionType(
            function.__code__, world, function.__name__, function.__defaults__, function.__closure__
        )
        bare.__kwdefaults__ = function.__kwdefaults__
        bare.__module__ = function.__module__
        # Symbols of compiled code carry the qualified name: two strategies loaded from the
        # disk cache would otherwise be taken for one another.
        bare.__qualname__ = function.__qualname__ + self._suffix
        for name in _names_used(function.__code__):
            value = function.__globals__.get(name)
            if function.__globals__ is vars(burst):
                value = self._injected.get(name, value)
            if isinstance(value, FunctionType):
                world[name] = self.clone(value)
            elif name in self._injected:
                world[name] = value
        return bare

    def _world(self, function: Any) -> dict[str, Any]:
        key = id(function.__globals__)
        if key not in self._globals:
            self._globals[key] = dict(function.__globals__)
        return self._globals[key]


def _names_used(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_used(constant)


def _files_of(spec: StrategySpec) -> set[Path]:
    """Find the files of all functions and of modules that the strategy's functions name."""
    found: set[Path] = set()
    seen: set[Any] = set()
    waiting: list[Any] = [spec.on_market, spec.on_report]
    while waiting:
        function = waiting.pop()
        if isinstance(function, Dispatcher):
            function = function.py_func
        if not isinstance(function, FunctionType) or function in seen:
            continue
        seen.add(function)
        found.add(Path(inspect.getfile(function)))
        for name in _names_used(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, ModuleType) and not _is_installed(value):
                found.add(Path(str(value.__file__)))
                waiting.extend(vars(value).values())
            else:
                waiting.append(value)
    return found


def _is_installed(module: ModuleType) -> bool:
    place = getattr(module, "__file__", None)
    return place is None or "site-packages" in place or Path(place).is_relative_to(_STDLIB)


_STDLIB = Path(inspect.getfile(dis)).parent


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


def refuse_uncompilable(spec: StrategySpec, problem: NumbaError) -> CompileRefused:
    """Turn numba's explanation into one that names the file."""
    return CompileRefused(f"{spec.path}: {spec.name} cannot be compiled: {problem}")
