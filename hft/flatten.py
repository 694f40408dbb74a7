"""Cancel everything and close every position, over REST alone: `python -m hft.flatten`.

The last resort, so it leans on nothing: not on the engine, its memory or its processes.  What is
left is read from the venue in every round, and every closing order is reduce-only: sent once too
often it is refused or cut, it never opens a position.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from hft.binance.rest import Rest
from hft.config import KeySource, Network
from hft.errors import AuthError, ConfigError, ExitCode, HftError
from hft.flatten_rounds import Rounds, Say
from hft.flatten_target import Wanted, find_target, halt_engine

DEADLINE_S = 60.0
SOMETHING_LEFT = 1
_NAMED_MAX = 20
"""Things left that are named one by one."""


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; 0 only when nothing is left of what was to be undone."""
    try:
        options = _read_options(sys.argv[1:] if argv is None else argv)
        say = _say_json if options.json else _say_text
        wanted = Wanted(options.config, options.data_dir, options.rest_url, options.ca_file)
        target = find_target(wanted)
        if not options.yes:
            _confirm(target.network, cancel_only=options.cancel_only)
        rest = _connection(target.network, target.keys)
        try:
            if not options.halted:
                halt_engine(target.folder, say)
            keep_stops = options.cancel_only and options.keep_stops
            rounds = Rounds(rest, say, cancel_only=options.cancel_only, keep_stops=keep_stops)
            return _run(rounds, say, target.network.rest_url, options)
        finally:
            rest.close()
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
    rounds = Rounds(rest, say, cancel_only=cancel_only)
    rounds.work(deadline_s)
    return rounds.left()


def _run(rounds: Rounds, say: Say, rest_url: str, options: argparse.Namespace) -> int:
    ended = f"not done within {options.deadline:g} s"
    try:
        rounds.work(options.deadline)
    except KeyboardInterrupt:
        ended = "interrupted"
    except AuthError as problem:
        if not rounds.reached:
            raise
        ended = f"given up ({problem})"
    left = rounds.left()
    if left:
        named = ", ".join(left[:_NAMED_MAX])
        more = f" and {len(left) - _NAMED_MAX} more" if len(left) > _NAMED_MAX else ""
        say("failed", f"{ended} at {rest_url}; left: {named}{more}")
        return SOMETHING_LEFT
    done = "no open orders" if options.cancel_only else "flat: no open orders, no positions"
    say("done", f"{done} at {rest_url}")
    return ExitCode.OK


def _connection(network: Network, source: KeySource) -> Rest:
    keys = source.read()
    if not keys.present():
        raise AuthError("AUTH_ERROR: no API key is configured")
    return Rest(network.rest_url, keys, ca_file=network.ca_file)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def _read_options(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="hft flatten", description="Cancel all orders and close all positions.")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--config", type=Path, help="whose venue and keys")
    parser.add_argument("--data-dir", type=Path, help="whose run, by its run.json")
    parser.add_argument(
        "--rest-url", default="", help="this venue, whatever the config names; its keys count"
    )
    parser.add_argument("--ca-file", default="", help="certificates to trust at --rest-url")
    parser.add_argument("--cancel-only", action="store_true", help="keep the positions")
    parser.add_argument(
        "--keep-stops",
        action="store_true",
        help="with --cancel-only: leave stops and take-profits that can only reduce",
    )
    parser.add_argument(
        "--deadline",
        type=_seconds,
        default=DEADLINE_S,
        metavar="SECONDS",
        help=f"how long to try; default: {DEADLINE_S:g}",
    )
    parser.add_argument("--halted", action="store_true", help="leave a running engine alone")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for programs")
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 86400")
    return value


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
