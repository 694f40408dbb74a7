"""Run the local exchange: `python -m hft.simulator --port 0`."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import orjson
import uvloop

from hft.errors import BootError, ConfigError, ExitCode, HftError
from hft.simulator.clockwork import Clockwork, Market, SteppedMarkets
from hft.simulator.fault_door import FaultyProtocol
from hft.simulator.fault_kinds import Scenario, read_scenario
from hft.simulator.fault_venue import FaultyVenue
from hft.simulator.limits import Limits
from hft.simulator.market import SyntheticMarket, character_of
from hft.simulator.recording import read_head
from hft.simulator.replay import ReplayMarket
from hft.simulator.server import ClientProtocol, Connections
from hft.simulator.state_options import (
    add_state_options,
    begin_keeping,
    check_state_options,
    finish_keeping,
    restore_asked,
    stop_keeping,
)
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue

API_KEY = "simulator-key".ljust(64, "0")
API_SECRET = "simulator-secret".ljust(64, "0")
"""What opens it unless other keys are given; known to everybody, and only on this machine."""
PR_SET_PDEATHSIG = 1
CLOSE_GRACE_S = 0.2
FINISHED_LOOK_S = 0.1


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; gives the exit code."""
    try:
        options = _read_arguments(argv)
        if options.parent_pid:
            _follow_parent(options.parent_pid)
        uvloop.run(_serve(options))
    except HftError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return error.exit_code
    return ExitCode.OK


def _read_arguments(argv: list[str] | None) -> argparse.Namespace:
    # Wide enough that no key is broken in two.
    form = functools.partial(argparse.HelpFormatter, width=100)
    parser = _Arguments(prog="python -m hft.simulator", description=__doc__, formatter_class=form)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1; 0: any")
    parser.add_argument(
        "--symbols", default="BTCUSDT,ETHUSDT", help="symbols to list; default: %(default)s"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the synthetic market; default: %(default)s"
    )
    parser.add_argument("--replay", metavar="FILE", help="play this recording instead")
    parser.add_argument("--speed", type=float, default=1.0, help="replay X times faster")
    parser.add_argument(
        "--limits",
        choices=("venue", "off"),
        default="venue",
        help="enforce the rate limits, or only count; default: %(default)s",
    )
    parser.add_argument("--api-key", default=API_KEY, help="default: %(default)s")
    parser.add_argument("--api-secret", default=API_SECRET, help="default: %(default)s")
    parser.add_argument(
        "--faults",
        metavar="SCENARIO",
        help="commit faults: a TOML or JSON file, a scenario's name, or on (POST /sim/faults)",
    )
    add_state_options(parser)
    parser.add_argument("--parent-pid", type=int, default=0, help="end when this process ends")
    options = parser.parse_args(argv)
    if not 0 <= options.port <= 65_535:
        raise ConfigError(f"--port must be 0 to 65535, not {options.port}")
    if not options.speed > 0:
        raise ConfigError(f"--speed must be above 0, not {options.speed}")
    check_state_options(options)
    options.symbols = [name.strip().upper() for name in options.symbols.split(",") if name.strip()]
    unknown = [name for name in options.symbols if name not in KNOWN]
    if unknown or not options.symbols:
        raise ConfigError(f"--symbols knows {', '.join(KNOWN)}, not {', '.join(unknown) or 'none'}")
    return options


def _follow_parent(parent_pid: int) -> None:
    """Leave interrupts to the parent, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise BootError(f"the parent process {parent_pid} is gone")


async def _serve(options: argparse.Namespace) -> None:
    scenario = read_scenario(options.faults) if options.faults else None
    venue, market = _replay(options) if options.replay else _synthetic(options)
    venue.seed = options.seed
    try:
        await _serve_venue(options, scenario, venue, market)
    finally:
        stop_keeping(venue)


async def _serve_venue(
    options: argparse.Namespace, scenario: Scenario | None, venue: Venue, market: Market
) -> None:
    begin_keeping(venue)
    everyone = Connections()
    open_protocol: Callable[[], ClientProtocol]
    open_protocol = functools.partial(ClientProtocol, venue, everyone)
    if scenario is not None:
        faulty = FaultyVenue(venue, scenario, options.seed)
        open_protocol = functools.partial(FaultyProtocol, faulty, everyone)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(open_protocol, "127.0.0.1", options.port)
    except OSError as error:
        raise BootError(
            f"cannot listen on 127.0.0.1:{options.port}: {os.strerror(error.errno or 0)}"
        ) from None
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    if not options.parent_pid:
        loop.add_signal_handler(signal.SIGINT, stopping.set)
    clockwork = Clockwork(venue, market, everyone)
    ticking = asyncio.create_task(clockwork.run())
    known = (options.api_key, options.api_secret) == (API_KEY, API_SECRET)
    _say_listening(server.sockets[0].getsockname()[1], venue, API_KEY if known else "")
    waiting = asyncio.create_task(stopping.wait())
    telling = asyncio.create_task(_say_when_finished(venue))
    await asyncio.wait({ticking, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if ticking.done():
        ticking.result()
    ticking.cancel()
    telling.cancel()
    market.close()
    server.close()
    for connection in list(everyone):
        connection.go_away()
    await asyncio.sleep(CLOSE_GRACE_S if everyone else 0)
    finish_keeping(venue)


def _synthetic(options: argparse.Namespace) -> tuple[Venue, Market]:
    credentials = Credentials(options.api_key, options.api_secret)
    limits = Limits(enforced=options.limits == "venue")
    venue = Venue([KNOWN[name] for name in options.symbols], credentials, limits=limits)
    restore_asked(venue, options)
    now_ms = venue.now_ms()
    markets = [
        SyntheticMarket(venue.exchange, listing, character_of(name), options.seed, now_ms=now_ms)
        for name, listing in venue.exchange.listings.items()
    ]
    venue.describe_market = lambda: {
        "kind": "synthetic",
        "seed": options.seed,
        "finished": False,
        "recorded_time_ms": None,
        "events": sum(market.steps for market in markets),
    }
    return venue, SteppedMarkets(venue, markets)


def _replay(options: argparse.Namespace) -> tuple[Venue, Market]:
    path = Path(options.replay)
    head = read_head(path)
    credentials = Credentials(options.api_key, options.api_secret)
    limits = Limits(enforced=options.limits == "venue")
    venue = Venue(head.symbols, credentials, recorded=True, limits=limits)
    restore_asked(venue, options)
    market = ReplayMarket(venue, path, head, options.speed)
    market.on_end = lambda: _say({"finished": True})
    venue.describe_market = market.describe
    return venue, market


def _say_listening(port: int, venue: Venue, api_key: str) -> None:
    line: dict[str, object] = {
        "listening": f"http://127.0.0.1:{port}",
        "port": port,
        "account_epoch": venue.account_epoch,
        "symbols": list(venue.exchange.listings),
    }
    if api_key:
        line["api_key"] = api_key
    _say(line)


async def _say_when_finished(venue: Venue) -> None:
    """Tell whoever started this one that the recording has ended; a synthetic market never does."""
    while not venue.describe_market()["finished"]:
        await asyncio.sleep(FINISHED_LOOK_S)
    _say({"finished": True})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
