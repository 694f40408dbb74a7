"""The database away for a while: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from hft.binance.order_frames import client_order_id
from hft.clock import Deadline, monotonic_ns
from hft.events import Notice, Role, Status
from hft.ledger.agent import LedgerAgent
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import ORDER_0, SESSION_EPOCH, World, drain, turn_until, wait_for_news
from tests.postgres import PostgresServer

SERVER = pytest.mark.parametrize("place", ["postgresql"], indirect=True)
SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def trade(world: World, venue: LocalVenue, trade_id: int, **fields: int) -> bool:
    """One order of ours, filled: at the venue, and in a report if the ring has room."""
    venue.order(ORDER_0 + trade_id, client_order_id(SESSION_EPOCH, trade_id))
    venue.fill(trade_id)
    if world.report(trade_id, **fields):
        return True
    world.reports.count_drop()
    return False


def assert_whole(world: World, count: int) -> None:
    rows = world.rows("SELECT trade_id, client_order_id, fee_e8 FROM trades ORDER BY trade_id")
    assert [tuple(row.values()) for row in rows] == [
        (at, client_order_id(SESSION_EPOCH, at), 24_693_680) for at in range(1, count + 1)
    ]
    rows = world.rows("SELECT intent_seq, state, filled_e8, fee_e8 FROM orders ORDER BY intent_seq")
    assert [tuple(row.values()) for row in rows] == [
        (at, "FILLED", 1_000_000, 24_693_680) for at in range(1, count + 1)
    ]


@SERVER
def test_a_server_that_is_killed_while_trading_loses_nothing(
    world: World, venue: LocalVenue, postgres: PostgresServer
) -> None:
    told = 0

    def trade_some(ledger: LedgerAgent, until: Callable[[], bool]) -> None:
        nonlocal told
        deadline = Deadline(20.0)
        while not until():
            told += 1
            assert trade(world, venue, told)
            ledger.do_work(monotonic_ns())
            wait_for_news(ledger)
            assert not deadline.passed()

    with world.ledger() as ledger:
        trade_some(ledger, lambda: ledger.status.trades > 20)
        with postgres.away():
            failures = ledger.status.errors
            world.log(Role.EXECUTION).info("meanwhile", notice=Notice.FUNDING)
            trade_some(ledger, lambda: ledger.status.errors >= failures + 3)
            assert world.house.reports_ledger.depth() > 0
        last = told + 20
        trade_some(ledger, lambda: told >= last)
        turn_until(ledger, lambda: world.house.reports_ledger.depth() == 0)
        drain(ledger)
    assert_whole(world, told)
    said = [line["text"] for line in world.log_lines()]
    assert sum("writing to the trade database fails" in text for text in said) == 1
    assert sum("writing to the trade database works again" in text for text in said) == 1
    assert [row["text"] for row in world.rows("SELECT text FROM events")] == ["meanwhile"]


@SERVER
def test_what_no_longer_fitted_into_the_ring_comes_from_the_venue(
    world: World, venue: LocalVenue, postgres: PostgresServer
) -> None:
    slots = world.house.reports_ledger.layout.slots
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not ledger.reconciler.busy() and len(venue.asked) > 0)
        with postgres.away():
            for trade_id in range(1, 6):
                assert trade(world, venue, trade_id)
            while world.report(0, intent_seq=0, status=Status.POSITION):
                pass
            turn_until(ledger, lambda: ledger.status.errors >= 2)
            assert not any(trade(world, venue, trade_id) for trade_id in range(6, 11))
            assert world.house.reports_ledger.depth() == slots
        turn_until(ledger, lambda: ledger.status.trades == 10)
        drain(ledger)
    assert_whole(world, 10)
    gaps = world.rows("SELECT text FROM events WHERE kind = 'LEDGER_GAP'")
    assert any("5 reports did not fit into the ring" in row["text"] for row in gaps)


@SERVER
def test_a_session_without_the_database_to_its_end_is_caught_up_by_the_next(
    world: World, venue: LocalVenue, postgres: PostgresServer
) -> None:
    with world.ledger() as ledger:
        trade(world, venue, 1)
        turn_until(ledger, lambda: ledger.status.trades == 1)
        turn_until(ledger, lambda: not ledger.reconciler.busy())
        with postgres.away():
            for trade_id in range(2, 8):
                trade(world, venue, trade_id)
            for _ in range(50):
                ledger.drain(monotonic_ns())
                wait_for_news(ledger)
            ledger.on_close()
            # The house is taken down with what its ring still held.
            world.ledger_reports_are_lost()
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 7)
        drain(ledger)
    assert_whole(world, 7)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Have SQLite find the disk full, by its own count of pages, or find room again."""
    limits: list[int] = []

    def settle(connection: sqlite3.Connection) -> None:
        wanted = limits[-1] if limits else 0
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if wanted else 2**30
        connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_full(full: bool) -> None:
        limits.append(int(full))

    def listen(engine):  # type: ignore[no-untyped-def]
        event.listen(engine, "checkout", lambda connection, *_: settle(connection))
        return engine

    from hft.ledger import agent, database

    monkeypatch.setattr(agent, "open_database", lambda at: listen(database.open_database(at)))
    yield make_full
    assert limits


@SQLITE
def test_a_full_disk_is_waited_out(
    world: World, venue: LocalVenue, full_disk: Callable[[bool], None]
) -> None:
    with world.ledger() as ledger:
        trade(world, venue, 1)
        turn_until(ledger, lambda: ledger.status.trades == 1)
        full_disk(True)
        for trade_id in range(2, 202):
            assert trade(world, venue, trade_id)
        turn_until(ledger, lambda: "disk is full" in ledger.troubles[0])
        full_disk(False)
        turn_until(ledger, lambda: world.house.reports_ledger.depth() == 0)
        drain(ledger)
    assert_whole(world, 201)
