"""Keeps the prices of other assets fresh: those that are held, or that a fee was charged in."""

from __future__ import annotations

from typing import Any

from hft.binance.asset_price import newest_price_e8
from hft.binance.budget import Use
from hft.binance.rest import Rest
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.units import NS_PER_S

REFRESH_NS = 10 * NS_PER_S
WANTED_NS = NS_PER_S
"""How soon a price that is missing is asked for again."""


class AssetPrices:
    """Asks the venue now and then, and at once for an asset nobody knew of."""

    def __init__(self, books: Books, errands: Errands) -> None:
        self._books = books
        self._log = books.log
        self._errands = errands
        self._asked_ns = 0
        self._unlisted: set[str] = set()

    def tick(self, now_ns: int) -> None:
        """Ask when it is time, if there is anything to price."""
        assets = self._books.assets
        wanted = assets.wanted
        if now_ns - self._asked_ns < (WANTED_NS if wanted else REFRESH_NS):
            return
        self._asked_ns = now_ns
        names, money = list(assets.to_price()), assets.margin_asset.decode()
        if names:
            self._errands.ask(
                "asset prices",
                lambda rest: read_prices(rest, names, money),
                self._on_prices,
                Use.NEEDED if wanted else Use.PERIODIC,
            )

    def _on_prices(self, result: Any, _now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"the prices of other assets could not be read: {result}")
            return
        self._books.learn_prices(result)
        for asset in sorted({name for name, e8 in result.items() if not e8} - self._unlisted):
            self._unlisted.add(asset)
            self._log.warning(
                f"{asset} cannot be valued, since the venue lists no contract of it: neither "
                "fees in it nor what is held of it count"
            )


def read_prices(rest: Rest, assets: list[str], money: str) -> dict[str, int]:
    """Ask for the price of each asset; 0 where there is none."""
    return {asset: newest_price_e8(rest, asset, money) for asset in assets}
