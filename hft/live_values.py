"""Values a person changes while the house runs, beside those of the config file, and undo.

Pure: what the values mean, how they are checked and where they go is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hft.errors import HftError

STEPS_MAX = 1000
"""Changes that can be taken back; of older ones only the log tells."""

_ALL_BACK = "every change was taken back"


class UndoRefused(HftError):
    """There is nothing to take back, or not what was meant; one sentence says why."""


class FieldChange(msgspec.Struct, frozen=True):
    """One value that became another."""

    name: str
    before: Any
    after: Any


class Step(msgspec.Struct, frozen=True):
    """What one request changed, by whom and when; `number` is used once in the whole house."""

    number: int
    wall_ms: int
    who: str
    changes: tuple[FieldChange, ...]

    def text(self) -> str:
        """Name every change, like ``window 50 → 60``."""
        return ", ".join(f"{one.name} {one.before} → {one.after}" for one in self.changes)


class LiveValues:
    """The values in force, those of the file behind them, and the steps that lie between.

    `numbers` are those of the steps.  Whoever names one means that step and no other, so all values
    of a house take theirs from the same.
    """

    def __init__(self, file: Mapping[str, Any], numbers: Iterator[int]) -> None:
        self.file = dict(file)
        self.now = dict(file)
        self._steps: list[Step] = []
        self._numbers = numbers
        self._forgot = "nothing was changed"
        self._all_back = _ALL_BACK

    def put(self, values: Mapping[str, Any], who: str, wall_ms: int) -> tuple[FieldChange, ...]:
        """Put checked values in force; returns what became another value."""
        changes = _differences(self.now, {**self.now, **values})
        if changes:
            if len(self._steps) == STEPS_MAX:
                del self._steps[0]
                self._all_back = "what was changed before is not kept"
            self._steps.append(Step(next(self._numbers), wall_ms, who, changes))
            self.now.update(values)
        return changes

    def unseen(self, seen: Mapping[str, Any]) -> str:
        """Name a value in force that is not the one somebody saw; nothing when all are.

        Raises:
            KeyError: there is no value of that name.
        """
        for name, value in seen.items():
            if not _is_seen(self.now[name], value):
                return f"{name} is {self.now[name]} by now, and was seen as {value}"
        return ""

    def newest(self) -> Step | None:
        """Give what an undo would take back."""
        return self._steps[-1] if self._steps else None

    def undo(self, number: int | None = None) -> tuple[FieldChange, ...]:
        """Take the newest step back; with a `number` only when that is still the newest.

        Raises:
            UndoRefused: there is none, or others came after it.
        """
        step = self.newest()
        if step is None:
            raise UndoRefused(f"there is nothing to take back: {self._forgot}")
        if number is not None and number != step.number:
            raise UndoRefused(
                f"nothing was taken back: the newest change is {step.text()}, by {step.who}, "
                "and not the one that was meant"
            )
        self._steps.pop()
        changes = tuple(FieldChange(one.name, one.after, one.before) for one in step.changes)
        self.now.update({one.name: one.after for one in changes})
        self._forgot = self._all_back
        return changes

    def read_again(self, file: Mapping[str, Any], why: str) -> tuple[FieldChange, ...]:
        """Put the file's values in force; the steps before are forgotten, `why` says so."""
        changes = _differences(self.now, file)
        self.file, self.now = dict(file), dict(file)
        self._steps.clear()
        self._forgot, self._all_back = why, _ALL_BACK
        return changes

    def changed_live(self) -> dict[str, Any]:
        """Give the values in force that are not the file's."""
        return {name: value for name, value in self.now.items() if value != self.file[name]}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(name, before[name], value)
        for name, value in after.items()
        if before[name] != value
    )


def _is_seen(now: Any, seen: Any) -> bool:
    """Whole numbers beyond 53 bits are not seen exactly by a browser."""
    if type(now) is int and type(seen) is int:
        return float(now) == float(seen)
    return bool(now == seen)
