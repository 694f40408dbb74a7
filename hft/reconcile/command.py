"""The command: reads both ledgers, says every unit that differs and why; 0 only when none does."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.binance.identity import account_epoch_of
from hft.binance.income import HISTORY_MS, Income, fetch_income
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.clock import sleep_s
from hft.config import Keys, load
from hft.errors import BootError, ConfigError, ExitCode, HftError
from hft.flatten_target import Target, Wanted, find_target
from hft.ledger import reading
from hft.ledger.database import shown_place, why_unusable
from hft.ledger.reading import Cover, Worth
from hft.reconcile import sentences
from hft.reconcile.comparing import EDGE_MS, Books, Difference, Span, Why, compare
from hft.reconcile.wallet import WalletCheck, check_wallet
from hft.units import MS_PER_DAY, MS_PER_S, parse_e8

DIFFERS = 1
LOOKS = 4
"""How often both sides are read again while what differs may only be on its way."""

LOOK_AGAIN_S = 1.5
PATIENCE_S = 60.0
"""How long one request waits where the venue's limits ask for it."""

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": MS_PER_DAY}
_CONFIG = Path("config.toml")

Say = Callable[[str], None]


class _Seen(NamedTuple):
    """Both sides of one look."""

    venue: list[Income]
    books: Books
    span: Span
    found: list[Difference]
    wallet: WalletCheck | None

    @property
    def is_clean(self) -> bool:
        """Say whether nothing differs."""
        return not self.counts

    @property
    def counts(self) -> int:
        """How many differences there are; what came before our time is none."""
        wallet_off = self.wallet is not None and self.wallet.off_e8 != 0
        return wallet_off + sum(each.why is not Why.BEFORE for each in self.found)


def main(argv: list[str] | None = None) -> int:
    """Run from the command line."""
    try:
        options = _read_options(sys.argv[1:] if argv is None else argv)
        target = find_target(Wanted(options.config, options.data_dir))
        place = _place_of(options, target)
        return _run(target, place, options.since, _say)
    except HftError as problem:
        sys.stderr.write(f"hft reconcile: {problem}\n")
        return int(problem.exit_code)


def _run(target: Target, place: str | Path, since: str, say: Say) -> int:
    keys = target.keys.read()
    if not keys.present():
        raise BootError("AUTH_ERROR: no API key is configured")
    engine = reading.open_to_read(place)
    rest = Rest(target.network.rest_url, keys, ca_file=target.network.ca_file)
    rest.patience_s = PATIENCE_S
    try:
        return _reconcile(rest, keys, engine, (target.network.rest_url, place, since), say)
    except (VenueError, VenueUnknown) as problem:
        url = target.network.rest_url
        raise BootError(f"the venue at {url} cannot be asked: {problem}") from None
    except SQLAlchemyError as problem:
        shown = shown_place(place)
        raise BootError(
            f"the trade database {shown} cannot be read: {why_unusable(problem)}"
        ) from None
    finally:
        rest.close()
        engine.dispose()


def _reconcile(
    rest: Rest, keys: Keys, engine: Engine, words: tuple[str, str | Path, str], say: Say
) -> int:
    url, place, since = words
    rest.sync_clock(samples=1)
    epoch = account_epoch_of(rest.account(), url, keys.api_key)
    cover = reading.read_cover(engine, epoch)
    if cover is None:
        raise BootError(
            f"the trade database {shown_place(place)} knows nothing of account {epoch} at {url}"
        )
    until_ms = rest.venue_ms()
    since_ms = read_since(since, until_ms) if since else cover.since_ms
    since_ms = max(since_ms, until_ms - HISTORY_MS)
    # A fill of this moment is committed a little later: what stays different, differs.
    for look in range(LOOKS):
        if look:
            sleep_s(LOOK_AGAIN_S)
        seen = _look(rest, engine, epoch, (since_ms, until_ms))
        if seen.is_clean:
            break
    say(f"account {epoch} at {url}, since {sentences.moment(since_ms)} UTC")
    return _tell(seen, say)


def _tell(seen: _Seen, say: Say) -> int:
    for line in sentences.totals(seen.venue, seen.books, seen.span):
        say(line)
    for line in sentences.differences(seen.found):
        say(line)
    if seen.wallet is None:
        say("wallet: no balance was noted in that time, so none is compared")
    else:
        say(sentences.wallet_line(seen.wallet))
    if not seen.counts:
        say("nothing differs")
        return ExitCode.OK
    say(f"{seen.counts} differences")
    return DIFFERS


def _look(rest: Rest, engine: Engine, epoch: str, wanted: tuple[int, int]) -> _Seen:
    """Read both sides: balances first, so that the list tells of all that is in them."""
    since_ms, until_ms = wanted
    cover = reading.read_cover(engine, epoch) or Cover({}, since_ms, 0)
    from_ms = since_ms - EDGE_MS
    fills = reading.read_fills(engine, epoch, from_ms)
    incomes = reading.read_incomes(engine, epoch, from_ms)
    then = reading.read_first_worth(engine, epoch, since_ms)
    now_ms = rest.venue_ms()
    balances = {row["asset"]: parse_e8(row["balance"]) for row in rest.balance()}
    venue = list(fetch_income(rest, from_ms, now_ms + EDGE_MS))
    books, span = Books(fills, incomes, cover), Span(since_ms, until_ms, now_ms)
    asset = _margin_asset(set(balances), cover)
    wallet = None
    if then is not None and asset:
        wallet = check_wallet(asset, (then, Worth(now_ms, balances[asset])), venue)
    return _Seen(venue, books, span, compare(venue, books, span), wallet)


def _margin_asset(assets: set[str], cover: Cover) -> str:
    """Find the asset with which the name of every contract we trade ends."""
    return next(
        (each for each in sorted(assets) if all(name.endswith(each) for name in cover.symbols)), ""
    )


def read_since(text: str, now_ms: int) -> int:
    """Read a day, a time (UTC unless it says otherwise) or a span back from now: 90m, 24h, 7d.

    Raises:
        ConfigError: it is none of them, or lies ahead.
    """
    span = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if span:
        return now_ms - int(span[1]) * _UNITS_MS[span[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"--since {text!r}: expected a day or time such as 2026-11-01 or 2026-11-01T12:00, "
            "or a span such as 90m, 24h or 7d"
        ) from None
    since_ms = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * MS_PER_S)
    if since_ms > now_ms:
        raise ConfigError(f"--since {text!r} lies ahead")
    return since_ms


def _place_of(options: argparse.Namespace, target: Target) -> str | Path:
    """Find the database of the engine that trades the account."""
    config = options.config
    if config is None and options.data_dir is None and _CONFIG.is_file():
        config = _CONFIG
    if config is not None and (url := load(config).storage.database_url):
        return str(url)
    if target.folder is None:
        raise ConfigError("no folder of an engine is known: expected --config or --data-dir")
    return target.folder / "trades.db"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (see --help)")


def _read_options(argv: list[str]) -> argparse.Namespace:
    parser = _Parser(
        prog="hft reconcile",
        description="Compare our fills and funding with the venue's income ledger, entry by entry.",
    )
    parser.add_argument("--config", type=Path, help="whose venue, keys and database")
    parser.add_argument("--data-dir", type=Path, help="folder of the engine; of a demo by itself")
    parser.add_argument(
        "--since", default="", help="from when on: 2026-11-01, 2026-11-01T12:00, 24h; default: all"
    )
    return parser.parse_args(argv)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
