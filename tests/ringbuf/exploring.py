"""Every interleaving of small programs over shared words.

A program is an operation that is repeated: ordinary Python that touches the shared words through a
`View`.  It must be a pure function of what it loads, because it is never suspended: to go one
access further it is run again from its beginning, with what it loaded so far.  So the very
functions of `ringbuf` are explored, not a copy of them.

A state is the words, the stores on their way to them, and how far each program is.  All reachable
states are visited, breadth first, so a broken promise comes with one of the shortest ways to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.ringbuf.shared_words import Blocked, Local, Order, Pause, Side, View, replaced

Operation = Callable[[View, Local], Local]


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
        except Pause:
            local, log = side.local, tuple(view.log)
        except Blocked:
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
