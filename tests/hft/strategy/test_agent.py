"""The strategy process over a house: start, restart, parameters, holes in the reports."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from hft.agent.contract import Context
from hft.config import Settings, Trading
from hft.events import (
    MARKET,
    REPORT,
    Level,
    MarketKind,
    OrderState,
    Role,
    Side,
    Status,
    Verdict,
)
from hft.state.blocks import POSITION_BLOCK
from hft.strategies_book import StrategiesBook
from hft.strategy.agent import READ_AGAIN_NS, StrategyAgent, hot_functions, warm
from hft.strategy.api import IN_FLIGHT
from hft.strategy.load import make_params
from hft.strategy.params import to_block, values_of
from ringbuf.compiled import signature_count
from ringbuf.doorbell import say_parked
from ringbuf.spsc import Consumer, Producer, packer_of
from tests.hft.houses import new_context, new_house
from tests.hft.strategy.rig import LOT_E8, NS, TICK_E8, burst_of, house_spec

PRICE = 60_000.0


def waits(agent: StrategyAgent) -> bool:
    """Whether a parked process would not even fall asleep."""
    return any(ring.depth() for ring in agent.inlets())


class Floor:
    """A house with one strategy process in it, stepped by hand."""

    def __init__(self, stack: ExitStack) -> None:
        self.house = stack.enter_context(new_house("BTCUSDT"))
        self.ctx: Context = stack.enter_context(new_context(self.house, Role.STRATEGY))
        self.house.run[0]["taker_fee"] = 0.0005
        self.house.run[0]["strategy_index"] = 2
        self.house.spec[0]["tick_e8"], self.house.spec[0]["lot_e8"] = TICK_E8, LOT_E8
        self.market = Producer(self.house.market)
        self.reports = Producer(self.house.reports_strategy)
        self.intents = Consumer(self.house.intents)
        self.log = Consumer(self.house.log_ring(Role.STRATEGY))
        self.seq = 0
        self.now_ns = 100 * NS

    def start(
        self, name: str = "PING_PONG", *, fresh: bool = False, **params: Any
    ) -> StrategyAgent:
        spec = house_spec(name)
        values = make_params(spec, params)
        agent = StrategyAgent(self.ctx, spec, burst_of(name, False), values, fresh_state=fresh)
        agent.on_start()
        return agent

    def trade(self, price: float = PRICE, after_s: float = 0.0) -> None:
        self.seq += 1
        self.now_ns += int(after_s * NS)
        event = np.zeros(1, MARKET)
        event["seq"], event["recv_ns"], event["price"] = self.seq, self.now_ns, price
        event["kind"], event["qty"] = MarketKind.TRADE, 1.0
        packer = packer_of(MARKET)
        assert self.market.offer(packer, packer.unpack(event.tobytes()))

    def report(self, status: Status, **fields: Any) -> None:
        report = np.zeros(1, REPORT)
        report["status"] = status
        for field, value in fields.items():
            report[field] = value
        packer = packer_of(REPORT)
        assert self.reports.offer(packer, packer.unpack(report.tobytes()))

    def position(self, lots: int, **fields: int) -> None:
        block = np.zeros(1, POSITION_BLOCK)
        block["position_lots"], block["entry_e8"] = lots, 6 * 10**12
        for field, value in fields.items():
            block[field] = value
        self.house.position[0].write_bytes(block.tobytes())

    def written(self) -> np.ndarray[Any, Any]:
        """Intents nobody has taken yet."""
        return self.intents.copy(self.intents.waiting())

    def said(self) -> list[str]:
        lines = [bytes(row["text"]).decode() for row in self.log.copy(self.log.waiting())]
        self.log.release(len(lines))
        return lines


@pytest.fixture
def floor() -> Iterator[Floor]:
    with ExitStack() as stack:
        yield Floor(stack)


def test_it_decides_writes_rings_counts_and_says_so(floor):
    agent = floor.start()
    bell = floor.ctx.bells[Role.EXECUTION]
    say_parked(bell.words)
    assert not waits(agent)
    floor.trade()
    assert waits(agent)
    assert agent.do_work(floor.now_ns) == 1
    (intent,) = floor.written()
    assert (intent["strategy"], intent["side"], intent["seq"]) == (2, Side.BUY, 1)
    assert (floor.ctx.vitals["events_in"], floor.ctx.vitals["events_out"]) == (1, 1)
    assert os.read(bell.fileno(), 8), "execution was woken"
    assert floor.said()[-1] == "PING_PONG wants to trade at 60000.00"
    assert agent.do_work(floor.now_ns) == 0
    assert agent.drain(floor.now_ns)
    agent.on_close()


def test_at_level_debug_it_says_what_it_waits_for_but_not_for_every_event(floor):
    floor.ctx.log.level = Level.DEBUG
    agent = floor.start(price_above=70_000.0)
    floor.said()
    for _ in range(5):
        floor.trade(after_s=0.2)
        agent.do_work(floor.now_ns)
    sentence = "PING_PONG waiting: price 60000.00, above 70000.00 needed"
    assert floor.said() == [sentence, sentence]


def test_it_begins_at_the_newest_event_with_the_positions_of_the_blocks(floor):
    floor.position(25, fills=4)
    for _ in range(10):
        floor.trade()
    floor.report(Status.POSITION, position_lots=1)
    agent = floor.start()
    assert agent.do_work(floor.now_ns) == 0
    held = agent._desk.positions[0]
    assert (held["qty"], held["entry"], held["fills"], held["lot"]) == (0.025, 60_000.0, 4, 0.001)
    assert held["taker_fee"] == 0.0005
    assert "10 old events skipped" in floor.said()[-1]


def test_a_restart_goes_on_from_the_committed_state_and_never_uses_a_number_twice(floor):
    agent = floor.start()
    floor.trade()
    agent.do_work(floor.now_ns)
    floor.report(Status.FILLED, intent_seq=1, side=Side.BUY, cum_qty_lots=10, last_qty_lots=10)
    floor.house.memory[0]["handled_intent_seq"] = 1
    agent.do_work(floor.now_ns)
    again = floor.start()
    assert "state restored" in floor.said()[-1]
    floor.trade(after_s=9)
    again.do_work(floor.now_ns)
    assert len(floor.written()) == 1, "the interval is remembered"
    floor.trade(after_s=1)
    again.do_work(floor.now_ns)
    assert [(i["seq"], i["side"]) for i in floor.written()] == [(1, Side.BUY), (2, Side.SELL)]


def test_a_fresh_state_and_another_strategy_begin_from_zero(floor):
    agent = floor.start()
    floor.trade()
    agent.do_work(floor.now_ns)
    assert agent._desk.state[0]["orders"] == 1
    assert floor.start(fresh=True)._desk.state[0]["orders"] == 0
    assert "state new" in floor.said()[-1]
    assert floor.start("MOMENTUM")._desk.state[0]["count"] == 0
    assert floor.start()._desk.state[0]["orders"] == 0


def test_what_its_predecessor_said_last_is_no_word_of_its_own(floor):
    agent = floor.start(price_above=70_000.0)
    floor.trade()
    agent.do_work(floor.now_ns)
    assert floor.house.verdict.read()[0]["verdict"] == Verdict.PRICE_GATE
    floor.start()
    told = floor.house.verdict.read()[0]
    assert (told["verdict"], told["events"], told["event_ns"]) == (Verdict.NONE, 0, 0)


def test_an_order_its_predecessor_left_is_in_flight(floor):
    floor.start().do_work(0)
    floor.trade()
    agent = floor.start()
    floor.trade()
    agent.do_work(floor.now_ns)
    assert len(floor.written()) == 1
    again = floor.start(fresh=True)
    assert list(again._desk.orders["status"][:2]) == [IN_FLIGHT, 0]
    assert again._desk.positions[0]["open_orders"] == 1
    floor.house.memory[0]["handled_intent_seq"] = 1
    assert floor.start(fresh=True)._desk.positions[0]["open_orders"] == 0


def test_open_rows_of_the_order_table_are_taken_over(floor):
    states = (OrderState.ACCEPTED, OrderState.FILLED, OrderState.SENT, OrderState.FREE)
    for row, state in zip(floor.house.orders[:4], states, strict=True):
        row["intent_seq"], row["order_ref"], row["state"] = 5, 9, state
        row["price_ticks"], row["qty_lots"], row["cum_qty_lots"] = 600_001, 20, 5
    desk = floor.start()._desk
    assert desk.positions[0]["open_orders"] == 2
    assert list(desk.orders["status"][:3]) == [Status.ACCEPTED, IN_FLIGHT, 0]
    row = desk.orders[0]
    assert (row["price"], row["qty"], row["filled"]) == (60_000.1, 0.02, 0.005)


def test_lost_reports_are_made_good_from_the_blocks(floor):
    agent = floor.start()
    floor.trade()
    agent.do_work(floor.now_ns)
    assert agent._desk.positions[0]["open_orders"] == 1
    floor.report(Status.POSITION, position_lots=3)
    floor.reports.count_drop()
    floor.position(10, fills=1)
    floor.house.memory[0]["handled_intent_seq"] = 1
    agent.do_work(floor.now_ns)
    held = agent._desk.positions[0]
    assert (held["qty"], held["open_orders"]) == (0.01, 0)
    assert "reports were lost" in floor.said()[-1]
    floor.position(12, fills=2)
    agent.do_work(floor.now_ns + READ_AGAIN_NS)
    assert held["qty"] == 0.012, "execution was still writing the block at the first look"


def test_a_block_older_than_the_reports_changes_nothing(floor):
    floor.position(10, fills=1)
    agent = floor.start()
    floor.report(Status.FILLED, last_qty_lots=5, position_lots=15)
    agent.do_work(1)
    agent.do_work(1 << 62)
    assert agent._desk.positions[0]["qty"] == 0.015


def test_parameters_change_while_it_runs(floor):
    agent = floor.start(price_above=70_000.0)
    floor.trade()
    agent.do_work(floor.now_ns)
    assert agent._desk.verdict[0]["verdict"] == Verdict.PRICE_GATE
    values = make_params(house_spec("PING_PONG"), {"qty": 0.03})
    floor.house.params.write_bytes(to_block(values, strategy_index=2))
    floor.trade()
    agent.do_work(floor.now_ns)
    assert floor.written()[0]["qty"] == 0.03


def test_parameters_of_another_strategy_are_not_taken(floor):
    agent = floor.start()
    values = make_params(house_spec("PING_PONG"), {"price_above": 70_000.0})
    floor.house.params.write_bytes(to_block(values, strategy_index=1))
    floor.trade()
    agent.do_work(floor.now_ns)
    assert len(floor.written()) == 1


def test_a_newer_file_takes_what_it_can_of_older_parameters(floor):
    old = np.zeros(1, [("qty", "<f8"), ("gone", "<i8")])
    old["qty"] = 0.07
    spec = house_spec("PING_PONG")
    agent = StrategyAgent(floor.ctx, spec, burst_of("PING_PONG", False), old)
    agent.on_start()
    values = agent._desk.params[0]
    assert (values["qty"], values["interval_ms"]) == (0.07, 10_000)


EDITED = """
import msgspec
from hft.strategy.api import state_dtype
NAME = "EDITED"
COMPILED = False
class Params(msgspec.Struct, frozen=True):
    {first}: float = 1.0
    {second}: float = 2.0
STATE = state_dtype(("n", "<i8"))
def on_market(event, position, orders, params, state, out):
    pass
"""


def test_a_file_whose_parameters_changed_places_gets_each_value_by_its_name(floor, tmp_path):
    """The house still writes the block as the file was when it started."""
    file = tmp_path / "edited.py"
    file.write_text(EDITED.format(first="stop_at", second="size"))
    trading = Trading(strategy="EDITED", strategies_dirs=[str(tmp_path)])
    settings = Settings(trading=trading, strategy={"EDITED": {"stop_at": 59_000.0, "size": 0.01}})
    strategies = StrategiesBook(settings)
    floor.house.run[0]["strategy_index"] = index = strategies.select("EDITED", settings)
    old = strategies.spec()

    def change(**values):
        strategies.keep_live("EDITED", values)
        record = make_params(old, {"stop_at": 59_000.0, "size": 0.01, **values})
        floor.house.params.write_bytes(to_block(record, index))

    change(size=0.02)
    file.write_text(EDITED.format(first="size", second="stop_at"))
    agent, _ = strategies.build_agent(floor.ctx, fresh_state=False)
    agent.on_start()
    assert values_of(agent._desk.params) == {"size": 0.02, "stop_at": 59_000.0}
    change(size=0.03)
    agent.do_work(floor.now_ns)
    assert values_of(agent._desk.params) == {"size": 0.03, "stop_at": 59_000.0}


def test_what_was_warmed_is_what_runs(floor):
    burst = warm(house_spec("PING_PONG"))
    spec = house_spec("PING_PONG")
    before = [signature_count(function) for function in hot_functions(burst)]
    assert all(count == 1 for count in before)
    agent = StrategyAgent(floor.ctx, spec, burst, make_params(spec, {}))
    agent.on_start()
    floor.trade()
    floor.report(Status.POSITION, position_lots=1)
    agent.do_work(floor.now_ns)
    assert [signature_count(function) for function in hot_functions(burst)] == before


def test_ten_thousand_events_allocate_nothing_that_stays(floor):
    agent = floor.start()
    floor.trade()
    agent.do_work(floor.now_ns)

    def decide(cycles):
        for _ in range(cycles):
            floor.trade(after_s=0.001)
            assert agent.do_work(floor.now_ns) == 1

    decide(1000)
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        decide(10_000)
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert grown < 100
