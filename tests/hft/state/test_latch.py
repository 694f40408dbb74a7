from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.events import LatchReason, TradingState
from hft.state.blocks import LATCH
from hft.state.latch import LatchWords, latch_of


def hand(**words: int) -> np.void:
    row = np.zeros(1, LATCH)[0]
    for name, value in words.items():
        row[name] = value
    return row


@pytest.mark.parametrize(
    ("supervisor", "gate", "halted", "reason"),
    [
        ({}, {}, False, LatchReason.NONE),
        ({"halt_ns": 5, "halt_reason": LatchReason.START_UP}, {}, True, LatchReason.START_UP),
        ({"halt_ns": 5, "resume_ns": 6}, {}, False, LatchReason.NONE),
        (
            {"halt_ns": 5, "resume_ns": 6},
            {"halt_ns": 7, "halt_reason": LatchReason.MAX_LOSS},
            True,
            LatchReason.MAX_LOSS,
        ),
        (
            {"halt_ns": 9, "resume_ns": 6, "halt_reason": LatchReason.PERSON},
            {"halt_ns": 7, "halt_reason": LatchReason.MAX_LOSS},
            True,
            LatchReason.PERSON,
        ),
        ({"resume_ns": 8}, {"halt_ns": 7}, False, LatchReason.NONE),
        # The gate's own resume word lifts nothing: only a person does.
        (
            {},
            {"halt_ns": 7, "resume_ns": 9, "halt_reason": LatchReason.TARGET_PROFIT},
            True,
            LatchReason.TARGET_PROFIT,
        ),
    ],
)
def test_halted_means_a_halt_later_than_the_last_resume_by_a_person(
    supervisor: dict[str, int], gate: dict[str, int], halted: bool, reason: LatchReason
) -> None:
    latch = latch_of(hand(**supervisor), hand(**gate))
    assert (latch.halted, latch.reason) == (halted, reason)
    assert latch.state() is (TradingState.HALTED if halted else TradingState.ACTIVE)


def test_an_order_to_reduce_is_tighter_than_active_and_looser_than_halted() -> None:
    assert latch_of(hand(reduce_ns=1), hand()).state() is TradingState.REDUCING
    assert latch_of(hand(reduce_ns=1, halt_ns=1), hand()).state() is TradingState.HALTED


@given(*[st.integers(0, 3)] * 4)
def test_the_words_say_the_same_as_the_records(halt: int, resume: int, gate: int, red: int) -> None:
    rows = np.zeros(2, LATCH)
    rows[0]["halt_ns"], rows[0]["resume_ns"], rows[0]["reduce_ns"] = halt, resume, red
    rows[1]["halt_ns"], rows[1]["resume_ns"] = gate, 9
    words = LatchWords(rows[:1], rows[1:])
    assert words.state() is latch_of(rows[0], rows[1]).state()
