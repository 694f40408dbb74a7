"""Liquidation by the mark price, the insurance fund, and deleveraging (reference 8.5).

An account whose margin balance falls to its maintenance margin loses its open orders, then its
positions: cross positions tier by tier, isolated ones whole.  The order is a limit at the price
where nothing would be left; what the book does not take, the fund takes over at that price, and
what the fund cannot bear is closed against the users on the other side who earn most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hft.simulator.account import Holding, Position
from hft.simulator.desk import Desk, Listing
from hft.simulator.margin import bracket_of, leg_margin, maintenance_e8
from hft.simulator.orders import LIQUIDATION, REASON_LIQUIDATED, OrderRequest, VenueOrder
from hft.simulator.outcomes import CalledPosition, ForcedOrder, MarginCall
from hft.simulator.treasury import FUND_ID
from hft.units import E8, parse_e8

if TYPE_CHECKING:
    from hft.simulator.exchange import Exchange

ROUNDS_MAX = 60
CALL_E4 = 8_000
"""A margin call is sent when maintenance reaches 80 % of the margin balance."""
UNWIND_E4 = 50
UNWIND_INTERVAL_MS = 1_000
ADL_STEPS = 4


class Liquidator:
    """Looks at every account when a mark price has changed."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._marks: list[int] = []
        self._unwound_ms = 0
        self.next_number = 1

    def on_time(self, now_ms: int) -> None:
        """Liquidate who is due, and let the fund get rid of what it took over."""
        listings = self._exchange.listings.values()
        marks = [listing.mark_e8 for listing in listings]
        if marks != self._marks:
            self._marks = marks
            self.check(now_ms)
        if now_ms - self._unwound_ms >= UNWIND_INTERVAL_MS:
            self._unwound_ms = now_ms
            self._unwind(now_ms)

    def check(self, now_ms: int) -> None:
        """Liquidate every account that has to be; call those that are near."""
        for desk in list(self._exchange.desks.values()):
            if desk.account.account_id == FUND_ID:
                continue
            held = [
                (self._exchange.listings[name], holding)
                for name, holding in desk.account.holdings.items()
                if any(leg.lots for leg in holding.legs.values())
            ]
            if not all(listing.mark_or_mid_e8() for listing, _ in held):
                # A restored position whose market has not begun: nobody knows what it is worth.
                continue
            for listing, holding in held:
                if holding.isolated:
                    self._check_isolated(desk, listing, holding, now_ms)
            crossed = [pair for pair in held if not pair[1].isolated]
            if desk.account.multi_assets:
                self._check_cross(desk, crossed, "", now_ms)
            else:
                for asset in sorted({listing.symbol.quote for listing, _ in crossed}):
                    own = [pair for pair in crossed if pair[0].symbol.quote == asset]
                    self._check_cross(desk, own, asset, now_ms)

    # Cross margin.

    def _check_cross(
        self, desk: Desk, held: list[tuple[Listing, Holding]], asset: str, now_ms: int
    ) -> None:
        if not held:
            return
        balance, maintenance = self._cross(desk, asset)
        if balance > maintenance:
            ratio_e4 = maintenance * 10_000 // balance
            self._call(desk, f"cross {asset}", held, (ratio_e4, now_ms))
            return
        for listing in self._exchange.listings.values():
            holding = desk.account.holdings.get(listing.symbol.name)
            # Orders without a position hang on the same wallet; those of isolated symbols do not.
            if not (holding and holding.isolated) and asset in ("", listing.symbol.quote):
                self._drop_orders(desk, listing, now_ms)
        for _ in range(ROUNDS_MAX):
            balance, maintenance = self._cross(desk, asset)
            if not maintenance or balance > maintenance:
                break
            listing, _, leg = max(
                ((each, holding, leg) for each, holding in held for leg in holding.held()),
                key=lambda found: (
                    leg_margin(
                        found[0].symbol, found[1], found[2], found[0].mark_or_mid_e8()
                    ).maintenance_e8
                ),
            )
            lots = _next_step(listing, leg)
            self._close(desk, listing, leg, (lots, balance), now_ms)
            balance, _ = self._cross(desk, asset)
            self._charge(desk, listing, balance, now_ms)
        if not any(leg.lots for _, holding in held for leg in holding.legs.values()):
            balance, _ = self._cross(desk, asset)
            self._exchange.treasury.clear(desk, held[0][0], min(0, balance), now_ms)

    def _cross(self, desk: Desk, asset: str) -> tuple[int, int]:
        """Give margin balance and maintenance margin of the cross positions."""
        margin = self._exchange.account_margin(desk, asset or "USDT")
        balance_e8 = margin.cross_wallet_e8 + margin.cross_unrealized_e8
        return balance_e8, margin.cross_maintenance_e8

    # Isolated margin.

    def _check_isolated(self, desk: Desk, listing: Listing, holding: Holding, now_ms: int) -> None:
        symbol, mark_e8 = listing.symbol, listing.mark_or_mid_e8()
        for leg in list(holding.held()):
            figures = leg_margin(symbol, holding, leg, mark_e8)
            balance = leg.isolated_e8 + figures.unrealized_e8
            if balance > figures.maintenance_e8:
                ratio_e4 = figures.maintenance_e8 * 10_000 // balance
                key = f"{symbol.name} {leg.leg}"
                self._call(desk, key, [(listing, holding)], (ratio_e4, now_ms))
                continue
            self._drop_orders(desk, listing, now_ms)
            apart_e8 = leg.isolated_e8
            before_e8 = leg.realized_e8
            self._close(desk, listing, leg, (abs(leg.lots), balance), now_ms)
            left_e8 = apart_e8 + leg.realized_e8 - before_e8
            if left_e8 < 0:
                self._exchange.treasury.clear(desk, listing, left_e8, now_ms)
            else:
                self._charge(desk, listing, left_e8, now_ms)

    # What both do.

    def _drop_orders(self, desk: Desk, listing: Listing, now_ms: int) -> None:
        account_id = desk.account.account_id
        self._exchange.algos.cancel_algos(account_id, listing.symbol, now_ms, by_venue=True)
        for order in desk.open_of(listing.symbol):
            self._exchange.cancel(desk.account.account_id, order, now_ms, reason=REASON_LIQUIDATED)

    def _close(
        self,
        desk: Desk,
        listing: Listing,
        leg: Position,
        lots_balance: tuple[int, int],
        now_ms: int,
    ) -> None:
        """Close lots of a position: in the book, with the fund, against other users."""
        lots, balance_e8 = lots_balance
        side = -1 if leg.lots > 0 else 1
        ticks = _bankrupt_ticks(listing, leg, balance_e8)
        order = self._order(desk, listing, leg, (side, ticks, lots), now_ms)
        self._exchange.match(listing, order, ticks, now_ms)
        filled = order.filled_lots
        if order.left_lots:
            self._hand_over(listing, order, now_ms)
        average = order.quote_e8 // (listing.symbol.unit_e8 * max(1, order.filled_lots))
        forced = ForcedOrder(listing.symbol, side, lots, ticks, average, now_ms)
        if filled or order.filled_lots:
            self._exchange.say(forced)
        desk.forced.append(order)

    def _order(
        self,
        desk: Desk,
        listing: Listing,
        leg: Position,
        terms: tuple[int, int, int],
        now_ms: int,
        *,
        prefix: str = "autoclose-",
    ) -> VenueOrder:
        side, ticks, lots = terms
        request = OrderRequest(
            symbol=listing.symbol,
            side=side,
            kind=LIQUIDATION,
            time_in_force="IOC",
            price_ticks=ticks,
            lots=lots,
            client_id=f"{prefix}{now_ms}{self.next_number:04d}",
            position_side=leg.leg,
        )
        self.next_number += 1
        order = VenueOrder(listing.next_order_id, desk.account.account_id, request, now_ms)
        listing.next_order_id += 1
        desk.take_in(order)
        self._exchange.clerk.announce(order, now_ms)
        return order

    def _hand_over(self, listing: Listing, order: VenueOrder, now_ms: int) -> None:
        """Give what the book did not take to the fund, or to the users who earn most."""
        fund = self._exchange.treasury.fund
        lots, asset = order.left_lots, listing.symbol.quote
        mark_e8, lot_e8 = listing.mark_or_mid_e8(), listing.symbol.lot_e8
        loss_e8 = (order.price_ticks * listing.symbol.tick_e8 - mark_e8) * -order.side
        after_e8 = self._exchange.account_margin(fund, asset)
        worth_e8 = after_e8.wallet_e8 + after_e8.unrealized_e8 - loss_e8 * lots * lot_e8 // E8
        if worth_e8 >= 0:
            self._swap(listing, order, fund, lots, now_ms)
            return
        for desk, held in self._ranked(listing, -order.side):
            if not order.left_lots:
                return
            self._swap(listing, order, desk, min(held, order.left_lots), now_ms)
        if order.left_lots:
            lots = order.left_lots
            order.left_lots = 0
            self._settle(listing, order, lots, now_ms)
            self._exchange.clerk.with_house(listing, -order.side * lots, order.price_ticks)

    def _swap(
        self, listing: Listing, order: VenueOrder, other: Desk, lots: int, now_ms: int
    ) -> None:
        """Trade lots of a liquidation with the fund or a deleveraged user, outside the book."""
        order.left_lots -= lots
        self._settle(listing, order, lots, now_ms)
        holding = other.account.holding(listing.symbol.name)
        closed = (leg for leg in holding.held() if leg.lots * order.side > 0)
        leg = next(closed, holding.legs["BOTH"])
        terms = (-order.side, order.price_ticks, lots)
        against = self._order(other, listing, leg, terms, now_ms, prefix="adl_autoclose-")
        against.left_lots = 0
        self._settle(listing, against, lots, now_ms)
        if other.account.account_id != FUND_ID:
            other.forced.append(against)
            self._exchange.expire_idle_reducers(listing, other.account.account_id, now_ms)

    def _settle(self, listing: Listing, order: VenueOrder, lots: int, now_ms: int) -> None:
        match = (listing.next_trade_id, order.price_ticks, lots, now_ms)
        listing.next_trade_id += 1
        self._exchange.clerk.settle(listing, order, match, maker=False)

    def _ranked(self, listing: Listing, side: int) -> list[tuple[Desk, int]]:
        """List who is on the side opposite to a liquidated position, whoever earns most first."""
        found = [
            (_adl_score(listing, desk, holding, leg), desk.account.account_id, desk, abs(leg.lots))
            for desk in self._exchange.desks.values()
            if desk.account.account_id != FUND_ID
            for name, holding in desk.account.holdings.items()
            if name == listing.symbol.name
            for leg in holding.held()
            if leg.lots * side < 0
        ]
        found.sort(key=lambda row: (-row[0], row[1]))
        return [(desk, lots) for _, _, desk, lots in found]

    def adl_quantile(self, listing: Listing, desk: Desk, leg: Position) -> int:
        """Give how near a position is to being deleveraged: 1 (far) to 5, 0 when flat."""
        if not leg.lots:
            return 0
        side = -1 if leg.lots > 0 else 1
        ranked = [found for found, _ in self._ranked(listing, side)]
        place = next(n for n, found in enumerate(ranked) if found is desk)
        behind = len(ranked) - 1 - place
        return behind * ADL_STEPS // max(1, len(ranked) - 1)

    def _charge(self, desk: Desk, listing: Listing, left_e8: int, now_ms: int) -> None:
        """Take the clearance fee of the last liquidation, as far as something is left."""
        rate_e8 = parse_e8(listing.symbol.liquidation_fee)
        fee_e8 = desk.forced[-1].quote_e8 * rate_e8 // E8
        self._exchange.treasury.clear(desk, listing, max(0, min(fee_e8, left_e8)), now_ms)

    def _call(
        self,
        desk: Desk,
        key: str,
        held: list[tuple[Listing, Holding]],
        ratio_now: tuple[int, int],
    ) -> None:
        """Send one margin call when the ratio gets high; another only after it was low again."""
        ratio_e4, now_ms = ratio_now
        if ratio_e4 < CALL_E4:
            if key in desk.called:
                desk.called.discard(key)
                self._exchange.touched.add(desk.account.account_id)
            return
        if key in desk.called:
            return
        desk.called.add(key)
        rows = []
        for listing, holding in held:
            mark_e8 = listing.mark_or_mid_e8()
            for leg in holding.held():
                figures = leg_margin(listing.symbol, holding, leg, mark_e8)
                rows.append(
                    CalledPosition(
                        symbol=listing.symbol,
                        leg=leg.leg,
                        lots=leg.lots,
                        isolated=holding.isolated,
                        isolated_e8=leg.isolated_e8,
                        mark_e8=mark_e8,
                        unrealized_e8=figures.unrealized_e8,
                        maintenance_e8=figures.maintenance_e8,
                    )
                )
        cross_e8 = self._exchange.account_margin(desk).cross_wallet_e8
        self._exchange.say(MarginCall(desk.account.account_id, cross_e8, tuple(rows), now_ms))

    def _unwind(self, now_ms: int) -> None:
        """Let the fund sell what it took over, near the mark price."""
        fund = self._exchange.treasury.fund
        for name, holding in fund.account.holdings.items():
            for leg in list(holding.held()):
                listing = self._exchange.listings[name]
                side = -1 if leg.lots > 0 else 1
                edge_e8 = listing.mark_or_mid_e8() * (10_000 + side * UNWIND_E4) // 10_000
                terms = (side, max(1, edge_e8 // listing.symbol.tick_e8), abs(leg.lots))
                if listing.book.crossing(side, terms[1]) is None:
                    continue
                order = self._order(fund, listing, leg, terms, now_ms, prefix="fund-")
                self._exchange.match(listing, order, terms[1], now_ms)
                if order.order_id in fund.open:
                    self._exchange.clerk.close(order, "EXPIRED", now_ms)


def _next_step(listing: Listing, leg: Position) -> int:
    """Lots that bring a position one tier down; all of them in the lowest tier."""
    symbol, mark_e8 = listing.symbol, listing.mark_or_mid_e8()
    size_e8 = abs(leg.notional_e8(mark_e8, symbol.lot_e8))
    tier = bracket_of(symbol, size_e8)
    lower = [other.cap for other in symbol.brackets if other.cap < tier.cap]
    if not lower or maintenance_e8(symbol, size_e8) <= 0:
        return abs(leg.lots)
    kept = max(lower) * E8 * E8 // (mark_e8 * symbol.lot_e8)
    return max(1, abs(leg.lots) - kept)


def _bankrupt_ticks(listing: Listing, leg: Position, balance_e8: int) -> int:
    """Price at which closing the whole position leaves nothing, on the safe side of the grid."""
    symbol = listing.symbol
    size_e8 = leg.lots * symbol.lot_e8
    price_e8 = listing.mark_or_mid_e8() - balance_e8 * E8 // size_e8
    ticks = -(-price_e8 // symbol.tick_e8) if leg.lots > 0 else price_e8 // symbol.tick_e8
    return max(1, ticks)


def _adl_score(listing: Listing, desk: Desk, holding: Holding, leg: Position) -> int:
    """Profit in relation to cost, times leverage; a loss counts divided by it (1e-8)."""
    figures = leg_margin(listing.symbol, holding, leg, listing.mark_or_mid_e8())
    cost_e8 = abs(leg.cost_e16 // E8) or 1
    rate = figures.unrealized_e8 * E8 // cost_e8
    balance_e8 = leg.isolated_e8 if holding.isolated else desk.account.wallet_e8
    leverage_e8 = abs(figures.notional_e8) * E8 // max(1, balance_e8 + figures.unrealized_e8)
    if rate >= 0:
        return rate * leverage_e8 // E8
    return rate * E8 // max(1, leverage_e8)
