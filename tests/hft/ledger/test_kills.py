"""The ledger may be killed at any moment: no fill is lost, none is stored twice."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable

import pytest

from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.events import Role
from hft.ledger import report_desk, store
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import World, wait_for_news

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
        child = fork_ledger(world)
        stop_at = reports.depth() + chance.randrange(20, 60)
        for _ in range(stop_at):
            told += 1
            venue.fill(told)
            # One in ten never becomes a report: only the venue's list knows it.
            if told % 10:
                assert world.report(told)
        deadline = Deadline(chance.uniform(0.0, 0.25))
        wait_until(lambda: reports.depth() == 0 or deadline.passed())  # noqa: B023
        kill(child)
    child = fork_ledger(world)
    wait_until(lambda: (world.folder / "trades.db").exists() and len(world.rows()) >= told)
    wait_until(lambda: reports.depth() == 0)
    kill(child)
    rows = world.rows()
    assert sorted(row["trade_id"] for row in rows) == list(range(1, told + 1))


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
    child = fork_ledger(world)
    wait_until(lambda: world.house.reports_ledger.depth() == 0)
    kill(child)
    assert [row["trade_id"] for row in world.rows()] == list(range(1, 51))


def test_killed_while_writing_log_lines_it_writes_them_all(world: World) -> None:
    log = world.log(Role.EXECUTION)
    for round_number in range(4):
        child = fork_ledger(world)
        for at in range(50):
            log.info(f"{round_number} {at}")
        deadline = Deadline(0.1)
        wait_until(deadline.passed)
        kill(child)
    with world.ledger() as ledger:
        ledger.do_work(monotonic_ns())
    told = [line["text"] for line in world.log_lines() if line["role"] == "execution"]
    wanted = [f"{round_number} {at}" for round_number in range(4) for at in range(50)]
    # A line may be written twice around a kill, never be missing or out of its place.
    assert list(dict.fromkeys(told)) == wanted
