"""Which process runs on which core, and how it waits; from the cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

import msgspec
import psutil

from hft.agent.idle import IdleKind
from hft.events import Role
from hft.topology import PROCESSES

SPINNERS = tuple(spec.role for spec in PROCESSES if spec.hot)
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


class CorePlan(msgspec.Struct, frozen=True):
    """The core and the idle strategy of every role; core -1 means not pinned."""

    cores: dict[Role, int]
    idle: dict[Role, IdleKind]
    warning: str = ""


def usable_cores() -> list[int]:
    """List the cores this process may run on; empty where the system knows no affinity."""
    if not hasattr(psutil.Process, "cpu_affinity"):
        return []
    return sorted(psutil.Process().cpu_affinity() or [])


def quota_cores() -> float:
    """Read how many cores' worth of time the control group grants; infinite without a limit."""
    try:
        quota, period = _CPU_MAX.read_text().split()
    except (OSError, ValueError):
        return math.inf
    return math.inf if quota == "max" else int(quota) / int(period)


def plan_cores(cores: list[int], granted: float, idle: str, *, pin: bool) -> CorePlan:
    """Give the strategy the last core, feed and execution the next ones, the first to all others.

    `idle` is a name of `IdleKind` in lower case, or "auto": spin only when cores are left over
    after every spinning process has its own, else park.
    """
    roles = list(Role)
    if not pin or not cores:
        warning = "" if not pin else "this system has no core affinity: processes are not pinned"
        where = dict.fromkeys(roles, -1)
    else:
        where = dict.fromkeys(roles, cores[0])
        ranked = sorted((spec for spec in PROCESSES if spec.hot), key=lambda spec: spec.core_rank)
        for place, spec in enumerate(ranked):
            if place < len(cores) - 1:
                where[spec.role] = cores[-1 - place]
        warning = _warning(cores)
    if idle != "auto":
        kind = IdleKind[idle.upper()]
        kinds = {role: kind if role in SPINNERS else IdleKind.PARK for role in roles}
        return CorePlan(where, kinds, warning)
    count = min(len(cores) or (os.cpu_count() or 1), granted)
    may_spin = pin and bool(cores) and count - 1 > len(SPINNERS)
    hot = IdleKind.SPIN if may_spin else IdleKind.PARK
    kinds = {role: hot if role in SPINNERS else IdleKind.PARK for role in roles}
    return CorePlan(where, kinds, warning)


def _warning(cores: list[int]) -> str:
    if len(cores) > len(SPINNERS):
        return ""
    if len(cores) == 1:
        return f"one core ({cores[0]}): every process shares it"
    shared = "feed and execution share" if len(cores) == 2 else "execution shares"
    return f"{len(cores)} cores: {shared} core {cores[0]} with everything else"


def pin_here(core: int) -> str:
    """Pin this process; returns what went wrong, empty when nothing did."""
    if core < 0:
        return ""
    try:
        psutil.Process().cpu_affinity([core])
    except (OSError, ValueError, psutil.Error) as problem:
        return f"not pinned to core {core}: {problem}"
    return ""
