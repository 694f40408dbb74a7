"""The wire to the venue is cut after every byte of an order and of its answer.

Wherever it happens: no order is at the venue twice, and fills, position and money are the venue's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from hft.clock import monotonic_ns
from hft.events import IntentFlag, Side
from hft.wire.connection import Backoff

from .rig import Rig
from .scissors import Scissors

FRAME_BYTES = 640
"""More than an order and its frame have; the cut then comes into the next one's."""
REPLY_BYTES = 1_000


@pytest.fixture
def scissors(rig: Rig) -> Iterator[Scissors]:
    wire = Scissors(rig.venue.url)
    there = f"ws://127.0.0.1:{wire.port}/ws-fapi/v1"
    rig.network = msgspec.structs.replace(rig.network, ws_api_url=there)
    yield wire
    rig.forget_agent()
    wire.close()


def begin(rig: Rig) -> None:
    """Hold a long position, so that orders which reduce it may leave whatever is in doubt."""
    agent = rig.start()
    link = agent._session._link  # type: ignore[union-attr]
    link._backoff = Backoff(0.001, 0.001)
    rig.until_fit()
    for _ in range(2):
        seq = rig.push(qty=0.8)
        rig.until(lambda seq=seq: rig.statuses(seq)[-1:] == ["FILLED"], "bought")


def sell_with_a_cut(rig: Rig, scissors: Scissors, way: str, after_bytes: int) -> int:
    """Send an order over a wire that is cut there; returns its number."""
    assert rig.agent is not None
    session = rig.agent._session
    rig.until(lambda: session is not None and session.up, "the order session")
    scissors.cut(way, after_bytes)
    seq = rig.push(side=Side.SELL, qty=0.001, flags=IntentFlag.REDUCE_ONLY)
    deadline_ns = monotonic_ns() + 300_000_000
    rig.until(
        lambda: not scissors.armed() or monotonic_ns() > deadline_ns or _ended(rig, seq),
        "the cut, or the order's end before it",
    )
    return seq


def _ended(rig: Rig, seq: int) -> bool:
    return rig.statuses(seq)[-1:] in (["FILLED"], ["DENIED"])


def settle(rig: Rig, scissors: Scissors, seqs: list[int]) -> None:
    scissors.cut("out", 1 << 40)
    assert rig.agent is not None
    rig.until(rig.agent._books.is_settled, "every order has its end", wait_s=30.0)
    names = rig.names_at_venue()
    assert max(Counter(names).values()) == 1
    rig.agrees_with_venue()
    ends = {seq: rig.statuses(seq)[-1] for seq in seqs}
    assert set(ends.values()) <= {"FILLED", "REJECTED", "DENIED"}, ends
    filled = {int(row["intent_seq"]) for row in rig.fills_told()}
    assert {seq for seq in seqs if ends[seq] == "FILLED"} == filled & set(seqs)


@pytest.mark.parametrize(("way", "most"), [("out", FRAME_BYTES), ("back", REPLY_BYTES)])
def test_a_wire_cut_inside_an_order_or_its_answer_loses_and_doubles_nothing(
    rig: Rig, scissors: Scissors, way: str, most: int
) -> None:
    begin(rig)
    places = sorted({*range(12), *range(12, most, 17)})
    seqs = [sell_with_a_cut(rig, scissors, way, after_bytes) for after_bytes in places]
    settle(rig, scissors, seqs)
    assert scissors.cuts > len(places) // 2


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("way", "most"), [("out", FRAME_BYTES), ("back", REPLY_BYTES)])
def test_a_wire_cut_at_every_byte_of_an_order_or_its_answer_loses_and_doubles_nothing(
    rig: Rig, scissors: Scissors, way: str, most: int
) -> None:
    begin(rig)
    for first in range(0, most, 400):
        places = range(first, min(first + 400, most))
        seqs = [sell_with_a_cut(rig, scissors, way, after_bytes) for after_bytes in places]
        settle(rig, scissors, seqs)
