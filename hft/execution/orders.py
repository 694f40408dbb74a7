"""The order table: every order of the session in a row of shared memory, until its row is reused.

A row is stored SENT before the bytes of the order leave, so whatever may be at the venue is named
here.  Its `version` is odd while it changes; a row found odd after a crash is asked for by name
like any other in doubt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hft.binance.order_terms import CONDITIONAL_TYPES
from hft.events import (
    FIRST_TERMINAL_STATE,
    SYMBOLS_MAX,
    Hop,
    IntentFlag,
    OrderState,
    OrderType,
)
from hft.execution.order_life import OrderEvent, after_event
from hft.seats import SHARDS_MAX, shard_of
from hft.state.blocks import EXECUTION_MEMORY, ORDER
from hft.state.exposure import EXPOSURE
from ringbuf.spsc import packer_of

_ROW = packer_of(ORDER)
_ROW_BYTES = ORDER.itemsize
_MEMORY = packer_of(EXECUTION_MEMORY)
_HOPS_AT = 18
_NEVER_ADDS = IntentFlag.REDUCE_ONLY | IntentFlag.CLOSE_POSITION
_OPEN_NAMES = (EXPOSURE.names or ())[2:]
_EXPOSURE_WORDS = len(_OPEN_NAMES)
_ADDING, _REDUCING, _VALUE, _UNPRICED = (
    _OPEN_NAMES.index(name)
    for name in ("open_buy_lots", "reducing_buy_lots", "bid_value", "unpriced_buy_lots")
)
"""Words of what is open, each followed by the same of the other side."""
_NEXT_REPORT, _ROWS_USED = SHARDS_MAX, SHARDS_MAX + 1
"""Words of EXECUTION_MEMORY behind the first, which are one for each shard."""


class Counted(NamedTuple):
    """What of an order is counted as open."""

    lots: int
    ticks: int
    reduces: bool


_NOTHING = Counted(0, 0, reduces=False)


class Order:
    """One order, the fields of its row as attributes."""

    __slots__ = (
        "amend_doubted", "amend_lots", "amend_ns", "amend_ticks", "ask", "base_ns", "bid",
        "cancel_acked", "cancel_due_ns", "cancel_sent", "counted", "cum_lots", "cum_quote_e8",
        "fee_e8", "flags", "hops", "index", "intent_seq", "market_seq", "order_ref", "order_type",
        "price_ticks", "qty_lots", "realised_e8", "reason", "recv_ns", "retired", "sent_ns",
        "sent_venue_ms", "side", "state", "strategy", "stream_seen", "symbol", "terms_ms", "tif",
        "updated_ns", "venue_code", "venue_order_id",
    )  # fmt: skip

    def __init__(self, index: int) -> None:
        self.index = index
        self.intent_seq = self.order_ref = self.market_seq = 0
        self.recv_ns = self.sent_venue_ms = self.updated_ns = self.venue_order_id = 0
        self.price_ticks = self.qty_lots = self.cum_lots = self.cum_quote_e8 = 0
        self.fee_e8 = self.realised_e8 = self.amend_ticks = self.amend_lots = 0
        self.bid = self.ask = 0.0
        self.hops = [0] * len(Hop)
        self.venue_code = self.symbol = self.strategy = self.reason = 0
        self.state = OrderState.FREE
        self.side = self.order_type = self.tif = self.flags = self.cancel_sent = 0
        # Not in the row: what the hops count from, when it left, what is counted as open, whether
        # the user stream has spoken of it, when its newest amend left and whether no answer to
        # that will come, the venue's time of its terms, whether the venue let it be cancelled (what
        # the stream owes is forgiven with each new connection; this must outlast it, for the look
        # that follows), and from when on a cancel may be asked again.
        self.base_ns = self.sent_ns = self.cancel_due_ns = 0
        self.counted = _NOTHING
        self.amend_ns = self.terms_ms = 0
        self.stream_seen = self.retired = self.amend_doubted = self.cancel_acked = False

    @property
    def is_open(self) -> bool:
        """Say whether the venue has it, or may have it."""
        return OrderState.FREE < self.state < FIRST_TERMINAL_STATE

    @property
    def waits(self) -> bool:
        """Say whether it waits at the venue for a trigger: it has no order of its own yet."""
        return self.order_type in CONDITIONAL_TYPES and not self.venue_order_id

    @property
    def protects(self) -> bool:
        """Say whether it is a stop or take-profit that can only make a position smaller."""
        return self.order_type in CONDITIONAL_TYPES and not self.may_add

    @property
    def may_add(self) -> bool:
        """Say whether a fill of it could make a position larger."""
        return self.flags & _NEVER_ADDS == 0

    @property
    def in_doubt(self) -> bool:
        """Say whether only the venue can tell if it is there, or at which terms."""
        return self.state is OrderState.UNKNOWN or (self.is_open and self.amend_doubted)

    def state_after(self, event: OrderEvent) -> OrderState:
        """Give the state that `event` leads to.

        Raises:
            IllegalMove: the table has no such move.
        """
        return after_event(
            self.state,
            event,
            self.cum_lots,
            amending=self.amend_lots > 0,
            cancelling=self.cancel_sent > 0,
        )

    def end_amend(self) -> None:
        """Forget what was asked for: it stands or it fell."""
        self.amend_ticks = self.amend_lots = 0
        self.amend_doubted = False

    def pack_into(self, view: memoryview, version: int) -> None:
        """Write the row."""
        _ROW.pack_into(
            view, self.index * _ROW_BYTES, version, self.intent_seq, self.order_ref,
            self.market_seq, self.recv_ns, self.sent_venue_ms, self.updated_ns,
            self.venue_order_id, self.price_ticks, self.qty_lots, self.cum_lots,
            self.cum_quote_e8, self.fee_e8, self.realised_e8, self.amend_ticks, self.amend_lots,
            self.bid, self.ask, *self.hops,
            self.venue_code, self.symbol, self.strategy, self.reason, self.state, self.side,
            self.order_type, self.tif, self.flags, self.cancel_sent,
        )  # fmt: skip

    @classmethod
    def unpack(cls, view: memoryview, index: int) -> Order:
        """Read a row as another process, or an earlier life of this one, left it."""
        order = cls(index)
        values = _ROW.unpack_from(view, index * _ROW_BYTES)
        (
            version, order.intent_seq, order.order_ref, order.market_seq, order.recv_ns,
            order.sent_venue_ms, order.updated_ns, order.venue_order_id, order.price_ticks,
            order.qty_lots, order.cum_lots, order.cum_quote_e8, order.fee_e8, order.realised_e8,
            order.amend_ticks, order.amend_lots, order.bid, order.ask,
        ) = values[:_HOPS_AT]  # fmt: skip
        order.base_ns = order.recv_ns
        order.hops = list(values[_HOPS_AT : _HOPS_AT + len(Hop)])
        (
            order.venue_code, order.symbol, order.strategy, order.reason, state, order.side,
            order.order_type, order.tif, order.flags, order.cancel_sent,
        ) = values[_HOPS_AT + len(Hop) :]  # fmt: skip
        order.state = OrderState.UNKNOWN if version & 1 else OrderState(state)
        return order


class OrderTable:
    """The rows, the orders that are open, and how many lots of each symbol and side they hold.

    A terminal order stays findable until its row is needed again, oldest first: the venue may still
    have a word about it.
    """

    def __init__(
        self, rows: npt.NDArray[np.void], memory: npt.NDArray[np.void], shards: int = 1
    ) -> None:
        self._rows = rows.view(np.uint8).data
        self._versions = self._rows.cast("Q")
        self._memory = memory.view(np.uint8).data.cast("Q")
        self.handled_seq = self._memory[:SHARDS_MAX]
        """By shard: highest intent sequence that was denied or has its row."""
        self._shards = shards
        self._rows_max = len(rows)
        self.open: dict[int, Order] = {}
        self.exposure = [[0] * _EXPOSURE_WORDS for _ in range(SYMBOLS_MAX)]
        """By symbol: what is open of it, in the order of EXPOSURE from `open_buy_lots` on."""
        self._by_seq: dict[int, Order] = {}
        self._by_ref: dict[tuple[int, int], Order] = {}
        self._by_venue_id: dict[tuple[int, int], Order] = {}
        self._done: deque[Order] = deque()
        self._reserved = -1
        self._load()

    def _load(self) -> None:
        """Take over what an earlier life of this process left."""
        left = [Order.unpack(self._rows, index) for index in range(self.rows_used)]
        for order in sorted(left, key=lambda order: order.updated_ns):
            # Whoever waited for the answer to a cancel is dead, and cancelling twice is harmless.
            order.cancel_sent = 0
            order.amend_doubted = order.amend_lots > 0
            if order.state is OrderState.CANCEL_PENDING:
                order.state = order.state_after(OrderEvent.CANCEL_REFUSED)
            if order.state is not OrderState.FREE:
                self._index(order)
            if order.is_open:
                self.open[order.index] = order
                self._count(order)
            else:
                self._done.append(order)

    @property
    def next_report_seq(self) -> int:
        """Sequence of the next report; 0 when none was ever written."""
        return self._memory[_NEXT_REPORT]

    @next_report_seq.setter
    def next_report_seq(self, seq: int) -> None:
        self._memory[_NEXT_REPORT] = seq

    @property
    def rows_used(self) -> int:
        """Rows ever used, from the first on."""
        return self._memory[_ROWS_USED]

    def reserve(self) -> int:
        """Set a row aside for the next order: its index, the same until it is taken; -1: none."""
        if self._reserved < 0:
            if self.rows_used < self._rows_max:
                self._reserved = self.rows_used
                self._memory[_ROWS_USED] += 1
            elif self._done:
                old = self._done.popleft()
                self._forget(old)
                self._reserved = old.index
        return self._reserved

    def new(self) -> Order:
        """Give a fresh order a row: an unused one, or that of the oldest terminal order.

        Raises:
            IndexError: every row holds an open order.
        """
        order, self._reserved = Order(self.reserve()), -1
        if order.index < 0:
            raise IndexError("the order table is full")
        return order

    def adopt(self, index: int) -> Order:
        """Take in the order whose row was written elsewhere, into the row that was reserved."""
        self._reserved = -1
        order = Order.unpack(self._rows, index)
        self._index(order)
        self._count(order)
        self.open[order.index] = order
        return order

    def save(self, order: Order) -> None:
        """Store an order's row, and keep the counts in step; `version` is odd meanwhile."""
        if order.retired:
            return  # A late word about an order whose row bears another by now.
        at = order.index * _ROW_BYTES // 8
        version = self._versions[at] | 1
        self._versions[at] = version
        order.pack_into(self._rows, version)
        self._versions[at] = version + 1
        self._index(order)
        self._count(order)
        if order.is_open:
            self.open[order.index] = order
        elif self.open.pop(order.index, None) is not None:
            self._done.append(order)

    def by_seq(self, intent_seq: int) -> Order | None:
        """Find an order of this session by its intent."""
        return self._by_seq.get(intent_seq)

    def by_ref(self, order_ref: int, symbol: int) -> Order | None:
        """Find the newest order that the strategy of the symbol's shard calls `order_ref`."""
        return self._by_ref.get((shard_of(symbol, self._shards), order_ref))

    def by_venue_id(self, symbol: int, venue_order_id: int) -> Order | None:
        """Find an order by the venue's id, which is unique within its symbol."""
        return self._by_venue_id.get((symbol, venue_order_id))

    def venue_ids(self) -> list[tuple[int, int]]:
        """(symbol, venue order id) of every order whose row is not yet reused."""
        return list(self._by_venue_id)

    def unknown(self) -> Iterator[Order]:
        """The orders in doubt."""
        return (order for order in self.open.values() if order.in_doubt)

    def in_flight(self) -> Iterator[Order]:
        """The orders that were sent and of which nothing is known yet, or nothing any more."""
        return (order for order in self.open.values() if order.state <= OrderState.UNKNOWN)

    def waiting(self) -> int:
        """Count the orders that wait at the venue for a trigger."""
        return sum(order.waits for order in self.open.values())

    def _index(self, order: Order) -> None:
        self._by_seq[order.intent_seq] = order
        self._by_ref[self._ref_of(order)] = order
        if order.venue_order_id:
            self._by_venue_id[order.symbol, order.venue_order_id] = order

    def _ref_of(self, order: Order) -> tuple[int, int]:
        """Strategies choose their own references: two shards may choose the same."""
        return shard_of(order.symbol, self._shards), order.order_ref

    def _forget(self, order: Order) -> None:
        order.retired = True
        self._by_seq.pop(order.intent_seq, None)
        if self._by_ref.get(self._ref_of(order)) is order:
            del self._by_ref[self._ref_of(order)]
        self._by_venue_id.pop((order.symbol, order.venue_order_id), None)

    def _count(self, order: Order) -> None:
        # Before an amend is answered the larger quantity and the dearer price may stand.
        whole = max(order.qty_lots, order.amend_lots)
        left = max(0, whole - order.cum_lots) if order.is_open else 0
        ticks = max(order.price_ticks, order.amend_ticks)
        now = Counted(left, ticks, not order.may_add) if left else _NOTHING
        if now != order.counted:
            self._add(order, order.counted, -1)
            self._add(order, now, 1)
            order.counted = now

    def _add(self, order: Order, counted: Counted, times: int) -> None:
        words, sells = self.exposure[order.symbol], order.side < 0
        lots = times * counted.lots
        if counted.reduces:
            words[_REDUCING + sells] += lots
            return
        words[_ADDING + sells] += lots
        if order.order_type == OrderType.LIMIT:
            words[_VALUE + sells] += lots * counted.ticks
        else:
            words[_UNPRICED + sells] += lots
