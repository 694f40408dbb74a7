"""What a hot process may ask of the kernel: short turns, memory that stays resident, and real time.

Short turns need no rights and are always asked for.  The other two are optional, need rights that
most accounts lack, and are reported either way.  All belong to a process, so each hot process asks
for itself.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct

import msgspec

from hft.config import Processes

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_PRIORITY = 1
"""The lowest of real time: above everything ordinary, below the kernel's own threads."""

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")
"""size, policy, flags, nice, priority, runtime, deadline, period: ``linux/sched/types.h``."""
TURN_NS = 100_000
"""The shortest turn the kernel grants."""


class Granted(msgspec.Struct, frozen=True):
    """One answer of the kernel, with a sentence for the log."""

    granted: bool
    sentence: str


def take(wanted: Processes, *, own_core: bool) -> list[Granted]:
    """Ask for what the settings want; `own_core` says that nobody else runs on this core."""
    answers = []
    if wanted.mlockall:
        answers.append(lock_memory())
    if wanted.sched_fifo:
        answers.append(real_time(own_core=own_core))
    return answers


def short_turns() -> bool:
    """Ask for turns of TURN_NS on a core that is shared; says whether the kernel took it.

    From Linux 6.12 on, whoever wakes with a shorter turn than the one that runs goes first, so a
    tick does not wait for the dashboard's turn of some milliseconds to end (``sched_setattr(2)``:
    sched_runtime of an ordinary process).  Older kernels take it and do nothing; other systems have
    no such call.
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if platform.system() != "Linux" or number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, TURN_NS, 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, 0, ctypes.c_char_p(wanted), 0) == 0)


def lock_memory() -> Granted:
    """Keep every page of this process resident, present and future ones.

    With a limit on locked memory a later allocation would fail instead of being paged, so a limited
    account is refused here.
    """
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if os.geteuid() != 0 and limit != resource.RLIM_INFINITY:
        return Granted(False, f"memory is not locked: this account may lock {limit} bytes only")
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        failed = libc.mlockall(_MCL_CURRENT | _MCL_FUTURE)
    except AttributeError:
        return Granted(False, "memory is not locked: this system has no mlockall")
    if failed:
        return Granted(False, f"memory is not locked: {os.strerror(ctypes.get_errno())}")
    return Granted(True, "memory is locked")


def real_time(*, own_core: bool) -> Granted:
    """Run under SCHED_FIFO.

    On a shared core a process that spins would keep everybody else from running, the supervisor
    that could stop it included: refused there.
    """
    if not own_core:
        return Granted(False, "no real-time scheduling: this process has no core of its own")
    if not hasattr(os, "sched_setscheduler"):
        return Granted(False, "no real-time scheduling: this system has none")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError as problem:
        return Granted(False, f"no real-time scheduling: {problem.strerror}")
    return Granted(True, "runs under SCHED_FIFO")
