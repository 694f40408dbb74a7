"""A margin account: wallets, and positions by average cost, in whole numbers.

Pure.  Realised profit is the closed part's value less its share of the cost, cut toward zero at
1e-8 as the venue does; the share is kept to 1e-16 and the dust cut off is counted, so that money
is conserved to the last unit.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hft.units import E8

MAKER_PPM = 200
TAKER_PPM = 500
START_BALANCE_E8 = 10_000 * E8
DEFAULT_LEVERAGE = 20
BOTH = "BOTH"
LONG = "LONG"
SHORT = "SHORT"
LEGS = (BOTH, LONG, SHORT)


class Position(msgspec.Struct):
    """A position: signed lots, signed cost (1e-16 of the quote asset), its isolated wallet.

    In one-way mode a symbol has the leg BOTH alone; in hedge mode LONG (lots never below zero) and
    SHORT (never above).
    """

    leg: str = BOTH
    lots: int = 0
    cost_e16: int = 0
    realized_e8: int = 0
    isolated_e8: int = 0
    update_ms: int = 0

    def entry_e8(self, lot_e8: int) -> int:
        """Average entry price in units of 1e-8, rounded half up; 0 when flat."""
        if not self.lots:
            return 0
        size = self.lots * lot_e8
        return (2 * self.cost_e16 + size) // (2 * size)

    def break_even_e8(self, lot_e8: int, taker_ppm: int = TAKER_PPM) -> int:
        """Price at which closing pays back the opening taker fee, in units of 1e-8."""
        entry = self.entry_e8(lot_e8)
        fee = entry * taker_ppm // 1_000_000
        return entry + fee if self.lots > 0 else entry - fee

    def unrealized_e8(self, mark_e8: int, lot_e8: int) -> int:
        """Profit if closed at the mark price, cut toward zero at 1e-8."""
        return cut_to_e8(self.lots * lot_e8 * mark_e8 - self.cost_e16)

    def notional_e8(self, mark_e8: int, lot_e8: int) -> int:
        """Signed worth at the mark price, cut toward zero at 1e-8."""
        return cut_to_e8(self.lots * lot_e8 * mark_e8)

    def fill(self, signed_lots: int, value_e8: int) -> tuple[int, int]:
        """Book one fill; gives its realised profit (1e-8) and the dust cut off it (1e-16).

        `value_e8` is price times quantity, positive; `signed_lots` is positive for a buy.
        """
        held = self.lots
        flow_e16 = value_e8 * E8 if signed_lots > 0 else -value_e8 * E8
        if held * signed_lots >= 0:
            self.lots = held + signed_lots
            self.cost_e16 += flow_e16
            return 0, 0
        closed = min(abs(signed_lots), abs(held))
        share_e16 = self.cost_e16 * closed // abs(held)
        # Exact: the value is whole ticks times whole lots, so a part of it is whole too.
        closing_flow_e16 = flow_e16 * closed // abs(signed_lots)
        gain_e16 = -closing_flow_e16 - share_e16
        realized = cut_to_e8(gain_e16)
        self.lots = held + signed_lots
        self.cost_e16 += gain_e16 + flow_e16
        self.realized_e8 += realized
        return realized, gain_e16 - realized * E8


class Holding:
    """What an account has in one symbol: its legs and their settings.

    `bids_e8` and `asks_e8` are the worth of the open orders that would open or add, by side;
    `reducers` counts those that would not.
    """

    __slots__ = ("asks_e8", "bids_e8", "isolated", "legs", "leverage", "open_orders", "reducers")

    def __init__(self) -> None:
        self.leverage = DEFAULT_LEVERAGE
        self.isolated = False
        self.legs = {leg: Position(leg) for leg in LEGS}
        self.bids_e8 = 0
        self.asks_e8 = 0
        self.open_orders = 0
        self.reducers = 0

    def held(self) -> Iterator[Position]:
        """Give the legs that hold something."""
        for position in self.legs.values():
            if position.lots:
                yield position

    @property
    def busy(self) -> bool:
        """Say whether there is a position or an open order."""
        return bool(self.open_orders) or any(leg.lots for leg in self.legs.values())


class Account:
    """Wallets, holdings, settings and the running totals of one user."""

    def __init__(self, account_id: int, balance_e8: int = START_BALANCE_E8) -> None:
        self.account_id = account_id
        self.wallets: dict[str, int] = {"USDT": balance_e8}
        self.fees: dict[str, int] = {}
        self.dust_e16: dict[str, int] = {}
        self.holdings: dict[str, Holding] = {}
        self.hedge = False
        self.multi_assets = False
        self.fee_burn = False
        self.maker_ppm = MAKER_PPM
        self.taker_ppm = TAKER_PPM
        self.update_ms = 0

    @property
    def wallet_e8(self) -> int:
        """USDT in the wallet, isolated margin included, in units of 1e-8."""
        return self.wallets["USDT"]

    @wallet_e8.setter
    def wallet_e8(self, value: int) -> None:
        self.wallets["USDT"] = value

    @property
    def fees_e8(self) -> int:
        """USDT paid in fees so far, in units of 1e-8."""
        return self.fees.get("USDT", 0)

    def holding(self, symbol: str) -> Holding:
        """Give what the account has in a symbol, empty if it never traded it."""
        holding = self.holdings.get(symbol)
        if holding is None:
            holding = self.holdings[symbol] = Holding()
        return holding

    def position(self, symbol: str, leg: str = BOTH) -> Position:
        """Give a position, flat if the symbol was never traded."""
        return self.holding(symbol).legs[leg]

    def isolated_e8(self, symbols: set[str] | None = None) -> int:
        """Margin set apart for isolated positions, of all symbols or of some."""
        return sum(
            leg.isolated_e8
            for name, holding in self.holdings.items()
            if symbols is None or name in symbols
            for leg in holding.legs.values()
        )

    def change(self, asset: str, amount_e8: int) -> None:
        """Add to a wallet (or take from it, below zero)."""
        self.wallets[asset] = self.wallets.get(asset, 0) + amount_e8

    def pay_fee(self, asset: str, amount_e8: int) -> None:
        """Pay a fee, counted apart."""
        self.wallets[asset] = self.wallets.get(asset, 0) - amount_e8
        self.fees[asset] = self.fees.get(asset, 0) + amount_e8

    def apply_fill(
        self,
        symbol: str,
        signed_lots: int,
        value_e8: int,
        fee_e8: int,
        *,
        leg: str = BOTH,
        asset: str = "USDT",
    ) -> int:
        """Book one fill and give its realised profit in units of 1e-8 (before the fee)."""
        holding = self.holding(symbol)
        position = holding.legs[leg]
        held = position.lots
        realized, dust = position.fill(signed_lots, value_e8)
        if dust:
            self.dust_e16[asset] = self.dust_e16.get(asset, 0) + dust
        wallets = self.wallets
        wallets[asset] = wallets.get(asset, 0) + realized - fee_e8
        if fee_e8:
            self.fees[asset] = self.fees.get(asset, 0) + fee_e8
        if holding.isolated or position.isolated_e8:
            self._set_apart(holding, position, held, (signed_lots, value_e8))
        return realized

    def _set_apart(
        self, holding: Holding, position: Position, held: int, fill: tuple[int, int]
    ) -> None:
        """Move margin between cross and isolated wallet: in on opening, out on closing."""
        signed_lots, value_e8 = fill
        if held * signed_lots < 0:
            closed = min(abs(signed_lots), abs(held))
            position.isolated_e8 -= position.isolated_e8 * closed // abs(held)
        opened = abs(signed_lots)
        if held * signed_lots < 0:
            opened = max(0, abs(signed_lots) - abs(held))
        if opened and holding.isolated:
            position.isolated_e8 += value_e8 * opened // abs(signed_lots) // holding.leverage


def cut_to_e8(value_e16: int) -> int:
    """Cut units of 1e-16 to units of 1e-8, toward zero."""
    return value_e16 // E8 if value_e16 >= 0 else -(-value_e16 // E8)


def fee_e8(value_e8: int, rate_ppm: int) -> int:
    """Commission on a fill, rounded half up to units of 1e-8."""
    return (value_e8 * rate_ppm + 500_000) // 1_000_000
