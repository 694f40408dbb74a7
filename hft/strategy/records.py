"""Records for plain Python: fields as attributes, as compiled code sees them.

numpy has a type for that, `np.record`, but its own attributes come first: ``event.flags`` would be
an array's memory flags and ``state.mean`` a method.  Here a field always wins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


# numpy makes its own records by such a subclass; its type stubs call it final.
class FieldRecord(np.record):  # type: ignore[misc]
    """One record whose fields hide every other attribute of the same name."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        try:
            return np.void.__getitem__(self, name)
        except (ValueError, KeyError, IndexError):
            return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        np.void.__setitem__(self, name, value)


def as_records(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View a structured array so that its elements are `FieldRecord`; others stay as they are."""
    if array.dtype.names is None:
        return array
    dressed: npt.NDArray[Any] = array.view(np.dtype((FieldRecord, array.dtype)))
    return dressed
