"""The options that keep a state, and what they do when the exchange starts and ends."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hft.errors import ConfigError
from hft.simulator.keeper import Keeper
from hft.simulator.kept import Kept, Room
from hft.simulator.restore import restore
from hft.simulator.state_file import open_state
from hft.simulator.venue import Venue


def add_state_options(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        default="",
        help="keep accounts, orders and fills there, through restarts and kill -9",
    )
    parser.add_argument(
        "--reset-state", action="store_true", help="begin anew; the old state is moved aside"
    )


def check_state_options(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself.

    Raises:
        ConfigError: it does.
    """
    if options.reset_state and not options.state_dir:
        raise ConfigError("--reset-state needs --state-dir")


def restore_asked(venue: Venue, options: argparse.Namespace, rooms: Sequence[Room] = ()) -> Kept:
    """Put the asked state into a venue that has no market yet, and keep it from now on.

    Raises:
        BootError: another exchange has the directory, or its state cannot be used.
    """
    if not options.state_dir:
        return Kept()
    file = open_state(Path(options.state_dir), reset=options.reset_state)
    now_ms = venue.now_ms()
    try:
        kept = restore(file, venue, now_ms, rooms)
        venue.publisher.keeper = Keeper(file, venue, kept, rooms)
        if kept.restored:
            # What fell due while nothing ran goes first: the market shall not meet dead orders.
            venue.exchange.on_time(now_ms)
    except BaseException:
        file.close()
        raise
    return kept


def begin_keeping(venue: Venue) -> None:
    """Write everything down once, before anybody is let in."""
    if venue.publisher.keeper is not None:
        venue.publisher.keep(venue.now_ms(), every=True)


def finish_keeping(venue: Venue) -> None:
    """Write down how everything ended, when nobody is served any more."""
    if venue.publisher.keeper is not None:
        venue.publisher.keeper.exact = True
        venue.publisher.keep(venue.now_ms(), every=True)


def stop_keeping(venue: Venue) -> None:
    """Let go of the state directory, however the exchange ended."""
    if venue.publisher.keeper is not None:
        venue.publisher.keeper.close()
