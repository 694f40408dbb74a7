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

_FORMATS: dict[type[inspect.Type], tuple[str, str]] = {
    inspect.IntType: ("<i8", "int"),
    inspect.FloatType: ("<f8", "float"),
    inspect.BoolType: ("?", "bool"),
}


class ParamField(msgspec.Struct, frozen=True):
    """One parameter, as forms and tables show it; a bound that is None is open."""

    name: str
    kind: str
    default: Any
    description: str = ""
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
    kind, description = field.type, ""
    if isinstance(kind, inspect.Metadata):
        description = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    if type(kind) not in _FORMATS:
        raise ValueError(f"parameter {field.name} must be int, float or bool")
    if field.default is msgspec.NODEFAULT:
        raise ValueError(f"parameter {field.name} needs a default")
    bounds = {} if isinstance(kind, inspect.BoolType) else _bounds(kind)
    return ParamField(field.name, _FORMATS[type(kind)][1], field.default, description, **bounds)


def _bounds(kind: Any) -> dict[str, float | None]:
    return {"at_least": kind.ge, "at_most": kind.le, "above": kind.gt, "below": kind.lt}


def dtype_of(fields: tuple[ParamField, ...]) -> Dtype:
    """Lay out the record of these parameters.

    Raises:
        ValueError: it would not fit the house's block.
    """
    formats = {name: text for text, name in _FORMATS.values()}
    columns = [(field.name, formats[field.kind]) for field in fields] or [("none", "<i8")]
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
        _check_one(f"{where} {key}", params, key, value)
    checked = msgspec.convert(dict(table), params)
    values = np.zeros(1, dtype)
    for field in known:
        values[field] = getattr(checked, field)
    return values


def _check_one(where: str, params: type[msgspec.Struct], key: str, value: object) -> None:
    if isinstance(value, float) and not np.isfinite(value):
        raise ConfigError(f"{where}: expected a finite number, got {value!r}")
    try:
        msgspec.convert({key: value}, params)
    except msgspec.ValidationError as problem:
        reason = str(problem).partition(" - at ")[0].replace("`", "")
        raise ConfigError(
            f"{where}: {reason[0].lower()}{reason[1:]} (the value is {value!r})"
        ) from None


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
