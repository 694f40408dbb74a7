"""Chooses the market that was asked for, and the venue that lists its contracts."""

from __future__ import annotations

import argparse
from pathlib import Path

from hft.clock import wall_ms
from hft.errors import ConfigError
from hft.simulator.algo_state import AlgoRoom
from hft.simulator.characters import TEMPERS, character_of
from hft.simulator.clockwork import Market
from hft.simulator.contract import Symbol
from hft.simulator.csv_market import CsvMarket
from hft.simulator.csv_trades import open_files
from hft.simulator.door_options import first_credentials
from hft.simulator.exchange_info import read_contracts
from hft.simulator.follow import FollowMarket
from hft.simulator.limits import Limits
from hft.simulator.market import SyntheticMarket
from hft.simulator.options import DEFAULT_SYMBOLS
from hft.simulator.player import Playing
from hft.simulator.queues import queues_of
from hft.simulator.recording import read_head
from hft.simulator.replay import ReplayMarket
from hft.simulator.simulated_clock import SYNTHETIC_START_MS, SimulatedClock
from hft.simulator.state_options import end_what_fell_due, restore_asked
from hft.simulator.stepped import SteppedMarkets
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Venue

ALL = "ALL"
MS_PER_S = 1_000


def build(options: argparse.Namespace) -> tuple[Venue, Market, SimulatedClock | None]:
    """Make the venue and what moves its market; the clock is None where it is the machine's.

    Raises:
        BootError: the state that was asked for cannot be used.
        ConfigError: a file cannot be read or played, or a symbol is not known.
    """
    if options.replay:
        return _replay(options)
    if options.follow:
        return _follow(options)
    return _csv(options) if options.csv else _synthetic(options)


def _synthetic(options: argparse.Namespace) -> tuple[Venue, Market, SimulatedClock | None]:
    clock = SimulatedClock(options.start or SYNTHETIC_START_MS) if options.simulated_clock else None
    venue = _venue(options, _listed(options), clock)
    temper, now_ms = TEMPERS[options.temper], venue.now_ms()
    listings = venue.exchange.listings.values()
    characters = [character_of(listing.symbol, temper) for listing in listings]
    for listing, character in zip(listings, characters, strict=True):
        listing.last_ticks = listing.last_ticks or character.start_ticks
    # The past ends with the ids that are told next: nothing may trade before it is made up.
    venue.publisher.make_up_past(options.seed, now_ms)
    end_what_fell_due(venue)
    markets = [
        SyntheticMarket(venue.exchange, listing, character, options.seed, now_ms=now_ms)
        for listing, character in zip(listings, characters, strict=True)
    ]
    venue.describe_market = lambda: {
        "kind": "synthetic",
        "seed": options.seed,
        "temper": temper.name,
        "simulated_clock": clock is not None,
        "finished": False,
        "recorded_time_ms": None,
        "events": sum(market.steps for market in markets),
        "in_cascade": [
            listing.symbol.name
            for listing, market in zip(listings, markets, strict=True)
            if market.phase == "push"
        ],
        "queues": queues_of(venue.exchange, listings),
    }
    return venue, SteppedMarkets(venue, markets, clock, options.speed), clock


def _replay(options: argparse.Namespace) -> tuple[Venue, Market, SimulatedClock | None]:
    path = Path(options.replay)
    head = read_head(path)
    clock = _clock(options, head.first_ms)
    venue = _venue(options, list(head.symbols), clock, recorded=True)
    end_what_fell_due(venue)
    market = ReplayMarket(venue, path, head, _playing(options, clock))
    venue.describe_market = market.describe
    return venue, market, clock


def _follow(options: argparse.Namespace) -> tuple[Venue, Market, SimulatedClock | None]:
    venue = _venue(options, _listed(options), None, recorded=True)
    end_what_fell_due(venue)
    marks = frozenset(f"{name.lower()}@markPrice@1s" for name in venue.exchange.listings)
    venue.publisher.leave_to_recording(marks)
    market = FollowMarket(venue, options.follow, options.follow_ca_file)
    venue.describe_market = market.describe
    return venue, market, None


def _csv(options: argparse.Namespace) -> tuple[Venue, Market, SimulatedClock | None]:
    files = open_files([Path(name) for name in options.csv], options.csv_symbol)
    clock = _clock(options, min(file.first_ns for file in files) // 1_000_000)
    symbols = list({file.symbol.name: file.symbol for file in files}.values())
    venue = _venue(options, symbols, clock)
    end_what_fell_due(venue)
    market = CsvMarket(venue, files, _playing(options, clock))
    venue.describe_market = market.describe
    return venue, market, clock


def _listed(options: argparse.Namespace) -> list[Symbol]:
    """Find the contracts that were asked for, in the table or in the file that was given."""
    known, where = KNOWN, "--symbols"
    if options.exchange_info:
        path = Path(options.exchange_info)
        known, where = read_contracts(path).symbols, f"{path}"
    words = options.symbols or (ALL if options.exchange_info else DEFAULT_SYMBOLS)
    names = [name.strip().upper() for name in words.split(",") if name.strip()]
    if names == [ALL]:
        return list(known.values())
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        some = ", ".join(list(known)[:12])
        raise ConfigError(f"{where} knows {some} ..., not {', '.join(unknown) or 'none'}")
    return [known[name] for name in dict.fromkeys(names)]


def _venue(
    options: argparse.Namespace,
    symbols: list[Symbol],
    clock: SimulatedClock | None,
    *,
    recorded: bool = False,
) -> Venue:
    credentials = first_credentials(options)
    limits = Limits(enforced=options.limits == "venue")
    venue = Venue(
        symbols,
        credentials,
        recorded=recorded,
        limits=limits,
        clock=clock or wall_ms,
        sockets_clock=wall_ms if clock is not None else None,
        funding_interval_ms=options.funding_interval_s * MS_PER_S,
    )
    venue.seed = options.seed
    restore_asked(venue, options, [AlgoRoom(venue.exchange)], clock)
    return venue


def _clock(options: argparse.Namespace, first_ms: int) -> SimulatedClock | None:
    return SimulatedClock(max(first_ms, options.start)) if options.simulated_clock else None


def _playing(options: argparse.Namespace, clock: SimulatedClock | None) -> Playing:
    return Playing(speed=options.speed, loop=options.loop, start_ms=options.start, clock=clock)
