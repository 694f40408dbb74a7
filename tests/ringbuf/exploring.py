"""Every interleaving of small programs over shared words, under three orders of memory.

A program is a list of operations; an operation is ordinary Python that touches the shared words
through a `View`.  It must be a pure function of what it loads, because it is never suspended: to
go one access further it is run again from its beginning, with what it loaded so far.  So the very
functions of `ringbuf` are explored, not a copy of them.

A state is the words, the stores on their way to them, and how far each program is.  All reachable
states are visited, breadth first, so a broken promise comes with one of the shortest ways to it.
Loads happen in program order in all three: what an acquire load adds is not explored.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

Local = tuple[int, ...]
Operation = Callable[["View", Local], Local]


class Order(Enum):
    """When the stores of one side reach the other."""

    AT_ONCE = "as they are made"
    BUFFERED = "later, in the order they were made: x86-64"
    LOOSE = "later, in any order, but a release store after all that were made before it"


class Program(NamedTuple):
    """One side: an operation repeated until `done`, and the words that only it writes."""

    operation: Operation
    done: Callable[[Local], bool]
    start: Local
    own: frozenset[int]
    reborn: Callable[[Local], Local] | None = None
    """What a fresh process begins with after a kill; None: it is never killed."""
    kills: int = 0


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


class State(NamedTuple):
    words: tuple[int, ...]
    sides: tuple[Side, ...]


class BrokenPromise(Exception):
    """A state was reached that must not be; the text tells how."""


class _Pause(Exception):
    """The operation made its one access and is about to make another."""


class _Blocked(Exception):
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
            raise _Blocked
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
            raise _Blocked
        self._note(0)

    def system_store(self, address: int, value: int) -> None:
        """What the kernel does for this side: behind all its stores, and seen at once."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self.buffer:
            raise _Blocked
        self.words = replaced(self.words, address, value)
        self._note(0)

    def sleep_until(self, address: int) -> None:
        """Go on when the word is not zero."""
        if self._replayed < len(self.log):
            self._replay()
            return
        self._move()
        if self.buffer or not self.words[address]:
            raise _Blocked
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
            raise _Pause
        self._moved = True


def replaced(words: tuple[int, ...], address: int, value: int) -> tuple[int, ...]:
    """The words with one of them changed."""
    return (*words[:address], int(value), *words[address + 1 :])


class Exploration:
    """All that `programs` can do from `words` on.

    `promise` is asked at every step, with the words before and after it, and raises BrokenPromise;
    `finished` says whether the words are as they should be once nothing can move any more.
    """

    def __init__(
        self,
        view: View,
        order: Order,
        programs: tuple[Program, ...],
        promise: Callable[[tuple[int, ...], tuple[int, ...]], None],
        finished: Callable[[tuple[int, ...]], bool],
    ) -> None:
        self._view, self._order, self._programs = view, order, programs
        self._promise, self._finished = promise, finished
        self._came_from: dict[State, tuple[State, str] | None] = {}

    def run(self, words: tuple[int, ...]) -> int:
        """Visit every reachable state; how many there are.

        Raises:
            BrokenPromise: with the way that leads there.
        """
        first = State(words, tuple(Side(p.start, (), (), p.kills) for p in self._programs))
        self._came_from, waiting = {first: None}, deque([first])
        leads_to: dict[State, list[State]] = {}
        ends: list[State] = []
        while waiting:
            state = waiting.popleft()
            nexts = list(self._steps(state))
            if self._at_its_end(state):
                ends.append(state)
            for label, after in nexts:
                leads_to.setdefault(after, []).append(state)
                if after not in self._came_from:
                    self._came_from[after] = (state, label)
                    waiting.append(after)
        self._nobody_is_stuck(ends, leads_to)
        return len(self._came_from)

    def _at_its_end(self, state: State) -> bool:
        sides = zip(self._programs, state.sides, strict=True)
        over = all(p.done(s.local) and not s.log and not s.buffer for p, s in sides)
        if over and not self._finished(state.words):
            raise self._broken(state, "all is done and something is missing")
        return over

    def _nobody_is_stuck(self, ends: list[State], leads_to: dict[State, list[State]]) -> None:
        reached, waiting = set(ends), deque(ends)
        while waiting:
            for before in leads_to.get(waiting.popleft(), ()):
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        for state in self._came_from:
            if state not in reached:
                raise self._broken(state, "from here nothing leads to the end")

    def _steps(self, state: State) -> Iterator[tuple[str, State]]:
        for number, (program, side) in enumerate(zip(self._programs, state.sides, strict=True)):
            yield from self._advanced(state, number, program, side)
            yield from self._arrived(state, number, side)
            if program.reborn is not None and side.kills:
                # The kernel's way into the process waits for its stores: none of them is lost.
                words = state.words
                for store in side.buffer:
                    words = replaced(words, store.address, store.value)
                fresh = Side(program.reborn(side.local), (), (), side.kills - 1)
                yield self._kept(state, f"{number} is killed", words, number, fresh)

    def _advanced(
        self, state: State, number: int, program: Program, side: Side
    ) -> Iterator[tuple[str, State]]:
        if program.done(side.local) and not side.log:
            return
        view = self._view
        view.begin(state.words, side, program.own)
        log: tuple[int, ...] = ()
        try:
            local = program.operation(view, side.local)
        except _Pause:
            local, log = side.local, tuple(view.log)
        except _Blocked:
            return
        except AssertionError as problem:
            raise self._broken(state, f"{number}: {problem}") from problem
        after = Side(local, log, view.buffer, side.kills)
        yield self._kept(state, f"{number} makes access {len(view.log)}", view.words, number, after)

    def _arrived(self, state: State, number: int, side: Side) -> Iterator[tuple[str, State]]:
        for place, store in enumerate(side.buffer):
            if place and (self._order is Order.BUFFERED or store.release):
                continue
            if any(other.address == store.address for other in side.buffer[:place]):
                continue
            words = replaced(state.words, store.address, store.value)
            rest = side._replace(buffer=side.buffer[:place] + side.buffer[place + 1 :])
            label = f"{number}'s word {store.address} becomes {store.value}"
            yield self._kept(state, label, words, number, rest)

    def _kept(
        self, state: State, label: str, words: tuple[int, ...], number: int, side: Side
    ) -> tuple[str, State]:
        try:
            self._promise(state.words, words)
        except AssertionError as problem:
            raise self._broken(state, f"{label}: {problem}") from problem
        sides = (*state.sides[:number], side, *state.sides[number + 1 :])
        return label, State(words, sides)

    def _broken(self, state: State, what: str) -> BrokenPromise:
        way, at = [what], self._came_from[state]
        while at is not None:
            way.append(at[1])
            at = self._came_from[at[0]]
        return BrokenPromise("\n".join(reversed(way)))


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
