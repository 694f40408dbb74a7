"""The words: the config file, and the files in which secrets stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hft.config import Keys, KeySource, Settings, demo_settings, load
from hft.config_keys import check_private
from hft.doctor.report import Finding, Level, failed, noted, passed, warned
from hft.errors import ConfigError

_HERE = Path("config.toml")


class Words(msgspec.Struct, frozen=True):
    """What was read, and what is wrong with it; `has_venue`: there is one to look at."""

    settings: Settings
    keys: Keys
    data_dir: Path
    has_venue: bool
    findings: list[Finding]


def read_words(config: Path | None) -> Words:
    """Read the config file and the keys; without a file the settings are those of the demo."""
    if config is None and _HERE.is_file():
        config = _HERE
    if config is None:
        settings = demo_settings()
        text = "no config.toml here: this is the demo, which brings its own exchange and keys"
        folder = Path(settings.storage.data_dir) / "demo"
        return Words(settings, Keys("", ""), folder, False, [noted("config", text)])
    try:
        settings = load(config)
    except ConfigError as problem:
        fix = "config.example.toml shows every key; without a config the rest is the demo's"
        demo = demo_settings()
        folder = Path(demo.storage.data_dir)
        return Words(demo, Keys("", ""), folder, False, [failed("config", str(problem), fix)])
    trading = settings.trading
    said = f"{config}: {settings.network.name}, {trading.strategy} on {', '.join(trading.symbols)}"
    findings = [passed("config", said)]
    source = KeySource(str(config), "config")
    keys = Keys("", "")
    try:
        keys = source.read()
        findings += _files(source)
        findings += _there(keys, dry_run=trading.dry_run)
    except ConfigError as problem:
        findings.append(failed("keys", str(problem), "mend the file as it says"))
    folder = Path(settings.storage.data_dir)
    return Words(settings, keys, folder, True, findings)


def _files(source: KeySource) -> Iterator[Finding]:
    for path in source.files():
        try:
            check_private(path)
        except ConfigError as problem:
            yield warned("keys", str(problem).partition(": type")[0], f"chmod 600 {path}")


def _there(keys: Keys, *, dry_run: bool) -> Iterator[Finding]:
    if dry_run:
        yield Finding(Level.PASS, "keys", "a dry run needs no key: orders go to paper")
    elif not keys.present():
        yield failed(
            "keys",
            "there is no API key, so no order can be sent",
            "set HFT_API_KEY and HFT_SECRET_KEY, or [trading] key_file",
        )
