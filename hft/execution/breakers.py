"""The breakers at work: the score of session and day kept, the measures taken, the latch thrown."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hft.agent.contract import Context
from hft.clock import wall_ms
from hft.events import Notice, OnTrip
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.intents import IntentDesk, RiskGate
from hft.execution.last_minute import LastMinute
from hft.state.blocks import Leg
from hft.state.decision import Limits, Measures, Trip
from hft.state.histogram import percentile_ns
from hft.state.latch import Latch
from hft.state.trips import describe, write_trip
from hft.units import MS_PER_DAY, NS_PER_MS, NS_PER_S

LOOK_EVERY_NS = 20 * NS_PER_MS
LATENCY_EVERY_NS = NS_PER_S
LATENCY_ORDERS_MIN = 20
"""Below so many orders in the minute a percentile says nothing."""

_DONE = {
    OnTrip.HALT: "HALTED",
    OnTrip.REDUCE: "only smaller positions are let through",
    OnTrip.FLATTEN: "HALTED, and everything is closed",
}


class Breakers:
    """Trips the gate's hand of the latch; only a person's resume lifts it."""

    def __init__(
        self, ctx: Context, books: Books, gate: RiskGate, desk: IntentDesk, errands: Errands
    ) -> None:
        self._house = ctx.house
        self._log = ctx.log
        self._books = books
        self._gate = gate
        self._desk = desk
        self._errands = errands
        self._next_ns = self._latency_due_ns = 0
        self._failures_seen = 0
        self._resumed_ns = 0
        self._errors: LastMinute[int] = LastMinute()
        self._rejects: LastMinute[int] = LastMinute()
        self._latency: LastMinute[npt.NDArray[np.int64]] = LastMinute()
        self._latency_p99_ns = 0

    def tick(self, now_ns: int, limits: Limits, latch: Latch) -> None:
        """Keep the score and trip what is breached, if it is time."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + LOOK_EVERY_NS
        self.keep_score()
        measures = self._measure(now_ns, limits)
        if latch.halted or (latch.reduce and limits.on_trip == OnTrip.REDUCE):
            return
        trip = self._gate.breach(measures, limits)
        if trip is not None:
            self._trip(trip, OnTrip(limits.on_trip), now_ns)

    def keep_score(self) -> None:
        """Add up what session and day have brought, and note the session's best moment."""
        books, account = self._books, self._books.account
        books.sum_up()
        now_ms = self._desk.clock.venue_ms()
        if account.pnl_e8 > account.peak_pnl_e8:
            account.peak_pnl_e8, account.peak_wall_ms = account.pnl_e8, now_ms
        if now_ms // MS_PER_DAY != account.day:
            self._begin_day(now_ms)
        account.day_pnl_e8 = account.pnl_e8 - account.day_base_e8
        account.errors += self._errands.failures - self._failures_seen
        self._failures_seen = self._errands.failures

    def _begin_day(self, now_ms: int) -> None:
        """Begin a day: from nothing, or where an earlier session of it left off."""
        account, run = self._books.account, self._house.run[0]
        first, account.day = account.day == 0, now_ms // MS_PER_DAY
        account.day_base_e8, account.day_wall_ms = account.pnl_e8, now_ms
        known = bytes(self._house.identity[0]["account_epoch"])
        if first and int(run["day"]) == account.day and bytes(run["day_account"]) == known:
            account.day_base_e8 = int(run["day_base_e8"])
            account.day_wall_ms = account.day * MS_PER_DAY

    def _measure(self, now_ns: int, limits: Limits) -> Measures:
        account, house = self._books.account, self._house
        resumed_ns = int(house.latch_supervisor[0]["resume_ns"])
        if resumed_ns != self._resumed_ns:
            # Whoever resumed knows what the last minute was like.
            self._resumed_ns, self._latency_p99_ns = resumed_ns, 0
            self._errors.begin()
            self._rejects.begin()
            self._latency.begin()
        errors = self._errors.growth(now_ns, account.errors)
        rejects = self._rejects.growth(now_ns, account.rejected)
        if limits.latency_max_ns and now_ns >= self._latency_due_ns:
            self._latency_due_ns = now_ns + LATENCY_EVERY_NS
            self._latency_p99_ns = self._p99_ns(now_ns)
        local_ms = wall_ms()
        return Measures(
            pnl_e8=account.pnl_e8,
            peak_pnl_e8=account.peak_pnl_e8,
            day_pnl_e8=account.day_pnl_e8,
            errors=errors,
            rejects=rejects,
            latency_p99_ns=self._latency_p99_ns,
            ring_depth=max(shard.market.depth() for shard in house.shards),
            session_wall_ms=int(house.run[0]["started_wall_ns"]) // NS_PER_MS,
            peak_wall_ms=account.peak_wall_ms,
            day_wall_ms=account.day_wall_ms,
            minute_wall_ms=local_ms - (now_ns - self._errors.since_ns(now_ns)) // NS_PER_MS,
            wall_ms=local_ms,
        )

    def _p99_ns(self, now_ns: int) -> int:
        """The 99th percentile of the way from tick to order; 0 of too few orders."""
        leg = self._house.latency[Leg.TICK_TO_TRADE]
        grown = self._latency.growth(now_ns, leg["bins"].astype(np.int64))
        if int(grown.sum()) < LATENCY_ORDERS_MIN:
            return 0
        # Beyond the last bin the session's longest stands for the minute's: a limit up there trips.
        return round(percentile_ns(grown, 99.0, int(leg["max_ns"])))

    def _trip(self, trip: Trip, on_trip: OnTrip, now_ns: int) -> None:
        words = self._house.latch_gate[0]
        write_trip(words, trip, on_trip, now_ns)
        word = "reduce" if on_trip is OnTrip.REDUCE else "halt"
        words[f"{word}_reason"] = trip.reason
        words[f"{word}_ns"] = now_ns
        self._log.error(
            f"auto-stop: {trip.reason.name}: {describe(trip)}; {_DONE[on_trip]} until START",
            notice=Notice.BREAKER_TRIPPED,
        )
