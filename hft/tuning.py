"""Strategy parameters and risk limits in force: the config file's, and what people changed since.

It writes the two blocks the hot processes read; a change is one snapshot, so they see all of it or
nothing, the strategy at its next burst and the gate within some milliseconds.  Every strategy keeps
its own live values for as long as the house runs, whichever is active.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import msgspec

from hft import limits
from hft.clock import wall_ms
from hft.config import Settings, strategy_settings
from hft.live_values import FieldChange, LiveValues
from hft.state.blocks import LIMITS, PARAMS, PARAMS_BYTES_MAX
from hft.strategies_book import StrategiesBook
from hft.strategy.load import make_params
from hft.strategy.params import values_of
from hft.topology import House
from ringbuf.spsc import packer_of

_LIMITS_PACKER = packer_of(LIMITS)
_PARAMS_PACKER = packer_of(PARAMS)
_READ_AGAIN = "the config file was read again since"


class ReadAgain(msgspec.Struct, frozen=True):
    """What reading the config file again changed, by strategy and in [risk], and whether by that
    something a person had changed was lost.
    """

    params: dict[str, tuple[FieldChange, ...]]
    limits: tuple[FieldChange, ...]
    replaced: tuple[str, ...]


class Tuning:
    """Owns the blocks `params` and `limits`; the values behind them change by whole steps."""

    def __init__(self, house: House, strategies: StrategiesBook, settings: Settings) -> None:
        self._house = house
        self._strategies = strategies
        self._settings = settings
        self._params: dict[str, LiveValues] = {}
        # A page may outlive the house: a number of the run before must not be one of this run.
        self._numbers = count(wall_ms())
        self.limits = LiveValues(limits.values_of(settings.risk), self._numbers)
        self.write_limits()

    # Parameters.

    def select(self, name: str) -> None:
        """Make `name` the strategy of the next fork, with its own values.

        Raises:
            ConfigError: there is none of that name, or a parameter in the file is wrong.
        """
        index = self._strategies.select(name, self._settings)
        if name not in self._params:
            self._params[name] = LiveValues(self._in_file(name, self._settings), self._numbers)
        run = self._house.run[0]
        run["strategy_index"] = index
        run["strategy_epoch"] += 1
        self.write_params()

    @property
    def params(self) -> LiveValues:
        """The parameters of the active strategy."""
        return self._params[self._strategies.active]

    def check_params(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Give all values of the active strategy with `given` put in.

        Raises:
            ConfigError: the strategy's own `Params` refuses; one sentence.
        """
        spec = self._strategies.spec()
        return values_of(make_params(spec, {**self.params.now, **given}))

    def write_params(self) -> None:
        """Put the values of the active strategy in force, for this life of it and the next."""
        name = self._strategies.active
        self._strategies.keep_live(name, self.params.changed_live())
        raw = make_params(self._strategies.spec(), self.params.now).tobytes()
        assert len(raw) <= PARAMS_BYTES_MAX, f"parameters take {len(raw)} bytes"
        index = int(self._house.run[0]["strategy_index"])
        self._house.params.write_values(_PARAMS_PACKER, (len(raw), index, raw))

    # Limits.

    def check_limits(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Give all limits with `given` put in.

        Raises:
            ConfigError: the rules of the config file refuse; one sentence.
        """
        risk = msgspec.convert(self.limits.now, type(self._settings.risk))
        return limits.values_of(limits.checked(risk, given))

    def write_limits(self) -> None:
        """Put the limits in force."""
        values = limits.in_units(msgspec.convert(self.limits.now, type(self._settings.risk)))
        self._house.limits.write_values(
            _LIMITS_PACKER, [values[name] for name in LIMITS.names or ()]
        )

    # The file.

    def read_again(self, settings: Settings) -> ReadAgain:
        """Put the file's values in force, those that were changed live included.

        Raises:
            ConfigError: a parameter of a strategy that ran is wrong; nothing was changed.
        """
        fresh = {name: self._in_file(name, settings) for name in self._params}
        self._strategies.select(self._strategies.active, settings)
        self._settings = settings
        changed, replaced = {}, []
        for name, values in self._params.items():
            live = values.changed_live()
            changed[name] = values.read_again(fresh[name], _READ_AGAIN)
            replaced += _lost(name, live, changed[name])
            self._strategies.keep_live(name, {})
        live = self.limits.changed_live()
        bounds = self.limits.read_again(limits.values_of(settings.risk), _READ_AGAIN)
        replaced += _lost("risk", live, bounds)
        self.write_params()
        self.write_limits()
        return ReadAgain(changed, bounds, tuple(replaced))

    def _in_file(self, name: str, settings: Settings) -> dict[str, Any]:
        spec = self._strategies.catalogue.select(name)
        return values_of(make_params(spec, strategy_settings(settings, name)))


def _lost(what: str, live: Mapping[str, Any], changes: tuple[FieldChange, ...]) -> list[str]:
    return [f"{what}.{one.name} {one.before} → {one.after}" for one in changes if one.name in live]
