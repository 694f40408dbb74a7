"""What an order is at the venue, and the table of what may become of it."""

from __future__ import annotations

import msgspec

from hft.simulator.matching import Order
from hft.simulator.symbols import Symbol

NEW = "NEW"
PARTIALLY_FILLED = "PARTIALLY_FILLED"
FILLED = "FILLED"
CANCELED = "CANCELED"
EXPIRED = "EXPIRED"
EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"

OPEN = frozenset({NEW, PARTIALLY_FILLED})
TERMINAL = frozenset({FILLED, CANCELED, EXPIRED, EXPIRED_IN_MATCH})

_NEXT = frozenset({PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, EXPIRED_IN_MATCH})
MOVES: dict[str, frozenset[str]] = {NEW: _NEXT, PARTIALLY_FILLED: _NEXT}

RESTING_TIMES = frozenset({"GTC", "GTX", "GTD"})
"""Times in force under which a limit order may wait in the book."""

LIQUIDATION = "LIQUIDATION"
"""The kind of an order with which the venue closes a position itself."""

# Why an order expired, as the user stream says it in `er`.
REASON_NONE = "0"
REASON_SELF_TRADE = "1"
REASON_IOC = "2"
REASON_IOC_SELF_TRADE = "3"
REASON_REDUCE_ONLY = "4"
REASON_LIQUIDATED = "5"
REASON_MARKET = "9"


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A checked wish to trade: whole ticks and lots, every default filled in.

    `orig_kind` to `callback_e4` are those of the conditional order it came from, if it did.
    """

    symbol: Symbol
    side: int
    kind: str
    time_in_force: str
    price_ticks: int
    lots: int
    client_id: str
    reduce_only: bool = False
    self_trade: str = "EXPIRE_MAKER"
    position_side: str = "BOTH"
    price_match: str = "NONE"
    good_till_ms: int = 0
    orig_kind: str = ""
    stop_ticks: int = 0
    working_type: str = "CONTRACT_PRICE"
    close_position: bool = False
    price_protect: bool = False
    activation_ticks: int = 0
    callback_e4: int = 0

    @property
    def reduces(self) -> bool:
        """Say whether it may only make a position smaller (in hedge mode by its leg and side)."""
        if self.position_side == "BOTH":
            return self.reduce_only
        return (self.position_side == "LONG") != (self.side > 0)


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A checked wish for other terms of an open order; `lots` is the new total, fills included."""

    side: int
    price_ticks: int
    lots: int
    reduce_only: bool = False
    modify_id: str = ""
    price_match: str = "NONE"


class Amendment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change of an order as it is kept; pairs are (before, after), `count` starts at 1."""

    amendment_id: int
    time_ms: int
    price_ticks: tuple[int, int]
    lots: tuple[int, int]
    count: int


NO_AMENDMENTS: tuple[Amendment, ...] = ()


class VenueOrder(Order):
    """An order of a user: what was asked, what was done, and its status."""

    __slots__ = (
        "amendments",
        "announced",
        "client_id",
        "filled_lots",
        "kind",
        "limit_ticks",
        "lots",
        "quote_e8",
        "reduces",
        "request",
        "self_trade",
        "status",
        "symbol",
        "time_in_force",
        "time_ms",
        "update_ms",
    )

    def __init__(self, order_id: int, owner: int, request: OrderRequest, now_ms: int) -> None:
        self.order_id = order_id
        self.owner = owner
        self.side = request.side
        self.limit_ticks = self.price_ticks = request.price_ticks
        self.lots = self.left_lots = request.lots
        self.request = request
        self.symbol = request.symbol
        self.client_id = request.client_id
        self.kind = request.kind
        self.time_in_force = request.time_in_force
        self.reduces = request.reduces
        self.self_trade = request.self_trade
        self.announced = False
        self.amendments = NO_AMENDMENTS
        self.filled_lots = 0
        self.quote_e8 = 0
        self.status = NEW
        self.time_ms = self.update_ms = now_ms

    @property
    def reduce_only(self) -> bool:
        """Say whether it was sent as reduce-only."""
        return self.request.reduce_only

    @property
    def leg(self) -> str:
        """The leg it trades: BOTH, LONG or SHORT."""
        return self.request.position_side

    def move(self, status: str, now_ms: int) -> None:
        """Change the status; a move the table does not hold is a bug (KeyError or ValueError)."""
        if status not in MOVES[self.status]:
            raise ValueError(f"order {self.order_id} cannot go from {self.status} to {status}")
        self.status = status
        self.update_ms = now_ms

    def amend(self, amendment_id: int, wish: AmendRequest, now_ms: int) -> None:
        """Take over new terms and keep the old ones on record; it must not rest in a book now."""
        amendment = Amendment(
            amendment_id=amendment_id,
            time_ms=now_ms,
            price_ticks=(self.limit_ticks, wish.price_ticks),
            lots=(self.lots, wish.lots),
            count=len(self.amendments) + 1,
        )
        self.amendments = (*self.amendments, amendment)
        self.price_ticks = self.limit_ticks = wish.price_ticks
        self.lots = wish.lots
        self.left_lots = wish.lots - self.filled_lots
        self.self_trade = "NONE"
        if wish.price_match != self.request.price_match:
            self.request = msgspec.structs.replace(self.request, price_match=wish.price_match)
        self.update_ms = now_ms

    @property
    def rests(self) -> bool:
        """Say whether this order may wait in the book."""
        return self.kind == "LIMIT" and self.time_in_force in RESTING_TIMES

    def average_e8(self) -> int:
        """Average fill price in units of 1e-8, 0 before the first fill."""
        size = self.filled_lots * self.symbol.lot_e8
        return (2 * self.quote_e8 * 100_000_000 + size) // (2 * size) if size else 0
