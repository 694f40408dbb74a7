"""Every interleaving of small programs over shared words.

A program is an operation that is repeated: ordinary Python that touches the shared words through a
`View`.  It must be a pure function of what it loads, because it is never suspended: to go one
access further it is run again from its beginning, with what it loaded so far.  So the very
functions of `ringbuf` are explored, not a copy of them.

A state is the words, the stores on their way to them, and how far each program is.  All reachable
states are visited, breadth first, so a broken promise comes with one of the shortest ways to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.ringbuf.shared_words import Blocked, Local, Order, Pause, Side, View, replaced

Operation = Callable[[View, Local], Local]
Label = tuple[object, ...]
"""What a step was, in words for whoever has to read a way that leads to a broken promise."""


class Program(NamedTuple):
    """One side: an operation repeated until `done`, and the words that only it writes."""

    operation: Operation
    done: Callable[[Local], bool]
    start: Local
    own: frozenset[int]
    reborn: Callable[[Local], Local] | None = None
    """What a fresh process begins with after a kill; None: it is never killed."""
    kills: int = 0


class State(NamedTuple):
    words: tuple[int, ...]
    sides: tuple[Side, ...]


class BrokenPromise(Exception):
    """A state was reached that must not be; the text tells how."""


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
        self._came_from: list[tuple[int, Label] | None] = []

    def run(self, words: tuple[int, ...]) -> int:
        """Visit every reachable state; how many there are.

        Raises:
            BrokenPromise: with the way that leads there.
        """
        first = State(words, tuple(Side(p.start, (), (), p.kills) for p in self._programs))
        numbers, states = {first: 0}, [first]
        leads_to: list[list[int]] = [[]]
        self._came_from = [None]
        ends: list[int] = []
        # The list grows while it is walked: that is the queue of a breadth-first search.
        for number, state in enumerate(states):
            self._at = number
            if self._at_its_end(state):
                ends.append(number)
            for label, after in self._steps(state):
                found = numbers.setdefault(after, len(states))
                if found == len(states):
                    states.append(after)
                    leads_to.append([])
                    self._came_from.append((number, label))
                leads_to[found].append(number)
        self._nobody_is_stuck(ends, leads_to)
        return len(states)

    def _at_its_end(self, state: State) -> bool:
        sides = zip(self._programs, state.sides, strict=True)
        over = all(p.done(s.local) and not s.log and not s.buffer for p, s in sides)
        if over and not self._finished(state.words):
            raise self._broken("all is done and something is missing")
        return over

    def _nobody_is_stuck(self, ends: list[int], leads_to: list[list[int]]) -> None:
        reached, waiting = set(ends), list(ends)
        while waiting:
            for before in leads_to[waiting.pop()]:
                if before not in reached:
                    reached.add(before)
                    waiting.append(before)
        for number in range(len(leads_to)):
            if number not in reached:
                self._at = number
                raise self._broken("from here nothing leads to the end")

    def _steps(self, state: State) -> Iterator[tuple[Label, State]]:
        for number, (program, side) in enumerate(zip(self._programs, state.sides, strict=True)):
            yield from self._advanced(state, number, program, side)
            yield from self._arrived(state, number, side)
            if program.reborn is not None and side.kills:
                # The kernel's way into the process waits for its stores: none of them is lost.
                words = state.words
                for store in side.buffer:
                    words = replaced(words, store.address, store.value)
                fresh = Side(program.reborn(side.local), (), (), side.kills - 1)
                yield self._kept(state, (number, "is killed"), words, number, fresh)

    def _advanced(
        self, state: State, number: int, program: Program, side: Side
    ) -> Iterator[tuple[Label, State]]:
        if program.done(side.local) and not side.log:
            return
        view = self._view
        view.begin(state.words, side, program.own)
        log: tuple[int, ...] = ()
        try:
            local = program.operation(view, side.local)
        except Pause:
            local, log = side.local, tuple(view.log)
        except Blocked:
            return
        except AssertionError as problem:
            raise self._broken(f"{number}: {problem}") from problem
        after = Side(local, log, view.buffer, side.kills)
        yield self._kept(state, (number, "makes access", len(view.log)), view.words, number, after)

    def _arrived(self, state: State, number: int, side: Side) -> Iterator[tuple[Label, State]]:
        for place, store in enumerate(side.buffer):
            if place and (self._order is Order.BUFFERED or store.release):
                continue
            if any(other.address == store.address for other in side.buffer[:place]):
                continue
            words = replaced(state.words, store.address, store.value)
            rest = side._replace(buffer=side.buffer[:place] + side.buffer[place + 1 :])
            label = (number, "lets arrive", store)
            yield self._kept(state, label, words, number, rest)

    def _kept(
        self, state: State, label: Label, words: tuple[int, ...], number: int, side: Side
    ) -> tuple[Label, State]:
        try:
            if words is not state.words:
                self._promise(state.words, words)
        except AssertionError as problem:
            raise self._broken(f"{label}: {problem}") from problem
        sides = (*state.sides[:number], side, *state.sides[number + 1 :])
        return label, State(words, sides)

    def _broken(self, what: str) -> BrokenPromise:
        way, came_from = [what], self._came_from[self._at]
        while came_from is not None:
            way.append(" ".join(map(str, came_from[1])))
            came_from = self._came_from[came_from[0]]
        return BrokenPromise("\n".join(reversed(way)))
