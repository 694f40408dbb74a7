"""Record a venue's raw market streams to a file that the simulator can play again.

``python -m hft.record --out FILE[.gz] [--config FILE | --ws-url URL] [--symbols A,B]
[--seconds N]``; without either address, ``./config.toml`` where it is there.

One line per message: ``<receive time, wall-clock ns> {"stream":...,"data":...}``, the text exactly
as it came.  No keys are needed: market streams are public.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import select
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import msgspec

from hft.boot import CONFIG_NAME
from hft.clock import Deadline, wall_ns
from hft.config import load
from hft.errors import BootError, ConfigError, HftError
from hft.wire.connection import Connection, ConnectionClosed, Dialler

ROUTES = {
    "public": ("bookTicker", "depth@100ms", "trade"),
    "market": ("aggTrade", "markPrice@1s", "forceOrder"),
}
"""Streams by the prefix that delivers them."""

_DIAL_MAX_S = 15.0
_LOOK_MS = 100


class _Envelope(msgspec.Struct):
    stream: str = ""


_read_envelope = msgspec.json.Decoder(_Envelope).decode


class Recorder:
    """Connections to both routes, and the file their messages go to."""

    def __init__(self, ws_url: str, symbols: list[str], file: BinaryIO, ca_file: str = "") -> None:
        self._links = [_dial(_url(ws_url, route, symbols), ca_file) for route in ROUTES]
        self._file = file
        self.counts: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        """Write what comes until the time is over or a signal asks to stop.

        Raises:
            ConnectionClosed: the venue ended a connection; what came before is in the file.
        """
        stop = [False]

        def ask(_number: int, _frame: object) -> None:
            stop[0] = True

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        poller = select.poll()
        for link in self._links:
            poller.register(link.fileno(), select.POLLIN)
        deadline = Deadline(seconds)
        while not stop[0] and not deadline.passed():
            poller.poll(_LOOK_MS)
            for link in self._links:
                self._write(link.receive(), wall_ns())
        for number, handler in before.items():
            signal.signal(number, handler)

    def _write(self, messages: list[bytes], now_ns: int) -> None:
        for message in messages:
            stream = _read_envelope(message).stream
            if stream:
                self.counts[stream] += 1
                self._file.write(b"%d %b\n" % (now_ns, message))

    def close(self) -> None:
        """Close the connections."""
        for link in self._links:
            link.close()


def _url(ws_url: str, route: str, symbols: list[str]) -> str:
    names = [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in ROUTES[route]]
    return f"{ws_url}/{route}/stream?streams={'/'.join(names)}"


def _dial(url: str, ca_file: str) -> Connection:
    dialler = Dialler(url, lambda: None, ca_file)
    dialler.start()
    deadline = Deadline(_DIAL_MAX_S)
    while (result := dialler.result()) is None:
        if deadline.passed():
            dialler.abandon()
            raise BootError(f"{url} did not answer within {_DIAL_MAX_S:.0f} s")
        select.select([], [], [], 0.01)
    if isinstance(result, Exception):
        raise BootError(f"cannot connect to {url}: {result}")
    return Connection(result)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def main(arguments: list[str] | None = None) -> int:
    """Record and print a summary; returns an exit code of `hft.errors.ExitCode`."""
    parser = _Parser(prog="python -m hft.record", description="Record market streams.")
    parser.add_argument("--out", type=Path, required=True, help="the file; .gz compresses")
    parser.add_argument(
        "--config",
        type=Path,
        help=f"take address and symbols from this file; ./{CONFIG_NAME} when it is there",
    )
    parser.add_argument("--ws-url", help="address of the streams instead")
    parser.add_argument("--symbols", help="comma-separated, instead of the configured ones")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="for how long; default: %(default)g"
    )
    try:
        given = parser.parse_args(arguments)
        config = given.config
        if config is None and not given.ws_url and Path(CONFIG_NAME).is_file():
            config = Path(CONFIG_NAME)
        settings = load(config)
        ws_url = (given.ws_url or settings.network.ws_url).rstrip("/").removesuffix("/ws")
        if not ws_url:
            raise ConfigError(
                f"no address: expected ./{CONFIG_NAME}, --config FILE or --ws-url URL"
            )
        symbols = given.symbols.split(",") if given.symbols else settings.trading.symbols
        return _record(given.out, ws_url, symbols, given.seconds, settings.network.ca_file)
    except HftError as problem:
        sys.stderr.write(f"hft.record: {problem}\n")
        return problem.exit_code


def _record(out: Path, ws_url: str, symbols: list[str], seconds: float, ca_file: str) -> int:
    code = 0
    with contextlib.ExitStack() as files:
        try:
            file: BinaryIO = files.enter_context(out.open("xb"))
        except OSError as problem:
            raise BootError(f"cannot make {out}: {problem.strerror}") from problem
        if out.suffix == ".gz":
            file = cast(BinaryIO, files.enter_context(gzip.GzipFile(fileobj=file, mode="wb")))
        recorder = Recorder(ws_url, symbols, file, ca_file)
        try:
            recorder.run(seconds)
        except ConnectionClosed as problem:
            sys.stderr.write(f"hft.record: the venue ended the connection: {problem}\n")
            code = int(HftError.exit_code)
        finally:
            recorder.close()
    for stream, count in sorted(recorder.counts.items()):
        sys.stdout.write(f"{count:>8}  {stream}\n")
    sys.stdout.write(f"{sum(recorder.counts.values()):>8}  messages in {out}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
