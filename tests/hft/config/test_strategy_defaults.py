"""The seed's four keys and the strategies they belong to must say the same."""

from __future__ import annotations

import importlib
from pathlib import Path

import msgspec
import pytest

from hft import config
from hft.errors import ConfigError


@pytest.mark.parametrize("name", ["MOMENTUM", "LIQUIDATION"])
def test_the_defaults_in_trading_are_those_of_the_strategy(name: str) -> None:
    params = importlib.import_module(f"hft.strategies.{name.lower()}").Params
    given = config.strategy_settings(config.demo_settings(), name)
    assert given, "the seed has keys for it"
    assert msgspec.convert(given, params) == params()


def test_the_longest_window_the_config_takes_is_the_longest_the_strategy_takes(
    tmp_path: Path,
) -> None:
    from hft.strategies import momentum

    path = tmp_path / "config.toml"
    path.write_text(f"[trading]\nstrategy_window = {momentum.WINDOW_MAX}")
    given = config.strategy_settings(config.load(path), "MOMENTUM")
    assert msgspec.convert(given, momentum.Params).window == momentum.WINDOW_MAX
    path.write_text(f"[trading]\nstrategy_window = {momentum.WINDOW_MAX + 1}")
    with pytest.raises(ConfigError, match="strategy_window"):
        config.load(path)
