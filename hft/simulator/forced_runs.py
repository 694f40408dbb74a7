"""Guesses forced orders from public trades: large runs of one side that move the price.

The venue tells of at most one liquidation per second and contract; a run that trades many times
the usual volume and moves the price by a third of a percent is taken for one.
"""

from __future__ import annotations

from hft.simulator.csv_trades import Print
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.outcomes import ForcedOrder

RUN_GAP_MS = 500
RUN_MAX_MS = 2_000
MOVED_MIN_E4 = 30
TIMES_USUAL = 4
USUAL_MS = 60_000
BANKRUPT_E4 = 40
"""Further than the run went lies the price the liquidation would have accepted."""


class ForcedRuns:
    """Follows the runs of one contract and says a forced order when one is large."""

    def __init__(self, exchange: Exchange, listing: Listing) -> None:
        self._exchange = exchange
        self._listing = listing
        self._side = 0
        self._start_ms = self._last_ms = 0
        self._start_ticks = 0
        self._lots = 0
        self._worth = 0
        # Volume of a usual minute, in lots; what is old fades away.
        self._minute_lots = 0

    def see(self, each: Print, now_ms: int) -> None:
        """Add a print to the run it belongs to, or begin another."""
        lots = sum(each.parts)
        passed_ms = min(USUAL_MS, max(0, each.time_ms - self._last_ms))
        self._minute_lots += lots - self._minute_lots * passed_ms // USUAL_MS
        over = (
            each.side != self._side
            or each.time_ms - self._last_ms > RUN_GAP_MS
            or each.time_ms - self._start_ms > RUN_MAX_MS
        )
        if over:
            self._begin(each)
        self._last_ms = each.time_ms
        self._lots += lots
        self._worth += lots * each.ticks
        moved = (each.ticks - self._start_ticks) * each.side
        usual = self._minute_lots * RUN_MAX_MS // USUAL_MS
        if moved * 10_000 >= self._start_ticks * MOVED_MIN_E4 and self._lots > TIMES_USUAL * usual:
            self._say(each, now_ms)
            self._begin(each)

    def _begin(self, each: Print) -> None:
        self._side, self._start_ms, self._start_ticks = each.side, each.time_ms, each.ticks
        self._lots = self._worth = 0

    def _say(self, each: Print, now_ms: int) -> None:
        bankrupt = each.ticks + each.side * (each.ticks * BANKRUPT_E4 // 10_000)
        order = ForcedOrder(
            symbol=self._listing.symbol,
            side=each.side,
            lots=self._lots,
            price_ticks=max(1, bankrupt),
            average_ticks=self._worth // self._lots,
            time_ms=now_ms,
        )
        self._exchange.say(order)
