"""One symbol's position by average cost, in whole numbers, and which fills are in it.

Pure.  The cost is kept to 1e-16, so that money is conserved to the last unit; realised profit and
fees are what the venue booked, and the profit worked out here only checks it.
"""

from __future__ import annotations

from hft.units import E8

REMEMBERED_FILLS = 10_000


class Position:
    """Signed lots, their cost, and what the session has realised and paid."""

    def __init__(self, lot_e8: int) -> None:
        self.lot_e8 = lot_e8
        self.lots = 0
        self.cost_e16 = 0
        self.realised_e8 = 0
        self.fees_e8 = 0
        self.funding_e8 = 0
        self.clearance_e8 = 0
        self.fills = 0
        self.last_fill_ns = 0

    def adopt(self, lots: int, entry_e8: int) -> None:
        """Take a position as the venue states it, average entry price included."""
        self.lots = lots
        self.cost_e16 = lots * self.lot_e8 * entry_e8

    def apply(self, signed_lots: int, value_e8: int) -> int:
        """Move by one fill and return the profit it realised by our own count, before fees.

        `signed_lots` is positive for a buy, `value_e8` is price times quantity, positive.  The
        profit is cut toward zero at 1e-8 as the venue does.
        """
        held = self.lots
        flow_e16 = value_e8 * E8 if signed_lots > 0 else -value_e8 * E8
        self.lots += signed_lots
        if held * signed_lots >= 0:
            self.cost_e16 += flow_e16
            return 0
        closed = min(abs(signed_lots), abs(held))
        share_e16 = self.cost_e16 * closed // abs(held)
        closing_e16 = flow_e16 * closed // abs(signed_lots)
        self.cost_e16 += flow_e16 - closing_e16 - share_e16
        return cut_to_e8(-closing_e16 - share_e16)

    def entry_e8(self) -> int:
        """Average entry price, rounded half up; 0 while flat."""
        if not self.lots:
            return 0
        size = self.lots * self.lot_e8
        return (2 * self.cost_e16 + size) // (2 * size)

    def unrealised_e8(self, price_e8: int) -> int:
        """Profit if closed at `price_e8`, cut toward zero."""
        return cut_to_e8(self.lots * self.lot_e8 * price_e8 - self.cost_e16)


class BookedFills:
    """Which trade ids of one symbol are in the books; everything up to `floor` is.

    A set above a floor rather than a highest id: after a gap an older fill may come late, and it
    must neither be lost nor booked twice.
    """

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.last = floor
        self._above: set[int] = set()

    def __contains__(self, trade_id: int) -> bool:
        return trade_id <= self.floor or trade_id in self._above

    def add(self, trade_id: int) -> None:
        """Remember a fill as booked."""
        self._above.add(trade_id)
        self.last = max(self.last, trade_id)
        if len(self._above) > 2 * REMEMBERED_FILLS:
            kept = sorted(self._above)
            self.floor = kept[-REMEMBERED_FILLS - 1]
            self._above = set(kept[-REMEMBERED_FILLS:])


def cut_to_e8(value_e16: int) -> int:
    """Cut units of 1e-16 to units of 1e-8, toward zero."""
    return value_e16 // E8 if value_e16 >= 0 else -(-value_e16 // E8)
