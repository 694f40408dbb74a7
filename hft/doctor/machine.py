"""The machine: cores, their governor, shared memory, the disk, the port, what a dead run left."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hft import boot
from hft.config import Processes, Settings
from hft.doctor.report import Finding, failed, noted, passed, warned
from hft.errors import BootError
from hft.pinning import plan_cores, quota_cores, usable_cores
from hft.topology import segment_bytes
from ringbuf.memory import KernelLock, segment_folder

DISK_LOW_BYTES = 1 << 30
DISK_FULL_BYTES = 100 << 20
_MB = 1 << 20
_OTHERS = 0o077
_PRIVATE = ("run.json", "dashboard.token", "dashboard.sessions", "control.sock")


class Machine(msgspec.Struct, frozen=True):
    """Where the kernel tells things; tests have a machine of their own."""

    cpus: Path = Path("/sys/devices/system/cpu")
    shared_memory: Path = segment_folder()


def check_machine(settings: Settings, data_dir: Path, machine: Machine) -> Iterator[Finding]:
    """Look at everything the engine wants of this machine."""
    running = engine_of(data_dir)
    yield _cores(settings.processes)
    yield _governor(machine.cpus)
    yield _room(settings.processes.shards, machine.shared_memory, running=bool(running))
    yield _disk(data_dir)
    yield from _remains(data_dir, running)
    yield _port(settings, running=bool(running))
    yield from _modes(data_dir)


def engine_of(data_dir: Path) -> str:
    """Name the engine that holds the lock of a folder; empty: none does."""
    path = data_dir / "engine.lock"
    if not path.exists():
        return ""
    lock = KernelLock(path)
    try:
        if lock.acquire():
            lock.release()
            return ""
        return f"pid {path.read_text().strip()}"
    except OSError as problem:
        return f"its lock cannot be looked at: {problem.strerror}"


def _cores(processes: Processes) -> Finding:
    cores, granted = usable_cores(), quota_cores()
    plan = plan_cores(cores, granted, processes.idle, pin=processes.pin, shards=processes.shards)
    waits = sorted({kind.name.lower() for kind in plan.idle.values()})
    if plan.warning:
        fix = "a core more for every hot process; with fewer it works, only slower"
        return warned("cores", plan.warning, fix)
    return passed("cores", f"{len(cores)} cores, processes wait by {' and '.join(waits)}")


def _governor(cpus: Path) -> Finding:
    files = sorted(cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    kinds = sorted({path.read_text().strip() for path in files})
    if not kinds:
        return noted("governor", "the system does not tell how it sets the cores' speed")
    if kinds == ["performance"]:
        return passed("governor", "every core runs at its full speed (performance)")
    return warned(
        "governor",
        f"cores slow down when idle ({', '.join(kinds)})",
        "sudo cpupower frequency-set -g performance",
    )


def _room(shards: int, folder: Path, *, running: bool) -> Finding:
    needed, free = segment_bytes(shards), shutil.disk_usage(folder).free
    if free < needed and not running:
        return failed(
            "memory",
            f"the segment needs {needed / _MB:.0f} MB and {folder} has {free / _MB:.0f} MB free",
            f"free some of {folder}; in a container, start it with --shm-size=128m",
        )
    return passed("memory", f"{folder} has {free / _MB:.0f} MB free, {needed / _MB:.0f} are needed")


def _disk(data_dir: Path) -> Finding:
    folder = data_dir
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        return failed(
            "disk", f"{folder} cannot be written by this user", "choose another [storage] data_dir"
        )
    free = shutil.disk_usage(folder).free
    text = f"{free / _MB:,.0f} MB are free for {data_dir}"
    if free < DISK_FULL_BYTES:
        return failed("disk", text, "make room: fills, logs and snapshots are written there")
    if free < DISK_LOW_BYTES:
        return warned("disk", text, "make room before long")
    return passed("disk", text)


def _remains(data_dir: Path, running: str) -> Iterator[Finding]:
    if running:
        yield noted("engine", f"an engine runs in {data_dir} ({running})")
        return
    if (segment_folder() / boot.segment_name(data_dir.absolute())).exists():
        yield noted(
            "engine",
            "a run that died left its shared memory; the next start keeps it as last-run.shm",
        )
    else:
        yield passed("engine", f"no engine runs in {data_dir}, and none left anything behind")


def _port(settings: Settings, *, running: bool) -> Finding:
    host, port = settings.dashboard.host, settings.dashboard.port
    where = f"{host} port {port}"
    if running:
        return noted("port", "an engine runs, so the port of its page is not tried")
    if port == 0:
        return passed("port", f"the page takes any free port of {host}")
    try:
        listener: socket.socket = boot.open_port(host, port)
    except BootError as problem:
        fix = "choose another [dashboard] port, or end what listens there"
        return failed("port", str(problem), fix)
    listener.close()
    return passed("port", f"{where} is free for the page")


def _modes(data_dir: Path) -> Iterator[Finding]:
    for name in _PRIVATE:
        path = data_dir / name
        if path.exists() and path.stat().st_mode & _OTHERS:
            mode = path.stat().st_mode & 0o777
            yield warned("files", f"others can open {path} (mode {mode:04o})", f"chmod 600 {path}")
