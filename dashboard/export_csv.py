"""Rows as CSV (RFC 4180) that a spreadsheet opens and never executes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from hft.ledger.export_queries import Field, Kind
from hft.units import E8

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text must not begin with: spreadsheets take the cell for a formula."""


def csv_parts(
    fields: Sequence[Field], pages: Iterable[Sequence[tuple[Any, ...]]]
) -> Iterator[bytes]:
    """Write the head, then each page: exact decimals, times as ISO 8601, nothing for a null."""
    yield _written([[field.name for field in fields]])
    writers = [_CELLS[field.kind] for field in fields]
    for rows in pages:
        columns = zip(*rows, strict=True)
        cells = [writer(column) for writer, column in zip(writers, columns, strict=True)]
        yield _written(zip(*cells, strict=True))


def safe_text(text: str) -> str:
    """Put a quote before a text that would be a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def decimal_text(value_e8: int) -> str:
    """Write units of 1e-8 as a decimal, exactly."""
    whole, part = divmod(abs(value_e8), E8)
    return f"{'-' if value_e8 < 0 else ''}{whole}.{part:08}"


def _texts(column: Sequence[Any]) -> list[str]:
    return ["" if value is None else safe_text(str(value)) for value in column]


def _plain(column: Sequence[Any]) -> list[str]:
    return ["" if value is None else repr(value) for value in column]


def _money(column: Sequence[Any]) -> list[str]:
    return ["" if value is None else decimal_text(value) for value in column]


def _times(column: Sequence[Any]) -> list[str]:
    ms = np.array([0 if value is None else value for value in column], "datetime64[ms]")
    told = np.datetime_as_string(ms, timezone="UTC").tolist()
    return ["" if value is None else time for value, time in zip(column, told, strict=True)]


_CELLS: dict[Kind, Callable[[Sequence[Any]], list[str]]] = {
    Kind.TEXT: _texts,
    Kind.WHOLE: _plain,
    Kind.REAL: _plain,
    Kind.MONEY: _money,
    Kind.TIME: _times,
}


def _written(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
