"""The words of the command line: what may be asked of a simulator, read and checked once."""

from __future__ import annotations

import argparse
import functools
from datetime import UTC, datetime
from math import inf
from typing import NoReturn

from hft.errors import ConfigError
from hft.simulator.characters import LIVELY, TEMPERS
from hft.simulator.door_options import add_door_options, check_door_options
from hft.simulator.state_options import add_state_options, check_state_options

API_KEY = "simulator-key".ljust(64, "0")
API_SECRET = "simulator-secret".ljust(64, "0")
"""What opens it unless other keys are given; known to everybody, and only on this machine."""
DEFAULT_SYMBOLS = "BTCUSDT,ETHUSDT"
DIGITS_OF_MS = 12


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def read_arguments(argv: list[str] | None, about: str | None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        ConfigError: a word is unknown, out of range or contradicts another.
    """
    # Wide enough that no key is broken in two.
    form = functools.partial(argparse.HelpFormatter, width=100)
    parser = _Arguments(prog="python -m hft.simulator", description=about, formatter_class=form)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1; 0: any")
    _add_markets(parser)
    parser.add_argument(
        "--limits",
        choices=("venue", "off"),
        default="venue",
        help="enforce the rate limits, or only count; default: %(default)s",
    )
    parser.add_argument("--api-key", default=API_KEY, help="default: %(default)s")
    parser.add_argument("--api-secret", default=API_SECRET, help="default: %(default)s")
    parser.add_argument(
        "--faults",
        metavar="SCENARIO",
        help="commit faults: a TOML or JSON file, a scenario's name, or on (POST /sim/faults)",
    )
    add_door_options(parser)
    add_state_options(parser)
    parser.add_argument("--parent-pid", type=int, default=0, help="end when this process ends")
    options = parser.parse_args(argv)
    if not 0 <= options.port <= 65_535:
        raise ConfigError(f"--port must be 0 to 65535, not {options.port}")
    options.csv = [name for words in options.csv for name in words.split(",") if name]
    _check_markets(options)
    check_door_options(options)
    check_state_options(options)
    return options


def _add_markets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--symbols",
        default="",
        help=f"symbols of the synthetic market, or all; default: {DEFAULT_SYMBOLS}",
    )
    parser.add_argument(
        "--exchange-info",
        metavar="FILE",
        help="list the contracts of this exchangeInfo answer (JSON, plain or gzip)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the synthetic market; default: %(default)s"
    )
    parser.add_argument(
        "--temper",
        choices=tuple(TEMPERS),
        default=LIVELY.name,
        help="lively trades and cascades at once, natural like the real one; default: %(default)s",
    )
    parser.add_argument("--replay", metavar="FILE", help="play this recording instead")
    parser.add_argument(
        "--csv",
        metavar="FILES",
        action="append",
        default=[],
        help="play public trades instead (csv, plain, gzip or zip; several with commas)",
    )
    parser.add_argument(
        "--follow",
        metavar="WS_URL",
        default="",
        help="fill against the living book of this venue's public streams instead (paper trading)",
    )
    parser.add_argument(
        "--follow-ca-file", default="", help="certificates to trust besides the system's there"
    )
    parser.add_argument("--csv-symbol", default="", help="whose trades --csv holds")
    parser.add_argument(
        "--funding-interval-s",
        type=int,
        default=0,
        help="settle funding this often; default: as the contracts say, 28800 for most",
    )
    parser.add_argument("--speed", type=_speed, default=1.0, help="play X times faster, or max")
    parser.add_argument("--loop", action="store_true", help="play again and again")
    parser.add_argument(
        "--start",
        type=_moment,
        default=0,
        metavar="TIME",
        help="skip to this recorded time: ISO 8601 (UTC) or milliseconds since 1970",
    )
    parser.add_argument(
        "--simulated-clock",
        action="store_true",
        help="let the venue's time be that of the market, and not the machine's",
    )


def _check_markets(options: argparse.Namespace) -> None:
    played = bool(options.replay) or bool(options.csv)
    _check_following(options, played=played)
    if options.funding_interval_s < 0:
        raise ConfigError(f"--funding-interval-s must be above 0, not {options.funding_interval_s}")
    if options.replay and options.csv:
        raise ConfigError("--replay and --csv cannot both be played")
    if played and options.exchange_info:
        raise ConfigError("--exchange-info lists contracts of the synthetic market alone")
    if options.csv_symbol and not options.csv:
        raise ConfigError("--csv-symbol says whose trades --csv holds, and there is none")
    if not played and options.loop:
        raise ConfigError("--loop plays --replay or --csv again, and there is neither")
    if not played and not options.simulated_clock and (options.speed != 1.0 or options.start):
        raise ConfigError(
            "--speed and --start of a synthetic market need --simulated-clock: its time is now"
        )


def _check_following(options: argparse.Namespace, *, played: bool) -> None:
    if not options.follow:
        if options.follow_ca_file:
            raise ConfigError("--follow-ca-file is for --follow, and there is none")
        return
    if played or options.simulated_clock:
        raise ConfigError(
            "--follow goes with the time: not with --replay, --csv, --simulated-clock"
        )
    if not options.exchange_info or not options.symbols:
        raise ConfigError("--follow needs --exchange-info and --symbols: what that venue lists")


def _speed(text: str) -> float:
    if text.lower() == "max":
        return inf
    speed = float(text)
    if not 0 < speed < inf:
        raise ConfigError(f"--speed must be above 0 or max, not {text}")
    return speed


def _moment(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) >= DIGITS_OF_MS:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"--start must be ISO 8601 or milliseconds since 1970, not {text}"
        ) from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000 + moment.microsecond // 1_000
