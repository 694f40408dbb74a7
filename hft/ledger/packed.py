"""Many rows as columns, put together by the database itself.

A driver makes a Python object of every value, which takes the interpreter from every other thread
of the process: a long history read so has the page wait that a thread of the same process serves.
One text per column is made without the interpreter and read by numpy at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, select

_BETWEEN_TEXTS = "\x1e"


def known(column: ColumnElement[Any], instead: int | str) -> ColumnElement[Any]:
    """Give a column, and something else where it is null."""
    return func.coalesce(column, constant(instead))


def constant(value: int | str) -> ColumnElement[Any]:
    """Write a value into the statement itself: one that is bound is fetched for every row."""
    return literal(value, literal_execute=True)


class Packed(NamedTuple):
    """Columns of the same rows in the same order."""

    wholes: npt.NDArray[np.int64]
    """One row per column."""
    texts: list[list[str]]


def read_packed(
    connection: Connection,
    wholes: Sequence[ColumnElement[Any]],
    texts: Sequence[ColumnElement[Any]],
    where: ColumnElement[bool],
) -> Packed:
    """Read columns of whole numbers and of texts, in no order; nothing of it may be null."""
    numbers = (_joined(connection, column, " ") for column in wholes)
    words = (_joined(connection, column, _BETWEEN_TEXTS) for column in texts)
    count, *told = connection.execute(select(func.count(), *numbers, *words).where(where)).one()
    if not count:
        return Packed(np.zeros((len(wholes), 0), np.int64), [[] for _ in texts])
    read = [np.fromstring(column, np.int64, sep=" ") for column in told[: len(wholes)]]
    return Packed(np.array(read), [text.split(_BETWEEN_TEXTS) for text in told[len(wholes) :]])


def _joined(connection: Connection, column: ColumnElement[Any], between: str) -> Any:
    if connection.dialect.name == "postgresql":
        return func.string_agg(cast(column, Text), constant(between))
    return func.group_concat(column, constant(between))
