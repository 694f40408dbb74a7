"""What a hot process may ask of the kernel: memory that stays resident, and real-time scheduling.

Both are optional, need rights that most accounts lack, and are reported either way.  They belong to
a process and are not inherited by a fork, so each hot process asks for itself.
"""

from __future__ import annotations

import ctypes
import os
import resource

import msgspec

from hft.config import Processes

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_PRIORITY = 1
"""The lowest of real time: above everything ordinary, below the kernel's own threads."""


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
