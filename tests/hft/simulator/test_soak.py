"""A crowd at the exchange for minutes: nothing breaks, nothing is lost, nothing grows for nothing.

`HFT_SOAK_S` says for how many seconds the long run goes on.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from hft.clock import Deadline, sleep_s

from .soak import SYMBOLS, Bungler, Caller, Follower, Script, Watcher
from .soak_trader import Trader
from .test_books_wire import LocalBook
from .wire import API_KEY, Simulator, eventually, receive, running

LONG_S = int(os.environ.get("HFT_SOAK_S", "180"))
ORDER_BYTES, FILL_BYTES = 800, 300
"""What an order and a fill take while they are remembered, as measured on CPython 3.11."""
TOLERANCE = 1.5
SLACK_BYTES = 24 << 20
"""For the latest trades of three contracts, candles, buffers, and what an allocator keeps."""
DEPOSIT = Decimal(1_000_000)
START = Decimal(10_000)


class BookKeeper(Script):
    """Keeps one local book for the whole run, and compares it with snapshots now and then."""

    def _run(self) -> None:
        with self.socket("/public/ws/btcusdt@depth@100ms", timeout=5.0) as link:
            self._link = link
            self._book = LocalBook(self._snapshot())
            super()._run()

    def _snapshot(self) -> Any:
        status, body = self.request("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000")
        assert status == 200
        return body

    def piece(self) -> None:
        for _ in range(30):
            self._book.apply(receive(self._link))
        snapshot = self._snapshot()
        event = receive(self._link)
        while event["u"] < snapshot["lastUpdateId"]:
            self._book.apply(event)
            event = receive(self._link)
        # The snapshot lies inside this message: the levels it does not name must agree.
        for side, rows in (("bids", event["b"]), ("asks", event["a"])):
            named = {price for price, _ in rows}
            kept = {p: q for p, q in self._book.sides[side].items() if p not in named}
            assert kept == {p: q for p, q in snapshot[side] if p not in named}
        self._book.apply(event)
        self.counts["compared"] += 1


def crowd(simulator: Simulator) -> list[Script]:
    traders = [Trader(simulator, 10 + n, symbol) for n, symbol in enumerate(SYMBOLS)]
    return [
        *(Watcher(simulator, seed) for seed in range(5)),
        *traders,
        Follower(simulator, 20),
        Caller(simulator, 30),
        Caller(simulator, 31),
        Bungler(simulator, 40),
        BookKeeper(simulator, 50),
    ]


class Memory:
    """What the process holds beside the orders and fills it remembers on purpose."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._process = psutil.Process(simulator.process.pid)
        self.rows: list[tuple[int, int, int]] = []

    def note(self) -> None:
        counts = self._simulator.get("/sim/state")["counts"]
        self.rows.append((self._process.memory_info().rss, counts["orders"], counts["fills"]))

    def check(self) -> None:
        """From a third of the run on, what grew must be explained."""
        first, last = self.rows[len(self.rows) // 3], self.rows[-1]
        grown, orders, fills = (after - before for before, after in zip(first, last, strict=True))
        explained = int(TOLERANCE * (orders * ORDER_BYTES + fills * FILL_BYTES))
        told = f"{grown >> 10} KiB more, for {orders} orders and {fills} fills"
        sys.stderr.write(f"soak: {last[0] >> 20} MiB at the end; {told}\n")
        assert grown < explained + SLACK_BYTES, told


def run_for(simulator: Simulator, duration_s: float) -> Counter[str]:
    """Let the crowd loose; gives what it counted."""
    everybody, memory = crowd(simulator), Memory(simulator)
    deadline = Deadline(duration_s)
    try:
        for each in everybody:
            each.start()
        while not deadline.passed() and not any(each.failures for each in everybody):
            memory.note()
            sleep_s(1.0)
    finally:
        for each in everybody:
            each.stop()
        for each in everybody:
            each.join()
    for each in everybody:
        if each.failures:
            raise each.failures[0]
    memory.check()
    return sum((each.counts for each in everybody), Counter())


def check_money(simulator: Simulator) -> None:
    """The wallet is what came in and what was earned and paid, to the last unit."""
    total, page = START, 1
    while True:
        rows = simulator.ok("GET", "/fapi/v1/income", startTime=1, limit=1_000, page=page)
        if not rows:
            break
        assert {row["asset"] for row in rows} == {"USDT"}
        total += sum(Decimal(row["income"]) for row in rows)
        page += 1
    account = simulator.ok("GET", "/fapi/v3/account")
    assert Decimal(account["totalWalletBalance"]) == total


@pytest.mark.timeout(LONG_S + 120)
@pytest.mark.parametrize("duration_s", [6, pytest.param(LONG_S, marks=pytest.mark.long)])
def test_a_crowd_for_a_while_leaves_the_exchange_as_sound_as_it_was(
    tmp_path: Path, duration_s: int
) -> None:
    told = tmp_path / "stderr.txt"
    options = ("--symbols", ",".join(SYMBOLS), "--funding-interval-s", "5")
    with told.open("w") as stderr, running(*options, stderr=stderr) as simulator:
        deposit = {"api_key": API_KEY, "asset": "USDT", "amount": str(DEPOSIT)}
        assert simulator.raw("POST", "/sim/deposit", json=deposit).status_code == 200
        counts = run_for(simulator, duration_s)
        sys.stderr.write(f"soak: {dict(sorted(counts.items()))}\n")
        for name in ("messages", "compared", "raw", "ORDER_TRADE_UPDATE", "ALGO_UPDATE"):
            assert counts[name], name
        eventually(lambda: simulator.get("/sim/state")["counts"]["connections"] == 1)
        state = simulator.get("/sim/state")
        assert state["connections"] == {"streams": 0, "sessions": 0}
        assert (state["counts"]["mishaps"], state["counts"]["cut_off"]) == (0, 0)
        for symbol in SYMBOLS:
            simulator.ok("DELETE", "/fapi/v1/allOpenOrders", symbol=symbol)
            simulator.ok("DELETE", "/fapi/v1/algoOpenOrders", symbol=symbol)
        check_money(simulator)
    assert told.read_text() == ""
