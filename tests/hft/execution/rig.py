"""A simulator over real sockets, a house in shared memory, and execution stepped by the test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import requests

from hft.agent.contract import Context
from hft.agent.log import Log
from hft.binance.budget import Use
from hft.binance.order_frames import parse_client_order_id
from hft.binance.rest import Rest
from hft.binance.venue_clock import VenueClock
from hft.clock import Deadline, anchor_now, monotonic_ns, sleep_s, wall_ns
from hft.config import Keys, Network, Settings, Trading
from hft.events import INTENT, Action, Agreement, Notice, OrderType, Role, Side, Status, TimeInForce
from hft.execution.agent import ExecutionAgent
from hft.execution.times import Times
from hft.flatten import flatten
from hft.risk.gate import Gate
from hft.seats import Seat
from hft.simulator.fault_kinds import read_scenario
from hft.state.blocks import TOP, Life
from hft.state.decision import Limits, write_limits
from hft.topology import House
from hft.units import E8, parse_e8
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink
from ringbuf.spsc import Consumer, Producer, packer_of

KEYS = Keys("k" * 64, "s" * 64)
WAIT_S = 15.0
SYMBOL = "BTCUSDT"
_INTENT = packer_of(INTENT)
_TOP = packer_of(TOP)
LIMITS = Limits(0, 0, 10 * E8, E8, 100, 500_000_000, 60_000_000_000)


class GivenKeys(msgspec.Struct):
    """A key source that was simply told."""

    keys: Keys

    def read(self) -> Keys:
        return self.keys


class Venue:
    """A simulator in its own process."""

    def __init__(self, *arguments: str, port: int = 0, limits: str = "off") -> None:
        command = [sys.executable, "-m", "hft.simulator", "--port", str(port), "--symbols", SYMBOL]
        command += ["--limits", limits, "--api-key", KEYS.api_key]
        command += ["--api-secret", KEYS.secret_key, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = str(json.loads(self.process.stdout.readline())["listening"])
        self.rest = Rest(self.url, KEYS)
        self.rest.use = Use.CANCEL  # What a test asks is asked before all else.
        self.begins_after = 0

    def tidy_up(self) -> None:
        """Cancel and close everything, and forget the fills so far."""
        self.rest.count_down(SYMBOL, 0)
        assert flatten(self.rest, lambda *_: None, cancel_only=False) == []
        rows = self.rest.user_trades(SYMBOL)
        self.begins_after = rows[-1]["id"] if rows else 0

    def strike(self, **fault: Any) -> None:
        """Have it commit a fault."""
        requests.post(f"{self.url}/sim/faults", json=fault, timeout=WAIT_S).raise_for_status()

    def forget_faults(self) -> None:
        """Have it be well again."""
        requests.delete(f"{self.url}/sim/faults", timeout=WAIT_S).raise_for_status()

    def strike_all(self, scenario: str) -> None:
        """Have it commit the faults of a packaged scenario."""
        words = msgspec.to_builtins(read_scenario(scenario))
        requests.post(f"{self.url}/sim/faults", json=words, timeout=WAIT_S).raise_for_status()

    def state(self) -> dict[str, Any]:
        """What it says of itself."""
        return dict(requests.get(f"{self.url}/sim/state", timeout=WAIT_S).json())

    def counts(self) -> dict[str, Any]:
        """What it counted since its start."""
        return dict(self.state()["counts"])

    def stepped(self) -> bool:
        """Say whether its clock is off just now."""
        return bool(self.state()["faults"]["clock_step_ms"])

    @property
    def network(self) -> Network:
        ws = self.url.replace("http", "ws")
        return Network("custom", self.url, ws, f"{ws}/ws-fapi/v1")

    def fills(self) -> list[dict[str, Any]]:
        """Every fill of the account since it was tidied up, oldest first."""
        rows: list[dict[str, Any]] = []
        while True:
            after = (rows[-1]["id"] if rows else self.begins_after) + 1
            page = self.rest.user_trades(SYMBOL, from_id=after)
            rows += page
            if not page:
                return rows

    def position(self) -> str:
        return str(self.rest.position_risk(SYMBOL)[0]["positionAmt"])

    def wallet(self) -> str:
        return next(str(row["balance"]) for row in self.rest.balance() if row["asset"] == "USDT")

    def touch(self, symbol: str = SYMBOL) -> tuple[float, float]:
        row = self.rest.get("/fapi/v1/ticker/bookTicker", {"symbol": symbol})
        return float(row["bidPrice"]), float(row["askPrice"])

    def trade(self, side: str, qty: str, **more: Any) -> Any:
        """An order that is not execution's."""
        order = {"symbol": SYMBOL, "side": side, "type": "MARKET", "quantity": qty, **more}
        return self.rest.place(order)

    def start_anew(self) -> None:
        """Replace it by another simulator at the same address, whose accounts know nothing."""
        self.process.kill()
        self.close()
        Venue.__init__(self, port=int(self.url.rpartition(":")[2]))

    def close(self) -> None:
        self.rest.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Rig:
    """One house with one symbol, and one execution in it; everyone else is pretended."""

    def __init__(
        self, venue: Venue, name: str, symbols: tuple[str, ...] = (SYMBOL,), shards: int = 1
    ) -> None:
        self.venue = venue
        self.name = name
        self.house = House.create(name, anchor_now(), shards)
        run = self.house.run[0]
        run["session_epoch"] = wall_ns()
        run["started_wall_ns"] = wall_ns()
        run["symbol_count"] = len(symbols)
        for index, symbol in enumerate(symbols):
            run["symbols"][index] = symbol.encode()
        self.bells = {seat: Doorbell(self.house.parked_words(seat)) for seat in self.house.seats}
        write_limits(self.house.limits, LIMITS)
        self.house.latch_supervisor[0]["resume_ns"] = monotonic_ns()
        self.strategy_reports = Consumer(self.house.reports_strategy)
        self.ledger_reports = Consumer(self.house.reports_ledger)
        self._log = Consumer(self.house.log_ring(Role.EXECUTION))
        self._intents = Producer(self.house.intents)
        self.seq = 0
        self.silent: set[Seat] = set()
        self.reports: list[Any] = []
        self._statuses: dict[int, list[str]] = {}
        self.lines: list[str] = []
        self.notices: list[Notice] = []
        self.times = Times()
        self.agent: ExecutionAgent | None = None
        self.network = venue.network
        self.keys = KEYS
        self.countdown_ms = 0
        self.refresh_top()
        self.others_live()

    def settings(self) -> Settings:
        return Settings(network=self.network, trading=Trading(countdown_ms=self.countdown_ms))

    def context(self) -> Context:
        log = Log(Role.EXECUTION, self.house.log_ring(Role.EXECUTION), self.bells[Role.LEDGER])
        return Context(Role.EXECUTION, self.house, self.bells, log)

    def start(self) -> ExecutionAgent:
        self.others_live()
        keys: Any = GivenKeys(self.keys)
        self.agent = ExecutionAgent(self.context(), self.settings(), keys, Gate(), self.times)
        try:
            self.agent.on_start()
        finally:
            self.read()
        return self.agent

    def agent_asks_time(self) -> None:
        """Have execution ask for the venue's clock at its next look."""
        assert self.agent is not None
        assert self.agent._session is not None
        self.agent._session.ask_time_soon()

    def clock(self) -> VenueClock:
        """What execution knows of the venue's clock."""
        assert self.agent is not None
        assert self.agent._rest is not None
        return self.agent._rest.clock

    def forget_agent(self) -> None:
        """Let execution die: its sockets close, its memory stays as it is."""
        if self.agent is not None:
            self.agent.on_close()
            self.agent = None

    def refresh_top(self) -> None:
        for index, symbol in enumerate(self.house.symbols()):
            bid, ask = self.venue.touch(symbol)
            now_ns = monotonic_ns()
            mark = (bid + ask) / 2
            values = (bid, 1.0, ask, 1.0, bid, mark, mark, 0.0, now_ns, now_ns, now_ns, 0, 0)
            self.house.top[index].write_values(_TOP, values)

    def others_live(self) -> None:
        for seat in self.house.seats:
            if seat not in (Role.EXECUTION, *self.silent):
                self.house.vitals[seat]["life"] = Life.RUNNING
                self.house.vitals[seat]["heartbeat_ns"] = monotonic_ns()

    def step(self) -> None:
        self.others_live()
        assert self.agent is not None
        self.agent.do_work(monotonic_ns())
        self.read()
        sleep_s(0.0005)

    def until(self, wanted: Callable[[], bool], what: str = "", wait_s: float = WAIT_S) -> None:
        deadline = Deadline(wait_s)
        while not wanted():
            if deadline.passed():
                tail = "\n".join([*self.lines[-12:], *map(str, self.told()[-8:])])
                raise AssertionError(f"not within {wait_s} s: {what}\n{tail}")
            self.step()

    def until_said(self, line: str, after: int = 0) -> None:
        """Wait for a log line behind the first `after`: what is over soon may never be shown."""
        self.until(lambda: line in self.lines[after:], f"said: {line}")

    def until_fit(self) -> None:
        def fit() -> bool:
            account = self.house.account.read()
            return account is not None and int(account[0]["trading_state"]) == 0

        try:
            self.until(fit, "fit to trade")
        except AssertionError as problem:
            row, agent = self.account(), self.agent
            asked = vars(agent._reconciler) if agent is not None else {}
            told = f"unfit {row['unfit']}, latch {row['latch_reason']}, {asked}"
            raise AssertionError(told) from problem

    def drain(self) -> bool:
        assert self.agent is not None
        deadline = Deadline(6.0)
        while not deadline.passed():
            if self.agent.drain(monotonic_ns()):
                self.read()
                return True
            sleep_s(0.001)
        return False

    def read(self) -> None:
        """Take in the reports of both readers, and the log."""
        count = self.ledger_reports.waiting()
        if count:
            rows = list(self.ledger_reports.copy(count))
            self.reports += rows
            for row in rows:
                status = Status(int(row["status"])).name
                self._statuses.setdefault(int(row["intent_seq"]), []).append(status)
            self.ledger_reports.release(count)
        self.strategy_reports.release(self.strategy_reports.waiting())
        for row in self._log.copy(self._log.waiting()):
            self.lines.append(bytes(row["text"][: row["size"]]).decode())
            if row["notice"]:
                self.notices.append(Notice(int(row["notice"])))
        self._log.release(self._log.waiting())

    def told(self) -> list[tuple[int, str, int]]:
        """(intent, status, trade id) of every report so far."""
        return [
            (int(row["intent_seq"]), Status(int(row["status"])).name, int(row["trade_id"]))
            for row in self.reports
        ]

    def statuses(self, seq: int) -> list[str]:
        return list(self._statuses.get(seq, []))

    def fills_told(self) -> list[Any]:
        """Reports with a trade, each trade once, in order of trade id."""
        fills = {int(row["trade_id"]): row for row in self.reports if row["trade_id"]}
        return [fills[key] for key in sorted(fills)]

    def push(self, **changes: Any) -> int:
        """Offer one intent: by default a market buy of 0.01; returns its sequence."""
        self.seq += 1
        return self.offer(self._intents, self.seq, **changes)

    @staticmethod
    def offer(ring: Producer, seq: int, **changes: Any) -> int:
        """Offer an intent of that number into a ring."""
        now_ns = monotonic_ns()
        fields: dict[str, Any] = {
            "seq": seq,
            "market_seq": 7,
            "recv_ns": now_ns - 3000,
            "strategy_ns": now_ns - 2000,
            "decide_ns": now_ns - 1000,
            "order_ref": 1000 + seq,
            "target_ref": 0,
            "price": 0.0,
            "qty": 0.01,
            "decoded_off_ns": 500,
            "symbol": 0,
            "strategy": 1,
            "reason": 3,
            "action": Action.PLACE,
            "side": Side.BUY,
            "order_type": OrderType.MARKET,
            "tif": TimeInForce.GTC,
            "flags": 0,
        }
        fields.update(changes)
        assert ring.offer(_INTENT, list(fields.values()))
        return seq

    def account(self) -> Any:
        value = self.house.account.read()
        assert value is not None
        return value[0]

    def position(self) -> Any:
        value = self.house.position[0].read()
        assert value is not None
        return value[0]

    def agrees_with_venue(self) -> None:
        """Fills, position and balance equal the venue's to the last unit."""
        asked_ns = monotonic_ns()
        self.until(lambda: int(self.account()["updated_ns"]) > asked_ns, "shown")
        self.fills_and_position_agree()
        assert parse_e8(self.venue.wallet()) == int(self.account()["wallet_e8"])

    def fills_and_position_agree(self) -> None:
        """Fills and position equal the venue's to the last unit."""
        fills = self.venue.fills()
        told = self.fills_told()
        assert [row["id"] for row in fills] == [int(row["trade_id"]) for row in told]
        spec = self.house.spec[0]
        for venue, ours in zip(fills, told, strict=True):
            assert parse_e8(venue["price"]) == int(ours["last_price_ticks"]) * int(spec["tick_e8"])
            assert parse_e8(venue["qty"]) == int(ours["last_qty_lots"]) * int(spec["lot_e8"])
            assert parse_e8(venue["commission"]) == int(ours["fee_e8"])
            assert parse_e8(venue["realizedPnl"]) == int(ours["realised_e8"])
        lots = int(self.position()["position_lots"])
        assert parse_e8(self.venue.position()) == lots * int(spec["lot_e8"])

    def all_ways_agree(self) -> None:
        """Fills, user stream and REST tell one position; orders and balance are the venue's too."""
        asked_ns = monotonic_ns()
        self.until(
            lambda: (
                int(self.position()["rest_ns"]) > asked_ns
                and int(self.account()["agreement"]) == Agreement.AGREED
                and parse_e8(self.venue.wallet()) == int(self.account()["wallet_e8"])
            ),
            "looked and agreed",
        )
        self.agrees_with_venue()
        row, account = self.position(), self.account()
        assert int(row["rest_lots"]) == int(row["position_lots"])
        if int(row["stream_ns"]) > int(row["rest_ns"]):
            assert int(row["stream_lots"]) == int(row["position_lots"])
        listed = self.venue.rest.open_orders(SYMBOL)
        assert len(listed) == int(account["open_orders"]) + int(account["foreign_orders"])
        assert self.agent is not None
        counted_e8 = self.agent._books.wallet.counted_e8
        assert counted_e8 == parse_e8(self.venue.wallet()), "our own count of the balance"

    def names_at_venue(self) -> list[str]:
        """The client ids of every order of this house that the venue has on record."""
        query = {"symbol": SYMBOL, "limit": 1000}
        rows = self.venue.rest.get("/fapi/v1/allOrders", query, signed=True)
        names = [
            (row["clientOrderId"], parse_client_order_id(row["clientOrderId"])) for row in rows
        ]
        epoch = int(self.house.run[0]["session_epoch"])
        return [name for name, parsed in names if parsed and parsed[0] == epoch]

    def intents_waiting(self) -> int:
        """Intents not yet taken."""
        return self.house.intents.depth()

    def close(self) -> None:
        self.forget_agent()
        self.read()
        for bell in self.bells.values():
            bell.close()
        unlink(self.name)


@contextlib.contextmanager
def venue_running(*arguments: str, limits: str = "off") -> Iterator[Venue]:
    venue = Venue(*arguments, limits=limits)
    try:
        yield venue
    finally:
        venue.close()


def new_rig(venue: Venue) -> Rig:
    return Rig(venue, rig_name())


def rig_at(venue: Venue) -> Iterator[Rig]:
    """A house at a venue, which begins flat; closed in the end."""
    venue.tidy_up()
    rig = new_rig(venue)
    try:
        yield rig
    finally:
        rig.close()


def rig_name() -> str:
    """A name for a segment that nobody else has."""
    return f"hft-test-{os.getpid()}-{monotonic_ns()}"
