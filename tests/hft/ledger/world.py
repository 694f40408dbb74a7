"""A small house for the ledger alone: a real segment, reports put into its ring by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from hft.agent.contract import Context
from hft.agent.log import Log
from hft.clock import Deadline, anchor_now, monotonic_ns, wall_ms
from hft.config import Settings, Storage
from hft.config_keys import Keys, KeySource
from hft.events import REPORT, Hop, OrderType, Role, Status, TimeInForce
from hft.ledger.agent import LedgerAgent
from hft.state.blocks import ACCOUNT
from hft.topology import House
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink
from ringbuf.spsc import Consumer, Producer, packer_of
from tests.hft.ledger.databases import ask_rows

STRATEGIES = ["LIQUIDATION", "MOMENTUM", "PING_PONG"]
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
SESSION_EPOCH = 1_764_000_000
ACCOUNT_EPOCH = "demo-1"
TICK_E8, LOT_E8 = 10_000_000, 100_000
PACKER = packer_of(REPORT)
ORDER_0 = 9_007_199_254_740_993
"""Order ids begin beyond what a float holds."""
WAIT_S = 20.0


class World:
    """A house with two symbols and the hands of every process but the ledger's."""

    def __init__(self, folder: Path, name: str, place: str) -> None:
        self.folder = folder
        self.place = place
        self.name = name
        self.house = House.create(name, anchor_now())
        self.bells = {role: Doorbell(self.house.parked_words(role)) for role in Role}
        self.settings = Settings(storage=Storage(database_url=place if "://" in place else ""))
        self.keys = Keys("k" * 20, "s" * 20)
        self.reports = Producer(self.house.reports_ledger)
        self._lay()

    def _lay(self) -> None:
        run: Any = self.house.run[0]
        run["session_epoch"] = SESSION_EPOCH
        run["started_mono_ns"] = monotonic_ns()
        run["started_wall_ns"] = self.house.anchor.wall_ns
        run["symbol_count"] = len(SYMBOLS)
        run["strategy_index"] = 1
        for at, symbol in enumerate(SYMBOLS):
            run["symbols"][at] = symbol.encode()
            spec: Any = self.house.spec[at]
            spec["tick_e8"], spec["lot_e8"] = TICK_E8, LOT_E8
        self.know_account()

    def know_account(self, epoch: str = ACCOUNT_EPOCH) -> None:
        """Write the account's identity, as execution does; empty: not yet."""
        identity: Any = self.house.identity[0]
        identity["account_epoch"] = epoch.encode()

    def tell_account(self, **fields: int) -> None:
        """Publish an account of zeros but for the fields given, as execution does."""
        value = np.zeros((), ACCOUNT)
        for name, figure in fields.items():
            value[name] = figure
        self.house.account.write_bytes(value.tobytes())

    def use_venue(self, url: str) -> None:
        """Point the settings at a venue."""
        network = msgspec.structs.replace(self.settings.network, rest_url=url)
        self.settings = msgspec.structs.replace(self.settings, network=network)

    def log(self, role: Role) -> Log:
        """The log of some process."""
        return Log(role, self.house.log_ring(role), self.bells[Role.LEDGER])

    def agent(self) -> LedgerAgent:
        """A ledger that has not been started."""
        keys = self.folder / "run.json"
        names = {"api_key": self.keys.api_key, "api_secret": self.keys.secret_key}
        keys.write_text(json.dumps(names))
        ctx = Context(Role.LEDGER, self.house, self.bells, self.log(Role.LEDGER))
        source = KeySource(str(keys), "run")
        return LedgerAgent(ctx, self.settings, source, self.folder, STRATEGIES)

    @contextmanager
    def ledger(self) -> Iterator[LedgerAgent]:
        """A started ledger, closed at the end."""
        agent = self.agent()
        try:
            agent.on_start()
            yield agent
        finally:
            agent.on_close()

    def report(self, trade_id: int, /, **fields: Any) -> bool:
        """Put one report into the ring; by default a full fill of our order number `trade_id`."""
        return self.reports.offer(PACKER, _packed(trade_id, fields))

    def ledger_reports_are_lost(self) -> None:
        """Take every report out of the ring unread, as a new house begins with an empty one."""
        waiting = Consumer(self.house.reports_ledger)
        waiting.release(waiting.waiting())

    def rows(self, query: str = "SELECT * FROM trades ORDER BY id") -> list[dict[str, Any]]:
        """Read the database as anybody would, with a second connection."""
        return ask_rows(self.place, query)

    def log_lines(self) -> list[dict[str, Any]]:
        """Every line of every daily log file, oldest file first."""
        files = sorted((self.folder / "logs").glob("hft-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def close(self) -> None:
        """Take the house down."""
        for bell in self.bells.values():
            bell.close()
        unlink(self.name)


@contextmanager
def a_world(folder: Path, place: str) -> Iterator[World]:
    """A world of its own name with its database at `place`, removed at the end."""
    world = World(folder, f"hft-ledger-test-{os.getpid()}-{monotonic_ns()}", place)
    try:
        yield world
    finally:
        world.close()


def _packed(trade_id: int, fields: dict[str, Any]) -> list[Any]:
    values = dict.fromkeys(REPORT.names or (), 0)
    hops = fields.pop("hops", [0] * len(Hop))
    values |= {
        "seq": trade_id,
        "intent_seq": trade_id,
        "local_ns": monotonic_ns(),
        "venue_ms": wall_ms(),
        "venue_order_id": ORDER_0 + trade_id,
        "trade_id": trade_id,
        "price_ticks": 617_342,
        "qty_lots": 10,
        "cum_qty_lots": 10,
        "cum_quote_e8": 61_734_200_000,
        "order_type": OrderType.LIMIT,
        "tif": TimeInForce.IOC,
        "last_price_ticks": 617_342,
        "last_qty_lots": 10,
        "fee_e8": 24_693_680,
        "realised_e8": -123_456_789,
        "fee_asset": b"USDT",
        "strategy": 1,
        "status": Status.FILLED,
        "side": 1,
    }
    values |= fields
    flat: list[Any] = []
    for name, value in values.items():
        flat += hops if name == "hops" else [value]
    return flat


def a_report(trade_id: int, /, **fields: Any) -> npt.NDArray[np.void]:
    """One report as the ring would give it."""
    packed = bytearray(PACKER.pack(*_packed(trade_id, fields)))
    return np.frombuffer(packed, REPORT)


def turn_until(agent: LedgerAgent, condition: Callable[[], bool], wait_s: float = WAIT_S) -> None:
    """Run the duty cycle until the condition holds."""
    deadline = Deadline(wait_s)
    while True:
        agent.do_work(monotonic_ns())
        if condition():
            return
        assert not deadline.passed(), f"the condition never held; troubles: {agent.troubles}"
        wait_for_news(agent)


def drain(agent: LedgerAgent, wait_s: float = WAIT_S) -> None:
    """Run the draining duty cycle until it says that it is done."""
    deadline = Deadline(wait_s)
    while not agent.drain(monotonic_ns()):
        assert not deadline.passed(), "the ledger did not drain"
        wait_for_news(agent)


def has_news(agent: LedgerAgent) -> bool:
    """Whether a ring has something, a comparison runs, or a thread has finished something."""
    couriers = (agent._commits, agent._lines)
    return (
        any(ring.depth() for ring in agent.inlets())
        or agent.reconciler.busy()
        or agent.incomes.busy()
        or any(courier.has_done() for courier in couriers)
    )


def wait_for_news(agent: LedgerAgent) -> None:
    """Sleep as a parked process does, for at most ten milliseconds."""
    agent._ctx.parking.wait(10)
    agent._ctx.bells[Role.LEDGER].silence()
