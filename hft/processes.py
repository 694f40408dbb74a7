"""Which agent lives in which process, and what each is handed.

Everything a process needs is imported here, before the fork: a child that comes back finds it
loaded, and its pages are shared.

The supervisor builds one `Wiring`, compiles through it, and takes from it the function each child
runs.  Nothing else knows more than one room.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from dashboard.process import DashboardProcess
from hft import boot, privileges
from hft.agent.contract import Agent, Context
from hft.agent.idle import make_idle
from hft.agent.log import Log
from hft.agent.runner import Runner
from hft.agent.vitals import Vitals
from hft.boot import Plan, key_source
from hft.children import COMPILE_MAX_NS, START_MAX_NS, Entry
from hft.clock import monotonic_ns
from hft.config import KEY_VARIABLES, Keys, Settings
from hft.demo import Simulator
from hft.events import Level, Role
from hft.execution import pad
from hft.execution.agent import ExecutionAgent
from hft.feed.agent import FeedAgent, hot_functions
from hft.ledger.agent import LedgerAgent
from hft.pinning import CorePlan, pin_here
from hft.risk.gate import Gate
from hft.seats import Seat
from hft.state.blocks import Mode
from hft.strategies_book import StrategiesBook
from hft.topology import SPECS, House
from hft.tuning import ReadAgain, Tuning
from hft.units import E8, trim_e8
from ringbuf.doorbell import Doorbell

_FIXED = ("network", "processes", "dashboard", "storage", "log")
_FIXED_TRADING = (
    "symbols", "strategy", "strategies_dirs", "fee_maker", "fee_taker", "dry_run",
    "dry_run_balance", "dry_run_latency_ms", "countdown_ms",
)  # fmt: skip
_SIGNING = (Role.EXECUTION, Role.LEDGER)

HotFunctions = Sequence[Callable[..., Any]]


class Wiring:
    """Everything the processes of one run are built from."""

    def __init__(
        self,
        plan: Plan,
        house: House,
        strategies: StrategiesBook,
        cores: CorePlan,
        listener: socket.socket,
        demo: tuple[Keys, Simulator] | None,
    ) -> None:
        self._plan = plan
        self._settings = plan.settings
        self.house = house
        self.strategies = strategies
        self.cores = cores
        self._listener = listener
        self._demo = demo
        self._keys = key_source(plan)
        # Made before the first fork, so that every process holds every bell.
        self._bells = {seat: Doorbell(house.parked_words(seat)) for seat in house.seats}
        self.log = self._open_log(Seat.SUPERVISOR)
        self.tuning = Tuning(house, strategies, plan.settings)
        self.select_strategy(plan.settings.trading.strategy)

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self._settings

    # What may change while it runs.

    def select_strategy(self, name: str) -> None:
        """Make `name` the strategy of the next fork, with its own parameters.

        Raises:
            ConfigError: there is none of that name, or a parameter is wrong.
        """
        self.tuning.select(name)

    def reload(self, settings: Settings) -> tuple[ReadAgain, str]:
        """Put new limits and strategy parameters in force; says what else needs a restart.

        Raises:
            ConfigError: a parameter of a strategy that ran is wrong; nothing was changed.
        """
        old = self._settings
        fresh = msgspec.structs.replace(
            old, risk=settings.risk, strategy=settings.strategy, trading=settings.trading
        )
        trading = msgspec.structs.replace(fresh.trading, strategy=old.trading.strategy)
        fresh = msgspec.structs.replace(fresh, trading=trading)
        changed = self.tuning.read_again(fresh)
        self._settings = fresh
        # What waits for a restart differs from what the run began with, however often it was read.
        began = self._plan.settings
        as_read = msgspec.structs.replace(began, network=self._plan.market or began.network)
        waiting = [
            f"[{name}]" for name in _FIXED if getattr(as_read, name) != getattr(settings, name)
        ]
        waiting += [
            f"[trading] {name}"
            for name in _FIXED_TRADING
            if getattr(began.trading, name) != getattr(settings.trading, name)
        ]
        waits = f"; restart for {', '.join(waiting)}" if waiting else ""
        return changed, f"limits and parameters are in force{waits}"

    # What others may know.

    def dashboard_url(self) -> str:
        """Where the page is."""
        host, port = self._listener.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}/"

    def addresses(self) -> dict[str, object]:
        """What run.json tells of addresses; keys only those of the demo's own simulator."""
        told: dict[str, object] = {
            "dashboard_url": self.dashboard_url(),
            "dashboard_port": self._listener.getsockname()[1],
            "rest_url": self.settings.network.rest_url,
            "ws_url": self.settings.network.ws_url,
            "ws_api_url": self.settings.network.ws_api_url,
        }
        if self._demo:
            keys, simulator = self._demo
            told |= {"api_key": keys.api_key, "api_secret": keys.secret_key}
            told["simulator_pid"] = simulator.pid
        return told

    # What a child runs.

    def start_max_ns(self, seat: Seat) -> int:
        """How long the process of `seat` may take until it is READY."""
        return COMPILE_MAX_NS if seat.role is Role.STRATEGY else START_MAX_NS

    def entry(self, seat: Seat, *, fresh_state: bool, forget: Callable[[], None]) -> Entry:
        """Build what the child of `seat` runs; `forget` closes the parent's own descriptors."""

        def live() -> tuple[int, str]:
            forget()
            if seat.role is not Role.DASHBOARD:
                self._listener.close()
            if seat.role not in _SIGNING:
                # Hygiene, not a sandbox: it could read the config file all the same.
                for name in KEY_VARIABLES:
                    os.environ.pop(name, None)
            return self._live(seat, fresh_state=fresh_state)

        return live

    def _live(self, seat: Seat, *, fresh_state: bool) -> tuple[int, str]:
        context = Context(seat, self.house, self._bells, self._open_log(seat))
        role, core = seat.role, self.cores.cores[seat]
        trouble = pin_here(core)
        if trouble:
            context.log.warning(trouble)
        idle_kind, spec = self.cores.idle[seat], SPECS[role]
        Vitals(self.house, seat).begin(os.getpid(), monotonic_ns(), core, idle_kind)
        if spec.hot:
            gc.disable()
            privileges.short_turns()
            self._take_privileges(core, context.log)
        if role is Role.DASHBOARD:
            return self._live_dashboard(context)
        agent, functions = self._build(role, context, fresh_state=fresh_state)
        idle = make_idle(idle_kind, context, hot=spec.hot)
        runner = Runner(context, agent, idle, spec, functions)
        code = runner.run()
        if role is Role.LEDGER and os.getppid() != int(self.house.run[0]["supervisor_pid"]):
            # The last one out of a house whose supervisor is dead leaves nothing behind.
            boot.sweep(self._plan.data_dir)
        return code, runner.reason

    def _take_privileges(self, core: int, log: Log) -> None:
        own_core = core >= 0 and list(self.cores.cores.values()).count(core) == 1
        for answer in privileges.take(self._settings.processes, own_core=own_core):
            (log.info if answer.granted else log.warning)(answer.sentence)

    def _build(
        self, role: Role, context: Context, *, fresh_state: bool
    ) -> tuple[Agent, HotFunctions]:
        settings, names = self.settings, self.strategies.names()
        if role is Role.FEED:
            symbols = self.house.symbols()
            market = self._plan.market or settings.network
            return FeedAgent(context, market, symbols), hot_functions()
        if role is Role.STRATEGY:
            return self.strategies.build_agent(context, fresh_state=fresh_state)
        if role is Role.EXECUTION:
            agent = ExecutionAgent(context, settings, self._keys, Gate())
            return agent, pad.hot_functions()
        return LedgerAgent(context, settings, self._keys, self._plan.data_dir, names), ()

    def _live_dashboard(self, context: Context) -> tuple[int, str]:
        database = self.settings.storage.database_url or str(self._plan.data_dir / "trades.db")
        specs = [self.strategies.catalogue.specs[name] for name in self.strategies.names()]
        process = DashboardProcess(
            context,
            self._listener,
            self._plan.data_dir,
            database,
            specs,
            self.settings.dashboard.names,
        )
        return process.run(), process.reason

    def _open_log(self, seat: Seat) -> Log:
        log = Log(seat, self.house.log_ring(seat), self._bells[Seat.LEDGER])
        log.level = Level[self.settings.log.level.upper()]
        return log

    def close(self) -> None:
        """Close what the supervisor holds for its children."""
        self._listener.close()
        for bell in self._bells.values():
            bell.close()


def farewell(house: House) -> str:
    """Say in one line what the session did and what is still held."""
    account = house.account.read()
    held = []
    for index, symbol in enumerate(house.symbols()):
        block, spec = house.position[index].read(), house.spec[index]
        if block is None or int(block[0]["position_lots"]) == 0:
            continue
        qty = trim_e8(int(block[0]["position_lots"]) * int(spec["lot_e8"]))
        held.append(f"{symbol} {qty} at {trim_e8(int(block[0]['entry_e8']))}")
    kept = f"position kept: {', '.join(held)}" if held else "no position is held"
    if held and int(house.run[0]["mode"]) == Mode.DEMO:
        kept = f"{kept} (gone with the demo's exchange)"
    if account is None:
        return kept
    pnl, fills = int(account[0]["pnl_e8"]) / E8, int(account[0]["fills"])
    return f"session ended: {fills} fills, P&L {pnl:+,.2f} net of fees; {kept}"
