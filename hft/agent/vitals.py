"""The vitals of one process, as its own runner writes them: plain words, a few nanoseconds each."""

from __future__ import annotations

from hft.seats import Seat
from hft.state.blocks import VITALS, Life
from hft.topology import House

_FIELD = {name: index for index, name in enumerate(VITALS.names or ())}
_PID, _LIFE, _HEARTBEAT = _FIELD["pid"], _FIELD["life"], _FIELD["heartbeat_ns"]
_CYCLES, _LONGEST, _STALLS = _FIELD["cycles"], _FIELD["longest_cycle_ns"], _FIELD["stalls"]
_STARTED, _EXIT, _LATE = _FIELD["started_ns"], _FIELD["exit_code"], _FIELD["late_compilations"]
_CORE, _IDLE, _LOG_DROPPED = _FIELD["core"], _FIELD["idle"], _FIELD["log_dropped"]


class Vitals:
    """The writing side of one row of the vitals block; only the process itself holds one."""

    def __init__(self, house: House, seat: Seat) -> None:
        start = house.offsets["vitals"] + seat * VITALS.itemsize
        self._words = house.segment.view[start : start + VITALS.itemsize].cast("B").cast("q")

    @property
    def life(self) -> Life:
        """Where the process stands."""
        return Life(self._words[_LIFE])

    @life.setter
    def life(self, value: Life) -> None:
        self._words[_LIFE] = value

    def begin(self, pid: int, now_ns: int, core: int, idle: int) -> None:
        """Start a new row: who runs, since when, where, and how it waits."""
        words = self._words
        for index in range(len(_FIELD)):
            if index != _LIFE:
                words[index] = 0
        words[_PID], words[_STARTED], words[_HEARTBEAT] = pid, now_ns, now_ns
        words[_CORE], words[_IDLE] = core, idle

    def beat(self, now_ns: int) -> None:
        """Say that the process is alive."""
        self._words[_HEARTBEAT] = now_ns

    def cycle(self, started_ns: int, ended_ns: int, stall_ns: int) -> None:
        """Count one duty cycle, its length, and whether it was a stall."""
        words, length_ns = self._words, ended_ns - started_ns
        words[_HEARTBEAT] = ended_ns
        words[_CYCLES] += 1
        if length_ns > stall_ns:
            words[_STALLS] += 1
        if length_ns > words[_LONGEST]:
            words[_LONGEST] = length_ns

    def notice(self, late_compilations: int, log_dropped: int) -> None:
        """Publish what is looked at about once a second."""
        self._words[_LATE] = late_compilations
        self._words[_LOG_DROPPED] = log_dropped

    def end(self, exit_code: int) -> None:
        """Write the last word."""
        self._words[_EXIT] = exit_code
