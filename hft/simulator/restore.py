"""Puts a state back into a venue that has just been made: accounts, orders, books, counters.

Only users' orders go into the books; the market comes after and meets them by ordinary matching.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from hft.errors import BootError
from hft.simulator.kept import Kept, Room, Track
from hft.simulator.orders import LIQUIDATION, OPEN, Amendment, VenueOrder
from hft.simulator.state_file import Key, StateFile, damaged
from hft.simulator.state_rows import (
    AccountRow,
    FillRow,
    HoldingRow,
    HouseRow,
    IdentityRow,
    IncomeRow,
    ListingRow,
    OrderRow,
    PriceRow,
    fill_account,
    fill_holding,
    fill_of,
    income_of,
    order_of,
)
from hft.simulator.symbols import Symbol
from hft.simulator.treasury import FUND_ID
from hft.simulator.venue import Venue

T = TypeVar("T")


def restore(file: StateFile, venue: Venue, rooms: Sequence[Room] = ()) -> Kept:
    """Put back what a state file holds, if it holds anything.

    Raises:
        BootError: the state is damaged, or of contracts that this venue does not list so.
    """
    return _Restorer(file, venue).run(rooms)


class _Restorer:
    def __init__(self, file: StateFile, venue: Venue) -> None:
        self._file = file
        self._venue = venue
        self._exchange = venue.exchange
        self._kept = Kept()

    def run(self, rooms: Sequence[Room]) -> Kept:
        facts = {str(key): data for key, data in self._file.rows("facts")}
        if "identity" not in facts:
            return self._kept
        try:
            self._facts(facts)
            self._listings()
            self._accounts()
            self._orders()
            self._fills()
            self._income()
            for room in rooms:
                room.restore(self._rows_of(room.name), self._symbol)
        except (msgspec.DecodeError, ValueError) as error:
            raise damaged(self._file.folder, str(error)) from None
        except KeyError as error:
            raise damaged(self._file.folder, f"{error} is missing") from None
        self._kept.restored = True
        return self._kept

    def _facts(self, facts: dict[str, bytes]) -> None:
        venue, exchange = self._venue, self._exchange
        identity = msgspec.json.decode(facts["identity"], type=IdentityRow)
        venue.account_epoch, venue.account_alias = identity.account_epoch, identity.account_alias
        self._kept.time_ms = msgspec.json.decode(facts["time_ms"], type=int)
        self._kept.names = msgspec.json.decode(facts["names"], type=dict[int, str])
        house = msgspec.json.decode(facts["house"], type=HouseRow)
        exchange.next_amendment_id = house.next_amendment_id
        exchange.latest_income = house.latest_income
        exchange.liquidator.next_number = house.next_forced
        exchange.treasury.house_cash = house.house_cash
        exchange.treasury.deposited = house.deposited
        publisher = venue.publisher
        if not publisher.recorded and "updates" in facts:
            publisher.ids.raise_to(msgspec.json.decode(facts["updates"], type=int))
            for feed in publisher.feeds.values():
                feed.begin()

    def _listings(self) -> None:
        for key, row in self._decoded("listings", ListingRow):
            listing = self._exchange.listings.get(str(key))
            if listing is None:
                # Nobody may have used it; whoever did is refused below.
                continue
            steps = (listing.symbol.tick_e8, listing.symbol.lot_e8)
            if steps != (row.tick_e8, row.lot_e8):
                raise BootError(
                    f"the state in {self._file.folder} was kept with other steps of price and "
                    f"quantity of {key}: list the contract as it was, or use --reset-state"
                )
            listing.next_order_id = row.next_order_id
            listing.next_trade_id = row.next_trade_id
            listing.house_lots = row.house_lots
            listing.house_cost_e16 = row.house_cost_e16
            self._venue.publisher.feeds[str(key)].history.next_aggregate_id = row.next_aggregate_id
        for key, prices in self._decoded("prices", PriceRow):
            listing = self._exchange.listings.get(str(key))
            if listing is not None:
                listing.last_ticks = prices.last_ticks
                listing.mark_e8 = prices.mark_e8
                listing.index_e8 = prices.index_e8
                listing.funding_rate_e8 = prices.funding_rate_e8

    def _accounts(self) -> None:
        for key, row in self._decoded("accounts", AccountRow):
            fill_account(self._exchange.open_desk(int(key)), row)
            self._kept.incomes[int(key)] = 0
        for key, holding in self._decoded("holdings", HoldingRow):
            owner, _, name = str(key).partition(" ")
            self._symbol(name)
            fill_holding(self._exchange.desks[int(owner)].account.holding(name), holding)

    def _orders(self) -> None:
        amendments: dict[int, list[Amendment]] = {}
        for key, amendment in self._decoded("amendments", Amendment):
            amendments.setdefault(int(str(key).partition(" ")[0]), []).append(amendment)
        rows = sorted(self._decoded("orders", OrderRow), key=lambda pair: pair[1].number)
        resting: list[tuple[int, VenueOrder]] = []
        for key, row in rows:
            history = sorted(amendments.get(int(key), ()), key=lambda amendment: amendment.count)
            order = order_of(int(key), row, self._symbol(row.request.symbol), tuple(history))
            desk = self._exchange.desks[order.owner]
            if order.status in OPEN:
                desk.take_in(order)
                resting.append((row.queue, order))
                self._kept.tracks[int(key)] = Track(row.number, row.queue, len(history))
            else:
                desk.orders[order.order_id] = order
                desk.by_client[order.symbol.name, order.client_id] = order
                if order.kind == LIQUIDATION and order.owner != FUND_ID:
                    desk.forced.append(order)
            self._count(max(row.number, row.queue))
        for _, order in sorted(resting, key=lambda pair: pair[0]):
            self._exchange.listings[order.symbol.name].book.rest(order)
            self._exchange.clerk.hold(order, order.left_lots)
            if order.request.good_till_ms:
                self._exchange.expire_later(order)

    def _fills(self) -> None:
        rows = sorted(self._decoded("fills", FillRow), key=lambda pair: pair[1].number)
        for _, row in rows:
            fill = fill_of(row, self._symbol(row.symbol))
            self._exchange.desks[row.owner].fills.append(fill)
            self._count(row.number)

    def _income(self) -> None:
        incomes = self._kept.incomes
        for table in ("income", "margin_moves"):
            for key, row in self._decoded(table, IncomeRow):
                desk = self._exchange.desks[row.owner]
                entries = desk.income if table == "income" else desk.margin_moves
                entries.append(income_of(row))
                incomes[row.owner] = max(incomes[row.owner], int(key))

    def _count(self, number: int) -> None:
        self._kept.next_number = max(self._kept.next_number, number + 1)

    def _symbol(self, name: str) -> Symbol:
        listing = self._exchange.listings.get(name)
        if listing is None:
            raise BootError(
                f"the state in {self._file.folder} has orders or positions in {name}, which is "
                "not listed: list it, or begin anew with --reset-state"
            )
        return listing.symbol

    def _decoded(self, table: str, kind: type[T]) -> Iterator[tuple[Key, T]]:
        decode = msgspec.json.Decoder(kind).decode
        for key, data in self._file.rows(table):
            yield key, decode(data)

    def _rows_of(self, room: str) -> Iterator[tuple[str, bytes]]:
        for key, data in self._file.rows("rooms"):
            name, _, rest = str(key).partition(" ")
            if name == room:
                yield rest, data
