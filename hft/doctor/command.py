"""`hft doctor`: runs every check and says what to do; exit code 0 when nothing fails."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from hft.binance.rest import Rest
from hft.doctor.account import check_account
from hft.doctor.machine import Machine, check_machine
from hft.doctor.probe import show_order
from hft.doctor.report import Finding, Level, as_json, as_text, count, failed
from hft.doctor.storage import check_database
from hft.doctor.streams import answers_a_ping, check_market, check_session, check_user_stream
from hft.doctor.venue import check_venue
from hft.doctor.words import Words, read_words
from hft.errors import AuthError, ConfigError, ExitCode

WAIT_S = 10.0
SOMETHING_FAILS = 1


def main(argv: list[str] | None = None) -> int:
    """Run from the command line."""
    try:
        options = _read_options(sys.argv[1:] if argv is None else argv)
    except ConfigError as problem:
        sys.stderr.write(f"hft doctor: {problem}\n")
        return int(problem.exit_code)
    found: list[Finding] = []
    for finding in examine(options.config, options.wait, test_order=options.test_order):
        found.append(finding)
        if not options.json:
            _say(as_text(finding))
    if options.json:
        _say(as_json(found).decode())
    else:
        _say(", ".join(f"{count(found, level)} {level}" for level in Level))
    return SOMETHING_FAILS if count(found, Level.FAIL) else ExitCode.OK


def examine(
    config: Path | None, wait_s: float = WAIT_S, *, test_order: bool = False
) -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    words = read_words(config)
    yield from words.findings
    yield from check_machine(words.settings, words.data_dir, Machine())
    yield check_database(words.settings.storage.database_url, words.data_dir)
    if words.has_venue:
        yield from _venue(words, wait_s, test_order=test_order)


def _venue(words: Words, wait_s: float, *, test_order: bool) -> Iterator[Finding]:
    settings, network = words.settings, words.settings.network
    keys = words.keys if words.keys.present() and not settings.trading.dry_run else None
    try:
        rest = Rest(network.rest_url, keys, ca_file=network.ca_file)
    except AuthError as problem:
        yield failed("keys", str(problem), "an Ed25519 private key in PEM, or an HMAC secret")
        return
    try:
        reached = True
        for finding in check_venue(rest, settings):
            reached = reached and not (finding.topic == "rest" and finding.level is Level.FAIL)
            yield finding
        yield from check_market(network, settings.trading.symbols, wait_s)
        yield check_session(rest, keys, network)
        if keys is None or not reached:
            return
        yield from check_account(rest, keys, settings)
        speak = partial(show_order, rest, settings.trading.symbols[0], wait_s)
        yield check_user_stream(rest, network, speak if test_order else answers_a_ping)
    finally:
        rest.close()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def _read_options(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(prog="hft doctor", description="Look whether all is there to trade.")
    parser.add_argument("--config", type=Path, help="config file; ./config.toml when it is there")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument(
        "--wait",
        type=float,
        default=WAIT_S,
        metavar="SECONDS",
        help=f"how long a stream may take to its first frame; default: {WAIT_S:g}",
    )
    parser.add_argument(
        "--test-order",
        action="store_true",
        help="place the smallest order far from the market and cancel it, to see the user stream",
    )
    return parser.parse_args(argv)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
