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

import orjson
import uvloop

from hft.errors import BootError, ExitCode, HftError
from hft.simulator.clockwork import Clockwork, Market
from hft.simulator.door_options import asked_tls, open_asked_accounts, set_lifetimes
from hft.simulator.doorstep import BACKLOG, Connections, connections_allowed
from hft.simulator.fault_door import FaultyProtocol
from hft.simulator.fault_kinds import Scenario, read_scenario
from hft.simulator.fault_venue import FaultyVenue
from hft.simulator.options import API_KEY, API_SECRET, read_arguments
from hft.simulator.server import ClientProtocol
from hft.simulator.simulated_clock import SimulatedClock
from hft.simulator.state_options import begin_keeping, finish_keeping, stop_keeping
from hft.simulator.tls import Served
from hft.simulator.tuning import collect_seldom
from hft.simulator.venue import Venue
from hft.simulator.worlds import build

__all__ = ["API_KEY", "API_SECRET", "main"]

PR_SET_PDEATHSIG = 1
CLOSE_GRACE_S = 0.2
FINISHED_LOOK_S = 0.1
TLS_HANDSHAKE_S = 10.0


def main(argv: list[str] | None = None) -> int:
    """Run until told to stop; gives the exit code."""
    try:
        options = read_arguments(argv, __doc__)
        if options.parent_pid:
            _follow_parent(options.parent_pid)
        collect_seldom()
        uvloop.run(_serve(options))
    except HftError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return error.exit_code
    return ExitCode.OK


def _follow_parent(parent_pid: int) -> None:
    """Leave interrupts to the parent, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:
        raise BootError(f"the parent process {parent_pid} is gone")


async def _serve(options: argparse.Namespace) -> None:
    scenario = read_scenario(options.faults) if options.faults else None
    venue, market, clock = build(options)
    try:
        open_asked_accounts(venue, options)
        set_lifetimes(venue, options)
        begin_keeping(venue)
        await _serve_world(options, scenario, (venue, market, clock))
    finally:
        stop_keeping(venue)


async def _serve_world(
    options: argparse.Namespace,
    scenario: Scenario | None,
    world: tuple[Venue, Market, SimulatedClock | None],
) -> None:
    venue, market, clock = world
    served = asked_tls(options)
    everyone = Connections(connections_allowed(options.connections_max))
    open_protocol: Callable[[], ClientProtocol]
    open_protocol = functools.partial(ClientProtocol, venue, everyone)
    if scenario is not None:
        faulty = FaultyVenue(venue, scenario, options.seed)
        open_protocol = functools.partial(FaultyProtocol, faulty, everyone)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            open_protocol,
            "127.0.0.1",
            options.port,
            backlog=BACKLOG,
            ssl=served.context if served else None,
            ssl_handshake_timeout=TLS_HANDSHAKE_S if served else None,
        )
    except OSError as error:
        raise BootError(
            f"cannot listen on 127.0.0.1:{options.port}: {os.strerror(error.errno or 0)}"
        ) from None
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    if not options.parent_pid:
        loop.add_signal_handler(signal.SIGINT, stopping.set)
    clockwork = Clockwork(venue, market, everyone, clock)
    ticking = asyncio.create_task(clockwork.run())
    _say_listening(server.sockets[0].getsockname()[1], venue, served, _known_key(options))
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


def _known_key(options: argparse.Namespace) -> str:
    """Give the API key that everybody may know; empty where keys of one's own open it."""
    own = options.accounts or (options.api_key, options.api_secret) != (API_KEY, API_SECRET)
    return "" if own else API_KEY


def _say_listening(port: int, venue: Venue, served: Served | None, api_key: str) -> None:
    line: dict[str, object] = {
        "listening": f"{'https' if served else 'http'}://127.0.0.1:{port}",
        "port": port,
        "account_epoch": venue.account_epoch,
        "symbols": list(venue.exchange.listings),
    }
    if served:
        line["ca_file"] = str(served.ca_file)
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
