"""The command that runs the house: from a command line to running processes, and back to nothing.

``python -m hft.supervisor [--config FILE | --demo] [--data-dir DIR] [--port N] [--duration SECONDS]
[--strategy NAME] [--shards N] [--replay FILE [--speed X]]``

Read the words, take the locks, compile once, lay the memory, run, give everything back.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import msgspec
import orjson

from hft import boot, hot
from hft.boot import Options, Plan
from hft.clock import monotonic_ns
from hft.config import Keys
from hft.demo import Simulator, demo_keys, demo_market, demo_network
from hft.early_signals import EarlySignals
from hft.errors import AskedToStop, ConfigError, ExitCode, HftError
from hft.paper import paper_exchange, paper_network
from hft.pinning import CorePlan, plan_cores, quota_cores, usable_cores
from hft.processes import Wiring
from hft.seats import SHARDS_MAX
from hft.strategies_book import StrategiesBook
from hft.terminal import say
from hft.topology import House
from hft.units import NS_PER_S
from hft.watch import Supervisor
from ringbuf.memory import unlink

_SLOW_COMPILE_S = 1.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def main(arguments: list[str] | None = None) -> int:
    """Run the house; returns the exit code of `hft.errors.ExitCode`."""
    signals = EarlySignals()
    try:
        plan = boot.make_plan(_read(arguments))
        return run(plan, signals)
    except AskedToStop:
        say("asked to stop before everything was ready")
        return ExitCode.OK
    except HftError as problem:
        sys.stderr.write(f"hft: {problem}\n")
        return problem.exit_code
    except Exception:  # noqa: BLE001 - a bug of ours: where it happened, and the code that says so.
        traceback.print_exc()
        return ExitCode.FATAL
    finally:
        signals.give_back()


def _read(arguments: list[str] | None) -> Options:
    parser = _Parser(prog="python -m hft.supervisor", description="Run the trading house.")
    parser.add_argument("--config", type=Path, help="config file; ./config.toml when it is there")
    parser.add_argument("--demo", action="store_true", help="the demo, whatever config is there")
    parser.add_argument("--data-dir", type=Path, help="where trades, logs and sockets are kept")
    parser.add_argument("--port", type=int, help="the dashboard's port; 0 takes a free one")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="stop by itself then")
    parser.add_argument("--strategy", metavar="NAME", help="instead of the configured one")
    parser.add_argument("--shards", type=int, metavar="N", help="instead of [processes] shards")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="a market for the demo")
    parser.add_argument("--speed", type=float, default=1.0, help="play the recording faster")
    given = parser.parse_args(arguments)
    if given.duration is not None and not given.duration > 0:
        raise ConfigError(f"--duration is {given.duration:g}: expected seconds above 0")
    if not 0 < given.speed < 1e6:
        raise ConfigError(f"--speed is {given.speed:g}: expected a number above 0")
    if given.port is not None and not 0 <= given.port <= 65535:
        raise ConfigError(f"--port is {given.port}: expected 0 to 65535")
    if given.shards is not None and not 1 <= given.shards <= SHARDS_MAX:
        raise ConfigError(f"--shards is {given.shards}: expected 1 to {SHARDS_MAX}")
    if given.demo and given.config:
        raise ConfigError("--demo needs no --config: expected one of the two")
    return Options(
        config=given.config,
        demo=given.demo,
        data_dir=given.data_dir,
        port=given.port,
        duration_s=given.duration,
        strategy=given.strategy,
        shards=given.shards,
        replay=given.replay.absolute() if given.replay else None,
        speed=given.speed,
    )


def run(plan: Plan, signals: EarlySignals) -> int:
    """Run one session by `plan`; whatever was taken is given back, however it ends.

    Raises:
        HftError: something could not start; nothing stays behind.
        AskedToStop: `signals` heard of one before everything was ready; nothing stays behind.
    """
    with contextlib.ExitStack() as undo:
        locks = boot.Locks()
        undo.callback(locks.release)
        with signals.at_once():
            locks.take_folder(plan.data_dir)
            book = _checked_book(plan)
        dashboard = plan.settings.dashboard
        port = dashboard.port if plan.options.port is None else plan.options.port
        listener = undo.enter_context(boot.open_port(dashboard.host, port))
        with signals.at_once(), _patience():
            hot.fill_cache(book.digest(), (hot.warm, book.compile_all))
            hot.warm()
            book.compile_all()
            hot.trim()
        plan, simulator, demo = _venue(plan, undo)
        with signals.at_once():
            if not plan.on_paper:
                rest_url = plan.settings.network.rest_url
                locks.take_account(rest_url, boot.key_source(plan).read().api_key)
        house = _lay(plan, undo)
        wiring = Wiring(plan, house, book, _cores(plan), listener, demo)
        undo.callback(wiring.close)
        gc.collect()
        gc.freeze()
        supervisor = Supervisor(plan, wiring, simulator)
        signals.pass_on(supervisor.request_stop)
        return supervisor.run()


def _checked_book(plan: Plan) -> StrategiesBook:
    book = StrategiesBook(plan.settings)
    try:
        book.check(plan.settings)
    except ConfigError as problem:
        where = f"{plan.config}: " if plan.config else ""
        raise ConfigError(f"{where}{problem}") from problem
    return book


def _venue(
    plan: Plan, undo: contextlib.ExitStack
) -> tuple[Plan, Simulator | None, tuple[Keys, Simulator] | None]:
    """Start the venue of a demo or a dry run and point the plan at it; else it is there already."""
    if not plan.on_paper:
        return plan, None, None
    if plan.demo:
        keys, log = demo_keys(), plan.data_dir / "logs" / "simulator.log"
        market = demo_market(plan.options.replay, plan.options.speed)
        simulator = Simulator(keys, market, log)
    else:
        keys, simulator = paper_exchange(plan)
    undo.callback(simulator.stop)
    simulator.start()
    if plan.demo:
        settings = demo_network(plan.settings, simulator)
    else:
        network = paper_network(plan.settings.network, simulator)
        plan = msgspec.structs.replace(plan, market=plan.settings.network)
        settings = msgspec.structs.replace(plan.settings, network=network)
    found = {"api_key": keys.api_key, "api_secret": keys.secret_key}
    boot.write_private(plan.data_dir / "run.json", orjson.dumps(found))
    undo.callback((plan.data_dir / "run.json").unlink, missing_ok=True)
    return msgspec.structs.replace(plan, settings=settings), simulator, (keys, simulator)


def _lay(plan: Plan, undo: contextlib.ExitStack) -> House:
    house = boot.lay_house(plan.data_dir, plan.settings.processes.shards)
    undo.callback(unlink, house.segment.name)
    boot.fill_run(house, plan, plan.settings.trading.symbols)
    return house


def _cores(plan: Plan) -> CorePlan:
    processes = plan.settings.processes
    cores, shards = usable_cores(), processes.shards
    return plan_cores(cores, quota_cores(), processes.idle, pin=processes.pin, shards=shards)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Tell a waiting user when compiling takes over a second, and how long it took."""

    def explain(_number: int, _frame: object) -> None:
        say("compiling strategies and hot loops; later starts find them ready")

    started_ns = monotonic_ns()
    before = signal.signal(signal.SIGALRM, explain)
    signal.setitimer(signal.ITIMER_REAL, _SLOW_COMPILE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    took_s = (monotonic_ns() - started_ns) / NS_PER_S
    if took_s > _SLOW_COMPILE_S:
        say(f"compiled in {took_s:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
