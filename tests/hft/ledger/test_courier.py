"""The thread that does jobs in order until each has worked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from hft.clock import Deadline, sleep_s
from hft.ledger.courier import Courier


class Job:
    """Fails `failures` times with `problem`, then notes its name."""

    def __init__(self, name: str, done: list[str], failures: int = 0) -> None:
        self.name, self.done, self.failures = name, done, failures
        self.problem: Exception = OSError("disk full\nmore")
        self.finished = False

    def run(self) -> None:
        if self.failures:
            self.failures -= 1
            raise self.problem
        self.done.append(self.name)

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def courier(woken: threading.Event) -> Iterator[Courier]:
    made = Courier("test", (OSError,), woken.set)
    yield made
    made.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = Deadline(10.0)
    while not condition():
        assert not deadline.passed(), "the condition never held"
        sleep_s(0.001)


def test_jobs_are_done_in_order_and_finished_only_when_asked(
    courier: Courier, woken: threading.Event
) -> None:
    done: list[str] = []
    jobs = [Job(name, done) for name in "abc"]
    for job in jobs:
        courier.send(job)
    wait_until(lambda: len(done) == 3 and courier.has_done())
    assert done == ["a", "b", "c"]
    assert woken.is_set()
    assert not any(job.finished for job in jobs)
    finished = 0
    deadline = Deadline(10.0)
    while finished < 3:
        finished += courier.finish_jobs()
        assert not deadline.passed()
    assert all(job.finished for job in jobs)
    assert not courier.has_done()


def test_a_job_that_fails_is_tried_again_and_nothing_overtakes_it(courier: Courier) -> None:
    done: list[str] = []
    courier.send(Job("first", done, failures=2))
    courier.send(Job("second", done))
    wait_until(lambda: courier.trouble() == "OSError: disk full")
    wait_until(lambda: len(done) == 2)
    assert done == ["first", "second"]
    assert courier.failures == 2
    wait_until(lambda: courier.trouble() == "")


def test_a_bug_reaches_the_duty_cycle(courier: Courier) -> None:
    job = Job("wrong", [], failures=1)
    job.problem = ZeroDivisionError("a bug")
    courier.send(job)
    wait_until(courier.has_done)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        courier.finish_jobs()
    assert courier.failures == 0


def test_closing_leaves_a_job_that_does_not_succeed_undone(courier: Courier) -> None:
    job = Job("never", [], failures=1_000_000)
    courier.send(job)
    wait_until(lambda: courier.failures > 0)
    courier.close()
    assert not job.finished
    assert not courier._thread.is_alive()
