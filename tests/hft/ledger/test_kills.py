"""The ledger may be killed at any moment: no fill is lost, none is stored twice."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.events import Notice, Role
from hft.ledger import report_desk, store
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import ORDER_0, SESSION_EPOCH, World, wait_for_news

REPORTS = 400


def fork_ledger(world: World, prepare: Callable[[], None] = lambda: None) -> int:
    """Run the ledger in a child process until it is killed; returns its pid."""
    child = os.fork()
    if child:
        return child
    try:
        prepare()
        ledger = world.agent()
        ledger.on_start()
        while True:
            ledger.do_work(monotonic_ns())
            wait_for_news(ledger)
    except BaseException as problem:  # noqa: BLE001 - a child of the test has nowhere to raise to
        sys.stderr.write(f"ledger child: {problem!r}\n")
        os._exit(1)


@contextmanager
def running_ledger(world: World) -> Iterator[int]:
    """A ledger in a child process, killed at the end."""
    child = fork_ledger(world)
    try:
        yield child
    finally:
        kill(child)


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself before it was killed"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = Deadline(20.0)
    while not condition():
        assert not deadline.passed(), "the condition never held"
        sleep_s(0.002)


def test_killed_again_and_again_it_stores_every_fill_once(world: World, venue: LocalVenue) -> None:
    chance = random.Random(7)
    reports, told = world.house.reports_ledger, 0
    while told < REPORTS:
        with running_ledger(world):
            stop_at = reports.depth() + chance.randrange(20, 60)
            for _ in range(stop_at):
                told += 1
                venue.order(ORDER_0 + told, client_order_id(SESSION_EPOCH, told))
                venue.fill(told)
                # One in ten never becomes a report: only the venue's list knows it.
                if told % 10:
                    assert world.report(told)
            deadline = Deadline(chance.uniform(0.0, 0.25))
            wait_until(lambda: reports.depth() == 0 or deadline.passed())  # noqa: B023
    with running_ledger(world):
        wait_until(lambda: reports.depth() == 0)
        wait_until(lambda: len(world.rows()) >= told)
    rows = world.rows()
    assert sorted(row["trade_id"] for row in rows) == list(range(1, told + 1))
    orders = world.rows("SELECT intent_seq, state, fee_e8 FROM orders ORDER BY intent_seq")
    assert [tuple(row.values()) for row in orders] == [
        (seq, "FILLED", 24_693_680) for seq in range(1, told + 1)
    ]


def die_instead(*_args: object, **_kwargs: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("moment", ["before the commit", "inside it", "after it"])
def test_killed_around_a_commit_it_starts_again_without_loss(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    target, name = {
        "before the commit": (report_desk, "rows_of_reports"),
        "inside it": (store, "Stored"),
        "after it": (report_desk.ReportDesk, "committed"),
    }[moment]

    def prepare() -> None:
        if moment != "inside it":
            monkeypatch.setattr(target, name, die_instead)
            return
        # The rows are written and the transaction still open when this one is called.
        insert = store.insert_missing

        def insert_and_die(connection, table, rows):  # type: ignore[no-untyped-def]
            done = insert(connection, table, rows)
            if table.name == "trades":
                die_instead()
            return done

        monkeypatch.setattr(store, "insert_missing", insert_and_die)

    for trade_id in range(1, 51):
        world.report(trade_id)
    child = fork_ledger(world, prepare)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert world.house.reports_ledger.depth() == 50
    assert len(world.rows()) == (50 if moment == "after it" else 0)
    with running_ledger(world):
        wait_until(lambda: world.house.reports_ledger.depth() == 0)
    assert [row["trade_id"] for row in world.rows()] == list(range(1, 51))
    orders = world.rows("SELECT state, fee_e8 FROM orders")
    assert [tuple(row.values()) for row in orders] == [("FILLED", 24_693_680)] * 50


def test_killed_while_writing_log_lines_it_writes_them_all(world: World) -> None:
    log = world.log(Role.EXECUTION)
    for round_number in range(4):
        with running_ledger(world):
            for at in range(50):
                log.info(f"{round_number} {at}", Notice.FUNDING if at % 10 == 0 else Notice.NONE)
            deadline = Deadline(0.1)
            wait_until(deadline.passed)
    with world.ledger() as ledger:
        ledger.do_work(monotonic_ns())
    told = [line["text"] for line in world.log_lines() if line["role"] == "execution"]
    wanted = [f"{round_number} {at}" for round_number in range(4) for at in range(50)]
    # A line may be written twice around a kill, never be missing or out of its place.
    assert list(dict.fromkeys(told)) == wanted
    events = world.rows("SELECT text FROM events WHERE kind = 'FUNDING' ORDER BY ns")
    assert [row["text"] for row in events] == wanted[::10]
