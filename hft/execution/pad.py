"""The memory of the order path: everything its compiled half finds through a table of addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from hft.agent.scratch import scratch_house
from hft.binance.filters import SymbolSpec
from hft.binance.order_text import OrderTexts
from hft.events import INTENT, SYMBOLS_MAX, Action, OrderType, Side, TimeInForce
from hft.execution.facts import SNAPSHOT_WORDS
from hft.execution.launch import count_order, entry, judge, keep, launch, note_change, note_sent
from hft.execution.pad_rows import CHANGE_TIMES, PAD, PRICE_DECIMALS, SENT_TIMES
from hft.state.blocks import LIMITS
from hft.state.decision import FACTS, RULING
from hft.state.exposure import EXPOSURE
from hft.state.histogram import bin_of
from hft.topology import House
from hft.units import nearest_steps
from ringbuf.addressed import AddressTable
from ringbuf.spsc import Producer, packer_of

_SCRATCH_SPEC = SymbolSpec(10_000_000, 100_000, 1, 10_000, 10_000, 1, 10**7, 0, 10_000)


class Pad:
    """The memory the compiled half works on; the tables name it, so it lives as long as they."""

    def __init__(
        self, house: House, specs: Sequence[SymbolSpec], texts: OrderTexts, gate: int
    ) -> None:
        self.intent = np.zeros(1, INTENT)
        self.facts = np.zeros(1, FACTS)
        self.ruling = np.zeros(1, RULING)
        self.limits = np.zeros(1, LIMITS)
        self.exposure = np.zeros(SYMBOLS_MAX, EXPOSURE)
        self.pad = np.zeros(1, PAD)
        self.facts[0]["taker_fee_e8"] = nearest_steps(float(house.run[0]["taker_fee"]), 1)
        self.texts = texts
        self._text_table = AddressTable(texts.rows())
        decimals = np.zeros(SYMBOLS_MAX, PRICE_DECIMALS)
        for row, spec, places in zip(decimals, specs, texts.decimals, strict=False):
            row["tick_e8"], row["lot_e8"] = spec.tick_e8, spec.lot_e8
            row["price"], row["qty"] = places
        tops = house.segment.words(house.offsets["top"], SYMBOLS_MAX * SNAPSHOT_WORDS)
        self.sent_ns, self.changed_ns = (
            np.zeros(room + 1, np.int64) for room in (SENT_TIMES, CHANGE_TIMES)
        )
        """When the newest orders and changes left; the last word counts all that ever did."""
        handled = house.memory.view(np.uint64)
        self.tables = [
            AddressTable((
                shard.intents.words, shard.intents.slots, self.intent, self.facts, self.ruling,
                self.pad, house.latch_supervisor, house.latch_gate, tops, tops.view(np.float64),
                self.exposure, handled[shard.number : shard.number + 1], self.sent_ns,
                house.orders, house.orders.view(np.uint64), texts.request, texts.frame, decimals,
                house.latency, house.spec, self.changed_ns,
            ))
            for shard in house.shards
        ]  # fmt: skip
        """By shard: only the ring and the word of what is handled differ."""
        self._lanes = np.array([table.address for table in self.tables], np.int64)
        self.lanes = AddressTable((self._lanes, self.pad))
        """What `launch_on_waking` is handed."""
        self._gate_table = AddressTable(
            (self.intent, house.spec, self.limits, self.facts, self.ruling)
        )
        self.pad[0]["text_table"] = self._text_table.address
        self.pad[0]["gate"], self.pad[0]["gate_table"] = gate, self._gate_table.address


def hot_functions() -> tuple[Callable[..., Any], ...]:
    """The compiled functions of the order path; more signatures after READY: a late compilation."""
    return launch, judge, keep, note_sent, count_order, note_change, bin_of


def warm(gate: int) -> None:
    """Compile the order path around a gate: one order on scratch memory, sent nowhere."""
    house = scratch_house("execution")
    house.spec[0] = msgspec.structs.astuple(_SCRATCH_SPEC)
    texts = OrderTexts(("key", "secret"), "0", ["BTCUSDT"], [_SCRATCH_SPEC])
    pad = Pad(house, [_SCRATCH_SPEC], texts, gate)
    for word in ("fresh", "symbol_count", "by_socket"):
        pad.pad[0][word] = 1
    pad.pad[0]["descriptor"] = -1
    intent = np.zeros(1, INTENT)[0]
    intent["seq"], intent["price"], intent["qty"] = 1, 60_000.0, 0.01
    intent["action"], intent["side"] = Action.PLACE, Side.BUY
    intent["order_type"], intent["tif"] = OrderType.LIMIT, TimeInForce.IOC
    Producer(house.intents).offer(packer_of(INTENT), intent.item())
    table = pad.tables[0].address
    launch(table)
    judge(table)
    keep(table)
    note_sent(table)
    count_order(table)
    note_change(table)
    bin_of(1)
    entry()
