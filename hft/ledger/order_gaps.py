"""Finding what `orders` lacks: in the order table of the run, and in the venue's own list.

Reports may be dropped while the database is away, and a whole session may pass without it.  Then
the order table still has the newest thousand orders, and the venue the others: its list of all
orders, read from where it was last compared, and the fate of those that were open in our table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Engine

from hft.binance import endpoints
from hft.binance.order_frames import parse_client_order_id
from hft.binance.rest import VenueError
from hft.events import OrderState, OrderType
from hft.ledger import order_store
from hft.ledger.inserting import Row
from hft.ledger.order_rows import row_of_venue_order, rows_of_table
from hft.ledger.rows import Names
from hft.ledger.store import Progress
from hft.ledger.user_trades import HISTORY_MS, SETTLED_AFTER_MS, WINDOW_MS
from hft.topology import Records

PAGE = 1000
ORDERS_MAX = 5_000
"""Most orders read, and stored in one transaction, in one go; the rest follows in the next."""

LOOKUPS_MAX = 100
"""Most orders asked for by name in one go."""

WAITING_TYPES = (OrderType.STOP_MARKET.name, OrderType.TAKE_PROFIT_MARKET.name)
"""Orders that wait at the algo endpoint, where the list of orders does not reach."""

VenueOrder = Mapping[str, Any]


class OrderSource(Protocol):
    """The part of `hft.binance.rest.Rest` that is needed here."""

    def get(self, path: str, params: dict[str, Any] | None = None, *, signed: bool = False) -> Any:
        """Ask the venue for something."""


class Listed(msgspec.Struct, frozen=True):
    """Orders of one symbol, oldest first, up to when they are complete, and whether more wait."""

    orders: list[VenueOrder]
    until_ms: int
    more: bool


class OrderGaps:
    """Compares `orders` with what the order table and the venue say, for one round."""

    def __init__(
        self,
        engine: Engine,
        names: Names,
        table: Records,
        venue: OrderSource,
        strategy_of_session: Callable[[int], str],
    ) -> None:
        self._engine = engine
        self._names = names
        self._venue = venue
        self._strategy_of_session = strategy_of_session
        self._table = rows_of_table(table.copy(), names)
        self._held = {row["client_order_id"] for row in self._table if row["finished_ms"] is None}

    def of_symbol(self, symbol: str, progress: Progress, now_ms: int) -> tuple[list[Row], Listed]:
        """Orders of ours that the database lacks or does not know to have ended; and the list."""
        listed = fetch_orders(self._venue, symbol, progress, now_ms)
        rows = [row for row in self._table if row["symbol"] == symbol]
        rows = self._news(rows + self._rows(listed.orders))
        return rows + self._left_open(symbol, now_ms), listed

    def _left_open(self, symbol: str, now_ms: int) -> list[Row]:
        """What became of orders the database believes open and execution no longer holds."""
        account_epoch, until_ms = self._names.account_epoch, now_ms - SETTLED_AFTER_MS
        doubtful = [
            row
            for row in order_store.open_orders(self._engine, account_epoch, symbol, until_ms)
            if row["client_order_id"] not in self._held
        ]
        named = [row for row in doubtful if row["type"] not in WAITING_TYPES]
        waiting = [row for row in doubtful if row["type"] in WAITING_TYPES]
        fates = [self._fate(row, now_ms) for row in named[:LOOKUPS_MAX]]
        return fates + (self._wait_no_longer(symbol, waiting, now_ms) if waiting else [])

    def _fate(self, row: Row, now_ms: int) -> Row:
        asked = {"symbol": row["symbol"], "origClientOrderId": row["client_order_id"]}
        try:
            found = self._venue.get(endpoints.ORDER, asked, signed=True)
        except VenueError as problem:
            if problem.code != endpoints.ORDER_DOES_NOT_EXIST:
                raise
            # Never there, or cancelled without a fill so long ago that the venue forgot it.
            return _gone(row, now_ms) | {"venue_code": problem.code}
        return self._rows([found])[0]

    def _wait_no_longer(self, symbol: str, rows: Sequence[Row], now_ms: int) -> list[Row]:
        """Those of the rows that the venue no longer lists as waiting for their trigger."""
        listed = self._venue.get(endpoints.OPEN_ALGO_ORDERS, {"symbol": symbol}, signed=True)
        there = {str(order["clientAlgoId"]) for order in listed}
        return [_gone(row, now_ms) for row in rows if row["client_order_id"] not in there]

    def _rows(self, orders: Sequence[VenueOrder]) -> list[Row]:
        rows = []
        for order in orders:
            owner = parse_client_order_id(str(order["clientOrderId"]))
            if owner is not None:
                strategy = self._strategy_of_session(owner[0])
                rows.append(row_of_venue_order(order, self._names, owner, strategy))
        return rows

    def _news(self, rows: list[Row]) -> list[Row]:
        ended = order_store.ended_orders(
            self._engine, self._names.account_epoch, [row["client_order_id"] for row in rows]
        )
        # An order that has ended may still turn out to have filled further.
        return [row for row in rows if row["filled_e8"] > ended.get(row["client_order_id"], -1)]


def _gone(row: Row, now_ms: int) -> Row:
    return row | {"state": OrderState.EXPIRED.name, "updated_ms": now_ms, "finished_ms": now_ms}


def fetch_orders(venue: OrderSource, symbol: str, progress: Progress, now_ms: int) -> Listed:
    """Read every order made since `progress`; `now_ms` is the wall clock."""
    since_ms = progress.since_ms if progress.orders_ms is None else progress.orders_ms
    since_ms = max(since_ms, now_ms - HISTORY_MS)
    until_ms = min(now_ms - SETTLED_AFTER_MS, since_ms + WINDOW_MS)
    asked: dict[str, Any] = {"symbol": symbol, "limit": PAGE}
    page = venue.get(endpoints.ALL_ORDERS, asked | {"startTime": since_ms}, signed=True)
    found = list(page)
    while len(page) == PAGE and len(found) < ORDERS_MAX:
        after = {"orderId": int(page[-1]["orderId"]) + 1}
        page = venue.get(endpoints.ALL_ORDERS, asked | after, signed=True)
        found += page
    if len(page) == PAGE:
        return Listed(found, int(page[-1]["time"]), more=True)
    more = until_ms < now_ms - SETTLED_AFTER_MS
    return Listed(found, max(since_ms, until_ms), more)
