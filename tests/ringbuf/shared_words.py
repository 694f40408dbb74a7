"""Shared words as one side sees them, one access at a time, under three orders of memory.

Loads happen in program order in all three: what an acquire load adds is not explored.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

Local = tuple[int, ...]
"""What a side remembers between two operations."""


class Order(Enum):
    """When the stores of one side reach the other."""

    AT_ONCE = "as they are made"
    BUFFERED = "later, in the order they were made: x86-64"
    LOOSE = "later, in any order, but a release store after all that were made before it"


class Store(NamedTuple):
    address: int
    value: int
    release: bool


class Side(NamedTuple):
    local: Local
    log: tuple[int, ...]
    """What each access of the operation under way gave; a store leaves a zero."""
    buffer: tuple[Store, ...]
    kills: int


class Pause(Exception):
    """The operation made its one access and is about to make another."""


class Blocked(Exception):
    """The next access cannot be made in this state."""


BUFFER_MAX = 4


class View:
    """The shared words as one side sees them, during one run of its operation."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def begin(self, words: tuple[int, ...], side: Side, own: frozenset[int]) -> None:
        self.words, self.buffer, self.log = words, side.buffer, list(side.log)
        self._own, self._replayed, self._moved = own, 0, False

    def load(self, address: int) -> int:
        """Load a word; one that only this side writes can be no step of its own."""
        if self._replayed < len(self.log):
            return self._replay()
        if address not in self._own:
            self._move()
        newest = [store.value for store in self.buffer if store.address == address]
        return self._note(newest[-1] if newest else self.words[address])

    def store(self, address: int, value: int, *, release: bool = False) -> None:
        """Store a word, plainly or with release."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self._order is Order.AT_ONCE:
            self.words = replaced(self.words, address, value)
        elif len(self.buffer) == BUFFER_MAX:
            raise Blocked
        else:
            self.buffer = (*self.buffer, Store(address, value, release))
        self._note(0)

    def fence(self) -> None:
        """Go on when every store of this side has arrived."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self.buffer:
            raise Blocked
        self._note(0)

    def system_store(self, address: int, value: int) -> None:
        """What the kernel does for this side: behind all its stores, and seen at once."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self.buffer:
            raise Blocked
        self.words = replaced(self.words, address, value)
        self._note(0)

    def sleep_until(self, address: int) -> None:
        """Go on when the word is not zero."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self.buffer or not self.words[address]:
            raise Blocked
        self._note(0)

    def _replay(self) -> int:
        self._replayed += 1
        return self.log[self._replayed - 1]

    def _note(self, value: int) -> int:
        self.log.append(int(value))
        self._replayed += 1
        return int(value)

    def _move(self) -> None:
        if self._moved:
            raise Pause
        self._moved = True


def replaced(words: tuple[int, ...], address: int, value: int) -> tuple[int, ...]:
    """The words with one of them changed."""
    return (*words[:address], int(value), *words[address + 1 :])


def uncompiled(function: Any, names: Mapping[str, Any]) -> Any:
    """The Python source of a compiled function, with some of the names it uses replaced."""
    source = function.py_func
    return types.FunctionType(source.__code__, {**source.__globals__, **names})


class Words:
    """A ring's or snapshot's header over a `View`, at the addresses of `places`."""

    def __init__(self, view: View, places: Mapping[int, int], constants: Mapping[int, int]) -> None:
        self._view, self._places, self._constants = view, places, constants

    def __getitem__(self, index: int) -> int:
        constant = self._constants.get(int(index))
        return constant if constant is not None else self._view.load(self._places[int(index)])

    def __setitem__(self, index: int, value: int) -> None:
        self._view.store(self._places[int(index)], int(value))

    def release(self, index: int, value: int) -> None:
        self._view.store(self._places[int(index)], int(value), release=True)


def memory_names(view: View) -> dict[str, Any]:
    """What the atomics become in `uncompiled` functions."""
    return {
        "load_acquire": lambda words, index: words[index],
        "store_release": lambda words, index, value: words.release(index, value),
        "full_fence": view.fence,
    }
