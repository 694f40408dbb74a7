"""What people may order about parameters and limits: look, change, take back, and who did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hft import limits
from hft.changes import KEPT, RISK, Audit, who_asked
from hft.control import Reply, refusal
from hft.errors import ConfigError
from hft.events import Notice
from hft.live_values import FieldChange, LiveValues, UndoRefused
from hft.preview.child import Preview
from hft.strategy.params import ParamField
from hft.topology import House
from hft.tripping import already_beyond

if TYPE_CHECKING:
    from hft.watch import Supervisor

_SEED_LIMITS = ("max_loss", "target_profit")


class TuningCommands:
    """Answers requests about values; every change of one is told to `audit`."""

    def __init__(self, supervisor: Supervisor, audit: Audit) -> None:
        self._supervisor = supervisor
        self._tuning = supervisor.wiring.tuning
        self._audit = audit
        self.preview = Preview(supervisor.house)
        self.table = {
            "params": self._params,
            "set_params": self._set_params,
            "undo_params": self._undo_params,
            "preview": self._preview,
            "limits": self._limits,
            "set_limits": self._set_limits,
            "undo_limits": self._undo_limits,
            "changes": self._changes,
        }

    # Looking.

    def _params(self, _request: dict[str, Any], reply: Reply) -> None:
        strategies = self._supervisor.wiring.strategies
        fields = self._fields(strategies.spec().fields, self._tuning.params)
        undo = _undo_of(self._tuning.params)
        reply({"ok": True, "strategy": strategies.active, "fields": fields, "undo": undo})

    def _limits(self, _request: dict[str, Any], reply: Reply) -> None:
        fields = self._fields(limits.FIELDS, self._tuning.limits)
        reply({"ok": True, "fields": fields, "undo": _undo_of(self._tuning.limits)})

    def _changes(self, request: dict[str, Any], reply: Reply) -> None:
        limit = request.get("limit", KEPT)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= KEPT:
            reply(refusal("BAD_VALUE", f"limit is {limit!r}; expected 1 to {KEPT}"))
            return
        session = int(self._supervisor.house.run[0]["session_epoch"])
        reply({"ok": True, "session": session, "changes": self._audit.newest(limit)})

    def _fields(self, fields: Sequence[ParamField], values: LiveValues) -> list[dict[str, Any]]:
        units = _units_of(self._supervisor.house)
        return [
            {
                **msgspec.to_builtins(field),
                "unit": units.get(field.unit, field.unit),
                "value": values.now[field.name],
                "file_value": values.file[field.name],
            }
            for field in fields
        ]

    # Changing.

    def _set_params(self, request: dict[str, Any], reply: Reply) -> None:
        tuning, active = self._tuning, self._supervisor.wiring.strategies.active
        try:
            unseen = _unseen(request, tuning.params)
            checked = tuning.check_params(self._asked_params(request))
        except ConfigError as problem:
            reply(refusal("BAD_VALUE", str(problem)))
            return
        if unseen:
            reply(refusal("CHANGED_MEANWHILE", unseen))
            return
        who = who_asked(request)
        changes = tuning.params.put(checked, who, self._audit.now_ms())
        tuning.write_params()
        self.tell(active, changes, who, Notice.PARAMS_CHANGED)
        reply(self._done(active, tuning.params, changes))

    def _set_limits(self, request: dict[str, Any], reply: Reply) -> None:
        tuning = self._tuning
        given = {key: request[key] for key in _SEED_LIMITS if key in request}
        try:
            if not given or "values" in request:
                given |= _table(request.get("values"))
            unseen = _unseen(request, tuning.limits)
            checked = tuning.check_limits(given)
        except ConfigError as problem:
            reply(refusal("BAD_VALUE", str(problem)))
            return
        if unseen:
            reply(refusal("CHANGED_MEANWHILE", unseen))
            return
        who = who_asked(request)
        changes = tuning.limits.put(checked, who, self._audit.now_ms())
        tuning.write_limits()
        self.tell(RISK, changes, who, Notice.LIMITS_CHANGED)
        reply(self._done(RISK, tuning.limits, changes))

    def _undo_params(self, request: dict[str, Any], reply: Reply) -> None:
        active, values = self._supervisor.wiring.strategies.active, self._tuning.params
        changes = self._undo(request, reply, values)
        if changes:
            self._tuning.write_params()
            self.tell(active, changes, f"{who_asked(request)}, undo", Notice.PARAMS_CHANGED)
            reply(self._done(active, values, changes))

    def _undo_limits(self, request: dict[str, Any], reply: Reply) -> None:
        values = self._tuning.limits
        changes = self._undo(request, reply, values)
        if changes:
            self._tuning.write_limits()
            self.tell(RISK, changes, f"{who_asked(request)}, undo", Notice.LIMITS_CHANGED)
            reply(self._done(RISK, values, changes))

    def _undo(
        self, request: dict[str, Any], reply: Reply, values: LiveValues
    ) -> tuple[FieldChange, ...]:
        number = request.get("change")
        try:
            if number is not None and type(number) is not int:
                raise UndoRefused(f"change is {number!r}; expected the number of a change")
            return values.undo(number)
        except UndoRefused as problem:
            reply(refusal("NO_UNDO", str(problem)))
            return ()

    def tell(self, what: str, changes: Sequence[FieldChange], who: str, notice: Notice) -> None:
        """Note changes of one table of values."""
        for one in changes:
            self._audit.tell((what, one.name), one.before, one.after, who, notice)

    def _done(
        self, what: str, values: LiveValues, changes: Sequence[FieldChange]
    ) -> dict[str, Any]:
        told = [{"name": one.name, "from": one.before, "to": one.after} for one in changes]
        message = self._sentence(what, values, changes)
        if what == RISK and changes:
            message += already_beyond(self._supervisor.house, self._supervisor.latch)
        return {
            "ok": True,
            "message": message,
            "changed": told,
            "undo": _undo_of(values),
        }

    def _sentence(self, what: str, values: LiveValues, changes: Sequence[FieldChange]) -> str:
        if not changes:
            return "nothing changes: these values are in force already"
        said = ", ".join(f"{what}.{one.name} {one.before} → {one.after}" for one in changes)
        are = "is" if len(changes) == 1 else "are"
        differ = [one.name for one in changes if one.name in values.changed_live()]
        if not differ:
            return f"{said} {are} in force, as after a restart of the house"
        kept = ", ".join(f"{name} {values.file[name]}" for name in differ)
        whose = "the config file" if self._supervisor.plan.config else "the demo"
        return f"{said} {are} in force; a restart of the house brings back what {whose} has: {kept}"

    # Preview.

    def _preview(self, request: dict[str, Any], reply: Reply) -> None:
        tuning = self._tuning
        try:
            checked = tuning.check_params(self._asked_params(request))
        except ConfigError as problem:
            reply(refusal("BAD_VALUE", str(problem)))
            return
        if self.preview.running():
            reply(refusal("PREVIEWING", "another preview is being worked out; ask again"))
            return
        strategies = self._supervisor.wiring.strategies
        spec, burst = strategies.spec(), strategies.burst()
        if burst is None:
            why = f"{spec.name} could not be compiled when the house was started"
            reply(refusal("PREVIEW_FAILED", f"there is no preview: {why}"))
            return
        self.preview.start((spec, burst), (tuning.params.now, checked), reply)

    def _asked_params(self, request: dict[str, Any]) -> dict[str, Any]:
        active = self._supervisor.wiring.strategies.active
        meant = request.get("strategy", active)
        if meant != active:
            raise ConfigError(f"these are values of {meant!r}, and {active} is the active strategy")
        return _table(request.get("values"))


def _table(values: object) -> dict[str, Any]:
    if not isinstance(values, dict) or not values:
        raise ConfigError('expected "values": an object of names and values, at least one')
    return values


def _unseen(request: Mapping[str, Any], values: LiveValues) -> str:
    """Say what another hand changed since the one that asks looked; it says what it saw, or not.

    Raises:
        ConfigError: what it saw are no values.
    """
    seen = request.get("seen", {})
    if not isinstance(seen, dict) or not seen.keys() <= values.now.keys():
        raise ConfigError('expected "seen": an object of names and the values that were in force')
    changed = values.unseen(seen)
    return f"nothing was changed: {changed}" if changed else ""


def _undo_of(values: LiveValues) -> dict[str, Any] | None:
    step = values.newest()
    if step is None:
        return None
    return {
        "change": step.number,
        "ms": step.wall_ms,
        "who": step.who,
        "changes": [
            {"name": one.name, "from": one.before, "to": one.after} for one in step.changes
        ],
        "message": f"takes back {step.text()}, by {step.who}",
    }


def _units_of(house: House) -> Mapping[str, str]:
    """Name the assets behind "quote" and "base", as far as the account and the symbols tell."""
    quote = bytes(house.identity[0]["margin_asset"]).decode()
    symbols = house.symbols()
    if not quote:
        return {}
    if len(symbols) == 1 and symbols[0].endswith(quote):
        return {"quote": quote, "base": symbols[0].removesuffix(quote)}
    return {"quote": quote}
