"""The dashboard as a process of the house: born by a fork, beating from its event loop, ended by
order.

It is no duty-cycle agent, since uvicorn owns its loop; it keeps the same promises in another way.
The event loop beats the heart, so a loop that hangs is seen; the order word and the parent are
looked at ten times a second; open streams end before the server does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from dashboard.access import Access, reaches_others, token_at
from dashboard.app import create_app
from dashboard.connection import SEND_BUFFER_BYTES, Connection
from dashboard.deps import Deps
from dashboard.permission import keep_asking
from dashboard.server_log import tell_house
from dashboard.sessions import Sessions
from dashboard.stream import Pulse
from dashboard.trades import TradeBook, TradesUnavailable
from dashboard.view import View
from hft.agent.contract import Context
from hft.agent.machine import Step, advance
from hft.agent.vitals import Vitals
from hft.clock import monotonic_ns
from hft.control import ask
from hft.errors import BootError, ExitCode
from hft.state.blocks import Mode, Order
from hft.strategy.load import StrategySpec
from hft.topology import House
from hft.units import NS_PER_MS
from ringbuf.memory import Segment

CONTROL_SOCKET = "control.sock"
TOKEN_FILE = "dashboard.token"
SESSIONS_FILE = "dashboard.sessions"
LOOK_S = 0.1
NICE = 5
"""Where it shares a core with those that trade, they go first; it still gets a third of theirs."""
GLANCE_MAX_S = 1.0
STOP_MAX_S = 1


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process decides what a signal means."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


class Serving:
    """One server over one listening socket, with its pulse; the part a test uses without a
    process.
    """

    def __init__(self, deps: Deps, listening_socket: socket.socket) -> None:
        self._deps = deps
        self._pulse = deps.pulse
        self._socket = listening_socket
        # What is accepted from it inherits the size.
        listening_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        config = uvicorn.Config(
            create_app(deps),
            loop="none",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # Whom a proxy speaks for is only believed where there is to be one.
            proxy_headers=bool(deps.access.names),
            timeout_graceful_shutdown=STOP_MAX_S,
            timeout_keep_alive=30,
        )
        self._server = Server(config)

    async def run(self) -> None:
        """Serve until `stop`; whatever breaks the pulse breaks the server, too."""
        pulse = asyncio.create_task(self._look())
        pulse.add_done_callback(lambda _task: self.stop())
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._pulse.close()
        await pulse

    async def _look(self) -> None:
        async with asyncio.TaskGroup() as looks:
            looks.create_task(self._pulse.run())
            looks.create_task(asyncio.to_thread(self._deps.trades.read_ahead))
            looks.create_task(keep_asking(self._deps.view, self._deps.glance, self._pulse.closing))

    def stop(self) -> None:
        """End every stream and stop serving within a second; asking twice is harmless."""
        self._pulse.close()
        self._server.should_exit = True


class DashboardProcess:
    """The whole life of the dashboard in a forked child, from STARTING to STOPPED.

    `listening_socket` was bound and set to listen by the supervisor; `strategies` are the names
    behind the run's strategy index; `names` are those under which a proxy serves the page.
    """

    def __init__(
        self,
        context: Context,
        listening_socket: socket.socket,
        data_dir: Path,
        database: str,
        strategies: Sequence[StrategySpec],
        names: Sequence[str] = (),
    ) -> None:
        self._context = context
        self._names = tuple(name.lower() for name in names)
        self._socket = listening_socket
        self._data_dir = data_dir
        self._database = database
        self._strategies = strategies
        self._vitals = Vitals(context.house, context.seat)
        self._order = context.house.orders_to[context.seat]
        self._parent_pid = int(context.house.run[0]["supervisor_pid"])
        self._stop_asked = False
        self.reason = ""
        """Why the process ended, when not because it was asked to."""

    def run(self) -> ExitCode:
        """Live the whole life; never raises."""
        signal.signal(signal.SIGTERM, self._on_signal)
        os.nice(NICE)
        code = ExitCode.FATAL
        try:
            serving = Serving(self._deps(), self._socket)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._live(serving))
            code = ExitCode.OK
        except BootError as problem:
            self.reason, code = str(problem), problem.exit_code
        except Exception as problem:  # noqa: BLE001 - the last net for every cause.
            self.reason = f"{type(problem).__name__}: {problem}\n{traceback.format_exc()}"
        if code is not ExitCode.OK:
            self._context.log.error(f"dashboard: {self.reason}")
        self._vitals.end(code)
        self._move(Step.ENDED)
        return code

    def _deps(self) -> Deps:
        # Everything it shows is read through a mapping of its own that the kernel keeps read-only.
        house = House.attach(Segment.attach(self._context.house.segment.name))
        view = View(house, self._strategies)
        demo = int(house.run[0]["mode"]) == Mode.DEMO
        host = self._socket.getsockname()[0]
        open_to_others = reaches_others(host, self._names)
        try:
            token = "" if demo and not open_to_others else token_at(self._data_dir / TOKEN_FILE)
            sessions = Sessions(self._data_dir / SESSIONS_FILE, token=token)
        except OSError as problem:
            raise BootError(f"cannot keep the dashboard's token: {problem}") from problem
        if open_to_others:
            self._context.log.warning(
                f"the dashboard can be reached from elsewhere ({', '.join((host, *self._names))}): "
                "everything on it needs the token; without TLS in front the token can be overheard"
            )
        supervisor = self._data_dir / CONTROL_SOCKET
        pulse, trades = Pulse(view), TradeBook(self._database)
        self._remember(pulse, trades, int(house.run[0]["started_wall_ns"]) // NS_PER_MS)
        return Deps(
            view=view,
            pulse=pulse,
            trades=trades,
            ask=partial(ask, supervisor),
            glance=partial(ask, supervisor, timeout_s=GLANCE_MAX_S),
            access=Access(host, token, self._names, sessions),
        )

    def _remember(self, pulse: Pulse, trades: TradeBook, started_ms: int) -> None:
        """Take up the session's P&L curve where the last dashboard of this run left it."""
        try:
            points = trades.session(started_ms)
        except TradesUnavailable as problem:
            self._context.log.warning(f"the P&L curve starts empty: {problem}")
            return
        pulse.history.prepend((ms, pnl, pnl) for ms, pnl in points)

    async def _live(self, serving: Serving) -> None:
        tell_house(self._context.log)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        server = asyncio.create_task(serving.run())
        self._move(Step.STARTED)
        running = False
        while not server.done():
            self._vitals.beat(monotonic_ns())
            if self._must_end():
                break
            if not running and int(self._order["order"]) == Order.RUN:
                self._move(Step.TOLD_TO_RUN)
                running = True
            await asyncio.wait([server], timeout=LOOK_S)
        self._move(Step.TOLD_TO_DRAIN)
        serving.stop()
        await server

    def _must_end(self) -> bool:
        orphan = self._parent_pid != 0 and os.getppid() != self._parent_pid
        return self._stop_asked or orphan or int(self._order["order"]) == Order.DRAIN

    def _move(self, step: Step) -> None:
        self._vitals.life = advance(self._vitals.life, step)

    def _stop(self) -> None:
        self._stop_asked = True

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stop()
