"""Forking, watching and reaping the house's processes."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable

import msgspec

from hft.clock import monotonic_ns
from hft.errors import ExitCode
from hft.seats import Seat
from hft.state.blocks import Life, Order
from hft.topology import SPECS, House
from hft.units import NS_PER_S

START_MAX_NS = 10 * NS_PER_S
COMPILE_MAX_NS = 60 * NS_PER_S
STOP_MAX_NS = 6 * NS_PER_S
_ABORT_GRACE_NS = NS_PER_S
_SUSPECT_GRACE_NS = NS_PER_S
_PR_SET_PDEATHSIG = 1
_WHY_BYTES_MAX = 4096

Entry = Callable[[], tuple[int, str]]
"""Runs in the child: lives a whole life and returns its exit code and the reason."""


class Death(msgspec.Struct, frozen=True):
    """How a child ended: its exit code, or minus the signal, and its own last words."""

    seat: Seat
    code: int
    why: str


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGTERM when the parent goes, and leave now if it has gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(ExitCode.OK)


def assert_single_task() -> None:
    """Refuse to fork beside a thread: the child would inherit its locks and not the thread."""
    if os.path.isdir("/proc/self/task"):
        tasks = len(os.listdir("/proc/self/task"))
        assert tasks == 1, f"the supervisor must be one task when it forks, it is {tasks}"


class Child:
    """The process of one seat, from the parent's side."""

    def __init__(self, seat: Seat, house: House) -> None:
        self.seat = Seat(seat)
        self.role = self.seat.role
        self.spec = SPECS[self.role]
        self.pid = 0
        self.deaths_ns: list[int] = []
        self.start_deadline_ns = 0
        self.restart_at_ns = 0
        self.fresh_state = False
        self._down_since_ns = 0
        self._why = -1
        self._vitals = house.vitals[seat]
        self._orders = house.orders_to[seat]
        self._suspect_since_ns = 0
        self._aborted_ns = 0

    @property
    def life(self) -> Life:
        """What the process says of itself."""
        return Life(int(self._vitals["life"])) if self.pid else Life.ABSENT

    def down_for_ns(self, now_ns: int) -> int:
        """How long the process has been neither READY nor RUNNING since it died; 0 while it is."""
        if self.life in (Life.READY, Life.RUNNING):
            self._down_since_ns = 0
        return now_ns - self._down_since_ns if self._down_since_ns else 0

    def fork(self, entry: Entry, start_max_ns: int = START_MAX_NS) -> None:
        """Start the process; the parent must be a single task.

        Raises:
            OSError: the operating system refuses another pipe or process; nothing is left of it.
        """
        self._why, write_end = os.pipe()
        self._orders["order"] = Order.NONE
        self._vitals["life"] = Life.STARTING
        self._vitals["heartbeat_ns"] = monotonic_ns()
        with contextlib.suppress(OSError):  # Nobody is there to read it, or there is no room.
            sys.stdout.flush()
            sys.stderr.flush()
        parent_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(self._why)
            os.close(write_end)
            self._why, self._vitals["life"] = -1, Life.STOPPED
            raise
        if pid == 0:
            os.close(self._why)
            _live_and_leave(entry, write_end, parent_pid)
        os.close(write_end)
        self.pid = pid
        self.start_deadline_ns = monotonic_ns() + start_max_ns
        self._suspect_since_ns = self._aborted_ns = 0

    def tell(self, order: Order) -> None:
        """Write the order word the process reads every cycle."""
        self._orders["order"] = order

    def reap(self) -> Death | None:
        """Collect the process if it has ended."""
        if not self.pid:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        why = os.read(self._why, _WHY_BYTES_MAX).decode(errors="replace")
        os.close(self._why)
        self._why = -1
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        now_ns = monotonic_ns()
        self._down_since_ns = self._down_since_ns or now_ns
        self._orders["died_ns"] = now_ns
        self._orders["last_exit"] = code
        return Death(self.seat, code, why)

    def check_heart(self, now_ns: int) -> str:
        """End a process that hangs, SIGABRT first so that it says where; returns what was done.

        A heart counts as silent only when it stays so over two looks: a machine that stood still
        as a whole delayed this process as well.
        """
        if not self.pid:
            return ""
        if self._aborted_ns:
            if now_ns - self._aborted_ns > _ABORT_GRACE_NS:
                os.kill(self.pid, signal.SIGKILL)
            return ""
        late_start = self.life is Life.STARTING and now_ns > self.start_deadline_ns
        age_ns = now_ns - int(self._vitals["heartbeat_ns"])
        silent = self.life is not Life.STARTING and age_ns > self.spec.heartbeat_max_ns
        if not late_start and not silent:
            self._suspect_since_ns = 0
            return ""
        if silent and not self._suspect_since_ns:
            self._suspect_since_ns = now_ns
        if silent and now_ns - self._suspect_since_ns < _SUSPECT_GRACE_NS:
            return ""
        self._aborted_ns = now_ns
        os.kill(self.pid, signal.SIGABRT)
        if late_start:
            return f"{self.seat.label} did not become ready in time"
        return f"{self.seat.label} hangs: no heartbeat for {age_ns / NS_PER_S:.1f} s"

    def kill(self) -> None:
        """End the process without asking."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)


def _live_and_leave(entry: Entry, why: int, parent_pid: int) -> None:
    code, reason = int(ExitCode.FATAL), ""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent(parent_pid)
        faulthandler.enable()
        code, reason = entry()
    except BaseException as problem:  # noqa: BLE001 - a child must never return into its parent's code.
        reason = f"{type(problem).__name__}: {problem}"
    finally:
        try:
            os.write(why, reason.encode()[:_WHY_BYTES_MAX])
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            # Whatever failed, even telling a parent that is gone: nothing below may run here.
            os._exit(code)
