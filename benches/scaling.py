"""The claim: one symbol more costs next to nothing, one shard more costs what it says.

Real feed and strategy processes, one pair for each shard; this process sends them trades at a
fixed rate, the symbols taking turns, and asks the kernel how long each was on a core.  *Busy* is a
rate at which ticks come in bursts, *calm* one at which nearly every tick wakes both processes.
"""

from __future__ import annotations

import socket
import statistics
import sys

import msgspec
import psutil

from benches.memory import held_by
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from benches.stage import HotFunctions, Stage, stage
from benches.trades import BOOK_TOP, MARK, TradeBlock, of_symbol
from benches.venue import Listener, text_frame
from hft import hot
from hft.agent.contract import Agent, Context
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.config import Network
from hft.events import Role
from hft.feed.agent import FeedAgent, hot_functions
from hft.pinning import plan_cores, usable_cores
from hft.seats import Seat, seats_in
from hft.strategy import agent as strategy
from hft.strategy.build import Burst
from hft.strategy.load import StrategySpec, discover, make_params
from hft.topology import segment_bytes
from hft.units import NS_PER_S
from ringbuf.layout import DROPPED

SYMBOLS = (1, 2, 4, 8, 16)
SHARDS = (1, 2, 4)
SHARDED_SYMBOLS = 4
RATES = {"calm": 2_000, "busy": 1_000_000}
ROUNDS, QUICK_ROUNDS = 3, 1
PROBE_S, QUICK_PROBE_S = 2.0, 1.0
WARM = 2048
CHUNK = 512
NAP_S = 100e-6
ARRIVE_MAX_S = 5.0
ATTEMPTS = 5
STRATEGY = "MOMENTUM"


class Spent(msgspec.Struct, frozen=True):
    """Time on a core per tick, in ns."""

    feed: float
    strategy: float

    @property
    def both(self) -> float:
        """Of the two together."""
        return self.feed + self.strategy


class Floor:
    """So many symbols in so many shards, each with its processes, sockets and trades."""

    def __init__(self, made: Stage, names: list[str], spec: StrategySpec, burst: Burst) -> None:
        self._stage, self._shards = made, made.house.shards
        self._listener = Listener()
        network, params = Network(ws_url=self._listener.url), make_params(spec, {})

        def feed(context: Context) -> tuple[Agent, HotFunctions]:
            return FeedAgent(context, network, names), hot_functions()

        def decide(context: Context) -> tuple[Agent, HotFunctions]:
            agent = strategy.StrategyAgent(context, spec, burst, params)
            return agent, strategy.hot_functions(burst)

        count = len(self._shards)
        cores = plan_cores(usable_cores(), 0.0, "park", pin=True, shards=count).cores
        self.feeds, self.strategies = seats_in(Role.FEED, count), seats_in(Role.STRATEGY, count)
        for seats, build in ((self.strategies, decide), (self.feeds, feed)):
            for seat in seats:
                made.start(seat, build, cores[seat])
        ends = dict(self._listener.accept() for _ in range(2 * count))
        self._own = [[names[at] for at in made.house.symbols_of(shard)] for shard in range(count)]
        self._public, self._market = self._ends(ends, "/public"), self._ends(ends, "/market")
        made.wait(made.running, "the processes run")
        self._trades = [TradeBlock(own, each=1000) for own in self._own]
        for shard in range(count):
            self._begin(shard)

    def close(self) -> None:
        """Close the venue's ends."""
        self._listener.close()

    def spend(self, rate: int, seconds: float) -> Spent:
        """Send at `rate`, all shards together; what it cost.

        A look in which a ring ran full, since the machine had something else to do, is void.

        Raises:
            WrongAnswer: not every tick was decided on, or none of the looks counts.
        """
        for _ in range(ATTEMPTS):
            before, seen, dropped = self._on_core(), self._seen(), self._dropped()
            sent = self._pump(rate, seconds)
            deadline = Deadline(ARRIVE_MAX_S)
            while self._seen() + self._dropped() < seen + dropped + sent:
                if deadline.passed():
                    raise WrongAnswer(f"{self._seen() - seen} of {sent} ticks were decided on")
                sleep_s(NAP_S)
            if self._dropped() == dropped:
                feed, decide = (a - b for a, b in zip(self._on_core(), before, strict=True))
                return Spent(feed / sent, decide / sent)
        raise WrongAnswer(f"{rate} ticks/s are more than this machine takes now")

    def idle_us_per_s(self, seconds: float) -> float:
        """Time on a core of one pair while nothing comes, in us per second."""
        before = sum(self._on_core())
        sleep_s(seconds)
        return (sum(self._on_core()) - before) / 1000 / seconds / len(self._shards)

    def private_mb(self) -> float:
        """What the newest pair holds of its own."""
        seats = (self.feeds[-1], self.strategies[-1])
        held = held_by({seat.label: int(self._stage.house.vitals[seat]["pid"]) for seat in seats})
        return sum(of["Private_Dirty"] for of in held.values())

    def _ends(self, ends: dict[str, socket.socket], route: str) -> list[socket.socket]:
        """The sockets of one route, by shard."""
        paths = [f"{route}/ws/{own[0].lower()}@" for own in self._own]
        return [next(end for at, end in ends.items() if at.startswith(path)) for path in paths]

    def _begin(self, shard: int) -> None:
        """Give every symbol of a shard its prices and the first trades."""
        own, warm = self._own[shard], self._trades[shard].take(WARM)
        for message, end in ((BOOK_TOP, self._public[shard]), (MARK, self._market[shard])):
            end.sendall(b"".join(text_frame(of_symbol(message, name)) for name in own))
        self._market[shard].sendall(warm)
        expected = 2 * len(own) + len(warm) // self._trades[shard].frame_bytes
        self._stage.wait(lambda: self._seen_by(shard) == expected, "the first trades")

    def _pump(self, rate: int, seconds: float) -> int:
        count = len(self._shards)
        total, sent = int(rate * seconds / count), [0] * count
        started_ns = monotonic_ns()
        while min(sent) < total:
            due = min(total, int((monotonic_ns() - started_ns) * rate / count / NS_PER_S))
            for shard, trades in enumerate(self._trades):
                while sent[shard] < due:
                    frames = trades.take(min(CHUNK, due - sent[shard]))
                    self._market[shard].sendall(frames)
                    sent[shard] += len(frames) // trades.frame_bytes
            sleep_s(NAP_S)
        return sum(sent)

    def _on_core(self) -> tuple[int, int]:
        def of(seats: tuple[Seat, ...]) -> int:
            return sum(map(self._stage.cpu_ns, seats))

        return of(self.feeds), of(self.strategies)

    def _dropped(self) -> int:
        return sum(int(shard.market.words[DROPPED]) for shard in self._shards)

    def _seen(self) -> int:
        return sum(map(self._seen_by, range(len(self._shards))))

    def _seen_by(self, shard: int) -> int:
        told = self._shards[shard].verdict.read()
        return 0 if told is None else int(told[0]["events"])


class Bench:
    """One run: what is compiled once, the time for each probe, and the figures so far."""

    def __init__(self, quick: bool) -> None:
        self._seconds = QUICK_PROBE_S if quick else PROBE_S
        self._rounds = QUICK_ROUNDS if quick else ROUNDS
        self._spec = discover().select(STRATEGY)
        self._burst = strategy.warm(self._spec)
        self.metrics: Metrics = {}
        self.rows: list[Row] = []

    def look(self, name: str, what: str, symbols: int, shards: int) -> None:
        """Measure one floor at both rates; the last with several shards also tells of the rest."""
        names = [f"SYM{number:02d}USDT" for number in range(symbols)]
        with stage(*names, shards=shards) as made:
            floor = Floor(made, names, self._spec, self._burst)
            try:
                for pace, rate in RATES.items():
                    self._pace(floor, f"{name}_{pace}", f"{what}, {pace}", rate)
                if shards == SHARDS[-1]:
                    self._beside(floor)
            finally:
                floor.close()

    def _pace(self, floor: Floor, name: str, what: str, rate: int) -> None:
        rounds = [floor.spend(rate, self._seconds) for _ in range(self._rounds)]
        spent = sorted(rounds, key=lambda each: each.both)[len(rounds) // 2]
        self.metrics[f"{name}_ns"] = round(spent.both, 1)
        self.metrics[f"{name}_feed_ns"] = round(spent.feed, 1)
        self.metrics[f"{name}_strategy_ns"] = round(spent.strategy, 1)
        self.rows.append(Row(f"{what}: feed", spent.feed, "ns per tick"))
        self.rows.append(Row(f"{what}: strategy", spent.strategy, "ns per tick"))

    def _beside(self, floor: Floor) -> None:
        idle = statistics.median(floor.idle_us_per_s(self._seconds) for _ in range(3))
        segment = (segment_bytes(2) - segment_bytes(1)) / (1 << 20)
        figures = (
            ("shard_idle_us_per_s", "one shard more, no tick at all: time on a core", idle, "us/s"),
            ("shard_private_mb", "one shard more: private memory", floor.private_mb(), "MB"),
            ("shard_segment_mb", "one shard more: shared memory, at most", segment, "MB"),
        )
        for name, what, value, unit in figures:
            self.metrics[name] = round(value, 2)
            self.rows.append(Row(what, value, unit))


def measure(quick: bool) -> Outcome:
    """Symbols on one shard, then shards of the same symbols."""
    hot.warm()
    bench, before = Bench(quick), usable_cores()
    if before:
        # As in `pipeline`: whoever writes to the feeds shares a core with a strategy.
        psutil.Process().cpu_affinity([before[-1]])
    try:
        for symbols in SYMBOLS:
            bench.look(f"symbols{symbols}", f"{symbols:2d} symbols in 1 shard", symbols, 1)
        for shards in SHARDS:
            what = f"{SHARDED_SYMBOLS} symbols, {shards} {'shard' if shards == 1 else 'shards'}"
            bench.look(f"shards{shards}", what, SHARDED_SYMBOLS, shards)
    finally:
        if before:
            psutil.Process().cpu_affinity(before)
    rates = ", ".join(f"{pace} is {rate:,} ticks/s" for pace, rate in RATES.items())
    return Outcome(bench.rows, bench.metrics, [f"all shards together: {rates}"])


if __name__ == "__main__":
    sys.exit(run("scaling", measure))
