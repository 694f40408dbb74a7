"""The strategies of one run: found, compiled once before the fork, one of them active."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hft.agent.contract import Agent, Context
from hft.config import Settings, strategy_settings
from hft.errors import ConfigError
from hft.strategy.agent import StrategyAgent, hot_functions, warm
from hft.strategy.build import Burst, CompileRefused
from hft.strategy.load import Catalogue, StrategySpec, discover, make_params, read
from hft.strategy.sources import source_digest


def is_as_read(spec: StrategySpec) -> bool:
    """Say whether a strategy's file, and those it uses, are what they were when it was read."""
    try:
        digest = source_digest(spec.path.read_bytes(), (spec.on_market, spec.on_report))
    except OSError:
        return False
    return digest == spec.digest


class StrategiesBook:
    """What can be run and what is run; a strategy's index is its place among the sorted names."""

    def __init__(self, settings: Settings) -> None:
        self.catalogue: Catalogue = discover(settings.trading.strategies_dirs)
        self.active = ""
        self._uncompilable: dict[str, str] = {}
        self._settings = settings
        self._bursts: dict[str, Burst] = {}
        self._live: dict[str, dict[str, Any]] = {}

    def names(self) -> list[str]:
        """Names of the usable strategies, sorted."""
        return self.catalogue.names()

    def left_out(self) -> list[str]:
        """One sentence for every file that is no usable strategy."""
        broken = [f"{item.path}: {item.reason}" for item in self.catalogue.broken]
        return broken + list(self._uncompilable.values())

    def check(self, settings: Settings) -> None:
        """Check the chosen strategy and every [strategy.NAME] table before anything starts.

        Raises:
            ConfigError: a strategy that is not there, or a parameter that is wrong.
        """
        for folder in settings.trading.strategies_dirs:
            if not Path(folder).is_dir():
                raise ConfigError(f"[trading] strategies_dirs: {folder} is no folder.")
        self.catalogue.select(settings.trading.strategy)
        for name in {settings.trading.strategy, *settings.strategy}:
            if name not in self.catalogue.specs:
                known = ", ".join(self.names())
                raise ConfigError(f"[strategy.{name}]: no strategy; expected one of {known}.")
            make_params(self.catalogue.specs[name], strategy_settings(settings, name))

    def digest(self) -> str:
        """Digest the sources of all strategies."""
        digests = sorted(spec.digest for spec in self.catalogue.specs.values())
        return hashlib.blake2b(repr(digests).encode(), digest_size=10).hexdigest()

    def compile_all(self) -> None:
        """Compile every strategy, so that switching to it costs a fork and no more.

        Raises:
            ConfigError: the one that is to run cannot be compiled; others are left out.
        """
        for name in self.names():
            try:
                self._bursts[name] = warm(self.catalogue.specs[name])
            except CompileRefused as problem:
                if name == self._settings.trading.strategy:
                    raise ConfigError(str(problem)) from problem
                self._uncompilable[name] = str(problem)

    def why_not(self, name: str) -> str:
        """Say why a strategy cannot be run; nothing for one whose file may have been mended since.

        Whether it was is found out by the process that compiles it anew.
        """
        why = self._uncompilable.get(name, "")
        return why if is_as_read(self.catalogue.specs[name]) else ""

    def spec(self) -> StrategySpec:
        """Give the active strategy."""
        return self.catalogue.specs[self.active]

    def burst(self) -> Burst | None:
        """Give the compiled loop around the active strategy; None when it was left out here."""
        return self._bursts.get(self.active)

    def keep_live(self, name: str, values: dict[str, Any]) -> None:
        """Remember what a person changed of a strategy's parameters, for its next lives."""
        self._live[name] = values

    def select(self, name: str, settings: Settings) -> int:
        """Make `name` the strategy of the next fork; returns its index.

        Raises:
            ConfigError: there is none of that name, or one of its parameters is wrong.
        """
        make_params(self.catalogue.select(name), strategy_settings(settings, name))
        self.active, self._settings = name, settings
        return self.names().index(name)

    def build_agent(
        self, context: Context, *, fresh_state: bool
    ) -> tuple[Agent, Sequence[Callable[..., Any]]]:
        """Build the agent of the active strategy, in its own process.

        A file that has changed since the supervisor compiled it is read and compiled anew here.
        Its parameters are laid out as the supervisor knows them all the same, and goes on writing
        them into the block: the agent gives each value to the parameter of its name.
        """
        spec = self.catalogue.specs[self.active]
        table = strategy_settings(self._settings, self.active) | self._live.get(self.active, {})
        params = make_params(spec, table)
        burst = self._bursts.get(self.active)
        newest = read(spec.path)
        if burst is None or newest.digest != spec.digest:
            spec, burst = newest, warm(newest)
        agent = StrategyAgent(context, spec, burst, params, fresh_state=fresh_state)
        return agent, hot_functions(burst)
