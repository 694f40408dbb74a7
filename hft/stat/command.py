"""``hft stat``: the page's truth in a terminal, of a running engine or of a dead one; read-only.

Keys while it is live: ``q`` ends it, ``l`` gives the log more room.
"""

from __future__ import annotations

import argparse
import contextlib
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import orjson
from rich.console import Console
from rich.live import Live

from hft.boot import CONFIG_NAME
from hft.config import Settings, demo_settings, load
from hft.errors import BootError, ConfigError, HftError
from hft.stat.screen import Size, page
from hft.stat.source import Source
from hft.strategy.load import discover

LOOK_EVERY_S = 0.25
NOTHING_THERE = 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def main(arguments: list[str] | None = None) -> int:
    """Show the state; returns 0, 1 where there is nothing to look at, 4 for wrong words."""
    parser = _Parser(prog="hft stat", description="The state of the engine, running or dead.")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--data-dir",
        type=Path,
        help=f"folder of the engine; else that of ./{CONFIG_NAME}, else the demo's",
    )
    where.add_argument("--segment", help="a segment's name, or the file of one that was kept")
    parser.add_argument("--once", action="store_true", help="print once and leave")
    parser.add_argument("--json", action="store_true", help="print once, as JSON")
    try:
        given = parser.parse_args(arguments)
        source = _source(given.data_dir, given.segment)
    except BootError as problem:
        sys.stderr.write(f"hft stat: {problem}\n")
        return NOTHING_THERE
    except HftError as problem:
        sys.stderr.write(f"hft stat: {problem}\n")
        return int(problem.exit_code)
    console = Console(highlight=False, soft_wrap=False)
    if given.json:
        sys.stdout.write(f"{orjson.dumps(source.look()).decode()}\n")
    elif given.once or not (console.is_terminal and sys.stdin.isatty()):
        console.print(page(source.look(), console, Size(console.width, None)))
    else:
        _live(source, console)
    return 0


def _source(data_dir: Path | None, segment: str | None) -> Source:
    settings = load(Path(CONFIG_NAME)) if Path(CONFIG_NAME).is_file() else None
    catalogue = discover(settings.trading.strategies_dirs if settings else ())
    if segment is not None:
        path = Path(segment)
        return Source(path if path.is_file() else segment, catalogue)
    return Source.of_folder(data_dir or _default_folder(settings), catalogue)


def _default_folder(settings: Settings | None) -> Path:
    """Where the engine started from this folder keeps its files."""
    if settings is not None:
        return Path(settings.storage.data_dir)
    return Path(demo_settings().storage.data_dir) / "demo"


def _live(source: Source, console: Console) -> None:
    """Draw four times a second until `q` or a signal."""
    ended = [False]

    def end(_number: int, _frame: FrameType | None) -> None:
        ended[0] = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    more_log = False
    try:
        with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
            while not ended[0]:
                size = Size(console.width, console.height)
                live.update(page(source.look(), console, size, more_log=more_log), refresh=True)
                key = _key(LOOK_EVERY_S)
                if key == "q":
                    break
                more_log = more_log != (key == "l")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _keys() -> Iterator[None]:
    """Hear keys as they are pressed, unseen; the terminal is given back as it was."""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    tty.setcbreak(handle)
    try:
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)


def _key(wait_s: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], wait_s)
    return sys.stdin.read(1).lower() if ready else ""
