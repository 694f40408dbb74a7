"""The claim: fifty open pages, one of them frozen, cost a tick nothing and the dashboard no memory.

Rounds without a watcher and rounds with fifty take turns, so that whatever else the machine does
falls on both.  Forty-nine watchers read all that comes, as browsers do, in a process of their own;
the fiftieth asks for the stream and never reads.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import selectors
import socket
import sys
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from benches.engine import Engine, engine
from benches.memory import counted, held_by
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from benches.tick_to_order import EVERY, on_the_strategys_core
from benches.tick_venue import Slice, exact_timers
from hft.clock import Deadline, monotonic_ns, sleep_s

WATCHERS, FROZEN = 50, 1
ROUNDS, QUICK_ROUNDS = 10, 2
SLICE_S, QUICK_SLICE_S = 5.0, 1.5
RATE = 1_000
WARM_S = 1.0
OPEN_WITHIN_S = 10.0
EVENTS_PER_S_MIN = 5.0
"""Of the ten looks a second, what a watcher must at least be told of; fewer where cores lack."""
_NUMBER = re.compile(rb"\nid: \d+-(\d+)\n")
_OPEN = b"HTTP/1.1 200"
_ASK = b"GET /api/sse HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Crowd:
    """Fifty watchers in a process of their own, and how many events those that read were told."""

    def __init__(self, address: tuple[str, int]) -> None:
        context = multiprocessing.get_context("fork")
        self._events = context.Value("q", 0)
        self._open, self._end = context.Event(), context.Event()
        args = (address, self._events, self._open, self._end)
        self._process = context.Process(target=_watch, args=args, daemon=True)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Open all streams, and close them behind.

        Raises:
            WrongAnswer: not all of them opened.
        """
        self._process.start()
        try:
            if not self._open.wait(OPEN_WITHIN_S):
                raise WrongAnswer(f"{WATCHERS} streams did not open within {OPEN_WITHIN_S:.0f} s")
            yield
        finally:
            self._end.set()
            self._process.join()

    @property
    def events(self) -> int:
        """Events told to all who read, so far."""
        return int(self._events.value)


def _watch(address: tuple[str, int], events: object, opened: Event, end: Event) -> None:
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    lines = [open_stream(address) for _ in range(WATCHERS)]
    with contextlib.ExitStack() as undo, selectors.DefaultSelector() as ready:
        for line in lines:
            undo.callback(line.close)
        readers = lines[FROZEN:]
        for line in readers:
            ready.register(line, selectors.EVENT_READ)
        begun: set[int] = set()
        while not end.is_set():
            for key, _ in ready.select(0.05):
                data = key.fileobj.recv(262144)  # type: ignore[union-attr]
                begun.add(key.fd)
                events.value += data.count(b"\nevent: patch\n")  # type: ignore[attr-defined]
            if len(begun) == len(readers):
                opened.set()


def open_stream(address: tuple[str, int]) -> socket.socket:
    """Open a stream; of a crowd that has just left, some may still be counted, and we are refused.

    Raises:
        WrongAnswer: it was refused for longer than that.
    """
    patience = Deadline(OPEN_WITHIN_S)
    while not patience.passed():
        line = socket.create_connection(address, OPEN_WITHIN_S)
        line.sendall(_ASK)
        if line.recv(len(_OPEN), socket.MSG_WAITALL) == _OPEN:
            return line
        line.close()
        sleep_s(0.05)
    raise WrongAnswer(f"a stream was refused for {OPEN_WITHIN_S:.0f} s")


def looks(address: tuple[str, int]) -> int:
    """How many looks that found something new the dashboard has told so far."""
    with open_stream(address) as line:
        heard = b""
        while (found := _NUMBER.search(heard)) is None:
            if not (more := line.recv(65536)):
                raise WrongAnswer("the dashboard ended a stream that had told nothing yet")
            heard += more
    return int(found.group(1))


class Told(NamedTuple):
    """Changes per second: sent by the dashboard to each watcher, and read by each meanwhile."""

    sent: float
    read: float


def crowded(running: Engine, seconds: float) -> tuple[Slice, Told]:
    """Measure one round with the crowd."""
    found = urlsplit(str(running.run["dashboard_url"]))
    address = str(found.hostname), int(found.port or 80)
    crowd = Crowd(address)
    with crowd.watching():
        number, events, began_ns = looks(address), crowd.events, monotonic_ns()
        slice_ = running.drive(RATE, seconds, EVERY[RATE])
        took_s = (monotonic_ns() - began_ns) / 1e9
        read = (crowd.events - events) / took_s / (WATCHERS - FROZEN)
        told = Told((looks(address) - number) / took_s, read)
    return slice_, told


def p99_us(slice_: Slice) -> float:
    """The 99th percentile of a round."""
    return float(np.percentile(slice_.took_ns, 99)) / 1e3


def measure(quick: bool) -> Outcome:
    """Measure rounds in turn, and what the dashboard holds after each."""
    exact_timers()
    rounds, seconds = (QUICK_ROUNDS, QUICK_SLICE_S) if quick else (ROUNDS, SLICE_S)
    alone: list[Slice] = []
    watched: list[Slice] = []
    told: list[Told] = []
    held_mb: list[float] = []
    with engine() as running, on_the_strategys_core():
        pids = {"dashboard": running.run["pids"]["dashboard"]}
        running.drive(RATE, WARM_S, EVERY[RATE])
        crowded(running, WARM_S)
        for number in range(rounds):
            # Turn about: what goes first must not always be the same.
            if number % 2:
                slice_, changes = crowded(running, seconds)
                alone.append(running.drive(RATE, seconds, EVERY[RATE]))
            else:
                alone.append(running.drive(RATE, seconds, EVERY[RATE]))
                slice_, changes = crowded(running, seconds)
            watched.append(slice_)
            told.append(changes)
            held_mb.append(counted(held_by(pids)["dashboard"]))
    read = median(each.read for each in told)
    if read < EVENTS_PER_S_MIN:
        # Nothing was shown that could cost anything.
        raise WrongAnswer(f"watchers read {read:.1f} changes a second instead of 10")
    return _outcome(alone, watched, told, held_mb)


def _outcome(
    alone: list[Slice], watched: list[Slice], told: list[Told], held_mb: list[float]
) -> Outcome:
    ratio = median(p99_us(with_) / p99_us(none) for none, with_ in zip(alone, watched, strict=True))
    growth_mb = held_mb[-1] - held_mb[0]
    metrics: Metrics = {
        "alone_p99_us": round(median(map(p99_us, alone)), 2),
        "watched_p99_us": round(median(map(p99_us, watched)), 2),
        "p99_ratio": round(ratio, 3),
        "sent_per_s": round(median(each.sent for each in told), 2),
        "read_per_s": round(median(each.read for each in told), 2),
        "dashboard_mb": round(held_mb[-1], 2),
        "dashboard_growth_mb": round(growth_mb, 2),
    }
    for name, slices in (("alone", alone), ("watched", watched)):
        p50 = median(float(np.percentile(each.took_ns, 50)) / 1e3 for each in slices)
        metrics[f"{name}_p50_us"] = round(p50, 2)
    rows = [
        Row("nobody watches, tick to order p50", metrics["alone_p50_us"], "us", baseline=True),
        Row("nobody watches, tick to order p99", metrics["alone_p99_us"], "us", baseline=True),
        Row(f"{WATCHERS} watch, tick to order p50", metrics["watched_p50_us"], "us"),
        Row(f"{WATCHERS} watch, tick to order p99", metrics["watched_p99_us"], "us"),
        Row(f"p99, ratio, median of {len(alone)} rounds", ratio, "times"),
        Row("changes sent to each watcher", metrics["sent_per_s"], "per second"),
        Row("changes each watcher read meanwhile", metrics["read_per_s"], "per second"),
        Row("dashboard holds", metrics["dashboard_mb"], "MB"),
        Row("dashboard grew from the first round to the last", growth_mb, "MB"),
    ]
    notes = [
        f"{FROZEN} of the {WATCHERS} never reads; medians of rounds taken in turn",
        "the watchers read on the same cores, under SCHED_IDLE: browsers have cores of their own",
    ]
    return Outcome(rows, metrics, notes)


if __name__ == "__main__":
    sys.exit(run("browsers", measure))
