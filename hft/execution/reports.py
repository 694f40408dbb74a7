"""Telling strategy and ledger what happened: one REPORT into each of their rings.

Fills cannot be refused, so from half full on no new intents are taken, and from three quarters on
denials are counted and no longer told.  A report that still meets a full ring is counted, marks the
gap, and its reader recovers from the blocks and the venue.
"""

from __future__ import annotations

from hft.agent.contract import Context
from hft.clock import monotonic_ns
from hft.events import REPORT, Hop, Notice, Role, Status
from hft.execution.order_life import status_of
from hft.execution.orders import Order, OrderTable
from hft.execution.positions import Position
from hft.seats import Seat, seats_in, shard_of
from hft.state.decision import Intent
from hft.units import E8, nearest_steps
from ringbuf.spsc import Producer, packer_of

_REPORT = packer_of(REPORT)
_NO_HOPS = (0,) * len(Hop)
_HOP_MAX = (1 << 32) - 1
_STEPS_MAX = 1 << 62


def hop(base_ns: int, at_ns: int) -> int:
    """Offset of a station from the receipt of the frame, saturating."""
    return min(max(0, at_ns - base_ns), _HOP_MAX)


def _steps(value: float, step_e8: int) -> int:
    """What was wanted, in whole steps; 0 where that makes no sense, which may be why it is told."""
    if not step_e8 or not abs(value) * E8 < step_e8 * _STEPS_MAX:
        return 0
    return nearest_steps(value, step_e8)


class Fill:
    """One trade of ours as the venue booked it."""

    __slots__ = (
        "fee_asset", "fee_e8", "fee_price_e8", "fee_value_e8", "intent_seq", "maker", "notice",
        "price_ticks", "qty_lots", "realised_e8", "side", "symbol", "trade_id", "venue_ms",
        "venue_order_id",
    )  # fmt: skip

    def __init__(self, symbol: int, trade_id: int, venue_order_id: int, side: int) -> None:
        self.symbol = symbol
        self.trade_id = trade_id
        self.venue_order_id = venue_order_id
        self.side = side
        self.price_ticks = self.qty_lots = self.fee_e8 = self.realised_e8 = self.venue_ms = 0
        self.intent_seq = 0  # 0: not an order of this session.
        self.notice = Notice.FOREIGN_TRADE  # What such a fill is.
        self.fee_asset = b""
        self.fee_value_e8 = self.fee_price_e8 = 0  # In the margin asset; a price of 0: unknown.
        self.maker = False


class Reports:
    """The report rings, one to each strategy and one to the ledger, and their sequence."""

    def __init__(self, ctx: Context, orders: OrderTable) -> None:
        self._orders = orders
        self._spec = ctx.house.spec
        house, ledger = ctx.house, Producer(ctx.house.reports_ledger)
        strategies = [Producer(shard.reports_strategy) for shard in house.shards]
        everyone = (*strategies, ledger)
        self._halves = [(each, each.ring.layout.slots // 2) for each in everyone]
        self._readers = [(strategy, ledger) for strategy in strategies]
        """By shard: whom a report about one of its symbols is told."""
        seats = (*seats_in(Role.STRATEGY, len(house.shards)), Seat.LEDGER)
        self._bells = [ctx.bells[seat] for seat in seats]
        self.written = self._rang_at = 0
        if not orders.next_report_seq:
            orders.next_report_seq = 1

    def has_room(self) -> bool:
        """Say whether every ring is less than half full."""
        return all(producer.room() > half for producer, half in self._halves)

    def ring_bells(self) -> int:
        """Wake the readers of what was told since the last call; returns how many reports."""
        told = self.written - self._rang_at
        if told:
            self._rang_at = self.written
            for bell in self._bells:
                bell.ring_if_parked()
        return told

    def tell_order(
        self, order: Order, position: Position, venue_ms: int, status: Status | None = None
    ) -> None:
        """Tell an order's state, or another `status` of it."""
        told = status or status_of(order.state, order.cum_lots)
        self._write(order.symbol, self._of_order(order, None, told, position, venue_ms))

    def tell_fill(self, order: Order | None, fill: Fill, position: Position) -> None:
        """Tell a fill; `order` is None for one that is not ours."""
        if order is None:
            values = self._of_foreign_fill(fill, position)
        else:
            status = status_of(order.state, order.cum_lots)
            values = self._of_order(order, fill, status, position, fill.venue_ms)
        self._write(fill.symbol, values)

    def tell_denial(
        self, intent: Intent, denial: int, top: tuple[float, float], position: Position | None
    ) -> None:
        """Tell that the gate refused, unless the readers are far behind; `top` is bid and ask."""
        for producer in self._readers_of(intent.symbol):
            if 4 * producer.room() < producer.ring.layout.slots:
                producer.count_drop()
                return
        self._write(intent.symbol, self._of_denial(intent, denial, top, position))

    def tell_position(self, symbol: int, position: Position, venue_ms: int) -> None:
        """Tell a position that was read anew."""
        self._write(
            symbol,
            (
                0, 0, 0, 0, monotonic_ns(), venue_ms, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                position.lots, position.entry_e8(), 0.0, 0.0, 0, 0, b"", *_NO_HOPS,
                0, symbol, 0, 0, Status.POSITION, 0, 0, 0, 0, 0,
            ),
        )  # fmt: skip

    def _of_order(
        self, order: Order, fill: Fill | None, status: Status, position: Position, venue_ms: int
    ) -> tuple[object, ...]:
        trade = (0, 0, 0, 0, 0, 0, 0, b"", False)
        if fill is not None:
            trade = (
                fill.trade_id, fill.price_ticks, fill.qty_lots, fill.fee_e8, fill.realised_e8,
                fill.fee_value_e8, fill.fee_price_e8, fill.fee_asset, fill.maker,
            )  # fmt: skip
        trade_id, last_ticks, last_lots, fee_e8, realised_e8, *fee, maker = trade
        return (
            order.intent_seq, order.order_ref, order.market_seq, order.recv_ns, monotonic_ns(),
            venue_ms, order.venue_order_id, trade_id, order.price_ticks, order.qty_lots,
            last_ticks, last_lots, order.cum_lots, order.cum_quote_e8, fee_e8, realised_e8,
            position.lots, position.entry_e8(), order.bid, order.ask, *fee, *order.hops,
            order.venue_code, order.symbol, order.strategy, order.reason, status, order.side,
            order.order_type, order.tif, order.flags, maker,
        )  # fmt: skip

    def _of_foreign_fill(self, fill: Fill, position: Position) -> tuple[object, ...]:
        return (
            0, 0, 0, 0, monotonic_ns(), fill.venue_ms, fill.venue_order_id, fill.trade_id,
            0, 0, fill.price_ticks, fill.qty_lots, fill.qty_lots, 0, fill.fee_e8,
            fill.realised_e8, position.lots, position.entry_e8(), 0.0, 0.0,
            fill.fee_value_e8, fill.fee_price_e8, fill.fee_asset, *_NO_HOPS,
            0, fill.symbol, 0, 0, Status.FILLED, fill.side, 0, 0, 0, fill.maker,
        )  # fmt: skip

    def _of_denial(
        self, intent: Intent, denial: int, top: tuple[float, float], position: Position | None
    ) -> tuple[object, ...]:
        now_ns = monotonic_ns()
        base_ns = intent.recv_ns or intent.decide_ns
        hops = (
            intent.decoded_off_ns,
            hop(base_ns, intent.strategy_ns),
            hop(base_ns, intent.decide_ns),
            hop(base_ns, now_ns),
        )
        lots, entry_e8 = (position.lots, position.entry_e8()) if position else (0, 0)
        price_ticks = qty_lots = 0
        if position:
            spec = self._spec[intent.symbol]
            price_ticks = _steps(intent.price, int(spec["tick_e8"]))
            qty_lots = _steps(intent.qty, int(spec["lot_e8"]))
        return (
            intent.seq, intent.order_ref, intent.market_seq, intent.recv_ns, now_ns, 0, 0, 0,
            price_ticks, qty_lots, 0, 0, 0, 0, 0, 0, lots, entry_e8, *top, 0, 0, b"", *hops,
            *_NO_HOPS[len(hops) :], 0, intent.symbol, intent.strategy, denial, Status.DENIED,
            intent.side, intent.order_type, intent.tif, intent.flags, 0,
        )  # fmt: skip

    def _readers_of(self, symbol: int) -> tuple[Producer, Producer]:
        return self._readers[shard_of(symbol, len(self._readers))]

    def _write(self, symbol: int, values: tuple[object, ...]) -> None:
        seq = self._orders.next_report_seq
        self._orders.next_report_seq = seq + 1
        for producer in self._readers_of(symbol):
            if not producer.offer(_REPORT, (seq, *values)):
                producer.count_drop()
        self.written += 1
