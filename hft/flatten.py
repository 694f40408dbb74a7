"""Cancel everything and close every position, over REST alone: `python -m hft.flatten`.

The last resort, so it leans on nothing: not on the engine, its memory or its processes.  What is
left is read from the venue in every round, and every closing order is reduce-only: sent once too
often it is refused or cut, it never opens a position.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from hft.binance import endpoints
from hft.binance.budget import Use
from hft.binance.filters import SymbolSpec, spec_of
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.clock import Deadline, sleep_s
from hft.config import KeySource, Network, load
from hft.errors import BootError, ConfigError, ExitCode, HftError
from hft.units import parse_e8, trim_e8

DEADLINE_S = 60.0
ROUND_PAUSE_S = 0.25
REACH_ATTEMPTS = 3
SLICES_MAX = 8
SOMETHING_LEFT = 1
REDUCE_ONLY_REFUSED = -2022

Say = Callable[[str, str], None]


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; 0 only when nothing is left of what was to be undone."""
    try:
        options = _read_options(sys.argv[1:] if argv is None else argv)
        say = _say_json if options.json else _say_text
        network, keys = _find_venue(options)
        if not options.yes:
            _confirm(network, cancel_only=options.cancel_only)
        return _run(network, keys, say, cancel_only=options.cancel_only)
    except HftError as problem:
        sys.stderr.write(f"hft flatten: {problem}\n")
        return int(problem.exit_code)


def flatten(
    rest: Rest, say: Say, *, cancel_only: bool, deadline_s: float = DEADLINE_S
) -> list[str]:
    """Cancel, and close unless `cancel_only`, round by round; returns what is left at the end.

    Raises:
        AuthError: the venue refuses the key.
    """
    deadline = Deadline(deadline_s)
    specs: dict[str, SymbolSpec] = {}
    left = ["nothing could be read from the venue"]
    while True:
        try:
            specs = specs or _read_specs(rest)
            left = _round(rest, say, specs, cancel_only=cancel_only)
        except (VenueError, VenueUnknown) as problem:
            say("running", f"the venue did not do it, trying again: {problem}")
        if not left or deadline.passed():
            return left
        sleep_s(ROUND_PAUSE_S)


def _round(rest: Rest, say: Say, specs: dict[str, SymbolSpec], *, cancel_only: bool) -> list[str]:
    """Read what there is and act on it once; what was there is what is left until read anew."""
    orders = rest.open_orders()
    positions = [row for row in rest.position_risk() if parse_e8(row["positionAmt"])]
    for symbol in sorted({row["symbol"] for row in orders}):
        count = sum(row["symbol"] == symbol for row in orders)
        say("running", f"{symbol}: cancelling {count} open orders")
        _cancel_all(rest, symbol)
    left = [f"{row['symbol']} order {row['clientOrderId']}" for row in orders]
    if cancel_only:
        return left
    for row in positions:
        _close(rest, say, row, specs)
    return left + [f"{row['symbol']} position {row['positionAmt']}" for row in positions]


def _cancel_all(rest: Rest, symbol: str) -> None:
    try:
        rest.cancel_all(symbol)
    except VenueError as refusal:
        if refusal.code != endpoints.UNKNOWN_ORDER_SENT:
            raise


def _close(rest: Rest, say: Say, row: dict[str, Any], specs: dict[str, SymbolSpec]) -> None:
    """Send reduce-only market orders for one position, none larger than the venue takes."""
    symbol, held_e8 = row["symbol"], parse_e8(row["positionAmt"])
    spec = specs.get(symbol)
    most_e8 = spec.market_max_lots * spec.lot_e8 if spec else abs(held_e8)
    order: dict[str, str | int | bool] = {
        "symbol": symbol,
        "side": "SELL" if held_e8 > 0 else "BUY",
        "type": "MARKET",
        "newOrderRespType": "RESULT",
    }
    if row.get("positionSide", "BOTH") == "BOTH":
        order["reduceOnly"] = True
    else:
        # In hedge mode the side of the position says that the order closes it.
        order["positionSide"] = row["positionSide"]
    left_e8 = abs(held_e8)
    for _ in range(SLICES_MAX):
        slice_e8 = min(left_e8, most_e8)
        say("running", f"{symbol}: {order['side']} {trim_e8(slice_e8)} at market, reduce-only")
        try:
            rest.place({**order, "quantity": trim_e8(slice_e8)})
        except VenueError as refusal:
            if refusal.code != REDUCE_ONLY_REFUSED:
                raise
        left_e8 -= slice_e8
        if not left_e8:
            return


def _read_specs(rest: Rest) -> dict[str, SymbolSpec]:
    specs = {}
    for each in rest.exchange_info()["symbols"]:
        try:
            specs[each["symbol"]] = spec_of(each)
        except ValueError:
            # A listing whose filters cannot be read is closed in one piece.
            continue
    return specs


def _run(network: Network, keys: KeySource, say: Say, *, cancel_only: bool) -> int:
    rest = _reach(network, keys)
    try:
        left = flatten(rest, say, cancel_only=cancel_only)
    finally:
        rest.close()
    if left:
        say("failed", f"not done within {DEADLINE_S:.0f} s; left: {', '.join(left)}")
        return SOMETHING_LEFT
    done = "no open orders" if cancel_only else "flat: no open orders, no positions"
    say("done", f"{done} at {network.rest_url}")
    return ExitCode.OK


def _reach(network: Network, source: KeySource) -> Rest:
    keys = source.read()
    if not keys.present():
        raise BootError("AUTH_ERROR: no API key is configured")
    rest = Rest(network.rest_url, keys, ca_file=network.ca_file)
    # What the engine leaves of the venue's limits is left for this.
    rest.use = Use.CANCEL
    for attempt in range(REACH_ATTEMPTS):
        try:
            rest.sync_clock(samples=1)
            return rest
        except (VenueError, VenueUnknown) as problem:
            if attempt == REACH_ATTEMPTS - 1:
                rest.close()
                raise BootError(
                    f"the venue at {network.rest_url} cannot be reached: {problem}"
                ) from None
            sleep_s(ROUND_PAUSE_S)
    raise AssertionError("the loop returns or raises")


def _find_venue(options: argparse.Namespace) -> tuple[Network, KeySource]:
    """Choose the venue: a given address, the named config, a demo's run.json, ./config.toml."""
    config: Path | None = options.config
    if options.rest_url:
        network = Network("given", options.rest_url, ca_file=options.ca_file)
        if config is None and options.data_dir is not None:
            return network, KeySource(str(options.data_dir / "run.json"), "run")
        return network, KeySource(str(config or "config.toml"), "config")
    if config is None:
        for run_file in _run_files(options.data_dir):
            found = _demo_network(run_file)
            if found is not None:
                return found, KeySource(str(run_file), "run")
        config = Path("config.toml")
        if not config.is_file():
            raise ConfigError("there is neither a config.toml here nor a running demo: --config?")
        _refuse_another_venue(config)
    return load(config).network, KeySource(str(config), "config")


def _refuse_another_venue(config: Path) -> None:
    """Nobody may flatten one venue while looking at an engine that trades at another."""
    settings = load(config)
    run = _read_run(Path(settings.storage.data_dir) / "run.json")
    there, named = run.get("rest_url", ""), settings.network.rest_url
    if there and there != named:
        raise ConfigError(
            f"the engine of this folder trades at {there} and {config} names {named}: "
            "expected --config FILE or --rest-url URL to say which is meant"
        )


def _run_files(data_dir: Path | None) -> list[Path]:
    if data_dir is not None:
        return [data_dir / "run.json"]
    return [] if Path("config.toml").is_file() else [Path("data/demo/run.json")]


def _demo_network(run_file: Path) -> Network | None:
    run = _read_run(run_file)
    return Network("demo", str(run["rest_url"])) if "api_key" in run else None


def _read_run(run_file: Path) -> dict[str, Any]:
    try:
        run = msgspec.json.decode(run_file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return run if isinstance(run, dict) else {}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def _read_options(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="hft flatten", description="Cancel all orders and close all positions.")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--config", type=Path, help="whose venue and keys")
    parser.add_argument("--data-dir", type=Path, help="whose demo, by its run.json")
    parser.add_argument("--rest-url", help="this venue, whatever the config names; its keys count")
    parser.add_argument("--ca-file", default="", help="certificates to trust at --rest-url")
    parser.add_argument("--cancel-only", action="store_true", help="keep the positions")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    return parser.parse_args(argv)


def _confirm(network: Network, *, cancel_only: bool) -> None:
    what = "Cancel every order" if cancel_only else "Cancel every order and close every position"
    sys.stdout.write(f"{what} of the account at {network.rest_url}? Type yes: ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        raise ConfigError("not confirmed: nothing was done")


def _say_json(state: str, message: str) -> None:
    line = msgspec.json.encode({"state": state, "message": message})
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


def _say_text(_state: str, message: str) -> None:
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
