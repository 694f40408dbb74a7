"""The feed's scanner as plain Python over checked memory, built from its own source.

The compiled one reads by address, so nothing says when it reads what is not its own.  Here the
functions of `hft.wire.loads` look into one array and raise `OutOfBounds` beyond it, the
helpers are plain functions that a coverage tool can see into, and the rest is the same source.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from hft.feed import scan, tokens

_MODULES = (tokens, scan)


class OutOfBounds(Exception):
    """The scanner read what does not belong to its buffer."""


class Scanner:
    """`scan.scan` for one message at a time.

    `instrument` is applied to every function of the source, such as a coverage tool's.
    """

    def __init__(self, instrument: Callable[[Any], Any] = lambda function: function) -> None:
        self._memory = b""
        self.functions = self._build(instrument)
        self._scan = self.functions["scan"]

    def scan(self, message: bytes, memory: bytes) -> tuple[int, Any]:
        """Scan `message`, which begins `memory`: its kind and the fields.

        Raises:
            OutOfBounds: it looked beyond the memory.
        """
        assert memory.startswith(message)
        self._memory = memory
        fields = np.zeros(scan.FIELDS, np.int64)
        # Machine words wrap, and so they must here.
        with np.errstate(over="ignore"):
            kind = self._scan(np.int64(0), np.int64(len(message)), fields)
        return int(kind), fields

    def _read(self, at: int, size: int) -> int:
        at = int(at)
        if at < 0 or at + size > len(self._memory):
            raise OutOfBounds(f"{size} bytes at {at} of {len(self._memory)}")
        return int.from_bytes(self._memory[at : at + size], "little")

    def _build(self, instrument: Callable[[Any], Any]) -> dict[str, Any]:
        names: dict[str, Any] = {
            "byte_at": lambda at: np.int64(self._read(at, 1)),
            "word_at": lambda at: np.uint64(self._read(at, 8)),
            "trailing_zeros": trailing_zeros,
            "number_in": lambda fields, index: fields[index],
            "keep_number": lambda fields, index, number: fields.__setitem__(index, number),
        }
        for module in _MODULES:
            room = {**vars(module), **names}
            for name, function in vars(module).items():
                source = getattr(function, "py_func", None)
                if source is None or source.__module__ != module.__name__:
                    continue
                names[name] = instrument(types.FunctionType(source.__code__, room, name))
            # Functions of one file call each other by the names they find there.
            room.update(names)
        return names


def trailing_zeros(word: Any) -> int:
    """Zero bits below the lowest one; 64 for zero."""
    number = int(word)
    return (number & -number).bit_length() - 1 if number else 64
