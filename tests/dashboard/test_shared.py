"""Fifty pages that ask for the same statistics have them worked out once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from dashboard.shared import CHANGED_NS, KEPT_MAX, SAME_NS, Shared
from hft.ledger.books import Books
from hft.ledger.fills import Fills, Payments

FILLS = Fills(*np.zeros((len(Fills._fields), 0), np.int64))
PAYMENTS = Payments(*np.zeros((len(Payments._fields), 0), np.int64))
BEFORE = Books(FILLS, PAYMENTS, 0, 0, [""], {})
TRADED = BEFORE._replace(fills=FILLS.pick(slice(None)))


class Worker:
    """Works out how often it was asked to."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.worked = 0
        self.shared: Shared[int] = Shared(lambda: self.now_ns)

    def ask(self, question: object, books: Books = BEFORE) -> int:
        def work() -> int:
            self.worked += 1
            return self.worked

        return self.shared.ask(question, books, work)


def test_a_question_is_worked_out_once_for_all_who_ask() -> None:
    worker = Worker()
    with ThreadPoolExecutor(8) as pages:
        assert set(pages.map(worker.ask, ["today"] * 50)) == {1}
    assert worker.ask("all") == 2
    worker.shared.forget()
    assert worker.ask("today") == 3


def test_an_answer_gets_old_sooner_when_something_was_traded() -> None:
    worker = Worker()
    worker.ask("today")
    worker.now_ns = CHANGED_NS
    assert worker.ask("today", TRADED) == 1
    worker.now_ns = CHANGED_NS + 1
    assert worker.ask("today") == 1
    assert worker.ask("today", TRADED) == 2
    worker.now_ns += SAME_NS
    assert worker.ask("today", TRADED) == 2
    worker.now_ns += 1
    assert worker.ask("today", TRADED) == 3


def test_what_nobody_asks_any_more_is_not_kept_for_ever() -> None:
    worker = Worker()
    for question in range(5 * KEPT_MAX):
        worker.ask(question)
        assert len(worker.shared._answers) <= KEPT_MAX
