"""A furnished house: a segment with plausible values in every block, and a supervisor that
answers.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import msgspec
import numpy as np
import uvloop

from dashboard.access import Access
from dashboard.deps import Deps
from dashboard.floods import Flood
from dashboard.permission import Ask
from dashboard.process import Serving
from dashboard.stream import Pulse
from dashboard.trades import TradeBook
from dashboard.view import View
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.control import ControlUnreachable
from hft.events import Agreement, LatchReason, Level, Role, Verdict
from hft.seats import Seat
from hft.state import blocks
from hft.state.blocks import Life, Mode
from hft.strategy.load import discover
from hft.topology import House
from hft.units import E8, NS_PER_S
from ringbuf.memory import Segment
from ringbuf.snapshot import Snapshot

CATALOGUE = discover()
STRATEGIES = ["LIQUIDATION", "MOMENTUM", "PING_PONG"]


def reader_of(house: House) -> House:
    """Map a house once more, read-only, as the dashboard does."""
    return House.attach(Segment.attach(house.segment.name))


def write(block: Snapshot, dtype: np.dtype[np.void], **values: object) -> None:
    """Publish a snapshot with `values` in a record of zeros."""
    record = np.zeros(1, dtype)
    for name, value in values.items():
        record[name] = value
    block.write_bytes(record.tobytes())


def later_ns() -> int:
    """A time that is fresh until the end of any test, however slow the machine."""
    return monotonic_ns() + 60 * NS_PER_S


def furnish(house: House, mode: Mode = Mode.DEMO, symbols: tuple[str, ...] = ("BTCUSDT",)) -> None:
    """Write what a healthy house would have written a moment ago."""
    now_ns = monotonic_ns()
    run = house.run[0]
    run["mode"], run["symbol_count"], run["strategy_index"] = mode, len(symbols), 1
    run["started_mono_ns"], run["started_wall_ns"] = now_ns, house.anchor.to_wall_ns(now_ns)
    for index, symbol in enumerate(symbols):
        run["symbols"][index] = symbol.encode()
        house.spec[index]["tick_e8"], house.spec[index]["lot_e8"] = 10_000_000, 100_000
        write(
            house.top[index],
            blocks.TOP,
            bid=61_734.1,
            ask=61_734.2,
            last=61_734.2,
            mark=61_733.0,
            book_ns=later_ns(),
            trade_ns=later_ns(),
        )
        write(
            house.position[index],
            blocks.POSITION_BLOCK,
            position_lots=30,
            venue_position_lots=30,
            stream_lots=30,
            stream_ns=now_ns,
            rest_lots=30,
            rest_ns=now_ns,
            agreement=Agreement.AGREED,
            entry_e8=61_702 * E8,
            venue_told_ns=now_ns,
            fills=7,
        )
    write(
        house.limits,
        blocks.LIMITS,
        max_loss_e8=1000 * E8,
        target_profit_e8=0,
        max_position_e8=E8,
        max_order_size_e8=E8 // 10,
        max_orders_per_s=10,
        feed_stale_ns=3_000_000_000,
    )
    write_account(house)
    detail = np.zeros(blocks.OUT_DETAIL)
    detail[:2] = (2.0, 48.8)
    counts = np.zeros(16, np.int64)
    counts[Verdict.NO_SIGNAL], counts[Verdict.ENTER] = 900, 7
    write(
        house.verdict,
        blocks.VERDICT,
        event_ns=now_ns,
        verdict=Verdict.NO_SIGNAL,
        distance=3.1,
        needed=50.8,
        events=907,
        intents=7,
        detail=detail,
        counts=counts,
    )
    house.latch_supervisor[0]["resume_ns"] = now_ns
    for role in Role:
        beat(house, role)


def write_account(house: House, **changed: object) -> None:
    """Publish the account block of a session that is 42.5 ahead, 1.25 of it still open."""
    values = {
        "updated_ns": monotonic_ns(),
        "reconciled": 1,
        "session_up": 1,
        "user_stream_up": 1,
        "connected": 1,
        "may_order": 1,
        "wallet_e8": 10_041 * E8,
        "initial_wallet_e8": 10_000 * E8,
        "available_e8": 9_871 * E8 + 20_000_000,
        "realised_e8": 45 * E8,
        "fees_e8": 375_000_000,
        "unrealised_e8": 125_000_000,
        "pnl_e8": 4_250_000_000,
        "order_rtt_ns": 812_000,
        "fills": 7,
        "orders_sent": 7,
    }
    write(house.account, blocks.ACCOUNT, **{**values, **changed})


def beat(house: House, role: Role | Seat, life: Life = Life.RUNNING) -> None:
    """Let a process beat, so far ahead that it stays alive for a whole test."""
    vitals = house.vitals[role]
    vitals["pid"], vitals["life"], vitals["heartbeat_ns"] = 1000 + role, life, later_ns()
    vitals["started_ns"] = vitals["started_ns"] or monotonic_ns()
    vitals["core"] = -1


def halt(house: House, reason: LatchReason = LatchReason.PERSON) -> None:
    """Latch the house, as the supervisor does for a person."""
    house.latch_supervisor[0]["halt_ns"] = monotonic_ns()
    house.latch_supervisor[0]["halt_reason"] = reason


def say(house: House, text: str, level: Level = Level.INFO, role: Role = Role.STRATEGY) -> None:
    """Put a line into the log tail, as the ledger does."""
    written = int(house.log_tail_head[0]["written"])
    line = house.log_tail[written % blocks.LOG_LINES_MAX]
    raw = text.encode()
    line["ns"], line["level"], line["role"] = monotonic_ns(), level, role
    line["size"], line["text"] = len(raw), raw
    house.log_tail_head[0]["written"] = written + 1


class FakeSupervisor:
    """Answers what a test told it to, halts and resumes the house, and remembers what was asked."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {
            "strategies": {"ok": True, "strategies": STRATEGIES, "active": "MOMENTUM"},
            "flatten_status": {"ok": True, "state": "idle", "message": "never asked"},
            "params": {"ok": True, "strategy": "MOMENTUM", "fields": [], "undo": None},
            "limits": {"ok": True, "fields": [], "undo": None},
            "changes": {"ok": True, "session": 0, "changes": []},
        }
        self.waits: dict[str, threading.Event] = {}
        self.commands: Ask | None = None  # The supervisor's real ones, where a test brings them.
        self.reachable = True
        self.enabled = True

    def glance(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Answer what the dashboard asks by itself every few seconds; not remembered."""
        if not self.reachable:
            raise ControlUnreachable("no engine answers")
        return {"ok": True, "enabled": self.enabled}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request."""
        if not self.reachable:
            raise ControlUnreachable("no engine answers")
        self.asked.append(request)
        if self.commands is not None:
            return self.commands(request)
        command = request["command"]
        if command in self.waits:
            self.waits[command].wait(20)
        if command in ("stop", "flatten"):
            halt(self.house)
        elif command == "start":
            self.house.latch_supervisor[0]["resume_ns"] = monotonic_ns()
        return self.answers.get(command, {"ok": True})


class Served:
    """The dashboard of a house, served from a thread on a free port.

    `changes` is the allowance of changes for a test that needs more than people do.
    """

    def __init__(
        self,
        house: House,
        database: str,
        *,
        token: str = "",
        port: int = 0,
        names: tuple[str, ...] = (),
        changes: Flood | None = None,
    ) -> None:
        self.supervisor = FakeSupervisor(house)
        # As in the real process: everything is read through a mapping of its own, read-only.
        self.view = View(reader_of(house), [CATALOGUE.specs[name] for name in STRATEGIES])
        self.pulse = Pulse(self.view)
        self.trades = TradeBook(database)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.access = Access("127.0.0.1", token, names)
        if changes is not None:
            self.access = msgspec.structs.replace(self.access, changes=changes)
        hand = self.supervisor
        deps = Deps(self.view, self.pulse, self.trades, hand.ask, hand.glance, self.access)
        self._serving = Serving(deps, self._socket)
        self._loop = uvloop.new_event_loop()
        self._asked = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serving.run())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    @property
    def connections(self) -> list[Any]:
        """The connections the server keeps."""
        return list(self._serving._server.server_state.connections)

    def begin_stop(self) -> None:
        """Ask the server to stop; `stop` and `close` see to the end."""
        if not self._asked and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._serving.stop)
        self._asked = True

    def stop(self) -> None:
        """Stop serving; every stream must have ended within the server's grace."""
        self.begin_stop()
        self._thread.join(10)
        assert not self._thread.is_alive(), f"the server at {self.url} did not stop"

    def close(self) -> None:
        """Stop, and give everything back."""
        self.stop()
        self._socket.close()
        self.trades.close()


def wait_for(condition: Any, what: str, seconds: float = 5.0) -> None:
    """Wait until `condition()` holds, or fail saying what was waited for."""
    deadline = Deadline(seconds)
    while not condition():
        assert not deadline.passed(), f"waited {seconds} s for: {what}"
        sleep_s(0.02)
