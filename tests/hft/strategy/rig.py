"""A strategy on a bench: a private house, hand-made ticks and reports in, intents out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hft.agent.scratch import scratch_house
from hft.events import INTENT, MARKET, REPORT, Denial, MarketFlag, MarketKind, Side, Status
from hft.strategy.build import Burst, build
from hft.strategy.desk import StrategyDesk
from hft.strategy.load import StrategySpec, discover, make_params, read
from ringbuf.spsc import Consumer, Producer, packer_of

LOT_E8 = 100_000  # 0.001 of the base.
TICK_E8 = 10_000_000  # 0.1 of the quote.
TAKER_FEE = 0.0005
NS = 1_000_000_000


@cache
def burst_of(name: str, plain: bool) -> Burst:
    """Build each strategy of the house once per test run."""
    return build(house_spec(name), plain=plain)


@cache
def house_spec(name: str) -> StrategySpec:
    """One of the strategies of the house."""
    return discover().select(name)


class Rig:
    """Feeds one strategy and reads what it wants."""

    def __init__(
        self,
        strategy: str | Path,
        *,
        plain: bool = False,
        symbols: tuple[str, ...] = ("BTCUSDT",),
        warm: bool = True,
        **params: object,
    ) -> None:
        spec = house_spec(strategy) if isinstance(strategy, str) else read(strategy)
        self.spec = spec
        self.house = scratch_house("rig", symbols)
        self.house.run[0]["taker_fee"] = TAKER_FEE
        for row in self.house.spec[: len(symbols)]:
            row["tick_e8"], row["lot_e8"] = TICK_E8, LOT_E8
        self.burst = (
            burst_of(strategy, plain) if isinstance(strategy, str) else build(spec, plain=plain)
        )
        self.desk = StrategyDesk(self.house, spec, self.burst, make_params(spec, params))
        self.desk.begin(fresh_state=False)
        self.desk.take_positions()
        if warm:
            self.desk.loop["gap"] = 0
        self.market = Producer(self.house.market)
        self.reports = Producer(self.house.reports_strategy)
        self.intents = Consumer(self.house.intents)
        self.market_seq = 0
        self.now_ns = 100 * NS
        self.position_lots = 0

    # Events in.

    def event(self, **fields: Any) -> None:
        """Publish one market event; times and numbers come by themselves unless given."""
        self.market_seq += 1
        values = {
            "seq": self.market_seq,
            "recv_ns": self.now_ns,
            "kind": MarketKind.TRADE,
            **fields,
        }
        self._offer(self.market, MARKET, values)

    def trade(
        self, price: float, qty: float = 1.0, *, after_s: float = 0.0, flags: int = 0, **more: Any
    ) -> list[Any]:
        """Publish one trade, `after_s` later than the last event, and run a burst."""
        self.now_ns += int(after_s * NS)
        self.event(price=price, qty=qty, flags=flags, **more)
        return self.run()

    def gap(self, price: float) -> list[Any]:
        """Publish a trade behind a hole."""
        return self.trade(price, flags=MarketFlag.GAP)

    def report(self, status: Status, intent: Any = None, **fields: Any) -> list[Any]:
        """Publish one report, about an order or about the account, and run a burst."""
        values: dict[str, Any] = {"status": status, "local_ns": self.now_ns, "recv_ns": self.now_ns}
        if intent is not None:
            for name in ("market_seq", "order_ref", "symbol", "side", "order_type", "flags"):
                values[name] = int(intent[name])
            values["intent_seq"] = int(intent["seq"])
            values["qty_lots"] = round(float(intent["qty"]) * 1e8) // LOT_E8
        self._offer(self.reports, REPORT, {**values, **fields})
        return self.run()

    def fill(self, intent: Any, price: float, lots: int | None = None) -> list[Any]:
        """Report an order as filled, whole unless `lots` says how much of it."""
        whole = round(float(intent["qty"]) * 1e8) // LOT_E8
        lots = whole if lots is None else lots
        self.position_lots += lots * int(intent["side"])
        return self.report(
            Status.FILLED if lots == whole else Status.PARTIALLY_FILLED,
            intent,
            last_qty_lots=lots,
            cum_qty_lots=lots,
            trade_id=1,
            position_lots=self.position_lots,
            entry_e8=round(price * 1e8) if self.position_lots else 0,
        )

    def reject(self, intent: Any) -> list[Any]:
        """Report an order as refused by the venue."""
        return self.report(Status.REJECTED, intent, venue_code=-2019)

    def deny(self, intent: Any) -> list[Any]:
        """Report an intent as refused by the gate."""
        return self.report(Status.DENIED, intent, reason=Denial.TRADING_HALTED)

    def hold(self, lots: int) -> None:
        """Say that the venue knows of a position, from before or made by hand."""
        self.position_lots = lots
        self.report(Status.POSITION, position_lots=lots, entry_e8=60_000 * 10**8)

    @staticmethod
    def _offer(producer: Producer, dtype: np.dtype[np.void], values: dict[str, Any]) -> None:
        record = np.zeros(1, dtype)
        for name, value in values.items():
            record[name] = value
        packer = packer_of(dtype)
        assert producer.offer(packer, packer.unpack(record.tobytes()))

    # Answers out.

    def run(self) -> list[Any]:
        """Run bursts until nothing waits; returns the intents written meanwhile."""
        while self.desk.run(self.now_ns):
            pass
        count = self.intents.waiting()
        taken = self.intents.copy(count)
        self.intents.release(count)
        assert taken.dtype == INTENT
        return list(taken)

    @property
    def told(self) -> Any:
        """The committed VERDICT record."""
        record = self.house.verdict.read()
        assert record is not None
        return record[0]

    def said(self) -> int:
        """The newest verdict."""
        return int(self.told["verdict"])

    @property
    def state(self) -> Any:
        """The STATE of the first symbol."""
        return self.desk.state[0]

    @property
    def position(self) -> Any:
        """The position the strategy sees for the first symbol."""
        return self.desk.positions[0]


def side_and_qty(intents: list[Any]) -> list[tuple[Side, float]]:
    """What the intents ask for, for comparing."""
    return [(Side(int(intent["side"])), float(intent["qty"])) for intent in intents]
