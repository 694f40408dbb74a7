"""Everything that must hold before the first process is forked: words, locks, memory, ports."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import BinaryIO

import msgspec
import psutil

from hft.clock import Deadline, anchor_now, sleep_s, wall_ms
from hft.config import DRY_RUN_FOLDER, KeySource, Network, Settings, check_shards, load
from hft.errors import BootError, ConfigError
from hft.state.blocks import Mode
from hft.topology import House
from ringbuf.memory import KernelLock, Segment, segment_folder, unlink

CONFIG_NAME = "config.toml"
LAST_RUN = "last-run.shm"
_ORPHANS_MAX_S = 15.0


class Options(msgspec.Struct, frozen=True):
    """The command line of the supervisor; None means not given."""

    config: Path | None = None
    demo: bool = False
    data_dir: Path | None = None
    port: int | None = None
    duration_s: float | None = None
    strategy: str | None = None
    shards: int | None = None
    replay: Path | None = None
    speed: float = 1.0


class Plan(msgspec.Struct, frozen=True):
    """What this run is: its settings, its folder, and whether it is the demo."""

    settings: Settings
    config: Path | None
    data_dir: Path
    demo: bool
    mode: Mode
    options: Options
    market: Network | None = None
    """The venue whose market is watched, where orders go to another one: a dry run's."""

    @property
    def on_paper(self) -> bool:
        """Say whether no real money is at stake: the venue is a child of this house."""
        return self.demo or self.settings.trading.dry_run


def make_plan(options: Options) -> Plan:
    """Find and read the config file, or plan the demo where there is none.

    Raises:
        ConfigError: the file, or an option that contradicts it, is wrong.
        BootError: the data folder cannot be made or written.
    """
    config = options.config
    if config is None and not options.demo and Path(CONFIG_NAME).is_file():
        config = Path(CONFIG_NAME)
    settings = load(config)
    demo = config is None
    if options.replay and not demo:
        raise ConfigError(
            f"--replay plays a recording in the demo, and {config} names a venue: "
            "expected --demo as well."
        )
    if options.replay and not options.replay.is_file():
        raise ConfigError(f"--replay: there is no file {options.replay}.")
    if options.strategy:
        trading = msgspec.structs.replace(settings.trading, strategy=options.strategy)
        settings = msgspec.structs.replace(settings, trading=trading)
    if options.shards is not None:
        processes = msgspec.structs.replace(settings.processes, shards=options.shards)
        settings = msgspec.structs.replace(settings, processes=processes)
        if not demo:
            check_shards("--shards", settings)
    folder = Path(settings.storage.data_dir)
    data_dir = options.data_dir or (folder / "demo" if demo else folder)
    if options.data_dir and settings.trading.dry_run:
        data_dir /= DRY_RUN_FOLDER
    return Plan(
        settings=settings,
        config=config,
        data_dir=writable_folder(data_dir),
        demo=demo,
        mode=mode_of(settings, demo=demo),
        options=options,
    )


def mode_of(settings: Settings, *, demo: bool) -> Mode:
    """Name the kind of venue, for people; nothing below decides by it."""
    if demo:
        return Mode.DEMO
    if settings.trading.dry_run:
        return Mode.DRY_RUN
    return {"testnet": Mode.TESTNET, "mainnet": Mode.LIVE}.get(
        str(settings.network.venue()), Mode.CUSTOM
    )


def writable_folder(path: Path) -> Path:
    """Make the data folder and prove that it can be written.

    Raises:
        BootError: it cannot; one sentence with the folder and the cause.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "logs").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as problem:
        reason = problem.strerror
        raise BootError(f"the data folder {path} cannot be written: {reason}") from problem
    return path.absolute()


def write_private(path: os.PathLike[str], content: bytes) -> None:
    """Replace a file at once, readable by its owner only."""
    fresh = f"{os.fspath(path)}.tmp"
    with _private(fresh) as file:
        file.write(content)
    os.replace(fresh, path)


def _private(path: str) -> BinaryIO:
    """Open a file for writing from its beginning, readable by its owner only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(handle, 0o600)  # It may have been there, and readable by others.
    return os.fdopen(handle, "wb")


def try_private(path: Path, content: bytes) -> str:
    """Replace a file like `write_private`; returns in a sentence what is against it, or nothing.

    For what is kept while the house runs: a full disk must not end it.
    """
    try:
        write_private(path, content)
    except OSError as problem:
        return f"{path} cannot be written: {problem.strerror}"
    return ""


class Locks:
    """One engine per data folder and per account, for as long as this process lives."""

    def __init__(self) -> None:
        self._held: list[KernelLock] = []

    def take_folder(self, data_dir: Path) -> None:
        """Lock the data folder.

        Raises:
            BootError: another engine holds it.
        """
        path = data_dir / "engine.lock"
        self._take(path, f"another engine runs in {data_dir} (pid {_pid_in(path)})")

    def take_account(self, rest_url: str, api_key: str) -> None:
        """Lock the account, wherever on this machine its other engine may live.

        Raises:
            BootError: another engine trades it.
        """
        digest = hashlib.blake2b(f"{rest_url} {api_key}".encode(), digest_size=8).hexdigest()
        path = Path(tempfile.gettempdir()) / f"hft-account-{os.getuid()}-{digest}.lock"
        self._take(path, f"another engine (pid {_pid_in(path)}) trades this account at {rest_url}")

    def release(self) -> None:
        """Give every lock back."""
        for lock in self._held:
            lock.release()
        self._held.clear()

    def _take(self, path: Path, taken: str) -> None:
        lock, patience = KernelLock(path), Deadline(_ORPHANS_MAX_S)
        try:
            while not lock.acquire():
                # The children of a supervisor that was killed hold its locks while they drain.
                if patience.passed() or _lives(_pid_in(path)):
                    raise BootError(f"{taken}: stop it first")
                sleep_s(0.05)
            path.write_text(str(os.getpid()))
        except OSError as problem:
            raise BootError(f"cannot lock {path}: {problem.strerror}") from problem
        self._held.append(lock)


def _pid_in(path: Path) -> int:
    """Read who took a lock; our own pid, which lives, when nobody can tell."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return os.getpid()


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def segment_name(data_dir: Path) -> str:
    """Name the segment of a data folder; the same folder always has the same one."""
    digest = hashlib.blake2b(str(data_dir).encode(), digest_size=6).hexdigest()
    return f"hft-{os.getuid()}-{digest}"


def lay_house(data_dir: Path, shards: int = 1) -> House:
    """Make the segment; one left by a run that died is kept as ``last-run.shm`` and reclaimed.

    The folder's lock is held, so whoever made the old one is gone.

    Raises:
        BootError: there is no room for it, or it may not be made.
    """
    name = segment_name(data_dir)
    try:
        if (segment_folder() / name).exists():
            keep_segment(data_dir)
        return House.create(name, anchor_now(), shards)
    except OSError as problem:
        raise BootError(f"cannot make the shared memory segment: {problem}") from problem


def keep_segment(data_dir: Path) -> None:
    """Copy the segment to the data folder for a look afterwards, then remove it."""
    name = segment_name(data_dir)
    # Positions and orders are their owner's alone, here as there.
    with (segment_folder() / name).open("rb") as kept, _private(str(data_dir / LAST_RUN)) as copy:
        shutil.copyfileobj(kept, copy)
    unlink(name)


def sweep(data_dir: Path) -> None:
    """Clear what a dead supervisor left: the segment is kept as ``last-run.shm``, names go."""
    keep_segment(data_dir)
    for name in ("control.sock", "run.json"):
        (data_dir / name).unlink(missing_ok=True)


def fill_run(house: House, plan: Plan, symbols: list[str]) -> None:
    """Write the words of the run that never change."""
    run, settings = house.run[0], plan.settings
    run["session_epoch"] = wall_ms()
    run["started_mono_ns"] = house.anchor.monotonic_ns
    run["started_wall_ns"] = house.anchor.wall_ns
    run["supervisor_pid"] = os.getpid()
    run["mode"] = plan.mode
    run["symbol_count"] = len(symbols)
    for index, symbol in enumerate(symbols):
        run["symbols"][index] = symbol.encode()
    run["maker_fee"] = settings.trading.fee_maker
    run["taker_fee"] = settings.trading.fee_taker


def open_port(host: str, port: int) -> socket.socket:
    """Listen for the dashboard.

    Raises:
        BootError: the port is taken or the address is not this machine's.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as problem:
        listener.close()
        raise BootError(
            f"the dashboard cannot listen on {host} port {port}: {problem.strerror}; "
            "choose another with --port"
        ) from problem
    return listener


def key_source(plan: Plan) -> KeySource:
    """Say where the processes that sign find the keys."""
    if plan.on_paper:
        return KeySource(path=str(plan.data_dir / "run.json"), kind="run")
    return KeySource(path=str(plan.config), kind="config")


def attach_for_look(path_or_name: str) -> House:
    """Open a running engine's segment by name, or the kept copy of a dead one, read-only."""
    path = Path(path_or_name)
    found = Segment.map_file(path) if path.is_file() else Segment.attach(path_or_name)
    return House.attach(found)
