"""Filling gaps: comparing `trades` and `orders` with the venue's own lists, now and then, beside
everything else.

A short-lived thread asks the venue; what it found goes to the same courier as the reports, so the
two never fight for the database and commits never wait for the venue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.binance.rest import Rest, VenueError
from hft.clock import monotonic_ns, wall_ms
from hft.errors import HftError
from hft.ledger import house_store, store
from hft.ledger.database import writing
from hft.ledger.inserting import Row
from hft.ledger.order_gaps import OrderGaps
from hft.ledger.order_store import put_orders
from hft.ledger.owners import Owners
from hft.ledger.periodic import Periodic
from hft.ledger.rows import NOT_OURS, Names, row_of_user_trade
from hft.ledger.store import Progress, Stored
from hft.ledger.user_trades import fetch_user_trades
from hft.topology import Records
from hft.units import NS_PER_S

EVERY_NS = 60 * NS_PER_S


class Found(msgspec.Struct, frozen=True):
    """What the venue listed for one symbol, ready to be stored."""

    account_epoch: str
    symbol: str
    rows: list[Row]
    orders: list[Row]
    progress: Progress


class FoundBatch:
    """A job that stores what the venue listed for one symbol, and then tells the agent."""

    def __init__(
        self, engine: Engine, found: Found, on_stored: Callable[[Found, Stored, int], None]
    ) -> None:
        self._engine = engine
        self._found = found
        self._on_stored = on_stored
        self._stored = Stored()
        self._committed_ns = 0

    def run(self) -> None:
        """Courier's thread: one transaction."""
        found = self._found
        with writing(self._engine) as connection:
            self._stored = store.put_user_trades(
                connection, found.account_epoch, found.symbol, found.rows, found.progress
            )
            put_orders(connection, found.orders)
        self._committed_ns = monotonic_ns()

    def finish(self) -> None:
        """Duty cycle: tell what changed, and when it was committed."""
        self._on_stored(self._found, self._stored, self._committed_ns)


class Round(msgspec.Struct, frozen=True):
    """The outcome of one comparison: what was found, whether more waits, what went wrong."""

    found: list[Found]
    more: bool = False
    trouble: str = ""
    pause_ns: int = 0
    """How long the venue asked to be left alone."""


class Source(msgspec.Struct, frozen=True):
    """Everything one comparison needs."""

    engine: Engine
    connect: Callable[[], Rest]
    orders: Records
    since_ms: int
    """Where to begin with an account that was never compared."""


class Reconciler(Periodic[Round]):
    """Compares fills and orders with the venue's lists, now and then."""

    def __init__(self, source: Source, wake: Callable[[], None]) -> None:
        super().__init__(
            "reconcile",
            EVERY_NS,
            lambda names: compare(source, names),
            lambda trouble: Round([], trouble=trouble),
            wake,
        )


def compare(source: Source, names: Names) -> Round:
    """Ask the venue for every symbol; what was found before a failure is kept."""
    found: list[Found] = []
    more = False
    try:
        rest = source.connect()
        try:
            desk = _desk(source, names, rest)
            for symbol in names.symbols:
                part, waiting = _compare_symbol(source, desk, symbol)
                found.append(part)
                more |= waiting
        finally:
            rest.close()
    except (HftError, SQLAlchemyError, OSError, ValueError) as problem:
        trouble = f"{type(problem).__name__}: {problem}".splitlines()[0]
        pause_s = problem.retry_after_s if isinstance(problem, VenueError) else 0.0
        return Round(found, trouble=trouble, pause_ns=int(pause_s * NS_PER_S))
    return Round(found, more)


class _Desk(msgspec.Struct, frozen=True):
    """What one comparison keeps from symbol to symbol."""

    names: Names
    rest: Rest
    owners: Owners
    gaps: OrderGaps


def _desk(source: Source, names: Names, rest: Rest) -> _Desk:
    @cache
    def strategy_of(session_epoch: int) -> str:
        return house_store.strategy_of_session(source.engine, session_epoch)

    owners = Owners(source.orders, names, rest, strategy_of)
    gaps = OrderGaps(source.engine, names, source.orders, rest, strategy_of)
    return _Desk(names, rest, owners, gaps)


def _compare_symbol(source: Source, desk: _Desk, symbol: str) -> tuple[Found, bool]:
    names, epoch, now_ms = desk.names, desk.names.account_epoch, wall_ms()
    progress = store.read_progress(source.engine, epoch, symbol) or Progress(source.since_ms)
    fetched = fetch_user_trades(desk.rest, symbol, progress, now_ms)
    orders, listed = desk.gaps.of_symbol(symbol, progress, now_ms)
    desk.owners.learn(symbol, listed.orders)
    known = _known(source.engine, epoch, symbol, [int(trade["id"]) for trade in fetched.trades])
    rows = []
    for trade in fetched.trades:
        is_known = (int(trade["id"]), str(trade["orderId"])) in known
        owner = NOT_OURS if is_known else desk.owners.owner(symbol, int(trade["orderId"]))
        rows.append(row_of_user_trade(trade, epoch, owner, paper=names.paper))
    reached = msgspec.structs.replace(fetched.progress, orders_ms=listed.until_ms)
    return Found(epoch, symbol, rows, orders, reached), fetched.more or listed.more


def _known(
    engine: Engine, account_epoch: str, symbol: str, ids: Sequence[int]
) -> set[tuple[int, str]]:
    return store.known_fills(engine, account_epoch, symbol, min(ids), max(ids)) if ids else set()
