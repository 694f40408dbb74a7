"""The claim: one step of a shipped strategy, from its slot in the ring to its verdict, is 30 ns.

The ring is filled beforehand, and the bursts that empty it are timed: reading the slot, looking for
gaps, the strategy itself, keeping its verdict.  The same source left uncompiled is the baseline.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from benches.report import Metrics, Outcome, Row, expect, run
from hft.agent.scratch import scratch_house
from hft.clock import monotonic_ns
from hft.events import MarketKind
from hft.strategy.build import build
from hft.strategy.desk import StrategyDesk
from hft.strategy.load import discover, make_params
from ringbuf.layout import TAIL

STRATEGIES = ("PING_PONG", "MOMENTUM", "LIQUIDATION")
EVENTS = 16_384
ROUNDS, QUICK_ROUNDS = 200, 20
PLAIN_EVENTS = 512
NS_PER_EVENT = 1_000_000
SEED = 7


class Market:
    """A calm walk of trades, as much of it as the ring holds, again and again."""

    def __init__(self, desk: StrategyDesk) -> None:
        self._ring = desk.shard.market
        self._seq = 0
        self._dice = np.random.default_rng(SEED)
        self._price = 60_000.0

    def fill(self, count: int) -> None:
        """Publish so many trades into the empty ring."""
        slots = np.zeros(count, self._ring.slots.dtype)
        slots["seq"] = self._seq + np.arange(1, count + 1)
        slots["recv_ns"] = slots["seq"].astype(np.int64) * NS_PER_EVENT
        slots["price"] = self._price + 0.1 * np.cumsum(self._dice.integers(-1, 2, count))
        slots["qty"] = self._dice.uniform(0.001, 0.02, count)
        slots["kind"] = MarketKind.TRADE
        where = (int(self._ring.words[TAIL]) + np.arange(count)) % len(self._ring.slots)
        self._ring.slots[where] = slots
        self._seq += count
        self._price = float(slots["price"][-1])
        self._ring.words[TAIL] += np.uint64(count)


def desk_of(name: str, *, plain: bool) -> StrategyDesk:
    """One strategy over a house nobody else is in."""
    spec = discover().select(name)
    house = scratch_house(f"step-{name}")
    house.spec[0]["tick_e8"], house.spec[0]["lot_e8"] = 10_000_000, 100_000
    house.run[0]["maker_fee"], house.run[0]["taker_fee"] = 0.0002, 0.0005
    desk = StrategyDesk(house, spec, build(spec, plain=plain), make_params(spec, {}))
    desk.begin(fresh_state=True)
    desk.take_positions()
    return desk


def steps_ns(name: str, rounds: int, events: int, *, plain: bool) -> npt.NDArray[np.float64]:
    """Time of one step, in each round.

    Raises:
        WrongAnswer: not every event was decided on.
    """
    desk = desk_of(name, plain=plain)
    market = Market(desk)
    took_ns = np.zeros(rounds)
    for number in range(rounds + 1):
        market.fill(events)
        started_ns = monotonic_ns()
        while desk.shard.market.depth():
            desk.run(started_ns)
        # The first round compiles, and fills the windows.
        took_ns[number - 1] = (monotonic_ns() - started_ns) / events
    told = desk.house.verdict.read()
    assert told is not None
    expect(f"events {name} decided on", int(told[0]["events"]), (rounds + 1) * events)
    return took_ns


def measure(quick: bool) -> Outcome:
    """Measure every shipped strategy, compiled and not."""
    metrics: Metrics = {}
    rows = []
    for name in STRATEGIES:
        took_ns = steps_ns(name, QUICK_ROUNDS if quick else ROUNDS, EVENTS, plain=False)
        plain_ns = steps_ns(name, 3, PLAIN_EVENTS, plain=True)
        key = name.lower()
        metrics[f"{key}_step_ns"] = round(float(np.median(took_ns)), 1)
        metrics[f"{key}_best_step_ns"] = round(float(took_ns.min()), 1)
        metrics[f"{key}_plain_step_ns"] = round(float(np.median(plain_ns)), 1)
        rows += [
            Row(f"{name}, median round", metrics[f"{key}_step_ns"], "ns per event"),
            Row(f"{name}, best round", metrics[f"{key}_best_step_ns"], "ns per event"),
            Row(f"{name}, uncompiled", metrics[f"{key}_plain_step_ns"], "ns per event", True),
        ]
    return Outcome(rows, metrics, ["ring, gap check and verdict included; no position is open"])


if __name__ == "__main__":
    sys.exit(run("step", measure))
