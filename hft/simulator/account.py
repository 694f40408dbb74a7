"""A margin account: wallet and positions in whole numbers, by average cost.

Pure.  Realised profit is the closed part's value less its share of the cost, cut toward zero at
1e-8 as the venue does; the share is kept to 1e-16 and the dust cut off is counted, so that money
is conserved to the last unit.
"""

from __future__ import annotations

import msgspec

from hft.units import E8

MAKER_PPM = 200
TAKER_PPM = 500
START_BALANCE_E8 = 10_000 * E8
DEFAULT_LEVERAGE = 20


class Position(msgspec.Struct):
    """One-way position in one symbol: signed lots and signed cost (1e-16 of the quote asset)."""

    lots: int = 0
    cost_e16: int = 0
    realized_e8: int = 0
    leverage: int = DEFAULT_LEVERAGE
    update_ms: int = 0

    def entry_e8(self, lot_e8: int) -> int:
        """Average entry price in units of 1e-8, rounded half up; 0 when flat."""
        if not self.lots:
            return 0
        size = self.lots * lot_e8
        return (2 * self.cost_e16 + size) // (2 * size)

    def break_even_e8(self, lot_e8: int) -> int:
        """Price at which closing pays back the opening taker fee, in units of 1e-8."""
        entry = self.entry_e8(lot_e8)
        fee = entry * TAKER_PPM // 1_000_000
        return entry + fee if self.lots > 0 else entry - fee

    def unrealized_e8(self, mark_e8: int, lot_e8: int) -> int:
        """Profit if closed at the mark price, cut toward zero at 1e-8."""
        return cut_to_e8(self.lots * lot_e8 * mark_e8 - self.cost_e16)

    def notional_e8(self, mark_e8: int, lot_e8: int) -> int:
        """Signed worth at the mark price, cut toward zero at 1e-8."""
        return cut_to_e8(self.lots * lot_e8 * mark_e8)


class Account:
    """Wallet, positions and the running totals of one user."""

    def __init__(self, account_id: int, balance_e8: int = START_BALANCE_E8) -> None:
        self.account_id = account_id
        self.wallet_e8 = balance_e8
        self.fees_e8 = 0
        self.dust_e16 = 0
        self.hedge = False
        self.positions: dict[str, Position] = {}

    def position(self, symbol: str, leg: str = "BOTH") -> Position:
        """Give a position, flat if the symbol never traded."""
        name = symbol if leg == "BOTH" else f"{symbol} {leg}"
        position = self.positions.get(name)
        if position is None:
            position = self.positions[name] = Position()
        return position

    def apply_fill(self, symbol: str, signed_lots: int, value_e8: int, fee_e8: int) -> int:
        """Book one fill and give its realised profit in units of 1e-8 (before the fee).

        `value_e8` is price times quantity, positive; `signed_lots` is positive for a buy.
        """
        position = self.position(symbol)
        realized = self._reduce(position, signed_lots, value_e8)
        self.wallet_e8 += realized - fee_e8
        self.fees_e8 += fee_e8
        position.realized_e8 += realized
        return realized

    def _reduce(self, position: Position, signed_lots: int, value_e8: int) -> int:
        held = position.lots
        flow_e16 = value_e8 * E8 if signed_lots > 0 else -value_e8 * E8
        if held * signed_lots >= 0:
            position.lots += signed_lots
            position.cost_e16 += flow_e16
            return 0
        closed = min(abs(signed_lots), abs(held))
        share_e16 = position.cost_e16 * closed // abs(held)
        # Exact: the value is whole ticks times whole lots, so a part of it is whole too.
        closing_flow_e16 = flow_e16 * closed // abs(signed_lots)
        gain_e16 = -closing_flow_e16 - share_e16
        realized = cut_to_e8(gain_e16)
        self.dust_e16 += gain_e16 - realized * E8
        position.lots += signed_lots
        position.cost_e16 += closing_flow_e16 + gain_e16 + (flow_e16 - closing_flow_e16)
        return realized


def cut_to_e8(value_e16: int) -> int:
    """Cut units of 1e-16 to units of 1e-8, toward zero."""
    return value_e16 // E8 if value_e16 >= 0 else -(-value_e16 // E8)


def fee_e8(value_e8: int, rate_ppm: int) -> int:
    """Commission on a fill, rounded half up to units of 1e-8."""
    return (value_e8 * rate_ppm + 500_000) // 1_000_000
