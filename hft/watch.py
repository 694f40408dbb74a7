"""The parent of every process: starts, watches, restarts, stops; trades nothing.

It is one task that never blocks: signals set flags, everything else is looked at once per cycle.
"""

from __future__ import annotations

import os
import select
import signal
from types import FrameType

import orjson

from hft.agent.idle import IdleKind
from hft.agent.vitals import Vitals
from hft.boot import Plan, try_private
from hft.children import Child, Death, assert_single_task
from hft.clock import Deadline, monotonic_ns
from hft.commands import Commands
from hft.control import ControlSocket, user_name
from hft.day import DayBook
from hft.demo import Simulator
from hft.errors import AskedToStop, BootError, ExitCode
from hft.events import LatchReason, Role
from hft.flattening import Flattening
from hft.latch import SupervisorLatch
from hft.processes import Wiring, farewell
from hft.restarts import decide
from hft.seats import Seat, seats_in
from hft.state.blocks import Life, Order
from hft.terminal import Terminal, say
from hft.topology import PROCESSES
from hft.tripping import TripFlatten
from hft.units import NS_PER_S

_CYCLE_MS = 20
_STOP_MAX_S = 6.5
_EXECUTION_DOWN_MAX_NS = 10 * NS_PER_S
_BELOW = (Role.LEDGER, Role.EXECUTION)
_ABOVE = (Role.STRATEGY, Role.FEED, Role.DASHBOARD)
_STOP_ORDER = (Role.STRATEGY, Role.EXECUTION, Role.FEED, Role.DASHBOARD, Role.LEDGER)


class Supervisor:
    """One run of the house, from the first fork to the last word."""

    def __init__(self, plan: Plan, wiring: Wiring, simulator: Simulator | None) -> None:
        self.plan = plan
        self.wiring = wiring
        self.simulator = simulator
        self.house = wiring.house
        self.log = wiring.log
        self.latch = SupervisorLatch(self.house, plan.data_dir / "latch.json")
        # On paper the keys are those of the run, whatever the file holds.
        config = None if plan.on_paper else plan.config
        self.flattening = Flattening(plan.data_dir, config, plan.settings.network)
        self.day = DayBook(self.house, plan.data_dir / "day.json")
        self._trip_flatten = TripFlatten(self.latch, self.flattening, self.log)
        self.children = {
            seat: Child(seat, self.house)
            for spec in PROCESSES
            for seat in seats_in(spec.role, len(self.house.shards))
        }
        self.commands = Commands(self)
        self.control = ControlSocket(plan.data_dir / "control.sock", self.commands.handle)
        self._stop_signals = 0
        self._expected: set[Seat] = set()
        self._vitals = Vitals(self.house, Seat.SUPERVISOR)
        self._exit_code = ExitCode.OK
        self._account_epoch = b""
        self._execution_lost = False
        self._announced = False
        self._trouble = ""
        self._terminal = Terminal()
        self._wake_read, self._wake_write = os.pipe()
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)

    def run(self) -> ExitCode:
        """Start everything, watch until asked to stop, stop in order.

        Raises:
            BootError: a process did not become READY; what had started is stopped again.
            AskedToStop: before all were READY; the same.
        """
        self._catch_signals()
        self._vitals.begin(os.getpid(), monotonic_ns(), core=-1, idle=IdleKind.PARK)
        self._vitals.life = Life.STARTING
        try:
            self.latch.begin(halted=not self.plan.demo)
            self.day.begin()
            self._start_all()
            self._announce()
            self._vitals.life = Life.RUNNING
            self._watch()
        finally:
            self._stop_all()
        return self._exit_code

    def request_stop(self) -> None:
        """Ask for the orderly stop, as a signal does."""
        self._stop_signals += 1

    def _catch_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_stop_signal)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1

    # Starting.

    def _start_all(self) -> None:
        # Only after these are the venue's positions in their blocks, where a strategy begins from.
        for roles in (_BELOW, _ABOVE):
            seats = self._seats(*roles)
            for seat in seats:
                self.fork(seat)
            self._await_ready(seats)
        for child in self.children.values():
            child.tell(Order.RUN)

    def _seats(self, *roles: Role) -> list[Seat]:
        """The seats of some roles, in the order of the roles."""
        return [seat for role in roles for seat in seats_in(role, len(self.house.shards))]

    def strategies(self) -> list[Child]:
        """The strategies, by shard."""
        return [self.children[seat] for seat in self._seats(Role.STRATEGY)]

    def fork(self, seat: Seat, *, fresh_state: bool = False) -> None:
        """Start one process from here, warmed code and all; what is refused is tried again.

        Raises:
            BootError: the operating system refuses it before the house ran.
        """
        child = self.children[seat]
        try:
            assert_single_task()
            entry = self.wiring.entry(seat, fresh_state=fresh_state, forget=self._forget_in_child)
            child.fork(entry, self.wiring.start_max_ns(seat))
        except OSError as problem:
            why = f"{seat.label} cannot be started: {problem.strerror}"
            if not self._announced:
                raise BootError(why) from problem
            child.restart_at_ns, child.fresh_state = monotonic_ns() + NS_PER_S, fresh_state
            self._tell(f"{why}; it is tried again")
        self.write_run_file()

    def _forget_in_child(self) -> None:
        self.control.forget()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _await_ready(self, seats: list[Seat]) -> None:
        while any(self.children[seat].life is not Life.READY for seat in seats):
            self._wait()
            for child in self.children.values():
                death = child.reap()
                if death:
                    raise BootError(death.why or f"{child.seat.label} ended with {death.code}")
                complaint = child.check_heart(monotonic_ns())
                if complaint:
                    raise BootError(complaint)
            if self._stop_signals:
                raise AskedToStop

    def _announce(self) -> None:
        for sentence in self.wiring.strategies.left_out():
            self._tell(f"strategy file left out: {sentence.splitlines()[0]}")
        if self.wiring.cores.warning:
            self._tell(self.wiring.cores.warning)
        where = self.wiring.dashboard_url()
        kind = self.plan.mode.name
        if not self.plan.settings.trading.enabled:
            state = "only watches, [trading] enabled is false"
        else:
            state = "HALTED, waiting for START" if self.latch.halted() else "trading paper money"
        say(f"{kind}: {self.wiring.strategies.active} {state}; dashboard {where}")
        self._announced = True

    def _tell(self, text: str) -> None:
        """Tell the log and the terminal what somebody should look at."""
        self.log.warning(text)
        say(f"warning: {text}")

    def write_run_file(self) -> None:
        """Write ``run.json`` (0600): pids, ports and addresses for other tools."""
        pids = {seat.label: child.pid for seat, child in self.children.items()}
        told = {
            "pids": {"supervisor": os.getpid(), **pids},
            **self.wiring.addresses(),
            "data_dir": str(self.plan.data_dir),
            "segment": self.house.segment.name,
            "mode": self.plan.mode.name,
            "strategy": self.wiring.strategies.active,
        }
        trouble = try_private(self.plan.data_dir / "run.json", orjson.dumps(told, option=2))
        if trouble:
            self._tell(trouble)

    # Watching.

    def _watch(self) -> None:
        deadline = Deadline(self.plan.options.duration_s or 10 * 365 * 86400)
        while not self._stop_signals and not deadline.passed():
            self._wait()
            self.control.poll()
            self._listen_to_terminal()
            if self.latch.save():
                say(self.latch.sentence())
            self.day.keep()
            self._tell_of_files()
            self.commands.poll()
            self._watch_children()
            self._watch_simulator()
            self._watch_account()
            self._restart_the_due()
            self.flattening.poll()
            self._trip_flatten.poll()
            if self.simulator and self.simulator.finished:
                self.log.info("the recording has ended")
                return

    def _wait(self) -> None:
        watched = [
            self._wake_read,
            self._terminal.descriptor,
            self.flattening.descriptor(),
            *self.control.descriptors(),
            *self.commands.descriptors(),
        ]
        if self.simulator:
            watched.append(self.simulator.descriptor())
        poller = select.poll()
        for descriptor in watched:
            if descriptor >= 0:
                poller.register(descriptor, select.POLLIN)
        poller.poll(_CYCLE_MS)
        self._vitals.beat(monotonic_ns())
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return

    def _listen_to_terminal(self) -> None:
        """An `r` typed at the terminal reads the config again, as the control command does."""
        if self._terminal.typed() == "r":
            user = user_name(os.getuid())
            request = {"command": "reload", "by": "terminal", "user": user}
            self.commands.handle(request, lambda reply: say(reply["message"]))

    def _tell_of_files(self) -> None:
        """Tell once of files that are behind, and once when they are not."""
        trouble = self.latch.trouble or self.day.trouble
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell(trouble or "what a restart must know is written again")

    def _watch_children(self) -> None:
        now_ns = monotonic_ns()
        for child in self.children.values():
            complaint = child.check_heart(now_ns)
            if complaint:
                self._tell(complaint)
            death = child.reap()
            if death and child.seat not in self._expected:
                self._on_death(child, death)
            elif child.life is Life.READY and not self.commands.switching(child.role):
                child.tell(Order.RUN)
        self._watch_execution_start(now_ns)

    def _on_death(self, child: Child, death: Death) -> None:
        now_ns = monotonic_ns()
        child.deaths_ns.append(now_ns)
        decision = decide(child.role, child.deaths_ns, now_ns)
        name = child.seat.label
        how = f"signal {-death.code}" if death.code < 0 else f"exit code {death.code}"
        said = death.why.splitlines()
        self._tell(f"{name} died ({how}){': ' + said[0] if said else ''}; it is started again")
        if decision.latch:
            self.latch.halt(LatchReason.DEATHS)
            self._tell(f"{name} died four times in ten minutes")
            if child.role is Role.EXECUTION:
                self._lose_execution()
        child.restart_at_ns = now_ns + decision.delay_ns
        child.fresh_state = decision.fresh_state
        self.write_run_file()

    def _watch_execution_start(self, now_ns: int) -> None:
        child = self.children[Seat.EXECUTION]
        if child.down_for_ns(now_ns) == 0:
            self._execution_lost = False
        elif child.down_for_ns(now_ns) > _EXECUTION_DOWN_MAX_NS:
            self._lose_execution()

    def _lose_execution(self) -> None:
        if self._execution_lost:
            return
        self._execution_lost = True
        self.latch.halt(LatchReason.EXECUTION_LOST)
        close = self.wiring.settings.trading.on_execution_lost == "flatten"
        self.flattening.start(cancel_only=not close)
        self._tell("execution cannot be brought back: flatten works over REST")

    def _watch_simulator(self) -> None:
        if self.simulator is None:
            return
        self.simulator.listen()
        code = self.simulator.died()
        if code is not None:
            gone = "" if self.simulator.keeps else "; its orders and positions are gone with it"
            self._tell(f"the simulator died ({code}){gone}")
            self.simulator.start()
            # Whatever it still knows: execution reads the venue again as at any start.
            self.stop_one(Seat.EXECUTION)
            self._await_end(self.children[Seat.EXECUTION])
            self.start_one(Seat.EXECUTION)

    def _watch_account(self) -> None:
        """Start the strategies anew when execution found another account behind the key."""
        epoch = bytes(self.house.identity[0]["account_epoch"])
        if epoch == self._account_epoch:
            return
        first, self._account_epoch = not self._account_epoch, epoch
        if first:
            return
        if self.commands.switching(Role.STRATEGY):
            # They end for the switch, and it waits until all have: it starts the next ones.
            self.commands.begin_anew()
            return
        running = [child for child in self.strategies() if child.pid]
        for child in self.strategies():
            if child not in running:
                child.fresh_state = True  # It died, and is started again soon.
        for child in running:
            self.log.warning(f"another account: the {child.seat.label} starts from nothing")
            self.stop_one(child.seat)
        for child in running:
            self._await_end(child)
            self.start_one(child.seat, fresh_state=True)

    def _restart_the_due(self) -> None:
        now_ns = monotonic_ns()
        for child in self.children.values():
            waiting = not child.pid and child.seat not in self._expected
            if waiting and child.restart_at_ns <= now_ns:
                self.house.orders_to[child.seat]["restarts"] += 1
                self.fork(child.seat, fresh_state=child.fresh_state)

    # Stopping.

    def stop_one(self, seat: Seat) -> None:
        """Ask one process to end without counting its end as a death."""
        self._expected.add(seat)
        self.children[seat].tell(Order.DRAIN)

    def start_one(self, seat: Seat, *, fresh_state: bool = False) -> None:
        """Start a process again that was stopped on purpose."""
        self._expected.discard(seat)
        self.fork(seat, fresh_state=fresh_state)

    def _stop_every(self, role: Role) -> None:
        """Stop the processes of one role, together."""
        seats = self._seats(role)
        for seat in seats:
            self.stop_one(seat)
        for seat in seats:
            self._await_end(self.children[seat])

    def _stop_all(self) -> None:
        self._vitals.life = Life.DRAINING
        # A house that never ran leaves the account as it found it.
        if self._announced and self.wiring.settings.trading.on_exit == "flatten":
            self._flatten_before_exit()
        for role in _STOP_ORDER:
            self._stop_every(role)
        self.day.keep(at_once=True)
        if self._announced:
            say(farewell(self.house))
        self.control.close()
        self.commands.close()
        if self.simulator:
            self.simulator.stop()
        (self.plan.data_dir / "run.json").unlink(missing_ok=True)
        signal.set_wakeup_fd(-1)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _flatten_before_exit(self) -> None:
        self._stop_every(Role.STRATEGY)
        self.flattening.start()
        deadline = Deadline(60.0)
        while self.flattening.running() and not deadline.passed() and self._stop_signals < 2:
            self._wait()
            self.flattening.poll()
        say(self.flattening.message)
        if self.flattening.state != "done":
            self._exit_code = ExitCode.FATAL

    def _await_end(self, child: Child) -> None:
        deadline = Deadline(_STOP_MAX_S)
        while child.pid:
            if deadline.passed() or self._stop_signals > 1:
                self._insist(child)
            self._wait()
            child.reap()

    def _insist(self, child: Child) -> None:
        why = "a second signal insisted" if self._stop_signals > 1 else "it did not stop in time"
        self.log.error(f"{child.seat.label} was killed: {why}")
        child.kill()
        account = self.house.account.read()
        resting = account is not None and int(account[0]["open_orders"]) > 0
        if child.role is Role.EXECUTION and resting and not self.plan.on_paper:
            self.flattening.start(cancel_only=True)
            say("open orders may rest at the venue: flatten cancels them in the background")
