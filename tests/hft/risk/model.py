"""The gate once more, slow and plain: decimals for prices, unbounded integers for money.

Written from what each refusal means, not from the compiled code: one order is looked at as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from hft.binance.filters import SymbolSpec
from hft.events import Action, Denial, IntentFlag, OrderState, OrderType, TimeInForce, TradingState
from hft.state.decision import FACTS, Intent, Limits
from hft.units import E8

from .rig import Ruling

_NAMES = FACTS.names or ()
STOPS = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


def steps(value: float, step_e8: int, rounding: str) -> int:
    return int((Decimal(repr(value)) * E8 / step_e8).quantize(Decimal(1), rounding))


class Model:
    """One intent and everything known about it."""

    def __init__(
        self, intent: Intent, spec: SymbolSpec, limits: Limits, facts: dict[str, Any]
    ) -> None:
        self.intent, self.spec, self.limits = intent, spec, limits
        self.facts = {name: facts.get(name, 0) for name in _NAMES}
        amends = intent.action == Action.AMEND
        self.amends = amends
        self.kind = OrderType(self.facts["target_type"]) if amends else intent.order_type
        self.side = self.facts["target_side"] if amends else intent.side
        self.flags = int(self.facts["target_flags"] if amends else intent.flags)
        self.buys = self.side > 0

    def has(self, flag: IntentFlag) -> bool:
        return bool(self.flags & flag)

    def ruling(self) -> Ruling:
        denial = next(self.words(), None)
        if denial is None:
            self.quantise()
            denial = next(self.order(), None)
        if denial is not None:
            return Ruling(denial)
        return Ruling(Denial.NONE, self.ticks, self.lots, self.leaves_reducing)

    def words(self) -> Iterator[Denial]:
        intent, facts = self.intent, self.facts
        if facts["trading_state"] == TradingState.HALTED:
            yield Denial.TRADING_HALTED
        if facts["now_ns"] - intent.decide_ns > self.limits.intent_expiry_ns:
            yield Denial.INTENT_EXPIRED
        closes = bool(intent.flags & IntentFlag.CLOSE_POSITION)
        if not self.amends and (
            (closes and intent.order_type not in STOPS)
            or (intent.order_type == OrderType.LIMIT and intent.tif not in list(TimeInForce))
        ):
            yield Denial.MALFORMED
        if intent.seq <= facts["last_seq"]:
            yield Denial.DUPLICATE_INTENT
        if not self.amends and closes and intent.qty != 0:
            yield Denial.MALFORMED
        if intent.qty <= 0 and (self.amends or not closes):
            yield Denial.QUANTITY_NOT_POSITIVE
        if intent.price < 0 or (
            intent.price == 0 and (self.amends or intent.order_type != OrderType.MARKET)
        ):
            yield Denial.PRICE_NOT_POSITIVE
        if intent.symbol >= facts["symbol_count"]:
            yield Denial.UNKNOWN_SYMBOL
        if self.amends:
            if facts["target_state"] == OrderState.SENT or facts["target_pending"]:
                yield Denial.AMEND_PENDING
            if facts["target_state"] not in (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED):
                yield Denial.UNKNOWN_ORDER
            if self.kind != OrderType.LIMIT:
                yield Denial.NOT_SUPPORTED

    def quantise(self) -> None:
        intent, spec, facts = self.intent, self.spec, self.facts
        self.ticks = self.lots = 0
        if self.kind != OrderType.MARKET:
            self.ticks = steps(intent.price, spec.tick_e8, ROUND_HALF_UP)
        if not self.has(IntentFlag.CLOSE_POSITION):
            self.lots = steps(intent.qty, spec.lot_e8, ROUND_DOWN)
        self.filled = facts["target_cum_lots"] if self.amends else 0
        self.stood = max(0, facts["target_lots"] - self.filled) if self.amends else 0
        self.stands = max(0, self.lots - self.filled)
        self.adds = not (self.has(IntentFlag.REDUCE_ONLY) or self.has(IntentFlag.CLOSE_POSITION))
        side = "buy" if self.buys else "sell"
        self.open = facts[f"open_{side}_lots"] - (self.stood if self.adds else 0)
        self.reducing = facts[f"reducing_{side}_lots"]
        held_against = max(0, -facts["position_lots"] * self.side)
        fits = self.stands + self.open <= held_against and not self.amends
        self.reduces = held_against > 0 and (not self.adds or fits)
        self.leaves_reducing = self.has(IntentFlag.REDUCE_ONLY)

    def order(self) -> Iterator[Denial]:
        if self.facts["trading_state"] == TradingState.REDUCING:
            if not self.reduces:
                yield Denial.REDUCING_ONLY
            self.reduce()
        yield from self.filters()
        yield from self.sending()
        yield from self.prices()
        for denial in self.entry():
            if not self.reduces:
                yield denial
            self.reduce()

    def reduce(self) -> None:
        if not self.has(IntentFlag.CLOSE_POSITION):
            self.leaves_reducing = True

    def mark(self) -> float:
        facts = self.facts
        middle = (facts["bid"] + facts["ask"]) / 2
        return float(facts["mark"] or (middle if facts["bid"] and facts["ask"] else facts["last"]))

    def mark_ticks(self) -> int:
        return min(steps(self.mark(), self.spec.tick_e8, ROUND_HALF_UP), self.spec.max_ticks)

    def touch_ticks(self) -> int:
        price = self.facts["ask"] if self.buys else self.facts["bid"]
        return steps(price, self.spec.tick_e8, ROUND_HALF_UP)

    def filters(self) -> Iterator[Denial]:
        spec, limited = self.spec, self.kind == OrderType.LIMIT
        if not self.has(IntentFlag.CLOSE_POSITION):
            if self.lots < max(1, spec.min_lots):
                yield Denial.QUANTITY_BELOW_STEP
            if self.lots > (spec.max_lots if limited else spec.market_max_lots):
                yield Denial.QUANTITY_ABOVE_FILTER
        priced = self.kind != OrderType.MARKET
        if priced and not max(1, spec.min_ticks) <= self.ticks <= spec.max_ticks:
            yield Denial.PRICE_OUTSIDE_FILTER
        if self.leaves_reducing or self.has(IntentFlag.CLOSE_POSITION):
            return
        ticks = self.ticks
        if not priced:
            price = self.facts["mark"] or self.facts["last"]
            ticks = min(steps(price, spec.tick_e8, ROUND_HALF_UP), spec.max_ticks)
        if ticks and spec.value_e8(ticks, self.lots) < spec.min_notional_e8:
            yield Denial.NOTIONAL_BELOW_FILTER

    def sending(self) -> Iterator[Denial]:
        facts, limits = self.facts, self.limits
        if self.lots * self.spec.lot_e8 > limits.max_order_size_e8:
            yield Denial.ORDER_SIZE_ABOVE_LIMIT
        if facts["orders_last_s"] >= limits.max_orders_per_s:
            yield Denial.ORDER_RATE_ABOVE_LIMIT
        most = limits.max_cancels_per_s
        if self.amends and most and facts["changes_last_s"] >= most:
            yield Denial.CANCEL_RATE_ABOVE_LIMIT
        if not facts["may_order"]:
            yield Denial.RATE_BUDGET_SPENT
        if not facts["has_row"] and not self.amends:
            yield Denial.ORDER_TABLE_FULL
        if not (facts["newest_ns"] and facts["bid"] and facts["ask"]):
            yield Denial.NO_PRICE
        if not facts["has_report_room"]:
            yield Denial.REPORTS_BACKED_UP
        if not facts["connected"]:
            yield Denial.NOT_CONNECTED

    def prices(self) -> Iterator[Denial]:
        facts, spec = self.facts, self.spec
        if self.kind in STOPS:
            watched = facts["mark"] if self.has(IntentFlag.ON_MARK) else facts["last"]
            if not watched:
                yield Denial.NO_PRICE
            ahead = Decimal(self.ticks * spec.tick_e8) / E8 - Decimal(repr(float(watched)))
            # A stop lies ahead in the order's direction, a take-profit behind.
            direction = self.side if self.kind == OrderType.STOP_MARKET else -self.side
            if ahead * direction <= 0:
                yield Denial.TRIGGER_PASSED
            return
        collar = Fraction(self.limits.collar_e8, E8)
        if not collar or (self.kind == OrderType.MARKET and self.reduces):
            return
        ticks = self.ticks if self.kind == OrderType.LIMIT else self.touch_ticks()
        markets = [self.touch_ticks()]
        if facts["mark"]:
            markets.append(steps(facts["mark"], spec.tick_e8, ROUND_HALF_UP))
        if any(abs(ticks - market) > collar * market for market in markets):
            yield Denial.PRICE_OUTSIDE_COLLAR

    def entry(self) -> Iterator[Denial]:
        facts, limits = self.facts, self.limits
        if self.adds:
            yield from self.exposure()
        most = limits.max_open_orders
        if most and not self.amends and facts["open_orders"] >= most:
            yield Denial.OPEN_ORDERS_ABOVE_LIMIT
        if facts["now_ns"] - facts["newest_ns"] > limits.feed_stale_ns:
            yield Denial.FEED_STALE
        oldest_ns = limits.account_stale_ns
        if oldest_ns and facts["now_ns"] - facts["checked_ns"] > oldest_ns:
            yield Denial.ACCOUNT_STALE
        if limits.clock_error_max_ns:
            error_ns = facts["clock_error_ns"]
            if error_ns < 0 or error_ns > limits.clock_error_max_ns:
                yield Denial.CLOCK_UNCERTAIN
        pnl = facts["pnl_e8"]
        if limits.max_loss_e8 and -pnl >= limits.max_loss_e8:
            yield Denial.LOSS_LIMIT_REACHED
        if limits.max_daily_loss_e8 and -facts["day_pnl_e8"] >= limits.max_daily_loss_e8:
            yield Denial.DAILY_LOSS_REACHED
        if limits.max_drawdown_e8 and facts["peak_pnl_e8"] - pnl >= limits.max_drawdown_e8:
            yield Denial.DRAWDOWN_REACHED
        if limits.target_profit_e8 and pnl >= limits.target_profit_e8:
            yield Denial.TARGET_REACHED

    def worst(self, side: int, adding: int, reducing: int) -> int:
        """The largest position in a direction over every way the open orders may fill."""
        towards = self.facts["position_lots"] * side
        nearer = min(reducing, -towards) if towards < 0 else 0
        return int(towards + nearer + adding)

    def exposure(self) -> Iterator[Denial]:
        facts, limits, spec = self.facts, self.limits, self.spec
        lots = self.worst(self.side, self.open + self.stands, self.reducing)
        other = "sell" if self.buys else "buy"
        other_lots = self.worst(
            -self.side, facts[f"open_{other}_lots"], facts[f"reducing_{other}_lots"]
        )
        mark = self.mark_ticks()
        worth = spec.value_e8(max(mark, self.ticks), max(0, lots))
        if self.stands > self.stood:
            if lots * spec.lot_e8 > limits.max_position_e8 // spec.lot_e8 * spec.lot_e8:
                yield Denial.POSITION_ABOVE_LIMIT
            if limits.max_notional_e8 and worth > limits.max_notional_e8:
                yield Denial.NOTIONAL_ABOVE_LIMIT
            whole = max(worth, spec.value_e8(mark, max(0, other_lots))) + facts["others_e8"]
            equity = max(0, facts["equity_e8"])
            if limits.max_leverage_e2 and whole * 100 > equity * limits.max_leverage_e2:
                yield Denial.LEVERAGE_ABOVE_LIMIT
        if self.kind not in STOPS and facts["leverage"]:
            yield from self.margin(mark)

    def margin(self, mark: int) -> Iterator[Denial]:
        facts, spec = self.facts, self.spec
        ticks = self.ticks
        if self.kind == OrderType.MARKET:
            touch = self.touch_ticks()
            slipped = -(-touch * 2001 // 2000)
            ticks = slipped if self.buys else max(touch, mark)
        added = spec.value_e8(ticks, self.stands)
        added -= spec.value_e8(facts["target_ticks"], self.stood)
        held = spec.value_e8(mark, facts["position_lots"])

        def tied(bids: int, asks: int) -> int:
            dearest = max(abs(held), abs(held + bids), abs(held - asks))
            return int(dearest // facts["leverage"])

        bids, asks = facts["bids_e8"], facts["asks_e8"]
        more = tied(bids + added * self.buys, asks + added * (not self.buys)) - tied(bids, asks)
        if more <= 0:
            return
        loss = spec.value_e8(max(0, (ticks - mark) * self.side), self.stands)
        fee = int(Fraction(max(0, added) * facts["taker_fee_e8"], E8))
        if more + loss + fee > facts["free_e8"]:
            yield Denial.MARGIN_INSUFFICIENT


def ruling_of(intent: Intent, spec: SymbolSpec, limits: Limits, facts: dict[str, Any]) -> Ruling:
    """What the gate must say."""
    if intent.action in (Action.CANCEL, Action.CANCEL_ALL):
        most, asked = limits.max_cancels_per_s, facts.get("changes_last_s", 0)
        active = facts["trading_state"] == TradingState.ACTIVE
        return Ruling(
            Denial.CANCEL_RATE_ABOVE_LIMIT if most and active and asked >= most else Denial.NONE
        )
    return Model(intent, spec, limits, facts).ruling()
