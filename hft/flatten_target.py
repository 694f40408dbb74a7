"""Whose account flatten works on: the venue, the keys, and the folder of the engine that trades it.

An engine that is alive is told to halt first, so that its strategy does not enter again behind what
was just closed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from hft.config import DRY_RUN_FOLDER, KeySource, Network, load
from hft.control import ControlUnreachable, ask
from hft.errors import ConfigError
from hft.flatten_rounds import Say

HALT_WAIT_S = 3.0
_CONFIG = Path("config.toml")
_DEMO = Path("data/demo")


class Target(msgspec.Struct, frozen=True):
    """One account, and where its engine lives if there is one."""

    network: Network
    keys: KeySource
    folder: Path | None


class Wanted(msgspec.Struct, frozen=True):
    """What the command line says of it; None and empty: nothing."""

    config: Path | None = None
    data_dir: Path | None = None
    rest_url: str = ""
    ca_file: str = ""


def find_target(wanted: Wanted) -> Target:
    """Choose: a given address, the named config, a demo's run.json, ./config.toml.

    Raises:
        ConfigError: there is none of them, or they contradict each other.
    """
    config, folder = wanted.config, wanted.data_dir
    if wanted.rest_url:
        network = Network("given", wanted.rest_url, ca_file=wanted.ca_file)
        if config is None and folder is not None:
            return Target(network, KeySource(str(folder / "run.json"), "run"), folder)
        return Target(network, KeySource(str(config or _CONFIG), "config"), folder)
    if config is None:
        for each in [folder] if folder else [] if _CONFIG.is_file() else [_DEMO]:
            found = _on_paper(each)
            if found is not None:
                return found
        if not _CONFIG.is_file():
            raise ConfigError("there is neither a config.toml here nor a running demo: --config?")
    return _configured(config or _CONFIG, folder, named=config is not None)


def halt_engine(folder: Path | None, say: Say) -> None:
    """Ask the engine of a folder to halt, where one answers; say what came of it."""
    if folder is None or not (folder / "control.sock").exists():
        return
    try:
        answer = ask(folder / "control.sock", {"command": "stop", "by": "hft flatten"}, HALT_WAIT_S)
    except ControlUnreachable as problem:
        say("running", f"no engine could be halted, going on: {problem}")
        return
    if answer.get("ok"):
        say("running", f"the engine in {folder} is halted; start lifts that")
    else:
        say("running", f"the engine in {folder} did not halt: {answer.get('message', answer)}")


def _configured(config: Path, folder: Path | None, *, named: bool) -> Target:
    settings = load(config)
    home = folder or Path(settings.storage.data_dir)
    if settings.trading.dry_run:
        found = _on_paper(home) or _on_paper(home / DRY_RUN_FOLDER)
        if found is None:
            raise ConfigError(
                f"{config} trades on paper (dry_run) and none runs in {home}: "
                f"expected a running one, or --rest-url {settings.network.rest_url} to mean that"
            )
        return found
    if not named:
        _refuse_another_venue(config, settings.network, Path(settings.storage.data_dir))
    return Target(settings.network, KeySource(str(config), "config"), home)


def _refuse_another_venue(config: Path, network: Network, folder: Path) -> None:
    """Nobody may flatten one venue while looking at an engine that trades at another."""
    there = _read_run(folder / "run.json").get("rest_url", "")
    if there and there != network.rest_url:
        raise ConfigError(
            f"the engine of this folder trades at {there} and {config} names {network.rest_url}: "
            "expected --config FILE or --rest-url URL to say which is meant"
        )


def _on_paper(folder: Path) -> Target | None:
    """Find the run of a demo or a dry run; its keys stand in its run file."""
    run_file = folder / "run.json"
    run = _read_run(run_file)
    if "api_key" not in run:
        return None
    network = Network("demo", str(run["rest_url"]))
    return Target(network, KeySource(str(run_file), "run"), folder)


def _read_run(run_file: Path) -> dict[str, Any]:
    try:
        run = msgspec.json.decode(run_file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return run if isinstance(run, dict) else {}
