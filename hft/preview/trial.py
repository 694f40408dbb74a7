"""One run of a strategy over market records, from nothing and flat, on memory of its own."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.agent.scratch import scratch_house
from hft.events import Action
from hft.preview.fills import Exchange, Terms
from hft.preview.market import Market
from hft.strategy.build import Burst
from hft.strategy.burst import NEWEST
from hft.strategy.desk import StrategyDesk
from hft.strategy.load import StrategySpec
from hft.topology import House
from hft.units import nearest_steps
from ringbuf.layout import HEAD, HEADER_BYTES, TAIL
from ringbuf.spsc import Producer


class Placed(msgspec.Struct, frozen=True):
    """An order the strategy asked for; `ns` is the receipt of what it decided on."""

    ns: int
    symbol: int
    side: int
    order_type: int
    price: float
    qty: float
    reason: int


class Lane(msgspec.Struct, frozen=True):
    """What both runs of one shard have in common."""

    house: House
    """The real one: symbols, steps and fees are read from it, and nothing else."""
    shard: int
    market: Market
    terms: Terms


class Trial:
    """Runs record by record; call `run` for one stretch after the other."""

    def __init__(
        self, lane: Lane, strategy: tuple[StrategySpec, Burst], params: npt.NDArray[np.void]
    ) -> None:
        spec, burst = strategy
        house = _copy_of(lane.house, spec.name)
        shard = house.shards[lane.shard]
        self._market = lane.market
        self._desk = StrategyDesk(house, spec, burst, params, lane.shard)
        self._desk.begin(fresh_state=True)
        self._desk.take_positions()
        self._slots = shard.market.slots
        self._tail = shard.market.bytes[:HEADER_BYTES].cast("Q")
        self._intents = shard.intents.bytes[:HEADER_BYTES].cast("Q")
        self._intent_slots = shard.intents.slots
        self._exchange = Exchange(lane.market, lane.terms, Producer(shard.reports_strategy))
        self.placed: list[Placed] = []

    def run(self, first: int, last: int) -> None:
        """Decide on the records from index `first` up to but not including `last`."""
        records, tail = self._market.records[first:last], int(self._tail[TAIL])
        self._slots[(np.arange(len(records)) + tail) % len(self._slots)] = records
        times, exchange, desk = self._market.recv_ns, self._exchange, self._desk
        for at in range(first, last):
            busy = exchange.busy()
            if busy:
                exchange.arrive(at)
            self._tail[TAIL] += 1
            desk.run(times[at])
            if busy:
                exchange.trade(at)
            if self._intents[TAIL] != self._intents[HEAD]:
                self._send(times[at])

    def _send(self, now_ns: int) -> None:
        count = len(self._intent_slots)
        for position in range(self._intents[HEAD], self._intents[TAIL]):
            intent = self._intent_slots[position % count]
            if intent["action"] == Action.PLACE:
                self.placed.append(_placed(intent, now_ns))
            self._exchange.send(intent, now_ns)
        self._intents[HEAD] = self._intents[TAIL]

    def counts(self) -> npt.NDArray[np.int64]:
        """How often each Verdict was given."""
        counts: npt.NDArray[np.int64] = self._desk.verdict[NEWEST]["counts"].copy()
        return counts

    @property
    def denied(self) -> int:
        """Orders that the limits would have stopped."""
        return self._exchange.denied

    def net_e8(self, end: int) -> int:
        """Profit less fees by the assumed fills, what is open valued before index `end`."""
        total_e8 = 0
        for symbol, position in enumerate(self._exchange.positions):
            total_e8 += position.realised_e8 - position.fees_e8
            if position.lots:
                bid, ask = self._market.touch(symbol, end)
                total_e8 += position.unrealised_e8(nearest_steps((bid + ask) / 2, 1))
        return total_e8


def _placed(intent: Any, now_ns: int) -> Placed:
    return Placed(
        now_ns,
        int(intent["symbol"]),
        int(intent["side"]),
        int(intent["order_type"]),
        float(intent["price"]),
        float(intent["qty"]),
        int(intent["reason"]),
    )


def _copy_of(real: House, name: str) -> House:
    """Lay a house with the symbols, steps and fees of the real one, and nothing that happened."""
    house = scratch_house(f"preview-{name}", tuple(real.symbols()), shards=len(real.shards))
    house.spec[:] = real.spec
    for field in ("strategy_index", "maker_fee", "taker_fee"):
        house.run[0][field] = real.run[0][field]
    return house
