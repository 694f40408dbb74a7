from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hft import config
from hft.errors import ConfigError, ExitCode

SEED_FILE = """
[network]
name = "testnet"
rest_url = "https://testnet.binancefuture.com"
ws_url = "wss://stream.binancefuture.com/ws"

[trading]
api_key = "the-public-part"
secret_key = "the-secret-part"
enabled = true
dry_run = false
fee_maker = 0.0002  # 0.02%
fee_taker = 0.0005  # 0.05%
strategy_window = 100
strategy_threshold = 1.0
price_threshold = 12.5
volume_multiplier = 4.0

[risk]
max_position = 1.5
max_drawdown = 900.0
max_order_size = 0.2
target_profit = 50.0
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    sentence = str(caught.value)
    assert caught.value.exit_code == ExitCode.CONFIG_REFUSED == 4
    assert sentence.startswith(f"{path}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def test_the_seeds_file_is_read_unchanged(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, SEED_FILE))
    assert settings.network.rest_url == "https://testnet.binancefuture.com"
    assert settings.network.ws_url == "wss://stream.binancefuture.com"
    assert settings.network.ws_api_url == "wss://testnet.binancefuture.com/ws-fapi/v1"
    assert settings.network.venue() == "testnet"
    assert settings.risk.max_position == 1.5
    assert settings.risk.max_drawdown == 900.0
    assert settings.risk.target_profit == 50.0
    assert config.strategy_settings(settings, "MOMENTUM") == {"window": 100, "threshold": 1.0}
    assert config.strategy_settings(settings, "LIQUIDATION") == {
        "price_threshold": 12.5,
        "volume_multiplier": 4.0,
    }
    assert config.strategy_settings(settings, "PING_PONG") == {}


def test_the_settings_never_hold_a_key(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, SEED_FILE))
    text = repr(settings) + msgspec.json.encode(settings).decode()
    assert "the-public-part" not in text
    assert "the-secret-part" not in text


def test_a_strategys_own_table_wins_over_the_seeds_keys(tmp_path: Path) -> None:
    settings = config.load(
        write(tmp_path, "[trading]\nstrategy_window = 9\n[strategy.MOMENTUM]\nwindow = 7\nqty = 1")
    )
    expected = {"window": 7, "threshold": 2.0, "qty": 1}
    assert config.strategy_settings(settings, "MOMENTUM") == expected


@pytest.mark.parametrize("ending", ["", "/", "/ws", "/ws/"])
def test_the_stream_address_may_end_in_ws(tmp_path: Path, ending: str) -> None:
    text = f'[network]\nrest_url = "http://127.0.0.1:9/"\nws_url = "ws://127.0.0.1:9{ending}"'
    network = config.load(write(tmp_path, text)).network
    assert network.ws_url == "ws://127.0.0.1:9"
    assert network.rest_url == "http://127.0.0.1:9"
    assert network.ws_api_url == "ws://127.0.0.1:9/ws-fapi/v1"
    assert network.venue() == "custom"


@pytest.mark.parametrize(
    ("name", "rest", "stream"),
    [
        ("testnet", "https://demo-fapi.binance.com", "wss://fstream.binancefuture.com"),
        ("mainnet", "https://fapi.binance.com", "wss://fstream.binance.com"),
    ],
)
def test_the_addresses_follow_from_a_known_name(
    tmp_path: Path, name: str, rest: str, stream: str
) -> None:
    network = config.load(write(tmp_path, f'[network]\nname = "{name}"')).network
    assert (network.rest_url, network.ws_url) == (rest, stream)
    assert network.venue() == name


def test_a_simulators_other_addresses_follow_from_its_requests(tmp_path: Path) -> None:
    text = '[network]\nname = "mine"\nrest_url = "http://127.0.0.1:9"'
    network = config.load(write(tmp_path, text)).network
    assert network.ws_url == "ws://127.0.0.1:9"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[risk]\nmax_positon = 1", "[risk] has no key max_positon: did you mean max_position."),
        ("[network]\napi_key = 'hush'", "[network] has no key api_key: it belongs in [trading]."),
        ("[rsik]\nmax_position = 1", "there is no table [rsik]: did you mean [risk]."),
        (
            "max_position = 1",
            'key "max_position" stands outside of any table: it belongs in [risk].',
        ),
        ("risk = 1", "risk is 1: expected the table [risk]."),
        (
            '[risk]\nmax_position = "1"',
            '[risk] max_position is "1": expected a number above 0, at most 1000000000.',
        ),
        (
            "[risk]\nmax_order_size = -0.1",
            "[risk] max_order_size is -0.1: expected a number above 0, at most 1000000000.",
        ),
        ("[risk]\nmax_position = nan", "[risk] max_position is nan: expected a finite number."),
        ("[risk]\nmax_drawdown = inf", "[risk] max_drawdown is inf: expected a finite number."),
        (
            "[trading]\nfee_taker = 0.05",
            "[trading] fee_taker is 0.05: expected a fraction from 0 to 0.01 "
            "(0.0005 means 0.05 %).",
        ),
        (
            "[trading]\nstrategy_window = 50.0",
            "[trading] strategy_window is 50.0: expected a whole number from 2 to 1024.",
        ),
        ("[trading]\nenabled = 1", "[trading] enabled is 1: expected true or false."),
        (
            '[trading]\nsymbols = ["btcusdt"]',
            '[trading] symbols is ["btcusdt"]: expected 1 to 16 upper-case names like "BTCUSDT", '
            "each once.",
        ),
        (
            '[trading]\nsymbols = ["A1", "A1"]',
            "[trading] symbols names A1 twice: expected each once.",
        ),
        (
            "[trading]\non_exit = 'run'",
            '[trading] on_exit is "run": expected "cancel" or "flatten".',
        ),
        (
            "[dashboard]\nport = 65536",
            "[dashboard] port is 65536: expected a port from 0 to 65535.",
        ),
        (
            "[strategy]\nMOMENTUM = 1",
            "[strategy] MOMENTUM stands outside of a strategy: expected a table like "
            "[strategy.MOMENTUM].",
        ),
        (
            "[strategy.MOMENTUM]\nthreshold = nan",
            "[strategy.MOMENTUM] threshold is nan: expected a finite number.",
        ),
        (
            "[network]\nname = 'mine'",
            '[network] name is "mine": expected "testnet" or "mainnet", or rest_url and ws_url as '
            "well.",
        ),
        (
            "[network]\nname = 'mine'\nws_url = 'ws://127.0.0.1:9'",
            "[network] rest_url is missing: expected the http address belonging to ws://127.0.0.1:9.",
        ),
        (
            "[network]\nrest_url = '127.0.0.1:9'",
            '[network] rest_url is "127.0.0.1:9": expected an address like https://host or '
            "http://host:port.",
        ),
        (
            "[network]\nname = 'testnet'\nrest_url = 'https://fapi.binance.com'",
            '[network] rest_url is "https://fapi.binance.com": expected an address of testnet, '
            "like the rest of the table.",
        ),
        (
            "[network]\nname = 'mine'\nrest_url = 'https://fapi.binance.com'\n"
            "ws_url = 'wss://fstream.binancefuture.com'",
            '[network] ws_url is "wss://fstream.binancefuture.com": expected an address of '
            "mainnet, like the rest of the table.",
        ),
        (
            f"[risk]\nmax_position = {10**80}",
            f"[risk] max_position is 1{'0' * 56}...: expected a number above 0, at most "
            "1000000000.",
        ),
        (
            '[log]\nlevel = """a\nb"""',
            '[log] level is "a\\nb": expected "debug", "info", "warning" or "error".',
        ),
        (
            "[risk]\nmax_position = 2026-01-01",
            "[risk] max_position is something else: expected a number above 0, at most 1000000000.",
        ),
        (
            "[risk\n",
            "not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 6).",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(tmp_path, text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "[trading]\nsecret_key = 12345678",
        "[trading]\nsecretkey = '12345678'",
        "[risk]\nsecret_key = '12345678'",
        "secret_key = '12345678'",
        "[storage]\ndatabase_url = 12345678",
        "[network]\nrest_url = 'http://me:12345678@host'",
        "[network]\nrest_url = 'ftp://me:12345678@host'",
    ],
)
def test_a_refusal_never_shows_a_secret(tmp_path: Path, text: str) -> None:
    assert "12345678" not in refusal(tmp_path, text)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path)
    path = tmp_path / "config.toml"
    path.write_bytes(b"[risk]\n\xff")
    with pytest.raises(ConfigError, match="byte 7 is not UTF-8"):
        config.load(path)


def test_every_empty_table_gives_its_defaults(tmp_path: Path) -> None:
    written = config.load(write(tmp_path, ""))
    demo = config.demo_settings()
    assert config.load(None) == demo
    for name in ("risk", "processes", "dashboard", "log", "trading"):
        assert getattr(written, name) == getattr(demo, name)


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    text = '[trading]\nstrategies_dirs = ["mine"]\n[storage]\ndata_dir = "kept"'
    settings = config.load(write(tmp_path, text))
    assert settings.storage.data_dir == str(tmp_path / "kept")
    assert settings.trading.strategies_dirs == [str(tmp_path / "mine")]


def test_the_tree_is_frozen() -> None:
    with pytest.raises(AttributeError):
        config.demo_settings().risk.max_position = 2.0  # type: ignore[misc]


@pytest.mark.parametrize("shards", ["0", "5", "1.5"])
def test_shards_are_one_to_four(tmp_path: Path, shards: str) -> None:
    said = refusal(tmp_path, f"[processes]\nshards = {shards}\n")
    assert said == f"[processes] shards is {shards}: expected a whole number from 1 to 4."


def test_every_shard_needs_a_symbol(tmp_path: Path) -> None:
    text = '[trading]\nsymbols = ["BTCUSDT", "ETHUSDT"]\n[processes]\nshards = '
    assert config.load(write(tmp_path, f"{text}2\n")).processes.shards == 2
    said = refusal(tmp_path, f"{text}3\n")
    assert said == "[processes] shards is 3: expected at most 2, one for each symbol."
