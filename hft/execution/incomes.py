"""Money that moves without a trade of ours: funding, and what a liquidation costs beside its fill.

Funding is booked as the user stream tells it.  What a gap swallowed, and what the stream does not
say enough of, is learnt from the venue's income ledger.
"""

from __future__ import annotations

from typing import Any

from hft.binance.budget import Use
from hft.binance.income import CLEARANCE, FUNDING, Income, fetch_income
from hft.binance.rest import Rest
from hft.events import Notice
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.settlements import REMEMBERED_MS, Payment, Settlements
from hft.units import NS_PER_S, trim_e8

LIST_EVERY_NS = 300 * NS_PER_S
RETRY_NS = 2 * NS_PER_S
AGAIN_NS = 60 * NS_PER_S
"""The ledger may be late: what is wanted of it is looked for once more."""

OVERLAP_MS = 600_000
LOOKAHEAD_MS = 60_000
"""Asked for beyond now: our clock is not the venue's."""

KINDS = (FUNDING, CLEARANCE)


class Incomes:
    """Books payments; `since_ms` is when the session began, by the venue's clock."""

    def __init__(self, books: Books, errands: Errands, since_ms: int) -> None:
        self._books = books
        self._log = books.log
        self._errands = errands
        self._settlements = Settlements()
        self._since_ms = self._listed_ms = since_ms
        self._due_ns = 0
        self._wanted_again_ns = 0
        self._is_wanted = books.resumed
        self._carried = [
            (position.funding_e8, position.clearance_e8) for position in books.positions
        ]
        """From an earlier life of the session, until the first list tells it all again."""

    def take_funding(self, symbol: str, amount_e8: int, ts_ms: int, now_ns: int) -> None:
        """Take in funding from the user stream; without a symbol only the ledger knows whose."""
        if not symbol:
            self.want(now_ns)
        elif self._settlements.tell(Payment(FUNDING, symbol, amount_e8, ts_ms)):
            self._book(FUNDING, symbol, amount_e8)

    def want(self, now_ns: int) -> None:
        """Have the ledger read soon, and once more a while later."""
        self._is_wanted = True
        self._due_ns = now_ns
        self._wanted_again_ns = now_ns + AGAIN_NS

    def tick(self, now_ns: int) -> None:
        """Read the ledger when it is time."""
        if not self._due_ns:
            self._due_ns = now_ns if self._is_wanted else now_ns + LIST_EVERY_NS
        if now_ns < self._due_ns:
            return
        use = Use.NEEDED if self._is_wanted else Use.PERIODIC
        again_ns, self._wanted_again_ns = self._wanted_again_ns, 0
        self._is_wanted = bool(again_ns)
        self._due_ns = again_ns or now_ns + LIST_EVERY_NS
        start_ms = max(self._since_ms, self._listed_ms - OVERLAP_MS)

        def read(rest: Rest) -> tuple[int, list[Income]]:
            now_ms = rest.venue_ms()
            end_ms = now_ms + LOOKAHEAD_MS
            return now_ms, [
                entry for kind in KINDS for entry in fetch_income(rest, start_ms, end_ms, kind)
            ]

        self._errands.ask("income", read, self._on_listed, use)

    def _on_listed(self, result: Any, now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"the venue's income ledger could not be read: {result}")
            self._is_wanted = True
            self._due_ns = now_ns + RETRY_NS
            return
        now_ms, entries = result
        self._set_down()
        for entry in entries:
            if self._settlements.list(entry) and self._book(
                entry.kind, entry.symbol, entry.amount_e8, listed=True
            ):
                self._books.wallet_missed(entry.amount_e8)
        self._listed_ms = now_ms
        self._settlements.forget(now_ms - REMEMBERED_MS)

    def _set_down(self) -> None:
        """Take off what was carried over: from here on the ledger tells all of the session."""
        for position, (funding_e8, clearance_e8) in zip(
            self._books.positions, self._carried, strict=True
        ):
            position.funding_e8 -= funding_e8
            position.clearance_e8 -= clearance_e8
        self._carried = [(0, 0)] * len(self._carried)
