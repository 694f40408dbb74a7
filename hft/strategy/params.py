"""A strategy's parameters: from a msgspec Struct to a numpy record, and into the house's block.

The Struct holds names, defaults, constraints and a line for people; the record (int64, float64 and
bool fields of the same names) is what compiled code reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import inspect

from hft.errors import ConfigError
from hft.events import record
from hft.state.blocks import PARAMS, PARAMS_BYTES_MAX

Dtype = np.dtype[np.void]
Records = npt.NDArray[np.void]

_INT_MAX = (1 << 63) - 1
_NOTHING = "_no_parameters"
"""The one field of a record without parameters: a record cannot be empty."""

_FORMATS: dict[type[inspect.Type], tuple[str, str]] = {
    inspect.IntType: ("<i8", "int"),
    inspect.FloatType: ("<f8", "float"),
    inspect.BoolType: ("?", "bool"),
}


class ParamField(msgspec.Struct, frozen=True):
    """One parameter, as forms and tables show it; a bound that is None is open.

    `unit` is the one of the Struct's metadata (``extra_json_schema={"unit": "ms"}``); "quote" and
    "base" stand for the assets of the symbol.  `step` is how far a form's arrows go.
    """

    name: str
    kind: str
    default: Any
    description: str = ""
    unit: str = ""
    step: float | None = None
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None


def fields_of(params: type[msgspec.Struct]) -> tuple[ParamField, ...]:
    """List the parameters of a `Params` Struct.

    Raises:
        ValueError: a field has another type than int, float or bool, or no default.
    """
    info = inspect.type_info(params)
    assert isinstance(info, inspect.StructType)
    return tuple(_field(field) for field in info.fields)


def _field(field: inspect.Field) -> ParamField:
    kind: Any = field.type
    told: dict[str, Any] = {}
    if isinstance(kind, inspect.Metadata):
        kind, told = kind.type, kind.extra_json_schema or {}
    if type(kind) not in _FORMATS:
        raise ValueError(f"parameter {field.name} must be int, float or bool")
    if field.default is msgspec.NODEFAULT:
        raise ValueError(f"parameter {field.name} needs a default")
    return ParamField(
        field.name,
        _FORMATS[type(kind)][1],
        field.default,
        str(told.get("description", "")),
        str(told.get("unit", "")),
        step_of(kind, told),
        (),
        **bounds_of(kind),
    )


def bounds_of(kind: inspect.Type) -> dict[str, float | None]:
    """Give the bounds of a number by the names of `ParamField`; nothing else has any."""
    if not isinstance(kind, inspect.IntType | inspect.FloatType):
        return {}
    return {"at_least": kind.ge, "at_most": kind.le, "above": kind.gt, "below": kind.lt}


def step_of(kind: inspect.Type, told: Mapping[str, Any]) -> float | None:
    """Give the step of a number: what its metadata says, 1 for a whole one, else None."""
    step = told.get("step", 1 if isinstance(kind, inspect.IntType) else None)
    return None if step is None else float(step)


def dtype_of(fields: tuple[ParamField, ...]) -> Dtype:
    """Lay out the record of these parameters.

    Raises:
        ValueError: it would not fit the house's block.
    """
    formats = {name: text for text, name in _FORMATS.values()}
    columns = [(field.name, formats[field.kind]) for field in fields] or [(_NOTHING, "<i8")]
    size = -(-sum(np.dtype(kind).itemsize for _, kind in columns) // 8) * 8
    if size > PARAMS_BYTES_MAX:
        raise ValueError(f"the parameters take {size} bytes, the block holds {PARAMS_BYTES_MAX}")
    return record(size, *columns)


def convert(
    name: str, params: type[msgspec.Struct], dtype: Dtype, table: Mapping[str, object]
) -> Records:
    """Check a table of values against `params`; returns one record, in an array of one.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range; names the key and what
            was expected.
    """
    known = {field.name for field in inspect.type_info(params).fields}  # type: ignore[attr-defined]
    where = f"[strategy.{name}]"
    for key in table:
        if key not in known:
            raise ConfigError(f"{where} {key}: no such parameter; expected one of {_listed(known)}")
    for key, value in table.items():
        _check_number(f"{where} {key}", value)
    checked = _made(where, params, table)
    values = np.zeros(1, dtype)
    for field in known:
        values[field] = getattr(checked, field)
    return values


def values_of(record: Records) -> dict[str, Any]:
    """Give a record of parameters as Python values by their names; `record` is an array of one."""
    names = record.dtype.names or ()
    return {name: record[name][0].item() for name in names if name != _NOTHING}


def _check_number(where: str, value: object) -> None:
    if isinstance(value, float) and not np.isfinite(value):
        raise ConfigError(f"{where}: expected a finite number, got {value!r}")
    if isinstance(value, int) and not -_INT_MAX <= value <= _INT_MAX:
        raise ConfigError(f"{where}: expected a number of at most 64 bits, got {value!r}")


def _made(where: str, params: type[msgspec.Struct], table: Mapping[str, object]) -> Any:
    try:
        return msgspec.convert(dict(table), params)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).replace("`", "").partition(" - at $.")
        reason = f"{reason[0].lower()}{reason[1:]}" if reason else "it is refused"
        if place not in table:  # The Struct's own check of several values together.
            raise ConfigError(f"{where}: {reason}") from None
        raise ConfigError(f"{where} {place}: {reason} (the value is {table[place]!r})") from None
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - a strategy's own code may raise anything.
        raise ConfigError(f"{where}: {type(problem).__name__}: {problem}") from None


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none: this strategy has no parameters"


def to_block(values: Records, strategy_index: int) -> bytes:
    """Pack a record of parameters for the house's ``params`` snapshot; the supervisor writes it."""
    block = np.zeros(1, PARAMS)
    raw = values.tobytes()
    block["size"], block["strategy_index"] = len(raw), strategy_index
    return (
        block["size"].tobytes()
        + block["strategy_index"].tobytes()
        + raw.ljust(PARAMS.itemsize - 16, b"\0")
    )


def from_block(block: bytes, dtype: Dtype, strategy_index: int) -> Records | None:
    """Unpack the parameters a block holds; None when they belong to another strategy or layout."""
    size, index = np.frombuffer(block, "<i8", 2)
    if size != dtype.itemsize or index != strategy_index:
        return None
    return np.frombuffer(bytearray(block[16 : 16 + int(size)]), dtype)
