"""Assets beside the margin asset: how much of each there is, and what one is worth.

A fee may be charged in any of them (BNB, mostly), and the account is worth them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hft.execution.reports import Fill
from hft.units import E8, priced_e8

LivePrice = Callable[[str], int]
"""Gives the price of a contract we trade, in 1e-8; 0 for any other."""


class Assets:
    """Balances and prices in units of 1e-8 of the margin asset; 0 for a price nobody knows."""

    def __init__(self, live_price: LivePrice) -> None:
        self.margin_asset = b""
        self._live_price = live_price
        self._balances: dict[bytes, int] = {}
        self._prices: dict[bytes, int] = {}
        self._wanted: set[bytes] = set()
        self._uncharged: list[Fill] = []
        """Fills whose fees wait for a price."""

    def price_e8(self, asset: bytes) -> int:
        """What one of it is worth now; an asset whose price is not known is asked for soon."""
        if asset == self.margin_asset:
            return E8
        price_e8 = self._live_price((asset + self.margin_asset).decode())
        price_e8 = price_e8 or self._prices.get(asset, 0)
        if not price_e8:
            self._wanted.add(asset)
        return price_e8

    def value(self, fill: Fill) -> int:
        """Value a fill's fee, unless whoever told of it has; 0 while there is no price."""
        fill.fee_price_e8 = fill.fee_price_e8 or self.price_e8(fill.fee_asset)
        fill.fee_value_e8 = priced_e8(fill.fee_e8, fill.fee_price_e8)
        return fill.fee_value_e8

    def charge(self, fill: Fill) -> int:
        """Value the fee of a fill that is being booked; what has no price yet is charged later."""
        if not fill.fee_e8:
            return 0
        value_e8 = self.value(fill)
        if not fill.fee_price_e8:
            self._uncharged.append(fill)
        return value_e8

    def worth_e8(self) -> int:
        """What all of them are worth together, as far as prices are known."""
        return sum(
            priced_e8(amount_e8, self.price_e8(asset))
            for asset, amount_e8 in self._balances.items()
            if amount_e8
        )

    def told(self, asset: str, amount_e8: int) -> None:
        """Take in a balance."""
        name = asset.encode()
        if name != self.margin_asset:
            self._balances[name] = amount_e8

    def told_all(self, balances: Mapping[str, int]) -> None:
        """Take in every balance there is; what is not among them is gone."""
        self._balances.clear()
        for asset, amount_e8 in balances.items():
            self.told(asset, amount_e8)

    def learn(self, prices: Mapping[str, int]) -> list[Fill]:
        """Take in what the venue tells of prices; gives the fills that can be charged now.

        A price of 0 means that it lists no such contract.
        """
        for asset, price_e8 in prices.items():
            self._prices[asset.encode()] = price_e8
            self._wanted.discard(asset.encode())
        chargeable = [fill for fill in self._uncharged if self.price_e8(fill.fee_asset)]
        self._uncharged = [fill for fill in self._uncharged if fill not in chargeable]
        for fill in chargeable:
            self.value(fill)
        return chargeable

    @property
    def wanted(self) -> bool:
        """Say whether there is an asset whose price was needed and is not known."""
        return any(asset not in self._prices for asset in self._wanted)

    def to_price(self) -> Iterable[str]:
        """Name the assets whose prices matter."""
        held = (asset for asset, amount_e8 in self._balances.items() if amount_e8)
        return sorted(asset.decode() for asset in {*held, *self._prices, *self._wanted})
