from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import websocket

from hft.clock import wall_ms
from tests.recordings import FOLDER, needs

from .tape import START_MS, Tape
from .wire import Simulator, eventually, receive, running, until

RECORDINGS = ("btcusdt_20230405.dat.gz", "btcusdt_20240718.gz", "ethusdt_20240718.gz")


class Listener:
    """Collects one connection's messages in a thread until it is closed."""

    def __init__(self, link: websocket.WebSocket) -> None:
        self.messages: list[Any] = []
        self._link = link
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                text = self._link.recv()
            except (websocket.WebSocketException, OSError):
                return
            if not text:
                return
            self.messages.append(json.loads(text))

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def listening(simulator: Simulator, path: str) -> Iterator[Listener]:
    with simulator.socket(path) as link:
        link.settimeout(60)
        listener = Listener(link)
        try:
            yield listener
        finally:
            link.send_close()
            listener.join()


def heard(path: Path, symbol: str, speed: str) -> tuple[list[Any], list[Any]]:
    """Play a recording to its end; gives (aggTrade, bookTicker) messages as they arrived."""
    lower = symbol.lower()
    with running("--replay", str(path), "--speed", speed) as simulator:
        with (
            listening(simulator, f"/market/ws/{lower}@aggTrade") as market,
            listening(simulator, f"/public/ws/{lower}@bookTicker") as public,
        ):
            _wait_for_the_end(simulator)
            assert simulator.get("/sim/state")["market"]["error"] is None
        assert simulator.get("/fapi/v1/ping") == {}
    return market.messages, public.messages


def _wait_for_the_end(simulator: Simulator) -> None:
    stdout = simulator.process.stdout
    assert stdout is not None
    assert json.loads(stdout.readline()) == {"finished": True}
    assert simulator.get("/sim/state")["market"]["finished"]


def _expected(path: Path) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Read a recording plainly: prints as (price, side, quantity, first, last), and tickers."""
    prints: list[list[Any]] = []
    tickers = []
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    for line in text.splitlines():
        data = json.loads(line.partition(b" ")[2]).get("data", {})
        if data.get("e") == "bookTicker":
            tickers.append(tuple(data[key] for key in "usbBaA"))
        elif data.get("e") == "trade" and data["X"] == "MARKET":
            key = (data["p"], data["m"], data["T"])
            if prints and prints[-1][0] == key:
                prints[-1][1] += Decimal(data["q"])
                prints[-1][3] = data["t"]
            else:
                prints.append([key, Decimal(data["q"]), data["t"], data["t"]])
    return [(p[0][0], p[0][1], p[1], p[2], p[3]) for p in prints], tickers


def _check_everything_arrived(path: Path, symbol: str, speed: str) -> None:
    aggregates, tickers = heard(path, symbol, speed)
    prints, expected_tickers = _expected(path)
    assert [tuple(row[key] for key in "usbBaA") for row in tickers] == expected_tickers
    rows = [(a["p"], a["m"], Decimal(a["q"]), a["f"], a["l"]) for a in aggregates]
    assert rows == prints
    first = aggregates[0]["a"]
    assert [row["a"] for row in aggregates] == list(range(first, first + len(aggregates)))
    times = [row["E"] for row in tickers]
    assert times == sorted(times)
    assert abs(times[-1] - wall_ms()) < 60_000


@needs("usdm")
@pytest.mark.parametrize("lines", [12_000, pytest.param(None, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", RECORDINGS)
def test_every_recorded_trade_and_ticker_arrives_once_in_order(
    tmp_path: Path, name: str, lines: int | None
) -> None:
    raw = gzip.decompress((FOLDER / "usdm" / name).read_bytes()).splitlines(keepends=True)
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(b"".join(raw[:lines])))
    _check_everything_arrived(path, name[:7].upper(), "200")


def _quiet_tape() -> Tape:
    tape = Tape()
    tape.ticker("60000.00", "1.500", "60000.10", "0.020")
    tape.mark("60000.05000000")
    return tape


@pytest.mark.parametrize("name", ["own.gz", "own.txt"])
def test_a_small_own_recording_arrives_exactly(tmp_path: Path, name: str) -> None:
    tape = _quiet_tape()
    for step in range(30):
        tape.trade("60000.10", "0.001", maker=False)
        if step % 7 == 0:
            tape.trade("61200.00", "0.500", maker=True, kind="INSURANCE_FUND")
        tape.trade("60000.00", "0.0020", maker=True)
        tape.ticker("60000.00", f"1.{step:03d}", "60000.10", "0.020")
    tape.lines.insert(3, f'{tape.now_ms * 1000} {{"lastUpdateId":5,"bids":[],"asks":[]}}')
    _check_everything_arrived(tape.write(tmp_path / name), "BTCUSDT", "5")


MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "type": "MARKET", "newOrderRespType": "RESULT"}


def test_orders_fill_only_against_what_stands_in_the_recorded_book(tmp_path: Path) -> None:
    tape = _quiet_tape()
    tape.depth([["59999.00", "2.000"]], [["60000.50", "0.030"], ["60000.05", "9.000"]])
    tape.ticker("60000.00", "1.500", "60000.10", "0.020")
    path = tape.write(tmp_path / "own.txt")
    with running("--replay", str(path)) as simulator:
        with listening(simulator, "/public/ws/btcusdt@bookTicker"):
            _wait_for_the_end(simulator)
        order = simulator.order(**MARKET, side="BUY", quantity="0.040")
        fills = simulator.ok(
            "GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"]
        )
        assert [(fill["price"], fill["qty"]) for fill in fills] == [
            ("60000.10", "0.020"),
            ("60000.50", "0.020"),
        ]
        rest = simulator.order(**MARKET, side="BUY", quantity="0.040")
        assert (rest["status"], rest["executedQty"]) == ("EXPIRED", "0.010")
        sold = simulator.order(**MARKET, side="SELL", quantity="0.050")
        assert (sold["status"], sold["executedQty"]) == ("FILLED", "0.050")


def test_a_resting_order_fills_when_the_recording_goes_through_it(tmp_path: Path) -> None:
    tape = _quiet_tape()
    tape.ticker("60000.00", "1.500", "60000.30", "0.020")
    for _ in range(80):
        tape.ticker("60000.00", f"1.{len(tape.lines):03d}", "60000.30", "0.020")
    tape.trade("59999.90", "0.006", maker=True)
    tape.ticker("59999.80", "1.000", "60000.10", "0.004")
    for _ in range(20):
        tape.ticker("59999.80", "1.000", "60000.10", "0.004")
    tape.ticker("59999.00", "1.000", "59999.95", "0.500")
    path = tape.write(tmp_path / "own.txt")
    with (
        running("--replay", str(path)) as simulator,
        simulator.user_stream() as user,
        listening(simulator, "/public/ws/btcusdt@bookTicker") as public,
    ):
        eventually(lambda: len(public.messages) > 3)
        limit = {"symbol": "BTCUSDT", "type": "LIMIT", "timeInForce": "GTC"}
        simulator.order(**limit, side="BUY", price="60000.00", quantity="0.010")
        first = until(user, lambda event: event.get("o", {}).get("x") == "TRADE")
        second = until(user, lambda event: event.get("o", {}).get("x") == "TRADE")
        _wait_for_the_end(simulator)
    assert (first["o"]["l"], first["o"]["L"], first["o"]["m"]) == ("0.006", "60000", True)
    assert (second["o"]["z"], second["o"]["X"]) == ("0.01", "FILLED")


def test_times_are_shifted_and_nothing_else_is_touched(tmp_path: Path) -> None:
    tape = _quiet_tape()
    tape.trade("60000.10", "0.001", maker=False)
    tape.mark("60000.06000000")
    path = tape.write(tmp_path / "own.txt")
    with running("--replay", str(path)) as simulator:
        with simulator.socket("/stream?streams=btcusdt@trade/btcusdt@markPrice@1s") as link:
            first, trade, mark = (receive(link)["data"] for _ in range(3))
        recorded = json.loads(tape.lines[-2].partition(" ")[2])["data"]
    assert list(trade) == list(recorded)
    assert {key: trade[key] for key in trade if key not in "ET"} == {
        key: recorded[key] for key in recorded if key not in "ET"
    }
    assert abs(trade["E"] - wall_ms()) < 30_000
    assert mark["T"] - mark["E"] == pytest.approx(3_600_000, abs=500)
    assert first["p"] == "60000.05000000"


def test_symbols_come_from_the_recording(tmp_path: Path) -> None:
    tape = Tape()
    data = {"e": "trade", "T": START_MS, "s": "XYZUSDT", "t": 1, "p": "1.2345", "q": "10"}
    for number in range(3):
        tape.add("xyzusdt@trade", {**data, "t": number, "X": "MARKET", "m": True})
    path = tape.write(tmp_path / "own.txt")
    with running("--replay", str(path)) as simulator:
        assert simulator.line["symbols"] == ["XYZUSDT"]
        info = simulator.get("/fapi/v1/exchangeInfo")["symbols"][0]
        assert info["filters"][0]["tickSize"] == "0.0001"
        assert info["filters"][1]["stepSize"] == "1"


def test_marks_are_made_from_the_book_where_a_recording_has_none(tmp_path: Path) -> None:
    tape = Tape()
    for step in range(250):
        tape.ticker("60000.00", f"1.{step:03d}", "60000.20", "0.020")
    path = tape.write(tmp_path / "own.txt")
    with (
        running("--replay", str(path)) as simulator,
        simulator.socket("/market/ws/btcusdt@markPrice@1s") as link,
    ):
        mark = receive(link)
    assert mark["p"] == "60000.10000000"


def test_a_recording_with_its_own_aggregates_and_depth_passes_as_it_is(tmp_path: Path) -> None:
    tape = Tape()
    for step in range(5):
        tape.ticker("60000.00", f"1.{step:03d}", "60000.20", "0.020")
        tape.trade("60000.20", "0.001", maker=False)
        tape.trade("60000.20", "0.001", maker=False)
        number = len(tape.lines)
        data = {"e": "aggTrade", "a": 70 + step, "s": "BTCUSDT", "p": "60000.20", "q": "0.002"}
        ids = {"f": number - 1, "l": number, "T": tape.now_ms, "m": False}
        tape.add("btcusdt@aggTrade", {**data, **ids})
        tape.depth([["59999.00", f"2.{step:03d}"]], [])
        tape.lines[-1] = tape.lines[-1].replace("@depth@0ms", "@depth@100ms")
    path = tape.write(tmp_path / "own.gz")
    names = "/stream?streams=btcusdt@aggTrade/btcusdt@depth@100ms"
    with running("--replay", str(path)) as simulator:
        with listening(simulator, names) as client:
            _wait_for_the_end(simulator)
        told = [message["data"] for message in client.messages]
    assert [row["a"] for row in told if row["e"] == "aggTrade"] == [70, 71, 72, 73, 74]
    depths = [row for row in told if row["e"] == "depthUpdate"]
    assert [row["b"][0][1] for row in depths] == [f"2.{step:03d}" for step in range(5)]
    assert all("st" not in row for row in depths)


def test_a_forced_order_is_told_once_on_either_stream(tmp_path: Path) -> None:
    tape = _quiet_tape()
    order = {"s": "ILVUSDT", "S": "SELL", "q": "1", "p": "3.8", "T": START_MS}
    tape.add("!forceOrder@arr", {"e": "forceOrder", "o": order})
    path = tape.write(tmp_path / "own.txt")
    with running("--replay", str(path)) as simulator:
        assert simulator.line["symbols"] == ["BTCUSDT"]
        with (
            listening(simulator, "/market/ws/!forceOrder@arr") as every,
            listening(simulator, "/market/ws/ilvusdt@forceOrder") as one,
        ):
            _wait_for_the_end(simulator)
    assert [message["o"]["q"] for message in every.messages] == ["1"]
    assert [message["o"]["q"] for message in one.messages] == ["1"]
