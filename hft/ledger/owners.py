"""Finding out whose order a fill of the venue's list belongs to: its list does not say.

The order table of the run knows most of them, the venue's list of the newest orders others.  For
what is left the venue is asked for the order, whose client order id tells the session and the
intent, and the session its strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from hft.binance import endpoints
from hft.binance.order_frames import client_order_id, parse_client_order_id
from hft.binance.rest import VenueError
from hft.events import OrderState
from hft.ledger.rows import NOT_OURS, Names, Owner
from hft.topology import Records

LOOKUPS_MAX = 200
"""Most orders asked for in one go; fills of further ones are stored without a strategy."""


class OrderSource(Protocol):
    """The part of `hft.binance.rest.Rest` that is needed here."""

    def get(self, path: str, params: dict[str, Any] | None = None, *, signed: bool = False) -> Any:
        """Ask the venue for something."""


class Owners:
    """Answers whose order it is, asking the venue about each order at most once."""

    def __init__(
        self,
        orders: Records,
        names: Names,
        venue: OrderSource,
        strategy_of_session: Callable[[int], str],
    ) -> None:
        self._orders = orders
        self._names = names
        self._venue = venue
        self._strategy_of_session = strategy_of_session
        self._asked: dict[tuple[str, int], Owner] = {}
        self._lookups = 0

    def owner(self, symbol: str, order_id: int) -> Owner:
        """Whose order that is; `NOT_OURS` for a stranger's."""
        found = self._in_table(symbol, order_id)
        if found is None:
            found = self._asked.get((symbol, order_id))
        if found is None:
            if self._lookups >= LOOKUPS_MAX:
                return NOT_OURS
            self._lookups += 1
            found = self._asked[symbol, order_id] = self._at_venue(symbol, order_id)
        return found

    def learn(self, symbol: str, orders: Iterable[Mapping[str, Any]]) -> None:
        """Take note of orders as the venue lists them, so that it is not asked about each."""
        for order in orders:
            self._asked[symbol, int(order["orderId"])] = self._of_order(order)

    def _in_table(self, symbol: str, order_id: int) -> Owner | None:
        index = self._names.symbols.index(symbol)
        for at in np.flatnonzero(self._orders["venue_order_id"] == order_id):
            row = self._orders[at].copy()
            # Execution may be giving the row to another order at this moment: look at both ends.
            whole = row["version"] % 2 == 0 and row["version"] == self._orders[at]["version"]
            same = row["venue_order_id"] == order_id and row["symbol"] == index
            if whole and same and row["state"] != OrderState.FREE and row["intent_seq"]:
                intent_seq = int(row["intent_seq"])
                name = client_order_id(self._names.session_epoch, intent_seq)
                return Owner(name, intent_seq, self._names.strategy(int(row["strategy"])))
        return None

    def _at_venue(self, symbol: str, order_id: int) -> Owner:
        try:
            order = self._venue.get(
                endpoints.ORDER, {"symbol": symbol, "orderId": order_id}, signed=True
            )
        except VenueError:
            # Orders are forgotten after some days; their fills are not.
            return NOT_OURS
        return self._of_order(order)

    def _of_order(self, order: Mapping[str, Any]) -> Owner:
        name = str(order["clientOrderId"])
        ours = parse_client_order_id(name)
        if ours is None:
            return Owner(client_order_id=name)
        session_epoch, intent_seq = ours
        return Owner(name, intent_seq, self._strategy_of_session(session_epoch))
