from __future__ import annotations

import itertools
from math import inf
from pathlib import Path
from typing import Any

import orjson

from hft.clock import Deadline, monotonic_ns, wall_ms
from hft.simulator.characters import NATURAL, character_of
from hft.simulator.clockwork import Clockwork
from hft.simulator.market import SyntheticMarket
from hft.simulator.server import Connections
from hft.simulator.simulated_clock import SYNTHETIC_START_MS, SimulatedClock
from hft.simulator.stepped import SteppedMarkets
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue

from .tape import START_MS, Tape
from .test_replay import listening
from .wire import API_KEY, API_SECRET, Simulator, eventually, running

HOUR_MS = 3_600_000
QUIET = "CRVUSDT"


class _Listener:
    """Collects what a stream says, in place of a connection."""

    combined = False

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def write_frame(self, frame: bytes) -> None:
        self.messages.append(orjson.loads(frame[frame.index(b"{") :]))

    def end(self) -> None:
        raise AssertionError("nobody ends this one")


def _world(seed: int) -> tuple[Venue, Clockwork, SimulatedClock]:
    clock = SimulatedClock(SYNTHETIC_START_MS)
    venue = Venue([KNOWN[QUIET]], Credentials(API_KEY, API_SECRET), clock=clock)
    listing = venue.exchange.listings[QUIET]
    character = character_of(listing.symbol, NATURAL)
    market = SyntheticMarket(venue.exchange, listing, character, seed)
    stepped = SteppedMarkets(venue, [market], clock, inf)
    return venue, Clockwork(venue, stepped, Connections(), clock), clock


def _run_for(clockwork: Clockwork, clock: SimulatedClock, span_ms: int) -> None:
    deadline = Deadline(60)
    until_ms = clock.now_ms + span_ms
    while clock.now_ms < until_ms:
        clockwork.tick()
        assert not deadline.passed()


def test_an_hour_passes_in_seconds_and_every_timer_follows_it() -> None:
    venue, clockwork, clock = _world(1)
    marks, depths = _Listener(), _Listener()
    venue.hub.subscribe(f"{QUIET.lower()}@markPrice@1s", marks)
    venue.hub.subscribe(f"{QUIET.lower()}@depth@100ms", depths)
    venue.exchange.set_countdown(1, KNOWN[QUIET], SYNTHETIC_START_MS + HOUR_MS // 2)
    began_ns = monotonic_ns()
    _run_for(clockwork, clock, HOUR_MS)
    assert (monotonic_ns() - began_ns) / 1e6 < HOUR_MS / 50
    times = [row["E"] for row in marks.messages]
    assert times[:3600] == [SYNTHETIC_START_MS + 1_000 * second for second in range(3600)]
    assert not venue.exchange.desks[1].countdown_ms
    gaps = [row["E"] % 100 for row in depths.messages]
    assert set(gaps) == {0}
    assert all(row["u"] >= row["U"] for row in depths.messages)


def test_the_same_seed_gives_the_same_hour_bit_for_bit() -> None:
    def run(seed: int) -> list[Any]:
        venue, clockwork, clock = _world(seed)
        heard = _Listener()
        for stream in ("@aggTrade", "@bookTicker", "@depth@100ms", "@markPrice@1s"):
            venue.hub.subscribe(QUIET.lower() + stream, heard)
        _run_for(clockwork, clock, HOUR_MS // 6)
        return heard.messages

    first, second = run(3), run(3)
    shorter = min(len(first), len(second))
    assert shorter > 2_000
    assert first[:shorter] == second[:shorter]
    assert run(4)[:shorter] != first[:shorter]


def _server_ms(simulator: Simulator) -> int:
    return int(simulator.get("/fapi/v1/time")["serverTime"])


def test_requests_are_judged_by_the_simulated_time() -> None:
    with running("--simulated-clock", "--speed", "20") as simulator:
        first = _server_ms(simulator)
        assert 0 <= first - SYNTHETIC_START_MS < 600_000
        query: dict[str, Any] = {"symbol": "BTCUSDT", "recvWindow": 60_000}
        assert simulator.refused("GET", "/fapi/v1/openOrders", **query, timestamp=wall_ms()) == (
            400,
            -1021,
        )
        order = simulator.order(
            side="BUY",
            type="MARKET",
            quantity="0.010",
            recvWindow=60_000,
            timestamp=_server_ms(simulator),
        )
        assert abs(order["updateTime"] - _server_ms(simulator)) < 60_000
        eventually(lambda: _server_ms(simulator) - first > 20_000)
        with simulator.socket("/market/ws/btcusdt@aggTrade") as link:
            trade = orjson.loads(link.recv())
        assert abs(trade["T"] - _server_ms(simulator)) < 60_000


def test_a_countdown_fires_by_the_simulated_time() -> None:
    with running("--simulated-clock", "--speed", "60") as simulator:
        order = simulator.order(
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            price="58000",
            quantity="0.010",
            recvWindow=60_000,
            timestamp=_server_ms(simulator),
        )
        simulator.ok(
            "POST",
            "/fapi/v1/countdownCancelAll",
            symbol="BTCUSDT",
            countdownTime=60_000,
            recvWindow=60_000,
            timestamp=_server_ms(simulator),
        )
        deadline = Deadline(10)
        while True:
            row = simulator.ok(
                "GET",
                "/fapi/v1/order",
                symbol="BTCUSDT",
                orderId=order["orderId"],
                recvWindow=60_000,
                timestamp=_server_ms(simulator),
            )
            if row["status"] == "CANCELED":
                break
            assert not deadline.passed()
        assert row["updateTime"] - row["time"] >= 60_000


def _tape(path: Path, seconds: int) -> Path:
    tape = Tape()
    for step in range(seconds * 5):
        tape.ticker("60000.00", f"1.{step:03d}", "60000.10", "0.020")
        if step % 5 == 0:
            tape.trade("60000.00", "0.001", maker=True)
        tape.now_ms += 180
    return tape.write(path)


def test_a_recording_keeps_its_own_times(tmp_path: Path) -> None:
    path = _tape(tmp_path / "own.txt", 60)
    with running("--replay", str(path), "--simulated-clock", "--speed", "max") as simulator:
        with (
            listening(simulator, "/public/ws/btcusdt@trade") as trades,
            listening(simulator, "/market/ws/btcusdt@markPrice@1s") as marks,
        ):
            eventually(lambda: simulator.get("/sim/state")["market"]["finished"])
        state = simulator.get("/sim/state")["market"]
        server_ms = _server_ms(simulator)
    recorded = [
        orjson.loads(line.partition(" ")[2])["data"] for line in path.read_text().splitlines()
    ]
    assert trades.messages == [row for row in recorded if row["e"] == "trade"]
    assert server_ms == recorded[-1]["E"] == state["recorded_time_ms"]
    assert [row["E"] % 1_000 for row in marks.messages] == [0] * len(marks.messages)
    assert len(marks.messages) >= 55


def test_time_goes_on_when_a_recording_is_played_again(tmp_path: Path) -> None:
    path = _tape(tmp_path / "own.txt", 10)
    with (
        running("--replay", str(path), "--simulated-clock", "--speed", "50", "--loop") as simulator,
        listening(simulator, "/public/ws/btcusdt@bookTicker") as tickers,
    ):
        eventually(lambda: simulator.get("/sim/state")["market"]["round"] >= 4)
        messages = list(tickers.messages)
    times = [row["E"] for row in messages]
    assert times == sorted(times)
    assert times[0] == START_MS + 10
    ids = [row["u"] for row in messages]
    assert all(later > earlier for earlier, later in itertools.pairwise(ids))


def test_with_the_real_clock_server_time_stays_real_at_any_speed(tmp_path: Path) -> None:
    path = _tape(tmp_path / "own.txt", 40)
    with (
        running("--replay", str(path), "--speed", "50", "--loop") as simulator,
        listening(simulator, "/public/ws/btcusdt@bookTicker") as tickers,
    ):
        eventually(lambda: simulator.get("/sim/state")["market"]["round"] >= 2)
        assert abs(_server_ms(simulator) - wall_ms()) < 1_000
        state = simulator.get("/sim/state")["market"]
        messages = list(tickers.messages)
    assert START_MS <= state["recorded_time_ms"] < START_MS + 200_000
    times = [row["E"] for row in messages]
    assert times == sorted(times)
    assert abs(times[-1] - wall_ms()) < 20_000
    ids = [row["u"] for row in messages]
    assert all(later > earlier for earlier, later in itertools.pairwise(ids))
