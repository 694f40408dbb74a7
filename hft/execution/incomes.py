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
from hft.execution.times import Times
from hft.units import NS_PER_S, trim_e8

RETRY_NS = 2 * NS_PER_S
OVERLAP_MS = 600_000
LOOKAHEAD_MS = 60_000
"""Asked for beyond now: our clock is not the venue's."""

_NAME = "income"
KINDS = (FUNDING, CLEARANCE)


class Incomes:
    """Books payments; `since_ms` is when the session began, by the venue's clock."""

    def __init__(self, books: Books, errands: Errands, since_ms: int, times: Times) -> None:
        self._books = books
        self._log = books.log
        self._errands = errands
        self._times = times
        self._settlements = Settlements()
        self._since_ms = self._listed_ms = since_ms
        self._due_ns = self._again_ns = 0
        self._is_wanted = self._doubted = False
        self._last_asked = False
        self._unnamed: list[int] = []
        """Amounts that the user stream told and of which it did not say whose they were."""
        self._carried = [(each.funding_e8, each.clearance_e8) for each in books.positions]
        """From an earlier life of the session, until the first list tells it all again."""
        self._tells_all = books.resumed

    def take_funding(self, symbol: str, amount_e8: int, ts_ms: int, now_ns: int) -> None:
        """Take in funding from the user stream; without a symbol only the ledger knows whose."""
        if not symbol:
            self.take_unnamed(amount_e8, now_ns)
        elif self._settlements.tell(Payment(FUNDING, symbol, amount_e8, ts_ms)):
            self._book(FUNDING, symbol, amount_e8)

    def take_unnamed(self, amount_e8: int, now_ns: int) -> None:
        """Take in a payment of which the user stream does not say for which position it was."""
        self._unnamed.append(amount_e8)
        self.want(now_ns)

    def want(self, now_ns: int) -> None:
        """Have the ledger read soon, and once more a while later."""
        self._is_wanted = True
        self._due_ns = now_ns
        self._again_ns = now_ns + self._times.income_again_ns

    def read_last(self) -> bool:
        """Read once more before the end; says when that is done, whatever came of it."""
        if not self._last_asked:
            traded = self._books.account.fills or any(each.lots for each in self._books.positions)
            self._last_asked = not traded or self._ask(Use.NEEDED)
        return self._last_asked and not self._errands.is_under_way(_NAME)

    def tick(self, now_ns: int) -> None:
        """Read the ledger when it is time, or when the balance is not what it should be."""
        doubted = self._books.wallet.is_doubted
        if doubted and not self._doubted:
            self.want(now_ns)
        self._doubted = doubted
        if not self._due_ns:
            self._due_ns = now_ns + (0 if self._tells_all else self._times.income_ns)
        if now_ns < self._due_ns:
            return
        use = Use.NEEDED if self._is_wanted or self._tells_all else Use.PERIODIC
        if self._ask(use):
            self._is_wanted = bool(self._again_ns)
            self._due_ns = self._again_ns or now_ns + self._times.income_ns
            self._again_ns = 0

    def _ask(self, use: Use) -> bool:
        start_ms = max(self._since_ms, self._listed_ms - OVERLAP_MS)

        def read(rest: Rest) -> tuple[int, list[Income]]:
            now_ms = rest.venue_ms()
            end_ms = now_ms + LOOKAHEAD_MS
            return now_ms, [
                entry for kind in KINDS for entry in fetch_income(rest, start_ms, end_ms, kind)
            ]

        return self._errands.ask(_NAME, read, self._on_listed, use)

    def _on_listed(self, result: Any, now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"the venue's income ledger could not be read: {result}")
            self._is_wanted = True
            self._due_ns = now_ns + RETRY_NS
            return
        now_ms, entries = result
        missed = [entry for entry in entries if self._settlements.list(entry)]
        if self._tells_all:
            self._set_down()
        for entry in missed:
            self._book(entry.kind, entry.symbol, entry.amount_e8)
            if entry.amount_e8 in self._unnamed:
                self._unnamed.remove(entry.amount_e8)
            elif not self._tells_all and entry.asset.encode() == self._books.margin_asset:
                self._books.wallet.missed(entry.amount_e8)
        self._tells_all = False
        self._listed_ms = now_ms
        self._settlements.forget(now_ms - REMEMBERED_MS)

    def _set_down(self) -> None:
        """Take off what was carried over: from here on the ledger tells all of the session."""
        for position, carried in zip(self._books.positions, self._carried, strict=True):
            position.funding_e8 -= carried[0]
            position.clearance_e8 -= carried[1]

    def _book(self, kind: str, symbol: str, amount_e8: int) -> None:
        index = self._books.index.get(symbol)
        if index is None:
            return  # For a position that is not ours to count.
        self._books.receive(index, kind, amount_e8)
        told = f"{'paid' if amount_e8 < 0 else 'received'} {trim_e8(abs(amount_e8))}"
        if kind == FUNDING:
            self._log.info(f"{symbol}: funding, {told}", Notice.FUNDING)
        else:
            self._log.warning(f"{symbol}: {kind} of a liquidation, {told}", Notice.LIQUIDATION)
