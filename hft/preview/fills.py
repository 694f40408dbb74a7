"""The assumed exchange: what becomes of the orders of a preview, told in reports.

An order arrives one measured round trip after it was decided on.  A market order, and a limit order
beyond the touch, then fills whole at the touch of that moment and pays the taker's fee; a limit
order that rests fills whole at its own price, and pays the maker's, once the market trades through
it.  Stops become market orders when their price is reached.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from hft.events import (
    REPORT,
    Action,
    Denial,
    Hop,
    IntentFlag,
    MarketKind,
    OrderType,
    Side,
    Status,
    TimeInForce,
)
from hft.execution.positions import Position
from hft.preview.market import Market
from hft.state.exposure import worst_lots
from hft.units import E8, floor_steps, nearest_steps, priced_e8
from ringbuf.spsc import Producer, packer_of

_REPORT = packer_of(REPORT)
_NO_HOPS = (0,) * len(Hop)
_SIDES, _KINDS = frozenset(map(int, Side)), frozenset(map(int, OrderType))
# Its source: compiled for a few orders it would cost more than it saves.
_worst_lots: Any = getattr(worst_lots, "py_func")  # noqa: B009
_NEVER_ADDS = IntentFlag.REDUCE_ONLY | IntentFlag.CLOSE_POSITION
_WHOLE_MAX = 1 << 53
"""Ticks or lots of a price or quantity that no market has; the fields of reports hold more."""
_STOPS = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


class Symbol(msgspec.Struct, frozen=True):
    """The steps of a symbol and the limits that size its orders, in lots."""

    tick_e8: int
    lot_e8: int
    max_order_lots: int
    max_position_lots: int


class Terms(msgspec.Struct, frozen=True):
    """What holds for every order: fees in 1e-8 of the worth, and how long one is on its way."""

    symbols: tuple[Symbol, ...]
    maker_fee_e8: int
    taker_fee_e8: int
    round_trip_ns: int


class _Order(msgspec.Struct):
    seq: int
    ref: int
    market_seq: int
    recv_ns: int
    symbol: int
    strategy: int
    reason: int
    side: int
    kind: int
    tif: int
    flags: int
    ticks: int
    lots: int
    price: float
    filled: int = 0
    quote_e8: int = 0


class Exchange:
    """Takes the intents of one run and writes what becomes of them into its report ring."""

    def __init__(self, market: Market, terms: Terms, reports: Producer) -> None:
        self._market = market
        self._terms = terms
        self._reports = reports
        self._on_the_way: deque[tuple[int, Any]] = deque()
        self._resting: list[_Order] = []
        self._told = 0
        self._trades = 0
        self.positions = [Position(each.lot_e8) for each in terms.symbols]
        self.denied = 0

    def busy(self) -> bool:
        """Say whether an order is on its way or rests."""
        return bool(self._on_the_way or self._resting)

    def send(self, intent: Any, now_ns: int) -> None:
        """Take an intent decided on at `now_ns`; what is out of bounds is denied at once."""
        if intent["action"] in (Action.PLACE, Action.AMEND):
            denial = self._judge(intent)
            if denial != Denial.NONE:
                self.denied += 1
                self._tell(_order_of(intent, 0, 0), Status.DENIED, now_ns, reason=int(denial))
                return
        self._on_the_way.append((now_ns + self._terms.round_trip_ns, intent.copy()))

    def arrive(self, at: int) -> None:
        """Let what is due by the record at index `at` reach the exchange, before that record."""
        now_ns = self._market.recv_ns[at]
        while self._on_the_way and self._on_the_way[0][0] <= now_ns:
            due_ns, intent = self._on_the_way.popleft()
            action = int(intent["action"])
            if action == Action.PLACE:
                self._enter(intent, at, due_ns)
            else:
                self._change(action, intent, at, due_ns)

    def trade(self, at: int) -> None:
        """Fill what the record at index `at` trades through."""
        if self._resting:
            for order in list(self._resting):
                if order.symbol == self._market.symbol[at]:
                    self._meet(order, at)

    # Orders in.

    def _judge(self, intent: Any) -> Denial:
        """Say what the gate would by its words and by the limits on sizes."""
        index, side, flags = (int(intent[name]) for name in ("symbol", "side", "flags"))
        symbol = self._terms.symbols[index]
        try:
            lots = floor_steps(float(intent["qty"]), symbol.lot_e8)
            ticks = nearest_steps(float(intent["price"]), symbol.tick_e8)
        except ValueError:
            return Denial.MALFORMED
        if max(abs(ticks), abs(lots)) > _WHOLE_MAX:
            return Denial.PRICE_OUTSIDE_FILTER if ticks > lots else Denial.QUANTITY_ABOVE_FILTER
        is_amend = intent["action"] == Action.AMEND
        if not is_amend and (side not in _SIDES or int(intent["order_type"]) not in _KINDS):
            return Denial.MALFORMED
        if flags & IntentFlag.CLOSE_POSITION and not is_amend:
            return Denial.NONE
        if lots < 1:
            return Denial.QUANTITY_BELOW_STEP
        if lots > symbol.max_order_lots:
            return Denial.ORDER_SIZE_ABOVE_LIMIT
        if is_amend or flags & IntentFlag.REDUCE_ONLY:
            return Denial.NONE
        adding, reducing = self._open_lots(index, side)
        held = self.positions[index].lots
        if _worst_lots(held, side, adding + lots, reducing) > symbol.max_position_lots:
            return Denial.POSITION_ABOVE_LIMIT
        return Denial.NONE

    def _open_lots(self, symbol: int, side: int) -> tuple[int, int]:
        """How many lots of one side rest or are on their way: what may add, and what never does."""
        lot_e8 = self._terms.symbols[symbol].lot_e8
        opened = [
            (each.flags, each.lots)
            for each in self._resting
            if (each.symbol, each.side) == (symbol, side)
        ]
        opened += [
            (int(intent["flags"]), floor_steps(float(intent["qty"]), lot_e8))
            for _, intent in self._on_the_way
            if (intent["action"], intent["symbol"], intent["side"]) == (Action.PLACE, symbol, side)
        ]
        reducing = sum(lots for flags, lots in opened if flags & _NEVER_ADDS)
        return sum(lots for _, lots in opened) - reducing, reducing

    def _enter(self, intent: Any, at: int, now_ns: int) -> None:
        symbol = self._terms.symbols[int(intent["symbol"])]
        order = _order_of(
            intent,
            nearest_steps(float(intent["price"]), symbol.tick_e8),
            floor_steps(float(intent["qty"]), symbol.lot_e8),
        )
        bid, ask = self._market.touch(order.symbol, at)
        if not bid or (order.flags & IntentFlag.REDUCE_ONLY and not self._reducible(order)):
            self._tell(order, Status.REJECTED, now_ns)
            return
        crosses = order.kind == OrderType.LIMIT and (
            order.price >= ask if order.side == Side.BUY else order.price <= bid
        )
        posts = order.tif == TimeInForce.GTX or order.flags & IntentFlag.POST_ONLY
        if crosses and posts:
            self._tell(order, Status.REJECTED, now_ns)
            return
        self._tell(order, Status.ACCEPTED, now_ns)
        if order.kind == OrderType.MARKET or crosses:
            self._fill(order, at, now_ns, ask if order.side == Side.BUY else bid, maker=False)
        elif order.kind == OrderType.LIMIT and order.tif in (TimeInForce.IOC, TimeInForce.FOK):
            self._tell(order, Status.EXPIRED, now_ns)
        else:
            self._resting.append(order)

    def _change(self, action: int, intent: Any, at: int, now_ns: int) -> None:
        """Cancel or amend what still rests; what is over by now has had its last report."""
        everything = action == Action.CANCEL_ALL
        for order in list(self._resting):
            if everything and order.symbol == int(intent["symbol"]):
                self._end(order, Status.CANCELLED, now_ns)
            elif not everything and order.ref == int(intent["target_ref"]):
                if action == Action.CANCEL:
                    self._end(order, Status.CANCELLED, now_ns)
                else:
                    self._amend(order, intent, at, now_ns)

    def _amend(self, order: _Order, intent: Any, at: int, now_ns: int) -> None:
        symbol = self._terms.symbols[order.symbol]
        lots = floor_steps(float(intent["qty"]), symbol.lot_e8)
        if order.kind != OrderType.LIMIT or lots < 1:
            return
        order.price = float(intent["price"])
        order.ticks, order.lots = nearest_steps(order.price, symbol.tick_e8), lots
        self._tell(order, Status.AMENDED, now_ns)
        bid, ask = self._market.touch(order.symbol, at)
        if order.price >= ask if order.side == Side.BUY else order.price <= bid:
            self._resting.remove(order)
            self._fill(order, at, now_ns, ask if order.side == Side.BUY else bid, maker=False)

    # The market.

    def _meet(self, order: _Order, at: int) -> None:
        kind, now_ns = self._market.kind[at], self._market.recv_ns[at]
        price, buys = self._market.price(at), order.side == Side.BUY
        if order.kind in _STOPS:
            watched = (
                MarketKind.MARK_PRICE if order.flags & IntentFlag.ON_MARK else MarketKind.TRADE
            )
            rises = buys == (order.kind == OrderType.STOP_MARKET)
            if kind == watched and (price >= order.price if rises else price <= order.price):
                self._resting.remove(order)
                bid, ask = self._market.touch(order.symbol, at + 1)
                self._fill(order, at, now_ns, ask if buys else bid, maker=False)
            return
        if kind == MarketKind.TRADE:
            through = price < order.price if buys else price > order.price
        elif kind == MarketKind.BOOK_TOP:
            through = self._market.ask(at) <= order.price if buys else price >= order.price
        else:
            through = False
        if through:
            self._resting.remove(order)
            self._fill(order, at, now_ns, order.price, maker=True)

    def _reducible(self, order: _Order) -> int:
        """How many lots of the position an order on its side could close."""
        return max(0, -self.positions[order.symbol].lots * order.side)

    def _fill(self, order: _Order, at: int, now_ns: int, price: float, *, maker: bool) -> None:
        symbol, position = self._terms.symbols[order.symbol], self.positions[order.symbol]
        closes = order.flags & IntentFlag.CLOSE_POSITION
        lots = order.lots
        if closes or order.flags & IntentFlag.REDUCE_ONLY:
            reducible = self._reducible(order)
            lots = reducible if closes else min(lots, reducible)
        if not lots:
            self._tell(order, Status.EXPIRED, now_ns)
            return
        ticks = nearest_steps(price, symbol.tick_e8)
        value_e8 = ticks * lots * symbol.tick_e8 * symbol.lot_e8 // E8
        terms = self._terms
        fee_e8 = priced_e8(value_e8, terms.maker_fee_e8 if maker else terms.taker_fee_e8)
        realised_e8 = position.apply(order.side * lots, value_e8)
        position.realised_e8 += realised_e8
        position.fees_e8 += fee_e8
        position.fills += 1
        order.lots = order.filled = lots
        order.quote_e8 = value_e8
        self._trades += 1
        fill = (self._trades, ticks, lots, fee_e8, realised_e8, maker)
        self._tell(order, Status.FILLED, now_ns, fill, at)

    def _end(self, order: _Order, status: Status, now_ns: int) -> None:
        self._resting.remove(order)
        self._tell(order, status, now_ns)

    # Reports out.

    def _tell(
        self,
        order: _Order,
        status: Status,
        now_ns: int,
        fill: tuple[int, int, int, int, int, bool] = (0, 0, 0, 0, 0, False),
        at: int = 0,
        *,
        reason: int | None = None,
    ) -> None:
        self._told += 1
        trade_id, last_ticks, last_lots, fee_e8, realised_e8, maker = fill
        position = self.positions[order.symbol]
        bid, ask = self._market.touch(order.symbol, at)
        values = (
            self._told, order.seq, order.ref, order.market_seq, order.recv_ns, now_ns,
            self._market.venue_ms[at], order.seq, trade_id, order.ticks, order.lots,
            last_ticks, last_lots, order.filled, order.quote_e8, fee_e8, realised_e8,
            position.lots, position.entry_e8(), bid, ask, fee_e8, E8, b"", *_NO_HOPS,
            0, order.symbol, order.strategy, order.reason if reason is None else reason,
            status, order.side, order.kind, order.tif, order.flags, maker,
        )  # fmt: skip
        assert self._reports.offer(_REPORT, values), "the report ring of a preview is full"


def _order_of(intent: Any, ticks: int, lots: int) -> _Order:
    return _Order(
        seq=int(intent["seq"]),
        ref=int(intent["order_ref"]),
        market_seq=int(intent["market_seq"]),
        recv_ns=int(intent["recv_ns"]),
        symbol=int(intent["symbol"]),
        strategy=int(intent["strategy"]),
        reason=int(intent["reason"]),
        side=int(intent["side"]),
        kind=int(intent["order_type"]),
        tif=int(intent["tif"]),
        flags=int(intent["flags"]),
        ticks=ticks,
        lots=lots,
        price=float(intent["price"]),
    )
