"""``hft stat``: the page's truth in a terminal, of a running engine or of a dead one; read-only.

Keys while it is live: ``q`` ends it, ``l`` gives the log more room.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import io
import os
import re
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
from hft.stat.words import plainly
from hft.strategy.load import discover

LOOK_EVERY_S = 0.25
NOTHING_THERE = 1
PLAINLY = "hft-plainly"
_KEYS_AT_ONCE = 64
_ESCAPED = re.compile("\x1b(\\[[0-9;]*|O)?.?")
"""What keys without a letter send: an arrow, a function key."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def main(arguments: list[str] | None = None) -> int:
    """Show the state; returns 0, 1 where there is nothing to look at, 4 for wrong words."""
    parser = _Parser(
        prog="hft stat",
        description="The state of the engine, running or dead.",
        epilog="Keys while it is live: q ends it, l gives the log more room.",
    )
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error(PLAINLY, plainly)
        sys.stdout.reconfigure(errors=PLAINLY)
    console = Console(highlight=False, soft_wrap=False)
    if given.json:
        sys.stdout.write(f"{orjson.dumps(source.look()).decode()}\n")
    elif given.once or not _can_be_drawn_on(console):
        console.print(page(source.look(), console, Size(console.width, None)))
    else:
        _live(source, console)
    return 0


def _source(data_dir: Path | None, segment: str | None) -> Source:
    settings = None
    if Path(CONFIG_NAME).is_file():
        try:
            settings = load(Path(CONFIG_NAME))
        except ConfigError:
            # A file somebody is just changing hides no engine from whoever says where it is.
            if data_dir is None and segment is None:
                raise
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


def _can_be_drawn_on(console: Console) -> bool:
    """Whether somebody looks, with keys, at what can be drawn anew in its place."""
    return console.is_terminal and not console.is_dumb_terminal and sys.stdin.isatty()


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
                keys = _pressed(LOOK_EVERY_S)
                if "q" in keys:
                    break
                more_log = more_log != bool(keys.count("l") % 2)
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


def _pressed(wait_s: float) -> str:
    """The letters that were pressed, once there are any or the wait is over.

    Read past Python's own buffer: what waited there `select` would not see.
    """
    handle = sys.stdin.fileno()
    ready, _, _ = select.select([handle], [], [], wait_s)
    if not ready:
        return ""
    pressed = os.read(handle, _KEYS_AT_ONCE).decode(errors="replace")
    # Nothing to read, though ready: whoever sat there has gone.
    return _ESCAPED.sub("", pressed).lower() if pressed else "q"
