"""The options that keep a state, and what they do when the exchange starts and ends."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from hft.errors import BootError, ConfigError
from hft.simulator.keeper import Keeper
from hft.simulator.kept import Room
from hft.simulator.restore import restore
from hft.simulator.simulated_clock import SimulatedClock
from hft.simulator.state_file import open_state
from hft.simulator.venue import Venue

AHEAD_MAX_MS = 3_600_000
"""How far a machine's clock may have been set back since the state was kept."""


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


def restore_asked(
    venue: Venue,
    options: argparse.Namespace,
    rooms: Sequence[Room] = (),
    clock: SimulatedClock | None = None,
) -> None:
    """Put the asked state into a venue that has no market yet, and keep it from now on.

    A simulated clock goes on from where it was; missed funding of a real one is nobody's debt.

    Raises:
        BootError: another exchange has the directory, or its state cannot be used.
    """
    if not options.state_dir:
        return
    file = open_state(Path(options.state_dir), reset=options.reset_state)
    try:
        kept = restore(file, venue, rooms)
        if clock is not None:
            clock.now_ms = max(clock.now_ms, kept.time_ms)
        elif kept.time_ms > venue.now_ms() + AHEAD_MAX_MS:
            raise BootError(
                f"the state in {file.folder} is of a time ahead of this machine's clock: go on "
                "with --simulated-clock, or begin anew with --reset-state"
            )
    except BaseException:
        file.close()
        raise
    venue.pricing.open(venue.now_ms())
    venue.publisher.keeper = Keeper(file, venue, kept, rooms)


def end_what_fell_due(venue: Venue) -> None:
    """End the orders whose time came while nothing ran: the market shall not meet them.

    Nobody is liquidated yet: that needs the prices of a market.
    """
    if venue.publisher.keeper is not None:
        venue.exchange.end_due(venue.now_ms())


def begin_keeping(venue: Venue) -> None:
    """Write everything down once, before anybody is let in.

    Raises:
        BootError: an account is another one than it was.
    """
    if venue.publisher.keeper is not None:
        venue.publisher.keeper.check_names()
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
