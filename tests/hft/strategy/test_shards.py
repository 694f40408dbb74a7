"""A strategy of the second shard: its own symbols, its own numbers, its own memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from hft.agent.contract import Context
from hft.events import INTENT, MARKET, Action, MarketKind, OrderState
from hft.seats import Seat
from hft.state.blocks import POSITION_BLOCK
from hft.strategy.agent import StrategyAgent
from hft.strategy.load import make_params
from ringbuf.spsc import Producer, packer_of
from tests.hft.houses import new_context, new_house
from tests.hft.strategy.rig import LOT_E8, NS, TICK_E8, burst_of, house_spec

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")


class Floor:
    """A house of two shards with the strategy of the second in it."""

    def __init__(self, stack: ExitStack) -> None:
        self.house = stack.enter_context(new_house(*SYMBOLS, shards=2))
        self.ctx: Context = stack.enter_context(new_context(self.house, Seat.STRATEGY2))
        for spec in self.house.spec[: len(SYMBOLS)]:
            spec["tick_e8"], spec["lot_e8"] = TICK_E8, LOT_E8
        self.first, self.second = self.house.shards
        self.market = Producer(self.second.market)
        self.seq = 0

    def start(self) -> StrategyAgent:
        spec = house_spec("PING_PONG")
        params = make_params(spec, {"price_above": 0.0, "interval_ms": 1})
        agent = StrategyAgent(self.ctx, spec, burst_of("PING_PONG", False), params)
        agent.on_start()
        return agent

    def trade(self, symbol: int) -> None:
        self.seq += 1
        event = np.zeros(1, MARKET)
        event["seq"], event["recv_ns"], event["symbol"] = self.seq, self.seq * NS, symbol
        event["price"], event["qty"], event["kind"] = 100.0, 1.0, MarketKind.TRADE
        packer = packer_of(MARKET)
        assert self.market.offer(packer, packer.unpack(event.tobytes()))

    def order(self, row: int, symbol: int, seq: int) -> None:
        order = self.house.orders[row]
        order["symbol"], order["intent_seq"], order["order_ref"] = symbol, seq, 1000 + seq
        order["state"], order["qty_lots"] = OrderState.ACCEPTED, 10

    def intent_before(self, seq: int) -> None:
        """An intent an earlier life of this strategy wrote, and execution has not handled."""
        intent = np.zeros(1, INTENT)
        intent["seq"], intent["symbol"], intent["action"] = seq, 1, Action.PLACE
        packer = packer_of(INTENT)
        assert Producer(self.second.intents).offer(packer, packer.unpack(intent.tobytes()))


@pytest.fixture
def floor() -> Iterator[Floor]:
    with ExitStack() as stack:
        yield Floor(stack)


def test_it_decides_on_its_own_ring_and_counts_by_the_number_of_shards(floor: Floor) -> None:
    agent = floor.start()
    for symbol in (1, 3):
        floor.trade(symbol)
    agent.do_work(NS)
    intents = floor.second.intents.slots[:2]
    assert [int(seq) for seq in intents["seq"]] == [2, 4]
    assert [int(symbol) for symbol in intents["symbol"]] == [1, 3]
    assert (floor.first.intents.depth(), floor.second.intents.depth()) == (0, 2)
    told = floor.second.verdict.read()
    assert told is not None
    assert int(told[0]["events"]) == 2
    assert floor.first.verdict.read() is None


def test_each_of_its_symbols_has_a_state_and_the_others_take_no_room(floor: Floor) -> None:
    agent = floor.start()
    floor.trade(3)
    agent.do_work(NS)
    state: Any = agent._desk.state
    assert list(state["orders"]) == [0, 1]
    assert (
        int(floor.second.state_head[0]["size"]) == 2 * house_spec("PING_PONG").state_dtype.itemsize
    )
    again = floor.start()
    assert list(again._desk.state["orders"]) == [0, 1]


def test_an_event_of_another_shards_symbol_is_a_loud_error(floor: Floor) -> None:
    agent = floor.start()
    floor.trade(2)
    with pytest.raises(IndexError):
        agent.do_work(NS)


def test_it_takes_positions_and_orders_of_its_own_symbols_alone(floor: Floor) -> None:
    for symbol in range(len(SYMBOLS)):
        block = np.zeros(1, POSITION_BLOCK)
        block["position_lots"] = 10 + symbol
        floor.house.position[symbol].write_bytes(block.tobytes())
        floor.order(symbol, symbol, 1 + symbol)
    floor.house.memory[0]["handled_intent_seq"] = [3, 4, 0, 0]
    agent = floor.start()
    held = [float(qty) for qty in agent._desk.positions["qty"][: len(SYMBOLS)]]
    assert held == pytest.approx([0.0, 0.011, 0.0, 0.013])
    orders = agent._desk.orders
    assert sorted(int(seq) for seq in orders["intent_seq"] if seq) == [2, 4]


def test_what_its_own_shard_has_handled_decides_which_intents_are_in_flight(floor: Floor) -> None:
    floor.intent_before(6)
    floor.house.memory[0]["handled_intent_seq"] = [99, 4, 0, 0]
    agent = floor.start()
    assert [int(seq) for seq in agent._desk.orders["intent_seq"] if seq] == [6]
    floor.trade(3)
    agent.do_work(NS)
    assert int(floor.second.intents.slots["seq"][1]) == 8
