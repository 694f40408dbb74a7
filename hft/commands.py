"""What people may order through the control socket, and the answers they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hft.changes import CONFIG, RISK, STRATEGY, TRADING, Audit, as_utc, who_asked
from hft.clock import Deadline
from hft.config import Trading, load
from hft.control import Reply, refusal
from hft.errors import HftError
from hft.events import LatchReason, Notice, Role
from hft.processes import farewell
from hft.state.blocks import Life
from hft.tripping import already_beyond, still_breached
from hft.tuning import ReadAgain
from hft.tuning_commands import TuningCommands
from hft.units import NS_PER_MS

if TYPE_CHECKING:
    from hft.watch import Supervisor

_SWITCH_MAX_S = 8.0
_LIVE_TRADING = ("enabled", "on_exit", "on_execution_lost")
"""What of [trading] is in force as soon as the file was read again."""


class _Switch:
    """A strategy change under way: the old one drains, the house must be flat, the new one
    starts.
    """

    def __init__(self, name: str, old: str, who: str, reply: Reply) -> None:
        self.name = name
        self.old = old
        self.who = who
        self.reply = reply
        self.refused: dict[str, Any] | None = None
        self.forked = False
        self.fresh_state = False
        self.deadline = Deadline(_SWITCH_MAX_S)


class Commands:
    """Answers requests; a strategy switch is answered when the new strategy runs."""

    def __init__(self, house: Supervisor) -> None:
        self._supervisor = house
        self._switch: _Switch | None = None
        self._audit = Audit(house.house, house.log)
        self._read_at = as_utc(int(house.house.run[0]["started_wall_ns"]) // NS_PER_MS)
        self.tuning = TuningCommands(house, self._audit)
        self._table: dict[str, Callable[[dict[str, Any], Reply], None]] = {
            "start": self._start,
            "stop": self._stop,
            "flatten": self._flatten,
            "flatten_status": self._flatten_status,
            "set_strategy": self._set_strategy,
            "strategies": self._strategies,
            "status": self._status,
            "reload": self._reload,
            "shutdown": self._shutdown,
            **self.tuning.table,
        }

    def handle(self, request: dict[str, Any], reply: Reply) -> None:
        """Carry out one request, or refuse it in one sentence."""
        command = request["command"]
        if command not in self._table:
            known = ", ".join(sorted(self._table))
            reply(refusal("UNKNOWN_COMMAND", f"{command!r} is no command; expected one of {known}"))
            return
        self._table[command](request, reply)

    def descriptors(self) -> list[int]:
        """What to wait on."""
        return self.tuning.preview.descriptors()

    def close(self) -> None:
        """End a preview under way."""
        self.tuning.preview.close()

    def switching(self, role: Role) -> bool:
        """Say whether `role` is held back by a strategy switch."""
        return self._switch is not None and role is Role.STRATEGY and not self._switch.forked

    def begin_anew(self) -> None:
        """Let what a switch under way starts know nothing of before: the account is another."""
        if self._switch is not None:
            self._switch.fresh_state = True

    def _start(self, request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        if not supervisor.wiring.settings.trading.enabled:
            reply(refusal("DISABLED", "[trading] enabled is false in the config file"))
        elif supervisor.flattening.running():
            reply(refusal("FLATTENING", "a flatten is under way; wait until it has ended"))
        else:
            breached = still_breached(supervisor.house)
            self._tell_trading("active", who_asked(request), Notice.RESUMED)
            supervisor.latch.resume()
            reply({"ok": True, "message": f"trading is resumed{breached}"})

    def _stop(self, request: dict[str, Any], reply: Reply) -> None:
        self._tell_trading("halted", who_asked(request), Notice.HALTED)
        self._supervisor.latch.halt(LatchReason.PERSON)
        reply({"ok": True, "message": "halted; open positions stay as they are"})

    def _flatten(self, request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        self._tell_trading("flattening", who_asked(request), Notice.FLATTEN)
        supervisor.latch.halt(LatchReason.FLATTEN)
        supervisor.flattening.start()
        if not supervisor.flattening.running():
            reply(refusal("NOT_STARTED", f"halted; {supervisor.flattening.message}"))
            return
        reply({"ok": True, "message": "halted; cancelling all orders and closing positions"})

    def _flatten_status(self, _request: dict[str, Any], reply: Reply) -> None:
        flattening = self._supervisor.flattening
        reply({"ok": True, "state": flattening.state, "message": flattening.message})

    def _reload(self, request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        if supervisor.plan.config is None:
            reply(refusal("NO_CONFIG", "the demo has no config file to read again"))
            return
        before = supervisor.wiring.settings.trading
        try:
            settings = load(supervisor.plan.config)
            changed, message = supervisor.wiring.reload(settings)
        except HftError as problem:
            reply(refusal("CONFIG_REFUSED", f"nothing was changed: {problem}"))
            return
        who = f"{who_asked(request)}, reload"
        self._tell_reload(changed, before, who)
        if changed.replaced:
            message += f"; changed live and now the file's again: {', '.join(changed.replaced)}"
        if not settings.trading.enabled and not supervisor.latch.halted():
            self._tell_trading("halted", who, Notice.HALTED)
            supervisor.latch.halt(LatchReason.PERSON)
            message += "; HALTED, since [trading] enabled is false"
        message += already_beyond(supervisor.house, supervisor.latch)
        reply({"ok": True, "message": message})

    def _tell_reload(self, changed: ReadAgain, before: Trading, who: str) -> None:
        now = as_utc(self._audit.now_ms())
        self._audit.tell(CONFIG, self._read_at, now, who, Notice.CONFIG_READ)
        self._read_at = now
        for name, changes in changed.params.items():
            self.tuning.tell(name, changes, who, Notice.PARAMS_CHANGED)
        self.tuning.tell(RISK, changed.limits, who, Notice.LIMITS_CHANGED)
        after = self._supervisor.wiring.settings.trading
        for key in _LIVE_TRADING:
            old, new = getattr(before, key), getattr(after, key)
            if old != new:
                self._audit.tell(("trading", key), old, new, who, Notice.CONFIG_READ)

    def _tell_trading(self, after: str, who: str, notice: Notice) -> None:
        """Note an order to trade or not to, before it is carried out."""
        latch = self._supervisor.latch
        open_ = latch.reason() is LatchReason.NONE
        before = "halted" if latch.halted() else "active" if open_ else "reducing"
        self._audit.tell(TRADING, before, after, who, notice)

    def _strategies(self, _request: dict[str, Any], reply: Reply) -> None:
        strategies = self._supervisor.wiring.strategies
        reply({"ok": True, "strategies": strategies.names(), "active": strategies.active})

    def _status(self, _request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        reply(
            {
                "ok": True,
                "mode": supervisor.plan.mode.name,
                "halted": supervisor.latch.halted(),
                "latched": supervisor.latch.reason() is not LatchReason.NONE,
                "reason": supervisor.latch.reason().name,
                "sentence": supervisor.latch.sentence(),
                "enabled": supervisor.wiring.settings.trading.enabled,
                "strategy": supervisor.wiring.strategies.active,
                "dashboard_url": supervisor.wiring.dashboard_url(),
                "summary": farewell(supervisor.house).removeprefix("session ended: "),
                "restarts": {
                    seat.label: int(supervisor.house.orders_to[seat]["restarts"])
                    for seat in supervisor.children
                },
                "lives": {s.label: child.life.name for s, child in supervisor.children.items()},
            }
        )

    def _shutdown(self, request: dict[str, Any], reply: Reply) -> None:
        self._supervisor.log.warning(f"asked to stop, by {who_asked(request)}")
        self._supervisor.request_stop()
        reply({"ok": True, "message": "stopping in order"})

    # Switching the strategy.

    def _set_strategy(self, request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        name, strategies = str(request.get("strategy", "")), supervisor.wiring.strategies
        if name not in strategies.names():
            known = ", ".join(strategies.names())
            reply(refusal("UNKNOWN_STRATEGY", f"{name!r} is no strategy; there are {known}"))
        elif self._switch is not None:
            reply(refusal("SWITCHING", "another switch is under way"))
        elif name == strategies.active:
            reply({"ok": True, "message": f"{name} is the active strategy already"})
        elif why := strategies.why_not(name):
            reply(refusal("NOT_COMPILED", why))
        elif not self._flat():
            reply(refusal("NOT_FLAT", "the strategy can be switched only while flat: close first"))
        else:
            self._switch = _Switch(name, strategies.active, who_asked(request), reply)
            for child in supervisor.strategies():
                supervisor.stop_one(child.seat)

    def poll(self) -> None:
        """Take the next step of a switch or of a preview under way."""
        self.tuning.preview.poll()
        switch, supervisor = self._switch, self._supervisor
        if switch is None:
            return
        strategies = supervisor.strategies()
        if not switch.forked:
            for child in strategies:
                child.reap()
            if not any(child.pid for child in strategies):
                self._fork_next(switch)
            return
        running = all(child.life is Life.RUNNING for child in strategies)
        if running or switch.deadline.passed():
            self._finish(switch, running=running)

    def _fork_next(self, switch: _Switch) -> None:
        supervisor = self._supervisor
        waiting = sum(shard.intents.depth() for shard in supervisor.house.shards)
        settled = waiting == 0 and self._open_orders() == 0
        if not settled and not switch.deadline.passed():
            return
        name = switch.name
        if not self._flat():
            name, switch.refused = switch.old, refusal("NOT_FLAT", _not_flat_yet(settled=settled))
        try:
            supervisor.wiring.select_strategy(name)
        except HftError as problem:
            switch.refused = refusal("CONFIG_REFUSED", str(problem))
            supervisor.wiring.select_strategy(switch.old)
        for child in supervisor.strategies():
            supervisor.start_one(child.seat, fresh_state=switch.fresh_state)
        switch.forked = True

    def _finish(self, switch: _Switch, *, running: bool) -> None:
        self._switch = None
        if switch.refused is not None:
            switch.reply(switch.refused)
            return
        # One that is late is the active strategy all the same, and trades once it runs.
        notice = Notice.STRATEGY_SWITCHED
        self._audit.tell(STRATEGY, switch.old, switch.name, switch.who, notice)
        if not running:
            switch.reply(refusal("NOT_READY", f"{switch.name} did not start in time"))
        else:
            switch.reply({"ok": True, "message": f"{switch.name} is the active strategy"})

    def _flat(self) -> bool:
        house = self._supervisor.house
        count = int(house.run[0]["symbol_count"])
        values = [block.read() for block in house.position[:count]]
        lots = [int(value[0]["position_lots"]) for value in values if value is not None]
        return not any(lots) and self._open_orders() == 0

    def _open_orders(self) -> int:
        account = self._supervisor.house.account.read()
        return 0 if account is None else int(account[0]["open_orders"])


def _not_flat_yet(*, settled: bool) -> str:
    if settled:
        return "an order of the old strategy was filled meanwhile"
    return "an order of the old strategy has not ended"
