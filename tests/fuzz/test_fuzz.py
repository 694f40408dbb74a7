"""A bounded walk of the fuzzer, without its optional tool, and what the judge itself can see."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hft.feed.tokens import GUARD_BYTES
from ringbuf.layout import TAIL
from tests.fuzz.fuzz_decode import judge_input
from tests.fuzz.judge import SLOTS, Judge
from tests.fuzz.mutate import SEEDS, hostile_message, hostile_stream
from tests.fuzz.uncompiled import OutOfBounds, Scanner
from tests.hft.feed.bench_room import agg_trade

FEW, MANY = 6_000, 100_000


def walk(count: int, seed: int) -> Judge:
    judge, chance = Judge(), random.Random(seed)
    for number in range(count):
        stream = number % 3 == 0
        head = bytes((2 * chance.randrange(128) + stream,))
        judge_input(judge, head + (hostile_stream(chance) if stream else hostile_message(chance)))
    return judge


def test_all_readers_agree_on_what_a_hostile_hand_makes() -> None:
    assert walk(FEW, seed=1).taken_fast > FEW // 20, "too few messages stayed readable"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_all_readers_agree_for_minutes() -> None:
    assert walk(MANY, seed=2).taken_fast > MANY // 20


@pytest.mark.parametrize("seed", SEEDS)
def test_all_readers_agree_on_every_message_cut_short_anywhere(seed: bytes) -> None:
    judge = Judge()
    for size in range(len(seed)):
        # What follows would complete it: only the length says that it must not be read.
        judge.message(seed[:size], behind=seed[size:], stale=seed)
        judge.message(seed[:size], stale=seed[size + 1 :])


def test_the_uncompiled_scanner_says_when_it_leaves_its_memory() -> None:
    message = agg_trade(1)
    with pytest.raises(OutOfBounds):
        Scanner().scan(message, message)
    kind, _ = Scanner().scan(message, message + b"\x00" * GUARD_BYTES)
    assert kind > 0


def test_the_judge_sees_a_slot_that_was_written_and_not_published() -> None:
    judge = Judge()
    ring, feed = judge._bench.ring, judge._bench.feed

    def careless(data: bytes) -> object:
        ring.slots[(int(ring.words[TAIL]) + 5) % SLOTS]["price"] = np.float64(1)
        return feed(data)

    judge._bench.feed = careless  # type: ignore[method-assign, assignment]
    with pytest.raises(AssertionError, match="not published"):
        judge.message(agg_trade(1))
