"""Orders, positions and money of the session, and telling every change of them.

The order of writing makes a kill at any moment harmless: first the reports, then the position block
with the newest trade id, then the order's row.  What was not finished is found again at the venue,
told twice at worst, never lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from hft.agent.contract import Context
from hft.binance.filters import SymbolSpec
from hft.binance.income import FUNDING
from hft.clock import monotonic_ns
from hft.events import Agreement, Hop, Notice, Side, Status
from hft.execution.account import Account
from hft.execution.agreement import Views
from hft.execution.assets import Assets
from hft.execution.latency import Latency
from hft.execution.margin import Margin
from hft.execution.order_life import IllegalMove, OrderEvent, is_news
from hft.execution.orders import Order, OrderTable
from hft.execution.owed import Owed
from hft.execution.positions import BookedFills, Position
from hft.execution.reports import Fill, Reports, hop
from hft.execution.tops import Top, read_top
from hft.execution.wallet import Wallet
from hft.state.blocks import POSITION_BLOCK, Leg
from hft.units import trim_e8
from ringbuf.spsc import packer_of

_POSITION = packer_of(POSITION_BLOCK)
_WORST_FIRST = (Agreement.DISAGREED, Agreement.UNKNOWN, Agreement.AGREED)
_WHO = {
    Notice.FOREIGN_TRADE: "traded by somebody else",
    Notice.LIQUIDATION: "LIQUIDATION by the venue",
    Notice.ADL: "ADL: the venue closed it against a liquidated position",
}


class Books:
    """Everything the venue has told us, folded; one `Position` and one `BookedFills` per symbol.

    With `resume` it goes on where an earlier life of this process ended, if there was one.
    """

    def __init__(
        self, ctx: Context, symbols: list[str], specs: list[SymbolSpec], *, resume: bool = True
    ) -> None:
        self.house = ctx.house
        self.log = ctx.log
        self.symbols = symbols
        self.index = {name: index for index, name in enumerate(symbols)}
        self.specs = specs
        self.orders = OrderTable(ctx.house.orders, ctx.house.memory, len(ctx.house.shards))
        self.reports = Reports(ctx, self.orders)
        self.latency = Latency(ctx.house.latency)
        self.account = Account()
        self.positions = [Position(spec.lot_e8) for spec in specs]
        self.booked = [BookedFills(0) for _ in specs]
        self.views = [Views() for _ in specs]
        """By symbol: the two other ways to the truth."""
        self.owed = Owed()
        self.wallet = Wallet()
        self.account_updates = 0
        """Events about balances and positions so far."""
        self.assets = Assets(self._live_price_e8)
        self.margin = Margin(self)
        self.is_puzzled = False
        """Something was told that cannot be: whoever may ask the venue should, and clears this."""
        self.resumed = resume and self._resume()

    def _resume(self) -> bool:
        """Read the session that an earlier life of this process left in the blocks."""
        if not self.account.resume_from(self.house.account):
            return False
        for symbol, position in enumerate(self.positions):
            before = self.house.position[symbol].read()
            if before is None:
                return False
            row = before[0]
            position.adopt(int(row["position_lots"]), int(row["entry_e8"]))
            position.realised_e8 = int(row["realised_e8"])
            position.fees_e8 = int(row["fees_e8"])
            position.funding_e8 = int(row["funding_e8"])
            position.clearance_e8 = int(row["clearance_e8"])
            position.fills = int(row["fills"])
            position.last_fill_ns = int(row["last_fill_ns"])
            self.booked[symbol] = BookedFills(int(row["last_trade_id"]))
        self.sum_up()
        return True

    def top(self, symbol: int) -> Top:
        """The prices of a symbol now."""
        return read_top(self.house.top[symbol])

    @property
    def margin_asset(self) -> bytes:
        """The money of every symbol."""
        return self.assets.margin_asset

    def _live_price_e8(self, name: str) -> int:
        symbol = self.index.get(name)
        return 0 if symbol is None else self.top(symbol).price_e8()

    def move(self, order: Order, event: OrderEvent, venue_ms: int = 0) -> None:
        """Take in what was learnt about an order; tell it when that changed its state."""
        before, doubted = order.state, order.in_doubt
        if not self._advance(order, event):
            return
        order.updated_ns = monotonic_ns()
        if is_news(before, order.state):
            self.reports.tell_order(order, self.positions[order.symbol], venue_ms)
        self.orders.save(order)
        self._note_resolved(order, doubted=doubted)

    def amend(self, order: Order, ticks: int, lots: int, venue_ms: int) -> None:
        """Take in that an order stands at another price or whole quantity, whoever asked for it.

        `venue_ms` is when, 0 where the venue did not say.
        """
        asked, doubted = (order.amend_ticks, order.amend_lots) == (ticks, lots), order.in_doubt
        known = (order.price_ticks, order.qty_lots) == (ticks, lots) and not asked
        if known or 0 < venue_ms < order.terms_ms:
            return  # The reply and the user stream both tell of it, in either order.
        order.price_ticks, order.qty_lots = ticks, lots
        order.terms_ms = max(venue_ms, order.terms_ms)
        if asked:
            order.end_amend()
        if not self._advance(order, OrderEvent.AMENDED):
            return
        order.updated_ns = monotonic_ns()
        if order.is_open:
            position = self.positions[order.symbol]
            self.reports.tell_order(order, position, venue_ms, Status.AMENDED)
        self.orders.save(order)
        self._note_resolved(order, doubted=doubted)

    def keep_unamended(self, order: Order, venue_ms: int) -> None:
        """Take in that an amend did not happen; its asker is told how the order stands."""
        doubted = order.in_doubt
        order.end_amend()
        if not self._advance(order, OrderEvent.AMEND_REFUSED):
            return
        order.updated_ns = monotonic_ns()
        if order.is_open:
            self.reports.tell_order(order, self.positions[order.symbol], venue_ms)
        self.orders.save(order)
        self._note_resolved(order, doubted=doubted)

    def acknowledge(self, order: Order, venue_order_id: int, venue_ms: int) -> None:
        """Take in that the venue has an order, and under which id."""
        # An order that waits for its trigger has no id of its own yet.
        order.venue_order_id = venue_order_id or order.venue_order_id
        self.move(order, OrderEvent.ACK, venue_ms)

    def book(self, fill: Fill) -> bool:
        """Take in a fill; False when it is in the books already."""
        if fill.trade_id in self.booked[fill.symbol]:
            return False
        spec, position = self.specs[fill.symbol], self.positions[fill.symbol]
        now_ns = monotonic_ns()
        value_e8 = spec.value_e8(fill.price_ticks, fill.qty_lots)
        position.apply(fill.side * fill.qty_lots, value_e8)
        position.realised_e8 += fill.realised_e8
        position.fills += 1
        position.last_fill_ns = now_ns
        in_margin_asset = fill.fee_asset == self.margin_asset
        self.wallet.fill(fill.realised_e8, fill.fee_e8 if in_margin_asset else 0)
        position.fees_e8 += self.assets.charge(fill)
        order = self._order_of(fill)
        doubted = order is not None and order.in_doubt
        if order is not None:
            self._fold_into(order, fill, value_e8, now_ns)
        self.booked[fill.symbol].add(fill.trade_id)
        self.reports.tell_fill(order, fill, position)
        self.sum_up()
        self.publish_position(fill.symbol)
        if order is not None:
            self.orders.save(order)
            self._note_resolved(order, doubted=doubted)
        else:
            self._tell_stranger(fill)
        return True

    def _tell_stranger(self, fill: Fill) -> None:
        """Say that a position was moved by somebody who is not this session."""
        spec, side = self.specs[fill.symbol], Side(fill.side).name
        self.log.warning(
            f"{self.symbols[fill.symbol]}: {_WHO[fill.notice]}: {side} "
            f"{spec.qty_text(fill.qty_lots)} at {spec.price_text(fill.price_ticks)}, "
            f"trade {fill.trade_id}: the position is "
            f"{spec.qty_text(self.positions[fill.symbol].lots)} now",
            fill.notice,
        )

    def publish_position(self, symbol: int) -> None:
        """Publish one symbol's position block."""
        position, view = self.positions[symbol], self.views[symbol]
        newest = max((view.rest_ns, view.rest_lots), (view.stream_ns, view.stream_lots))[::-1]
        self.house.position[symbol].write_values(
            _POSITION,
            (
                position.lots, position.entry_e8(), position.realised_e8, position.fees_e8,
                self.unrealised_e8(symbol), position.fills, self.booked[symbol].last,
                position.last_fill_ns, *newest, view.stream_lots, view.stream_ns,
                view.rest_lots, view.rest_ns, view.agreement, position.funding_e8,
                position.clearance_e8,
            ),
        )  # fmt: skip

    def unrealised_e8(self, symbol: int) -> int:
        """Profit of an open position at the mark price, or at the middle before the first mark."""
        position = self.positions[symbol]
        if not position.lots:
            return 0
        price_e8 = self.top(symbol).price_e8()
        return position.unrealised_e8(price_e8) if price_e8 else 0

    def sum_up(self) -> None:
        """Add the symbols' money and fills up into the account."""
        account, positions = self.account, self.positions
        account.fills = sum(position.fills for position in positions)
        account.realised_e8 = sum(position.realised_e8 for position in positions)
        # What a liquidation costs beside its fill is a fee, though none of a fill.
        account.fees_e8 = sum(each.fees_e8 - each.clearance_e8 for each in positions)
        account.funding_e8 = sum(position.funding_e8 for position in positions)
        account.unrealised_e8 = sum(map(self.unrealised_e8, range(len(self.symbols))))
        account.equity_e8 = account.wallet_e8 + account.unrealised_e8 + self.assets.worth_e8()

    def learn_prices(self, prices: Mapping[str, int]) -> None:
        """Take in prices of other assets, and charge the fees that waited for them."""
        for fill in self.assets.learn(prices):
            self.positions[fill.symbol].fees_e8 += fill.fee_value_e8
            self.publish_position(fill.symbol)
        self.sum_up()

    def receive(self, symbol: int, kind: str, amount_e8: int) -> None:
        """Take in a payment without a trade, negative where it was paid."""
        position = self.positions[symbol]
        if kind == FUNDING:
            position.funding_e8 += amount_e8
        else:
            position.clearance_e8 += amount_e8
        self.sum_up()
        self.publish_position(symbol)

    def _order_of(self, fill: Fill) -> Order | None:
        if fill.intent_seq:
            order = self.orders.by_seq(fill.intent_seq)
            if order is not None:
                return order
        return self.orders.by_venue_id(fill.symbol, fill.venue_order_id)

    def _fold_into(self, order: Order, fill: Fill, value_e8: int, now_ns: int) -> None:
        order.venue_order_id = fill.venue_order_id
        order.cum_lots += fill.qty_lots
        order.cum_quote_e8 += value_e8
        order.fee_e8 += fill.fee_value_e8
        order.realised_e8 += fill.realised_e8
        order.updated_ns = now_ns
        if not order.hops[Hop.FILLED]:
            order.hops[Hop.FILLED] = hop(order.base_ns, now_ns)
            if order.sent_ns:
                self.latency.record(Leg.ORDER_TO_FILL, now_ns - order.sent_ns)
        # While an amend is on its way, more may be wanted than the books know of; how much an order
        # that closes the position will be, is told when it has fired.
        whole = 0 < max(order.qty_lots, order.amend_lots) <= order.cum_lots
        self._advance(order, OrderEvent.FILL_WHOLE if whole else OrderEvent.FILL)

    def _advance(self, order: Order, event: OrderEvent) -> bool:
        """Move an order along the table of its life; False: it has no such move, and stays."""
        try:
            order.state = order.state_after(event)
        except IllegalMove as problem:
            self.log.error(f"intent {order.intent_seq}: {problem}; the venue is asked")
            self.is_puzzled = True
            return False
        return True

    def _note_resolved(self, order: Order, *, doubted: bool) -> None:
        if doubted and not order.in_doubt:
            self.log.warning(
                f"{self.symbols[order.symbol]}: intent {order.intent_seq} was in doubt and is "
                f"{order.state.name}, {order.cum_lots} of {order.qty_lots} lots filled",
                Notice.ORDER_RESOLVED,
            )

    def exposed_lots(self, symbol: int) -> int:
        """Give the position that an order may at most reduce.

        While the three ways disagree that is what each of them holds at least.
        """
        return self.views[symbol].least(self.positions[symbol].lots)

    def compare_wallet(self, balance_e8: int, now_ns: int, patience_ns: int) -> None:
        """Compare the venue's balance with our own count; say what nothing explains."""
        off_e8 = self.wallet.compare(balance_e8, now_ns, patience_ns)
        if off_e8:
            sign = "+" if off_e8 > 0 else ""
            self.log.warning(
                f"the balance is {trim_e8(balance_e8)} {self.margin_asset.decode()}: "
                f"{sign}{trim_e8(off_e8)} that no event explained",
                Notice.BALANCE_ADJUSTED,
            )

    def judge_agreement(self, now_ns: int, patience_ns: int) -> Agreement:
        """Say whether all ways tell one position of every symbol: the worst of them."""
        found = {
            view.judge(position.lots, now_ns, patience_ns)
            for view, position in zip(self.views, self.positions, strict=True)
        }
        self.account.agreement = next(each for each in _WORST_FIRST if each in found)
        return Agreement(self.account.agreement)

    def open_of(self, symbol: int) -> list[Order]:
        """The open orders of one symbol."""
        return [order for order in self.orders.open.values() if order.symbol == symbol]
