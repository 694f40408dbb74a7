"""The claim: from a socket to a decision, millions of ticks per second, none of them lost.

This process writes trades to a loopback socket at a fixed rate, whatever the others do; a real feed
process decodes them into the market ring, a real strategy process decides on each.  A rate counts
when every trade was decided on, every id following the one before (a gap would have been flagged),
and when the writer never was more than 10 ms behind its schedule.
"""

from __future__ import annotations

import os
import ssl
import sys

import msgspec
import psutil

from benches.naive import naive_rate
from benches.pair import core_pair
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from benches.stage import HotFunctions, Stage, cpu_ns, stage
from benches.trades import BOOK_TOP, MARK, SYMBOL, TradeBlock
from benches.venue import Listener, certificate, text_frame
from hft import hot
from hft.agent.contract import Agent, Context
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.config import Network
from hft.feed.agent import FeedAgent, hot_functions
from hft.pinning import usable_cores
from hft.seats import Seat
from hft.strategy import agent as strategy
from hft.strategy.load import discover, make_params
from hft.units import NS_PER_S
from ringbuf.layout import DROPPED

LATE_MAX_NS = 10_000_000
HOPELESS_NS = 500_000_000
DRAIN_MAX_S = 0.05
QUIET_S = 0.1
FULL, QUICK = (5.0, 0.88, 3), (2.0, 0.75, 2)
"""Seconds of a probe, from one rate to the next lower, and attempts at each."""
LOW_RATE, HIGH_RATE = 100_000.0, 6_000_000.0
NAIVE, QUICK_NAIVE = 200_000, 20_000
WARM = 1000
CHUNK = 512
STEP_NS = 400_000
NAP_S = 100e-6
STRATEGY = "MOMENTUM"


class Probe(msgspec.Struct, frozen=True):
    """What happened at one rate."""

    rate: float
    sent: int
    lost: int
    late_ns: int
    drained: bool
    cpu_ns: dict[str, float] = {}
    """Time on a core per tick, of the writer, the feed and the strategy."""

    def held(self) -> bool:
        """Say whether the rate was sustained."""
        return self.lost == 0 and self.drained and self.late_ns <= LATE_MAX_NS


class Line:
    """A generator, its sockets, and the feed and strategy processes behind them."""

    def __init__(self, made: Stage, tls: tuple[str, ssl.SSLContext] | None) -> None:
        self._stage, self._house = made, made.house
        self._listener = Listener(tls[1] if tls else None)
        network = Network(ws_url=self._listener.url, ca_file=tls[0] if tls else "")
        spec = discover().select(STRATEGY)
        burst = strategy.warm(spec)
        params = make_params(spec, {})

        def feed(context: Context) -> tuple[Agent, HotFunctions]:
            return FeedAgent(context, network, [SYMBOL]), hot_functions()

        def decide(context: Context) -> tuple[Agent, HotFunctions]:
            agent = strategy.StrategyAgent(context, spec, burst, params)
            return agent, strategy.hot_functions(burst)

        pair = core_pair() or (-1, -1)
        made.start(Seat.STRATEGY, decide, pair[0])
        made.start(Seat.FEED, feed, pair[1])
        ends = dict(self._listener.accept() for _ in range(2))
        self._public = next(end for path, end in ends.items() if path.startswith("/public"))
        self._market = next(end for path, end in ends.items() if path.startswith("/market"))
        made.wait(made.running, "the processes run")
        self._trades = TradeBlock()
        self._public.sendall(text_frame(BOOK_TOP))
        self._market.sendall(text_frame(MARK) + bytes(self._trades.take(WARM)))
        made.wait(lambda: self._decided() == WARM + 2, "the first trades")

    def close(self) -> None:
        """Close the venue's ends."""
        self._listener.close()

    def probe(self, rate: float, seconds: float) -> Probe:
        """Send at `rate` for so long, and account for every trade.

        Raises:
            WrongAnswer: the count or the order is wrong, and the feed did not say so.
        """
        # The feed drops a link that has been silent for ten seconds.
        before = self._decided() + 1
        self._public.sendall(text_frame(BOOK_TOP))
        self._stage.wait(lambda: self._decided() == before, "the book's top")
        gaps, dropped = self._gaps(), self._dropped()
        spent = self._spent()
        sent, late_ns = self._pump(rate, seconds)
        deadline = Deadline(DRAIN_MAX_S)
        while self._decided() < before + sent and not deadline.passed():
            sleep_s(NAP_S)
        drained = self._decided() == before + sent
        self._stage.wait(self._is_quiet, "what is on its way arrives")
        lost, told = before + sent - self._decided(), self._dropped() - dropped
        if lost != told or (lost == 0) != (self._gaps() == gaps):
            raise WrongAnswer(f"{lost} of {sent} lost, {told} counted, gaps {self._gaps() - gaps}")
        each = {name: (now - spent[name]) / sent for name, now in self._spent().items()}
        return Probe(rate, sent, lost, late_ns, drained, each)

    def _spent(self) -> dict[str, int]:
        return {
            "writer": cpu_ns(os.getpid()),
            "feed": self._stage.cpu_ns(Seat.FEED),
            "strategy": self._stage.cpu_ns(Seat.STRATEGY),
        }

    def _pump(self, rate: float, seconds: float) -> tuple[int, int]:
        total, sent, worst_ns = int(rate * seconds), 0, 0
        step, size = rate * STEP_NS / NS_PER_S, self._trades.frame_bytes
        send, take = self._market.sendall, self._trades.take
        started_ns = monotonic_ns()
        # Once hopelessly late, the rest of the time is better spent on another rate.
        while sent < total and worst_ns < HOPELESS_NS:
            due = min(total, int((monotonic_ns() - started_ns) * rate / NS_PER_S))
            if due - sent < min(step, total - sent):
                sleep_s(NAP_S)
                continue
            while sent < due:
                first_ns = started_ns + int(sent * NS_PER_S / rate)
                frames = take(min(CHUNK, due - sent))
                send(frames)
                sent += len(frames) // size
                worst_ns = max(worst_ns, monotonic_ns() - first_ns)
        return sent, worst_ns

    def _is_quiet(self) -> bool:
        seen = self._told("events")
        sleep_s(QUIET_S)
        return self._told("events") == seen and self._house.market.depth() == 0

    def _decided(self) -> int:
        return self._told("events")

    def _gaps(self) -> int:
        return self._told("gaps_seen")

    def _told(self, field: str) -> int:
        told = self._house.verdict.read()
        return 0 if told is None else int(told[0][field])

    def _dropped(self) -> int:
        return int(self._house.market.words[DROPPED])


def highest(line: Line, quick: bool) -> tuple[Probe, float]:
    """Look from above for the highest rate that holds, and the highest that lost nothing, however
    late.

    What held once can be held; a rate that does not hold has several attempts, since the machine
    may have had something else to do.
    """
    seconds, step, attempts = QUICK if quick else FULL
    rate, lossless = HIGH_RATE, 0.0
    while rate > LOW_RATE:
        for _ in range(attempts):
            probe = line.probe(rate, seconds)
            if probe.lost == 0 and probe.late_ns < HOPELESS_NS:
                lossless = max(lossless, rate)
            if probe.held():
                return probe, lossless
        rate *= step
    return Probe(0.0, 0, 0, 0, drained=True), lossless


def search(tls: tuple[str, ssl.SSLContext] | None, quick: bool) -> tuple[Probe, float]:
    """Measure one kind of socket with processes of its own; rates of 0: none was sustained."""
    before = usable_cores()
    with stage(SYMBOL) as made:
        line = Line(made, tls)
        if pair := core_pair():
            # The feed has most to do: whoever writes to it shares the strategy's core.
            psutil.Process().cpu_affinity([pair[0]])
        try:
            return highest(line, quick)
        finally:
            psutil.Process().cpu_affinity(before)
            line.close()


def measure(quick: bool) -> Outcome:
    """Find the highest rates, plain and over TLS, and what the usual libraries do in this place."""
    hot.warm()
    plain, lossless = search(None, quick)
    metrics: Metrics = {
        "ticks_per_s": round(plain.rate),
        "lost": plain.lost,
        "lossless_ticks_per_s": round(lossless),
    }
    rows = [
        Row("plain socket", plain.rate, "ticks/s"),
        Row("nothing lost, the writer late", lossless, "ticks/s"),
        Row("ticks sent and decided on", plain.sent, ""),
        Row("lost", plain.lost, ""),
        Row("writer behind its schedule at most", plain.late_ns / 1e6, "ms"),
    ]
    for name, ns in plain.cpu_ns.items():
        metrics[f"{name}_cpu_ns_per_tick"] = round(ns, 1)
        rows.append(Row(f"{name}, time on a core", ns, "ns per tick"))
    notes = ["a writer, the feed and the strategy share the cores; all three are processes"]
    with certificate() as tls:
        if tls is None:
            notes.append("TLS is absent: there is no openssl command to make a certificate")
        else:
            secret, lossless = search(tls, quick)
            metrics["tls_ticks_per_s"] = round(secret.rate)
            metrics["tls_lossless_ticks_per_s"] = round(lossless)
            rows.append(Row("TLS", secret.rate, "ticks/s"))
            rows.append(Row("TLS, nothing lost, the writer late", lossless, "ticks/s"))
            rows.append(Row("writer behind its schedule at most", secret.late_ns / 1e6, "ms"))
    if not plain.rate:
        notes.append(f"no rate was sustained: the machine's load is {os.getloadavg()[0]:.1f}")
    naive = naive_rate(QUICK_NAIVE if quick else NAIVE)
    metrics["websocket_client_ticks_per_s"] = round(naive)
    metrics["over_websocket_client"] = round(plain.rate / naive, 1)
    what = "websocket-client, msgspec, ring, strategy in Python"
    rows.append(Row(what, naive, "ticks/s", baseline=True))
    return Outcome(rows, metrics, notes)


if __name__ == "__main__":
    sys.exit(run("pipeline", measure))
