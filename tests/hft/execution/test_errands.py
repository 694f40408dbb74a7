from __future__ import annotations

import threading
from typing import Any

from hft.binance.rest import Rest
from hft.clock import Deadline, sleep_s
from hft.execution.errands import Errands


def poll_until(errands: Errands, told: list[Any], count: int) -> None:
    deadline = Deadline(5.0)
    while len(told) < count:
        assert not deadline.passed()
        errands.poll(0)
        sleep_s(0.001)


def test_errands_run_one_at_a_time_in_order_and_hand_over_in_the_polling_thread() -> None:
    running, most, told = [0], [0], list[Any]()

    def job(_rest: Rest, name: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        sleep_s(0.005)
        running[0] -= 1
        return name

    rest = Rest("http://127.0.0.1:1", None)
    errands = Errands(rest, lambda: None)
    for name in range(4):
        errands.ask(
            str(name),
            lambda rest, name=name: job(rest, name),
            lambda result, _now: told.append((result, threading.current_thread())),
        )
    poll_until(errands, told, 4)
    assert [result for result, _ in told] == [0, 1, 2, 3]
    assert {thread for _, thread in told} == {threading.current_thread()}
    assert most == [1]
    rest.close()


def test_a_failed_errand_hands_over_its_exception_and_one_name_is_asked_once() -> None:
    told: list[Any] = []
    rest = Rest("http://127.0.0.1:1", None)
    woken = threading.Event()
    gate = threading.Event()

    def job(_rest: Rest) -> None:
        gate.wait(5.0)
        raise ValueError("no")

    errands = Errands(rest, woken.set)
    assert errands.ask("check", job, lambda result, _now: told.append(result))
    assert not errands.ask("check", job, lambda result, _now: told.append(result))
    gate.set()
    assert woken.wait(5.0)
    poll_until(errands, told, 1)
    assert isinstance(told[0], ValueError)
    assert errands.ask("check", job, lambda result, _now: told.append(result))
    poll_until(errands, told, 2)
    errands.close(1.0)
    rest.close()
