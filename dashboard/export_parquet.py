"""Rows as Parquet: money as decimals, times as timestamps, nothing rounded.

pyarrow is large and seldom needed, so it is loaded with the first export.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np

from hft.ledger.export_queries import PAGE_ROWS, Field, Kind

ROW_GROUP_PAGES = 10_000 // PAGE_ROWS
PART_BYTES = 256 * 1024
MONEY_DIGITS, MONEY_SCALE = 38, 8


def write_parquet(fields: Sequence[Field], pages: Iterable[Sequence[tuple[Any, ...]]]) -> IO[bytes]:
    """Write everything to a file without a name, rewound; row groups of 10,000 rows.

    Raises:
        OSError: there is no room for the file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(field.name, _type(field.kind)) for field in fields])
    # Closed by whoever reads it; without a name the kernel removes it even if nobody does.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with parquet.ParquetWriter(file, schema) as writer:
            group: list[Any] = []
            for rows in pages:
                columns = zip(*rows, strict=True)
                arrays = [_array(f.kind, c) for f, c in zip(fields, columns, strict=True)]
                group.append(pa.record_batch(arrays, schema=schema))
                if len(group) == ROW_GROUP_PAGES:
                    writer.write_table(pa.Table.from_batches(group))
                    group.clear()
            if group:
                writer.write_table(pa.Table.from_batches(group))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def file_parts(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file to its end in parts, then close it."""
    with file:
        while part := file.read(PART_BYTES):
            yield part


def _type(kind: Kind) -> Any:
    import pyarrow as pa

    return {
        Kind.TEXT: pa.string(),
        Kind.WHOLE: pa.int64(),
        Kind.REAL: pa.float64(),
        Kind.MONEY: pa.decimal128(MONEY_DIGITS, MONEY_SCALE),
        Kind.TIME: pa.timestamp("ms", tz="UTC"),
    }[kind]


def _array(kind: Kind, column: Sequence[Any]) -> Any:
    import pyarrow as pa

    if kind is Kind.MONEY:
        return _decimals(column)
    return pa.array(column, _type(kind))


def _decimals(column: Sequence[Any]) -> Any:
    """Widen whole units to 128 bits, which is what a decimal is made of: no text in between."""
    import pyarrow as pa

    known = np.array([value is not None for value in column])
    wide = np.empty((len(column), 2), "<i8")
    wide[:, 0] = [value or 0 for value in column]
    wide[:, 1] = wide[:, 0] >> 63
    buffers = [pa.py_buffer(np.packbits(known, bitorder="little")), pa.py_buffer(wide)]
    return pa.Array.from_buffers(_type(Kind.MONEY), len(column), buffers)
