"""Keeps the venue on disk: what a transaction changed is written before anybody hears of it.

Rows are compared with what was last written, so whatever changed is found whoever changed it; the
outcomes only say where to look.  Counters that the market moves by itself (trades, aggregates,
book updates) are reserved ahead: after a kill they go on behind the reserve, never before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hft.errors import BootError, HftError
from hft.simulator.desk import Desk, Forgotten, Listing
from hft.simulator.kept import Kept, Room, Track
from hft.simulator.orders import OPEN, VenueOrder
from hft.simulator.outcomes import (
    AccountUpdate,
    Income,
    LeverageChanged,
    MarginCall,
    MultiAssetsChanged,
    OrderUpdate,
    Outcome,
    Trade,
)
from hft.simulator.state_file import Change, Key, StateFile
from hft.simulator.state_rows import (
    HouseRow,
    IdentityRow,
    account_row,
    encode,
    fill_key,
    fill_row,
    holding_row,
    income_row,
    listing_row,
    order_row,
    price_row,
)
from hft.simulator.treasury import FUND_ID
from hft.simulator.venue import Venue

RESERVED_IDS = 1_000
RESERVED_UPDATES = 100_000
SECOND_MS = 1_000


class Keeper:
    """Writes what changes in a venue to its state file; `exact`: reserve no ids any more."""

    def __init__(
        self, file: StateFile, venue: Venue, kept: Kept, rooms: Sequence[Room] = ()
    ) -> None:
        self._file = file
        self._venue = venue
        self._exchange = venue.exchange
        self._rooms = rooms
        self.kept = kept
        self._tracks = kept.tracks
        self._incomes = kept.incomes
        self._next_number = kept.next_number
        self._written: dict[tuple[str, Key], bytes] = {}
        self._changes: list[Change] = []
        self._orders: dict[int, VenueOrder] = {}
        self._traders: set[tuple[int, str]] = set()
        self._second = 0
        self._trade_ids: dict[str, int] = {}
        self._aggregate_ids: dict[str, int] = {}
        self._updates = 0
        self.exact = False
        self._failure: HftError | None = None
        self._exchange.on_forget = self.forget

    def note(self, outcomes: Sequence[Outcome], now_ms: int, *, every: bool = False) -> None:
        """Write what a transaction changed; when this returns, it may be told.

        Raises:
            HftError: it cannot be written, now or before; nothing may be told any more.
        """
        if self._failure is not None:
            raise self._failure
        if outcomes:
            self._look_at(outcomes)
        if every:
            self._exchange.touched.update(self._exchange.desks)
            for listing in self._exchange.listings.values():
                self._note_listing(listing)
            self._note_house()
        for account_id in self._exchange.touched:
            self._note_desk(self._exchange.desks[account_id])
        self._exchange.touched.clear()
        self._note_updates()
        second = now_ms // SECOND_MS
        every = every or second != self._second
        if every:
            self._second = second
            self._note_market(now_ms)
        for room in self._rooms:
            for key, data in room.changes(outcomes, every=every):
                self._changes.append(Change("rooms", f"{room.name} {key}", data))
        if self._changes:
            self._write()

    def close(self) -> None:
        """Let go of the state directory."""
        self._file.close()

    def check_names(self) -> None:
        """See that every account is the one it was: its id follows from a place in a file.

        Raises:
            BootError: an account has another name now.
        """
        for name, number in self._venue.account_ids.items():
            known = self.kept.names.get(number, name)
            if known != name:
                raise BootError(
                    f"account {number} of the state in {self._file.folder} is {known!r}, and now "
                    f"it would be {name!r}: leave known accounts in their order, new ones follow"
                )

    def describe(self) -> dict[str, object]:
        """Say where the state is and whether it was there before."""
        return {"dir": self._file.folder.resolve().name, "restored": self.kept.restored}

    def forget(self, account_id: int, gone: Forgotten) -> None:
        """Delete with the next transaction what a desk no longer remembers."""
        for order in gone.orders:
            self._changes.append(Change("orders", order.order_id, None))
            for amendment in order.amendments:
                key = f"{order.order_id} {amendment.count}"
                self._changes.append(Change("amendments", key, None))
        for fill in gone.fills:
            self._changes.append(Change("fills", fill_key(account_id, fill), None))
        for income in gone.income:
            self._changes.append(Change("income", income.number, None))

    # What outcomes tell of.

    def _look_at(self, outcomes: Sequence[Outcome]) -> None:
        touched = self._exchange.touched
        listings: dict[str, Listing] = {}
        by_user, trades = False, 0
        for outcome in outcomes:
            if isinstance(outcome, OrderUpdate):
                by_user = True
                name = outcome.order.symbol.name
                listings[name] = self._exchange.listings[name]
                self._look_at_order(outcome)
            elif isinstance(outcome, Trade):
                trades += 1
                name = outcome.symbol.name
                if outcome.trade_id >= self._trade_ids.get(name, 0):
                    listings[name] = self._exchange.listings[name]
            elif isinstance(outcome, AccountUpdate):
                # What fills changed is said by their orders.
                if outcome.reason != "ORDER":
                    by_user = True
                    touched.update((outcome.account_id, FUND_ID))
            elif isinstance(outcome, LeverageChanged | MultiAssetsChanged | MarginCall):
                touched.add(outcome.account_id)
        for order in self._orders.values():
            self._note_order(order)
        self._orders.clear()
        for owner, name in self._traders:
            self._note_trader(self._exchange.desks[owner], name)
        self._traders.clear()
        for listing in listings.values():
            self._note_listing(listing, trades)
        if by_user:
            self._note_house()

    def _look_at_order(self, outcome: OrderUpdate) -> None:
        order, owner = outcome.order, outcome.account_id
        self._orders[order.order_id] = order
        track = self._tracks.get(order.order_id)
        if track is None:
            number = self._take_number()
            track = self._tracks[order.order_id] = Track(number, number)
        if outcome.execution == "AMENDMENT":
            track.queue = self._take_number()
        if outcome.fill is not None:
            row = fill_row(outcome.fill, self._take_number(), owner)
            self._changes.append(Change("fills", fill_key(owner, outcome.fill), encode(row)))
            self._traders.add((owner, order.symbol.name))

    def _take_number(self) -> int:
        number = self._next_number
        self._next_number += 1
        return number

    # Rows.

    def _note_order(self, order: VenueOrder) -> None:
        track = self._tracks[order.order_id]
        row = encode(order_row(order, track.number, track.queue))
        self._changes.append(Change("orders", order.order_id, row))
        for amendment in order.amendments[track.amendments :]:
            key = f"{order.order_id} {amendment.count}"
            self._changes.append(Change("amendments", key, encode(amendment)))
        track.amendments = len(order.amendments)
        if order.status not in OPEN:
            del self._tracks[order.order_id]

    def _note_trader(self, desk: Desk, symbol: str) -> None:
        account = desk.account
        self._put("accounts", account.account_id, account_row(desk))
        key = f"{account.account_id} {symbol}"
        self._put("holdings", key, holding_row(account.holdings[symbol]))
        # What is judged by a mark price shall not meet an older one after a kill.
        self._put("prices", symbol, price_row(self._exchange.listings[symbol]))

    def _note_desk(self, desk: Desk) -> None:
        account = desk.account
        self._put("accounts", account.account_id, account_row(desk))
        for name, holding in account.holdings.items():
            self._put("holdings", f"{account.account_id} {name}", holding_row(holding))
        latest = before = self._incomes.get(account.account_id, 0)
        for table, entries in (("income", desk.income), ("margin_moves", desk.margin_moves)):
            for entry in _newer(entries, before):
                latest = max(latest, entry.number)
                row = income_row(entry, account.account_id)
                self._changes.append(Change(table, entry.number, encode(row)))
        self._incomes[account.account_id] = latest

    def _note_listing(self, listing: Listing, trades: int = 0) -> None:
        """Write counters and house books; `trades` of this transaction have no aggregate yet."""
        name = listing.symbol.name
        ahead = 0 if self.exact else RESERVED_IDS
        trade_id = listing.next_trade_id
        aggregate_id = self._venue.publisher.feeds[name].history.next_aggregate_id
        if self.exact or trade_id > self._trade_ids.get(name, 0):
            self._trade_ids[name] = trade_id + ahead
            self._aggregate_ids[name] = aggregate_id + trades + ahead
        row = listing_row(listing, self._trade_ids[name], self._aggregate_ids[name])
        self._put("listings", name, row)

    def _note_house(self) -> None:
        exchange = self._exchange
        row = HouseRow(
            next_amendment_id=exchange.next_amendment_id,
            latest_income=exchange.latest_income,
            next_forced=exchange.liquidator.next_number,
            house_cash=exchange.treasury.house_cash,
            deposited=exchange.treasury.deposited,
        )
        self._put("facts", "house", row)

    def _note_updates(self) -> None:
        """Reserve ids of book updates: a transaction takes a few of each book after this."""
        publisher = self._venue.publisher
        if publisher.recorded:
            return
        last = publisher.ids.last
        if self.exact:
            self._put("facts", "updates", last)
        elif last + 4 * len(publisher.feeds) + RESERVED_IDS > self._updates:
            self._updates = last + RESERVED_UPDATES + 4 * len(publisher.feeds)
            self._put("facts", "updates", self._updates)

    def _note_market(self, now_ms: int) -> None:
        venue = self._venue
        identity = IdentityRow(venue.account_epoch, venue.account_alias)
        self._put("facts", "identity", identity)
        self._put("facts", "time_ms", now_ms)
        names = {number: name for name, number in venue.account_ids.items()}
        self._put("facts", "names", {**self.kept.names, **names})
        for name, listing in self._exchange.listings.items():
            self._put("prices", name, price_row(listing))

    def _put(self, table: str, key: Key, row: object) -> None:
        data = encode(row)
        if self._written.get((table, key)) != data:
            self._written[table, key] = data
            self._changes.append(Change(table, key, data))

    def _write(self) -> None:
        changes, self._changes = self._changes, []
        try:
            self._file.write(changes)
        except HftError as error:
            self._failure = error
            raise


def _newer(entries: Sequence[Income], number: int) -> list[Income]:
    """Give the entries behind a number; they are in the order of their numbers."""
    found = []
    for entry in reversed(entries):
        if entry.number <= number:
            break
        found.append(entry)
    return found[::-1]
