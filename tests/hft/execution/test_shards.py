"""Two shards in front of one execution: each is served, and told only what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hft.events import Action, OrderState, OrderType, Unfit
from hft.execution import intents
from hft.execution.intents import BURST_MAX
from hft.execution.launch import NOTHING, take
from hft.seats import Seat, next_intent, shard_of
from ringbuf.spsc import Consumer, Producer

from .rig import Rig, Venue, rig_name, venue_running

SYMBOLS = ("BTCUSDT", "ETHUSDT")
BTC, ETH = 0, 1


class ShardedRig(Rig):
    """A house with two symbols, each in a shard of its own."""

    def __init__(self, venue: Venue, name: str) -> None:
        super().__init__(venue, name, SYMBOLS, shards=2)
        self.rings = [Producer(shard.intents) for shard in self.house.shards]
        self.readers = [Consumer(shard.reports_strategy) for shard in self.house.shards]
        self.last = [0, 0]
        self.heard: list[list[Any]] = [[], []]

    def want(self, symbol: int, **changes: Any) -> int:
        """Offer an intent of a symbol into the ring of its shard; returns its number."""
        shard = shard_of(symbol, 2)
        self.last[shard] = next_intent(self.last[shard], shard, 2)
        qty = 0.01 if symbol == BTC else 0.1
        given = {"symbol": symbol, "qty": qty, **changes}
        return self.offer(self.rings[shard], self.last[shard], **given)

    def resting(self, symbol: int, **changes: Any) -> int:
        """Let an order of a symbol rest in the book; returns its intent."""
        bid, _ = self.venue.touch(SYMBOLS[symbol])
        seq = self.want(symbol, order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), **changes)
        self.until(lambda: self.statuses(seq) == ["ACCEPTED"], "accepted")
        return seq

    def ends(self, seq: int, *statuses: str) -> None:
        self.until(lambda: self.statuses(seq)[-1:] == list(statuses), f"{seq} is {statuses}")

    def read(self) -> None:
        for heard, reader in zip(self.heard, self.readers, strict=True):
            heard += list(reader.copy(reader.waiting()))
            reader.release(reader.waiting())
        super().read()


@pytest.fixture(scope="module")
def _two_markets() -> Iterator[Venue]:
    with venue_running("--seed", "5", "--symbols", ",".join(SYMBOLS)) as running:
        yield running


@pytest.fixture
def rig(_two_markets: Venue) -> Iterator[ShardedRig]:
    _two_markets.tidy_up()
    made = ShardedRig(_two_markets, rig_name())
    try:
        yield made
    finally:
        made.close()


def test_both_shards_are_served_and_each_is_told_its_own(rig: ShardedRig) -> None:
    rig.start()
    rig.until_fit()
    seqs = [rig.want(symbol) for symbol in (BTC, ETH, BTC, ETH)]
    assert seqs == [1, 2, 3, 4]
    for seq in seqs:
        rig.ends(seq, "FILLED")
    for symbol, heard in enumerate(rig.heard):
        assert {int(report["symbol"]) for report in heard} == {symbol}
    told = sorted(int(report["seq"]) for heard in rig.heard for report in heard)
    assert told == [int(report["seq"]) for report in rig.reports]
    names = rig.names_at_venue()
    assert len(names) == len(set(names))


def test_a_dead_strategy_costs_only_its_own_orders(rig: ShardedRig) -> None:
    rig.start()
    rig.until_fit()
    first, second = rig.resting(BTC), rig.resting(ETH)
    rig.house.orders_to[Seat.STRATEGY2]["died_ns"] = 1
    rig.ends(second, "CANCELLED")
    assert rig.statuses(first) == ["ACCEPTED"]


@pytest.mark.parametrize(
    ("seat", "unfit"), [(Seat.FEED2, Unfit.FEED_DOWN), (Seat.STRATEGY2, Unfit.STRATEGY_DOWN)]
)
def test_the_house_is_fit_only_with_every_feed_and_every_strategy(
    rig: ShardedRig, seat: Seat, unfit: Unfit
) -> None:
    rig.start()
    rig.until_fit()
    rig.silent = {seat}
    rig.house.vitals[seat]["heartbeat_ns"] = 1
    rig.until(lambda: int(rig.account()["unfit"]) == unfit, "seen")
    rig.silent = set()
    rig.until_fit()


def test_strategies_that_chose_the_same_reference_cancel_their_own_order(rig: ShardedRig) -> None:
    rig.start()
    rig.until_fit()
    first, second = (rig.resting(symbol, order_ref=77) for symbol in (BTC, ETH))
    rig.want(BTC, action=Action.CANCEL, target_ref=77)
    rig.ends(first, "CANCELLED")
    assert rig.statuses(second) == ["ACCEPTED"]


class Died(BaseException):
    """Stands for a kill at one moment: nothing after it runs, not even a handler."""


def die_before_the_row(rig: ShardedRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the next intent, and nothing more."""

    def take_and_die(table: int) -> int:
        if take(table):
            raise Died
        return NOTHING

    monkeypatch.setattr(intents, "launch", take_and_die)
    with pytest.raises(Died):
        rig.until(lambda: False, "the death")
    rig.read()
    rig.forget_agent()


def test_the_intent_in_hand_at_a_death_is_doubted_whatever_another_shard_has_reached(
    rig: ShardedRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.start()
    rig.until_fit()
    for _ in range(3):
        rig.ends(rig.want(BTC), "FILLED")
    seq = rig.want(ETH)
    with monkeypatch.context() as patch:
        die_before_the_row(rig, patch)
    assert seq < rig.last[0]
    rig.start()
    rig.ends(seq, "REJECTED")
    rig.until_fit()
    row = next(row for row in rig.house.orders if int(row["intent_seq"]) == seq)
    assert row["state"] == OrderState.REJECTED
    rig.ends(rig.want(ETH), "FILLED")
    rig.ends(rig.want(BTC), "FILLED")


def test_a_busy_shard_does_not_keep_another_waiting(rig: ShardedRig) -> None:
    agent = rig.start()
    rig.until_fit()
    busy = [rig.want(BTC, qty=0.0) for _ in range(2 * BURST_MAX)]
    calm = [rig.want(ETH, qty=0.0) for _ in range(2)]
    for burst in (1, 2):
        agent._desk.work()
        rig.read()
        answered = [seq for seq in busy if rig.statuses(seq) == ["DENIED"]]
        assert len(answered) == burst * BURST_MAX // 2
        assert [rig.statuses(seq) for seq in calm] == [["DENIED"], ["DENIED"]]
    rig.until(lambda: agent._desk.waiting() == 0, "all taken")
