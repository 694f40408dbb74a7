"""Which process runs on which core, and how it waits; from the cores this process may use."""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path

import msgspec
import psutil

from hft.agent.idle import IdleKind
from hft.seats import Seat, seats_in, seats_of
from hft.topology import PROCESSES

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


class CorePlan(msgspec.Struct, frozen=True):
    """The core and the idle strategy of every seat; core -1 means not pinned."""

    cores: dict[Seat, int]
    idle: dict[Seat, IdleKind]
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


def plan_cores(
    cores: list[int], granted: float, idle: str, *, pin: bool, shards: int = 1
) -> CorePlan:
    """Give the strategies the last cores, feeds and execution the next, the first to all others.

    Where there are fewer cores than hot processes, these are dealt out from the last core to the
    first and back again.  `idle` is a name of `IdleKind` in lower case, or "auto": spin only when
    cores are left over after every spinning process has its own, else park.
    """
    seats, hot = seats_of(shards), hot_seats(shards)
    if not pin or not cores:
        warning = "" if not pin else "this system has no core affinity: processes are not pinned"
        where = dict.fromkeys(seats, -1)
    else:
        where = {**dict.fromkeys(seats, cores[0]), **_deal(hot, cores)}
        warning = _warning(cores, {seat: where[seat] for seat in hot})
    kind = _idle_kind(idle, cores, granted, spins=pin, hot=len(hot))
    kinds = {seat: kind if seat in hot else IdleKind.PARK for seat in seats}
    return CorePlan(where, kinds, warning)


def hot_seats(shards: int) -> list[Seat]:
    """The processes that get a core of their own first: strategies, feeds, execution."""
    ranked = sorted((spec for spec in PROCESSES if spec.hot), key=lambda spec: spec.core_rank)
    return [seat for spec in ranked for seat in seats_in(spec.role, shards)]


def _deal(hot: list[Seat], cores: list[int]) -> dict[Seat, int]:
    """Deal hot processes out to cores, the last first and back again, until none is left."""
    down = cores[::-1]
    back_and_forth = itertools.cycle(down + cores)
    return dict(zip(hot, back_and_forth, strict=False))


def _idle_kind(idle: str, cores: list[int], granted: float, *, spins: bool, hot: int) -> IdleKind:
    if idle != "auto":
        return IdleKind[idle.upper()]
    count = min(len(cores) or (os.cpu_count() or 1), granted)
    return IdleKind.SPIN if spins and cores and count - 1 > hot else IdleKind.PARK


def _warning(cores: list[int], hot: dict[Seat, int]) -> str:
    """Say who shares a core, and with whom; empty when every hot process has its own."""
    if len(cores) == 1:
        return f"one core ({cores[0]}): every process shares it"
    shared = []
    for core in cores:
        names = [seat.label for seat in sorted(hot) if hot[seat] == core]
        share = "share" if len(names) > 1 else "shares"
        if core == cores[0] and names:
            shared.append(f"{_listed(names)} {share} core {core} with everything else")
        elif len(names) > 1:
            shared.append(f"{_listed(names)} share core {core}")
    return f"{len(cores)} cores: {'; '.join(shared)}" if shared else ""


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def pin_here(core: int) -> str:
    """Pin this process; returns what went wrong, empty when nothing did."""
    if core < 0:
        return ""
    try:
        psutil.Process().cpu_affinity([core])
    except (OSError, ValueError, psutil.Error) as problem:
        return f"not pinned to core {core}: {problem}"
    return ""
