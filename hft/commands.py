"""What people may order through the control socket, and the answers they get."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hft.clock import Deadline
from hft.config import load
from hft.control import Reply, refusal
from hft.errors import HftError
from hft.events import LatchReason, Notice, Role
from hft.processes import farewell
from hft.state.blocks import Life
from hft.tripping import still_breached
from hft.units import E8, nearest_steps

if TYPE_CHECKING:
    from hft.watch import Supervisor

_SWITCH_MAX_S = 8.0
_MONEY_MAX = 1e9


class _Switch:
    """A strategy change under way: the old one drains, the house must be flat, the new one
    starts.
    """

    def __init__(self, name: str, old: str, reply: Reply) -> None:
        self.name = name
        self.old = old
        self.reply = reply
        self.refused = ""
        self.forked = False
        self.deadline = Deadline(_SWITCH_MAX_S)


class Commands:
    """Answers requests; a strategy switch is answered when the new strategy runs."""

    def __init__(self, house: Supervisor) -> None:
        self._supervisor = house
        self._switch: _Switch | None = None
        self._table: dict[str, Callable[[dict[str, Any], Reply], None]] = {
            "start": self._start,
            "stop": self._stop,
            "flatten": self._flatten,
            "flatten_status": self._flatten_status,
            "set_limits": self._set_limits,
            "set_strategy": self._set_strategy,
            "strategies": self._strategies,
            "status": self._status,
            "reload": self._reload,
            "shutdown": self._shutdown,
        }

    def handle(self, request: dict[str, Any], reply: Reply) -> None:
        """Carry out one request, or refuse it in one sentence."""
        command = request["command"]
        if command not in self._table:
            known = ", ".join(sorted(self._table))
            reply(refusal("UNKNOWN_COMMAND", f"{command!r} is no command; expected one of {known}"))
            return
        self._table[command](request, reply)

    def switching(self, role: Role) -> bool:
        """Say whether `role` is held back by a strategy switch."""
        return self._switch is not None and role is Role.STRATEGY and not self._switch.forked

    def _start(self, _request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        if not supervisor.wiring.settings.trading.enabled:
            reply(refusal("DISABLED", "[trading] enabled is false in the config file"))
        elif supervisor.flattening.running():
            reply(refusal("FLATTENING", "a flatten is under way; wait until it has ended"))
        else:
            breached = still_breached(supervisor.house)
            supervisor.latch.resume()
            supervisor.log.info("resumed by a person", notice=Notice.RESUMED)
            reply({"ok": True, "message": f"trading is resumed{breached}"})

    def _stop(self, _request: dict[str, Any], reply: Reply) -> None:
        self._supervisor.latch.halt(LatchReason.PERSON)
        self._supervisor.log.warning("halted by a person", notice=Notice.HALTED)
        reply({"ok": True, "message": "halted; open positions stay as they are"})

    def _flatten(self, _request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        supervisor.latch.halt(LatchReason.FLATTEN)
        supervisor.flattening.start()
        supervisor.log.warning(
            "halted by a person: flatten cancels all orders and closes positions",
            notice=Notice.FLATTEN,
        )
        reply({"ok": True, "message": "halted; cancelling all orders and closing positions"})

    def _flatten_status(self, _request: dict[str, Any], reply: Reply) -> None:
        flattening = self._supervisor.flattening
        reply({"ok": True, "state": flattening.state, "message": flattening.message})

    def _set_limits(self, request: dict[str, Any], reply: Reply) -> None:
        changes = {}
        for key in ("max_loss", "target_profit"):
            if key not in request:
                continue
            value = request[key]
            good = isinstance(value, int | float) and not isinstance(value, bool)
            if not good or not math.isfinite(value) or not 0 <= value <= _MONEY_MAX:
                expected = f"a number from 0 (off) to {_MONEY_MAX:.0f}"
                reply(refusal("BAD_VALUE", f"{key} is {value!r}; expected {expected}"))
                return
            changes[f"{key}_e8"] = nearest_steps(float(value), 1)
        limits = self._supervisor.wiring.change_limits(changes)
        self._supervisor.log.warning(
            f"limits changed by a person: max loss {limits['max_loss_e8'] / E8:g}, "
            f"target profit {limits['target_profit_e8'] / E8:g}"
        )
        reply({"ok": True, "message": "the limits are in force"})

    def _reload(self, _request: dict[str, Any], reply: Reply) -> None:
        supervisor = self._supervisor
        if supervisor.plan.config is None:
            reply(refusal("NO_CONFIG", "the demo has no config file to read again"))
            return
        try:
            settings = load(supervisor.plan.config)
            message = supervisor.wiring.reload(settings)
        except HftError as problem:
            reply(refusal("CONFIG_REFUSED", f"nothing was changed: {problem}"))
            return
        if not settings.trading.enabled and not supervisor.latch.halted():
            supervisor.latch.halt(LatchReason.PERSON)
            message += "; HALTED, since [trading] enabled is false"
        supervisor.log.warning(f"config read again by a person: {message}")
        reply({"ok": True, "message": message})

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

    def _shutdown(self, _request: dict[str, Any], reply: Reply) -> None:
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
        elif not self._flat():
            reply(refusal("NOT_FLAT", "the strategy can be switched only while flat: close first"))
        else:
            self._switch = _Switch(name, strategies.active, reply)
            for child in supervisor.strategies():
                supervisor.stop_one(child.seat)

    def poll(self) -> None:
        """Take the next step of a switch under way."""
        switch, supervisor = self._switch, self._supervisor
        if switch is None:
            return
        strategies = supervisor.strategies()
        for child in strategies:
            child.reap()
        if not switch.forked:
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
            name, switch.refused = switch.old, "an order of the old strategy was filled meanwhile"
        try:
            supervisor.wiring.select_strategy(name)
        except HftError as problem:
            switch.refused = str(problem)
            supervisor.wiring.select_strategy(switch.old)
        for child in supervisor.strategies():
            supervisor.start_one(child.seat)
        switch.forked = True

    def _finish(self, switch: _Switch, *, running: bool) -> None:
        self._switch = None
        if switch.refused:
            switch.reply(refusal("NOT_FLAT", switch.refused))
        elif not running:
            switch.reply(refusal("NOT_READY", f"{switch.name} did not start in time"))
        else:
            self._supervisor.log.info(f"strategy switched from {switch.old} to {switch.name}")
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
