"""Differences between two states as JSON merge patches (RFC 7396).

In a merge patch null means "remove".  So a state on its way to a watcher holds no null at all:
what is not known is absent, and a value that becomes unknown is removed on the page, too.
"""

from __future__ import annotations

import math
from typing import Any

import orjson

State = dict[str, Any]


class Told:
    """The state that watchers were told, kept up to date by what each look finds.

    A member whose JSON is what it was is neither copied nor compared: most are, at most looks.
    """

    def __init__(self) -> None:
        self.state: State = {}
        """What was told, without what is unknown."""
        self._written: dict[str, bytes] = {}

    def take(self, members: State) -> State:
        """Take up new values of some or all members; give what changed, as a merge patch."""
        patch: State = {}
        for name, value in members.items():
            written = orjson.dumps(value)
            if written == self._written.get(name):
                continue
            self._written[name] = written
            before = {name: self.state.pop(name)} if name in self.state else {}
            after = known({name: value})
            patch |= merge_patch(before, after)
            self.state |= after
        return patch


def known(value: Any) -> Any:
    """Copy a value without what is unknown in its objects: None, and floats that are no number.

    Inside a list the unknown stays, as None: places in a list have a meaning.
    """
    if isinstance(value, dict):
        return {name: known(each) for name, each in value.items() if not _unknown(each)}
    if isinstance(value, list | tuple):
        return [None if _unknown(each) else known(each) for each in value]
    return value


def merge_patch(before: State, after: State) -> State:
    """Tell what must change in `before` to give `after`; empty when they are the same.

    Both must come from `known`.  Objects are compared member by member, lists as a whole.
    """
    patch: State = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := merge_patch(old, value):
                patch[name] = inner
        elif not _same(old, value):
            patch[name] = value
    return patch


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _same(old: Any, new: Any) -> bool:
    """Say whether two values read the same in JSON: True is not 1 there, though 1.0 is."""
    if isinstance(old, bool) is not isinstance(new, bool):
        return False
    if isinstance(new, list):
        return isinstance(old, list) and len(old) == len(new) and all(map(_same, old, new))
    if isinstance(new, dict):
        return (
            isinstance(old, dict)
            and old.keys() == new.keys()
            and all(_same(old[name], each) for name, each in new.items())
        )
    return bool(old == new)
