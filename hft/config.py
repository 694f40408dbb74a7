"""The settings: one TOML file, one tree, read once, refused or frozen.

`load` reads a file, `demo_settings` is what runs without one.  Only the wiring sees the whole
tree; a room is handed its own branch.  Values are floats and integers as people write them; units
are in the docstrings and in config.example.toml.  API keys are no part of the tree: see
`KeySource`.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hft import config_network
from hft.config_keys import KEY_VARIABLES, KEY_WORDS, Keys, KeySource
from hft.config_reading import convert, read_toml, refuse
from hft.errors import ConfigError
from hft.events import SYMBOLS_MAX
from hft.seats import SHARDS_MAX

__all__ = [
    "KEY_VARIABLES",
    "Dashboard",
    "KeySource",
    "Keys",
    "Log",
    "Network",
    "Processes",
    "Risk",
    "Settings",
    "Storage",
    "Trading",
    "check_shards",
    "demo_settings",
    "load",
    "strategy_settings",
]

_AMOUNT_MAX = 1e9  # Well inside what 1e-8 units in an int64 can hold.

Text = Annotated[str, Meta(description="a text")]
Flag = Annotated[bool, Meta(description="true or false")]
Fee = Annotated[
    float,
    Meta(ge=0, le=0.01, description="a fraction from 0 to 0.01 (0.0005 means 0.05 %)"),
]
Amount = Annotated[
    float, Meta(gt=0, le=_AMOUNT_MAX, description="a number above 0, at most 1000000000")
]
AmountOrOff = Annotated[
    float,
    Meta(ge=0, le=_AMOUNT_MAX, description="0 (off) or a number above it, at most 1000000000"),
]
Count = Annotated[int, Meta(ge=0, le=100_000, description="0 (off) or a whole number up to 100000")]


def _told(title: str, unit: str = "") -> Meta:
    """What a form shows of a key: a line for people, and the unit ("quote", "base" or a word)."""
    return Meta(title=title, extra_json_schema={"unit": unit})


CancelOrFlatten = Annotated[Literal["cancel", "flatten"], Meta(description='"cancel" or "flatten"')]


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The venue.  Addresses left empty follow from the name or from `rest_url`.

    After `load` all three are there: no trailing slash, `ws_url` without its trailing ``/ws``.
    """

    name: Annotated[
        str, Meta(pattern="^[A-Za-z0-9._-]{1,32}$", description="a name of 1 to 32 letters")
    ] = "testnet"
    rest_url: Text = ""
    ws_url: Text = ""
    ws_api_url: Text = ""
    ca_file: Text = ""

    def venue(self) -> config_network.VenueName:
        """Say whose address `rest_url` is, whatever the name says."""
        return config_network.venue_of(self.rest_url)


class Trading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is traded and by which strategy.  Fees are fractions of the notional."""

    enabled: Flag = True
    dry_run: Flag = False
    symbols: Annotated[
        list[Annotated[str, Meta(pattern="^[A-Z0-9_]{2,20}$")]],
        Meta(
            min_length=1,
            max_length=SYMBOLS_MAX,
            description=f'1 to {SYMBOLS_MAX} upper-case names like "BTCUSDT", each once',
        ),
    ] = msgspec.field(default_factory=lambda: ["BTCUSDT"])
    strategy: Annotated[
        str,
        Meta(
            pattern="^[A-Z][A-Z0-9_]{0,31}$",
            description='the upper-case name of a strategy, like "MOMENTUM"',
        ),
    ] = "MOMENTUM"
    strategies_dirs: Annotated[
        list[Annotated[str, Meta(min_length=1)]], Meta(description="a list of folders")
    ] = msgspec.field(default_factory=list)
    fee_maker: Fee = 0.0002
    fee_taker: Fee = 0.0005
    dry_run_balance: Amount = 10_000.0
    dry_run_latency_ms: Annotated[
        int, Meta(ge=0, le=10_000, description="a whole number of milliseconds up to 10000")
    ] = 20
    strategy_window: Annotated[
        int, Meta(ge=2, le=1024, description="a whole number from 2 to 1024")
    ] = 50
    strategy_threshold: AmountOrOff = 2.0
    price_threshold: AmountOrOff = 10.0
    volume_multiplier: AmountOrOff = 3.0
    on_exit: CancelOrFlatten = "cancel"
    on_execution_lost: CancelOrFlatten = "cancel"
    countdown_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=3_600_000,
            description="0 (off) or a whole number of milliseconds up to 3600000",
        ),
    ] = 30_000


class Risk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the gate lets pass.  Sizes are in base units per symbol, money in the quote asset."""

    max_position: Annotated[Amount, _told("largest position, per symbol", "base")] = 1.0
    max_order_size: Annotated[Amount, _told("largest single order, per symbol", "base")] = 0.1
    max_drawdown: Annotated[
        AmountOrOff, _told("loss of the session at which trading stops", "quote")
    ] = 1000.0
    target_profit: Annotated[
        AmountOrOff, _told("profit of the session at which trading stops", "quote")
    ] = 0.0
    max_daily_loss: Annotated[
        AmountOrOff, _told("loss of the UTC day at which trading stops", "quote")
    ] = 0.0
    max_peak_drawdown: Annotated[
        AmountOrOff, _told("way down from the session's best moment", "quote")
    ] = 0.0
    max_notional: Annotated[
        AmountOrOff, _told("worth of one symbol's position, all open orders filled", "quote")
    ] = 0.0
    max_leverage: Annotated[
        float,
        Meta(ge=0, le=150, description="0 (off) or a number up to 150"),
        _told("worth of all positions against the equity", "×"),
    ] = 20.0
    price_collar: Annotated[
        float,
        Meta(ge=0, le=0.5, description="0 (off) or a fraction up to 0.5 (0.05 means 5 %)"),
        _told("how far a price may lie from the mark and from the touch", "fraction"),
    ] = 0.05
    max_orders_per_second: Annotated[
        int,
        Meta(ge=1, le=100, description="a whole number from 1 to 100"),
        _told("orders the gate lets pass in a second", "orders/s"),
    ] = 10
    max_cancels_per_second: Annotated[
        int,
        Meta(ge=1, le=1000, description="a whole number from 1 to 1000"),
        _told("cancels and changes the strategy may ask for in a second", "cancels/s"),
    ] = 50
    max_open_orders: Annotated[
        int,
        Meta(ge=1, le=1000, description="a whole number from 1 to 1000"),
        _told("orders open at a time, all symbols together", "orders"),
    ] = 100
    intent_expiry_ms: Annotated[
        int,
        Meta(ge=1, le=60_000, description="a whole number of milliseconds from 1 to 60000"),
        _told("age at which an intent is dropped", "ms"),
    ] = 500
    feed_stale_ms: Annotated[
        int,
        Meta(ge=100, le=600_000, description="a whole number of milliseconds from 100 to 600000"),
        _told("silence after which a market is not traded on", "ms"),
    ] = 3000
    account_stale_ms: Annotated[
        int,
        Meta(ge=1000, le=600_000, description="a whole number of milliseconds from 1000 to 600000"),
        _told("time without a look at the account after which nothing is entered", "ms"),
    ] = 90_000
    clock_error_max_ms: Annotated[
        int,
        Meta(ge=1, le=10_000, description="a whole number of milliseconds from 1 to 10000"),
        _told("doubt about the venue's clock above which nothing is entered", "ms"),
    ] = 500
    max_errors_per_minute: Annotated[
        Count, _told("failed requests in a minute at which trading stops", "errors/min")
    ] = 0
    max_rejects_per_minute: Annotated[
        Count, _told("rejected orders in a minute at which trading stops", "orders/min")
    ] = 20
    max_latency_ms: Annotated[
        AmountOrOff, _told("99th percentile of tick to order at which trading stops", "ms")
    ] = 0.0
    max_ring_depth: Annotated[
        Count, _told("events waiting for a strategy at which trading stops", "events")
    ] = 0
    on_trip: Annotated[
        Literal["halt", "reduce", "flatten"],
        Meta(description='"halt", "reduce" or "flatten"'),
        _told("what a breaker does when it trips"),
    ] = "halt"


class Processes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many processes there are, how they wait, what they ask of the operating system."""

    idle: Annotated[
        Literal["auto", "spin", "yield", "backoff", "park"],
        Meta(description='"auto", "spin", "yield", "backoff" or "park"'),
    ] = "auto"
    pin: Flag = True
    shards: Annotated[
        int, Meta(ge=1, le=SHARDS_MAX, description=f"a whole number from 1 to {SHARDS_MAX}")
    ] = 1
    mlockall: Flag = False
    sched_fifo: Flag = False


class Dashboard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the page is served; port 0 takes any free one.

    `names` are host names under which a proxy with TLS serves it to others.
    """

    host: Annotated[
        str, Meta(min_length=1, max_length=255, description="an address of this machine")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="a port from 0 to 65535")] = 3000
    names: list[
        Annotated[
            str, Meta(pattern=r"^[A-Za-z0-9.-]{1,253}$", description="a host name without a port")
        ]
    ] = []


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the run keeps its files; an empty `database_url` is trades.db in `data_dir`."""

    data_dir: Annotated[str, Meta(min_length=1, description="a folder")] = "data"
    database_url: Text = ""


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is worth a line."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description='"debug", "info", "warning" or "error"'),
    ] = "info"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree; `strategy` holds the [strategy.NAME] tables, which each strategy checks."""

    network: Network = Network()
    trading: Trading = Trading()
    risk: Risk = Risk()
    strategy: dict[str, dict[str, Any]] = {}
    processes: Processes = Processes()
    dashboard: Dashboard = Dashboard()
    storage: Storage = Storage()
    log: Log = Log()


DRY_RUN_FOLDER = "dry-run"
"""Where in the data folder a dry run keeps everything of its own: paper and money never mix."""

UNKEPT = {"trading": set(KEY_WORDS)}
"""Keys that stand in the file and are read by `KeySource` alone."""


def load(path: Path | None) -> Settings:
    """Read, check and complete the settings; None gives those of the demo.

    Relative folders and files in it are relative to the folder of the config file.

    Raises:
        ConfigError: anything in the file is wrong; one sentence with file, table and key.
    """
    if path is None:
        return demo_settings()
    raw = read_toml(path)
    _check_strategies(path, raw.get("strategy", {}))
    settings = convert(path, raw, Settings, UNKEPT)
    _check_texts(path, raw.get("trading", {}))
    _check_symbols(path, settings.trading)
    check_shards(f"{path}: [processes] shards", settings)
    return _complete(path, settings)


def demo_settings() -> Settings:
    """Settings without a file: every default, and a venue whose addresses the supervisor knows."""
    return Settings(network=Network(name="demo"))


def strategy_settings(settings: Settings, name: str) -> dict[str, object]:
    """Collect the parameters the file gives to strategy `name`.

    The seed's keys in [trading] count for the strategies they were made for; [strategy.NAME] wins.
    """
    trading = settings.trading
    seed: dict[str, dict[str, object]] = {
        "MOMENTUM": {"window": trading.strategy_window, "threshold": trading.strategy_threshold},
        "LIQUIDATION": {
            "price_threshold": trading.price_threshold,
            "volume_multiplier": trading.volume_multiplier,
        },
    }
    return {**seed.get(name, {}), **settings.strategy.get(name, {})}


def _check_texts(path: Path, trading: dict[str, Any]) -> None:
    for key in sorted(UNKEPT["trading"]):
        if not isinstance(trading.get(key, ""), str):
            refuse(path, "trading", key, trading[key], "a text")


def _check_symbols(path: Path, trading: Trading) -> None:
    twice = sorted({name for name in trading.symbols if trading.symbols.count(name) > 1})
    if twice:
        raise ConfigError(f"{path}: [trading] symbols names {twice[0]} twice: expected each once.")


def check_shards(place: str, settings: Settings) -> None:
    """Refuse a shard that would have no symbol; `place` names the word that asks for it.

    Raises:
        ConfigError: there are more shards than symbols.
    """
    shards, symbols = settings.processes.shards, len(settings.trading.symbols)
    if shards > symbols:
        raise ConfigError(f"{place} is {shards}: expected at most {symbols}, one for each symbol.")


def _check_strategies(path: Path, tables: Any) -> None:
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if not isinstance(table, dict):
            raise ConfigError(
                f"{path}: [strategy] {name} stands outside of a strategy: "
                "expected a table like [strategy.MOMENTUM]."
            )
        if not re.fullmatch("[A-Z][A-Z0-9_]{0,31}", name):
            raise ConfigError(
                f"{path}: [strategy.{name}] is no strategy: expected an upper-case name, "
                "like [strategy.MOMENTUM]."
            )
        for key, value in table.items():
            if isinstance(value, float) and not math.isfinite(value):
                refuse(path, f"strategy.{name}", key, value, "a finite number")


def _complete(path: Path, settings: Settings) -> Settings:
    network, storage, trading = settings.network, settings.storage, settings.trading
    given = config_network.Addresses(network.rest_url, network.ws_url, network.ws_api_url)
    full = config_network.complete(path, network.name, given)
    folder = path.absolute().parent
    replace = msgspec.structs.replace
    return replace(
        settings,
        network=replace(
            network,
            rest_url=full.rest_url,
            ws_url=full.ws_url,
            ws_api_url=full.ws_api_url,
            ca_file=str(folder / network.ca_file) if network.ca_file else "",
        ),
        storage=_storage(folder, storage, dry_run=trading.dry_run),
        trading=replace(
            trading, strategies_dirs=[str(folder / name) for name in trading.strategies_dirs]
        ),
    )


def _storage(folder: Path, storage: Storage, *, dry_run: bool) -> Storage:
    data_dir = folder / storage.data_dir
    if dry_run:
        return Storage(str(data_dir / DRY_RUN_FOLDER), "")
    return msgspec.structs.replace(storage, data_dir=str(data_dir))
