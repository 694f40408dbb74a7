"""Finding strategy files: a file in a folder is a strategy, nothing is registered.

A file that cannot be used never stops the others: it is listed with the reason, and refused with it
when somebody selects it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.errors import ConfigError
from hft.events import Verdict
from hft.state.blocks import OUT_DETAIL, STATE_BYTES_MAX, STRATEGY_NAME_MAX
from hft.strategy.figure import Figure
from hft.strategy.params import ParamField, convert, dtype_of, fields_of
from hft.strategy.sources import source_digest

Dtype = np.dtype[np.void]
HOUSE_FOLDER = Path(__file__).parent.parent / "strategies"
_ARGUMENTS = 6


class StrategySpec(msgspec.Struct, frozen=True):
    """One usable strategy file: its words, its layouts and its plain functions."""

    name: str
    path: Path
    digest: str
    """Of the file and of every other file whose functions it uses."""
    compiled: bool
    params: type[msgspec.Struct]
    fields: tuple[ParamField, ...]
    params_dtype: Dtype
    state_dtype: Dtype
    on_market: Callable[..., None]
    on_report: Callable[..., None] | None
    detail: tuple[str, ...]
    explain: dict[Verdict, str]
    summary: str
    """First line of the file's docstring."""


class Broken(msgspec.Struct, frozen=True):
    """A file that is no usable strategy, and why, in one sentence."""

    path: Path
    reason: str


class Catalogue(msgspec.Struct, frozen=True):
    """What discovery found: usable strategies by name, and the files that were left out."""

    specs: dict[str, StrategySpec]
    broken: tuple[Broken, ...]

    def names(self) -> list[str]:
        """Names of the usable strategies, sorted; a strategy's index is its place here."""
        return sorted(self.specs)

    def select(self, name: str) -> StrategySpec:
        """Find a strategy by its name.

        Raises:
            ConfigError: there is none, or its file is broken; the text says which file and why.
        """
        if name in self.specs:
            return self.specs[name]
        known = ", ".join(self.names()) or "none"
        left_out = "; ".join(f"{item.path.name}: {item.reason}" for item in self.broken)
        hint = f" (left out: {left_out})" if left_out else ""
        raise ConfigError(
            f"[trading] strategy: {name!r} is not known; expected one of {known}{hint}"
        )


def discover(folders: Iterable[Path | str] = ()) -> Catalogue:
    """Look at every strategy file of the house and of `folders`, except those like ``_x.py``."""
    specs: dict[str, StrategySpec] = {}
    broken: list[Broken] = []
    for folder in (HOUSE_FOLDER, *(Path(folder) for folder in folders)):
        if not folder.is_dir():
            broken.append(Broken(folder, "the folder does not exist"))
            continue
        for path in sorted(folder.glob("[!_.]*.py")):
            try:
                spec = read(path)
                if spec.name in specs:
                    first = specs[spec.name].path
                    raise ValueError(f"the name {spec.name} is taken by {first}")
                specs[spec.name] = spec
            except ValueError as problem:
                broken.append(Broken(path, str(problem)))
    return Catalogue(specs, tuple(broken))


def read(path: Path) -> StrategySpec:
    """Import one strategy file and check that it keeps the form.

    Raises:
        ValueError: it does not; one sentence says what is wrong.
    """
    source = path.read_bytes()
    module = _import(path, source)
    name = getattr(module, "NAME", None)
    if not isinstance(name, str) or not name.isidentifier() or name != name.upper():
        raise ValueError('NAME must be an upper-case word, like "MOMENTUM"')
    if len(name) > STRATEGY_NAME_MAX:
        raise ValueError(f"NAME is longer than {STRATEGY_NAME_MAX} characters")
    params_type = getattr(module, "Params", None)
    if not (isinstance(params_type, type) and issubclass(params_type, msgspec.Struct)):
        raise ValueError("Params must be a msgspec.Struct")
    fields = fields_of(params_type)
    detail = tuple(getattr(module, "DETAIL", ()))
    on_market = _function(module, "on_market")
    on_report = _function(module, "on_report") if hasattr(module, "on_report") else None
    return StrategySpec(
        name=name,
        path=path,
        digest=source_digest(source, (on_market, on_report)),
        compiled=bool(getattr(module, "COMPILED", True)),
        params=params_type,
        fields=fields,
        params_dtype=dtype_of(fields),
        state_dtype=_state(module),
        on_market=on_market,
        on_report=on_report,
        detail=detail,
        explain=_explain(module, detail),
        summary=(module.__doc__ or "").strip().partition("\n")[0],
    )


def make_params(spec: StrategySpec, table: Mapping[str, object]) -> npt.NDArray[np.void]:
    """Turn the table [strategy.NAME] into the record the strategy reads; defaults fill the rest.

    Raises:
        ConfigError: names the key and what was expected.
    """
    return convert(spec.name, spec.params, spec.params_dtype, table)


def _import(path: Path, source: bytes) -> ModuleType:
    """Run the file as a module of its own, from these very bytes.

    Python's cache of byte code is passed over: it looks at whole seconds and sizes, and could
    answer with the text before an edit.  Modules of the same folder are imported anew each time.
    """
    name = f"hft_strategy_{path.stem}_{hashlib.blake2b(source, digest_size=8).hexdigest()}"
    module = ModuleType(name)
    module.__file__ = str(path)
    known, writes_bytecode = set(sys.modules), not sys.dont_write_bytecode
    # msgspec resolves the annotations of Params through sys.modules.
    sys.modules[name] = module
    sys.path.append(str(path.parent))
    sys.dont_write_bytecode = True
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as problem:
        del sys.modules[name]
        raise ValueError(f"{type(problem).__name__}: {problem}") from problem
    finally:
        sys.dont_write_bytecode = not writes_bytecode
        sys.path.remove(str(path.parent))
        for new in set(sys.modules) - known - {name}:
            place = getattr(sys.modules[new], "__file__", None)
            if place and Path(place).parent == path.parent:
                del sys.modules[new]
    return module


def _state(module: ModuleType) -> Dtype:
    state = getattr(module, "STATE", None)
    if not isinstance(state, np.dtype) or not state.names:
        raise ValueError(
            "STATE must be a numpy dtype with fields; see state_dtype() in hft.strategy.api"
        )
    if state.hasobject or state.itemsize % 8:
        raise ValueError("STATE must be of fixed size, a multiple of 8 bytes, without objects")
    if state.itemsize > STATE_BYTES_MAX:
        raise ValueError(f"STATE takes {state.itemsize} bytes, the block holds {STATE_BYTES_MAX}")
    return state


def _function(module: ModuleType, name: str) -> Callable[..., None]:
    function = getattr(module, name, None)
    code = getattr(function, "__code__", None)
    if code is None:
        raise ValueError(f"{name} must be a plain function")
    if code.co_argcount != _ARGUMENTS or code.co_kwonlyargcount or code.co_flags & 0x0C:
        what = "event" if name == "on_market" else "report"
        raise ValueError(f"{name} must take ({what}, position, orders, params, state, out)")
    typed: Any = function
    return typed  # type: ignore[no-any-return]


def _explain(module: ModuleType, detail: tuple[str, ...]) -> dict[Verdict, str]:
    if len(detail) > OUT_DETAIL:
        raise ValueError(f"DETAIL has {len(detail)} names, at most {OUT_DETAIL} are shown")
    sample = dict.fromkeys(("distance", "needed", *detail), Figure())
    templates = {}
    for code, template in getattr(module, "EXPLAIN", {}).items():
        try:
            template.format(**sample)
            templates[Verdict(code)] = template
        except (KeyError, IndexError, ValueError, AttributeError) as problem:
            raise ValueError(f"EXPLAIN[{code!r}] cannot be used: {problem!r}") from None
    return templates
