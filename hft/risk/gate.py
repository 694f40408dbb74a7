"""The risk gate: every check an intent passes before it is an order.

The checks come in the order of `Denial`, but for REDUCING_ONLY, which must know the lots first.
Cancels always pass: a halt must never trap an order.  What only makes a position smaller passes
where a position is too large already or the feed is stale.
"""

from __future__ import annotations

import math

from hft.binance.filters import SymbolSpec
from hft.events import (
    Action,
    Denial,
    IntentFlag,
    LatchReason,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from hft.risk.breaker import breach
from hft.state.decision import Facts, Intent, Limits, Ruling
from hft.units import nearest_steps

_SIDES = frozenset(int(side) for side in Side)
_TYPES = frozenset(int(kind) for kind in OrderType)
_TIMES = frozenset(int(tif) for tif in TimeInForce)


class Gate:
    """The one way an intent becomes an order."""

    def check(
        self, intent: Intent, specs: list[SymbolSpec], limits: Limits, facts: Facts
    ) -> Ruling:
        """Judge one intent; a pass carries the order's whole ticks and lots."""
        if intent.action in (Action.CANCEL, Action.CANCEL_ALL):
            return Ruling(Denial.NONE)
        return check_placement(intent, specs, limits, facts)

    def breach(self, pnl_e8: int, limits: Limits) -> LatchReason:
        """Say which limit on the session's profit and loss is reached."""
        return breach(pnl_e8, limits)


def check_placement(
    intent: Intent, specs: list[SymbolSpec], limits: Limits, facts: Facts
) -> Ruling:
    """Judge an intent to place an order."""
    denial = _check_moment(intent, limits, facts) or _check_words(intent, facts)
    if denial:
        return Ruling(denial)
    if intent.symbol >= len(specs):
        return Ruling(Denial.UNKNOWN_SYMBOL)
    spec = specs[intent.symbol]
    # The float is the nearest to some decimal text; that decimal is what was meant.
    qty_e8 = nearest_steps(intent.qty, 1)
    lots = qty_e8 // spec.lot_e8
    is_limit = intent.order_type == OrderType.LIMIT
    ticks = nearest_steps(intent.price, spec.tick_e8) if is_limit else 0
    denial = (
        _check_reducing(intent, lots, facts)
        or _check_filters(spec, ticks, lots, intent, facts)
        or _check_size(spec, lots, intent, limits, facts)
        or _check_means(limits, facts)
        or _check_market(intent, lots, limits, facts)
    )
    return Ruling(denial) if denial else Ruling(Denial.NONE, ticks, lots)


def _check_moment(intent: Intent, limits: Limits, facts: Facts) -> Denial:
    if facts.trading_state == TradingState.HALTED:
        return Denial.TRADING_HALTED
    if facts.now_ns - intent.decide_ns > limits.intent_expiry_ns:
        return Denial.INTENT_EXPIRED
    return Denial.NONE


def _check_words(intent: Intent, facts: Facts) -> Denial:
    if intent.action == Action.AMEND:
        return Denial.NOT_SUPPORTED
    is_limit = intent.order_type == OrderType.LIMIT
    known = (
        intent.action == Action.PLACE
        and intent.side in _SIDES
        and intent.order_type in _TYPES
        and (intent.tif in _TIMES or not is_limit)
        and math.isfinite(intent.qty)
        and math.isfinite(intent.price)
        # A sequence used twice would give two orders one name.
        and intent.seq > facts.last_seq
    )
    if not known:
        return Denial.MALFORMED
    if intent.qty <= 0.0:
        return Denial.QUANTITY_NOT_POSITIVE
    if intent.price < 0.0 or (is_limit and intent.price == 0.0):
        return Denial.PRICE_NOT_POSITIVE
    return Denial.NONE


def _check_reducing(intent: Intent, lots: int, facts: Facts) -> Denial:
    if facts.trading_state == TradingState.REDUCING and not _only_reduces(intent, lots, facts):
        return Denial.REDUCING_ONLY
    return Denial.NONE


def _only_reduces(intent: Intent, lots: int, facts: Facts) -> bool:
    """Even with everything in flight on its side filled, the position gets smaller, never flips."""
    if facts.position_lots * intent.side >= 0:
        return False
    same_side = facts.open_buy_lots if intent.side > 0 else facts.open_sell_lots
    return lots + same_side <= abs(facts.position_lots)


def _check_filters(spec: SymbolSpec, ticks: int, lots: int, intent: Intent, facts: Facts) -> Denial:
    is_limit = intent.order_type == OrderType.LIMIT
    if lots < max(1, spec.min_lots):
        return Denial.QUANTITY_BELOW_STEP
    if lots > (spec.max_lots if is_limit else spec.market_max_lots):
        return Denial.QUANTITY_ABOVE_FILTER
    if is_limit and not max(1, spec.min_ticks) <= ticks <= spec.max_ticks:
        return Denial.PRICE_OUTSIDE_FILTER
    if intent.flags & IntentFlag.REDUCE_ONLY:
        return Denial.NONE
    if not is_limit:
        # The venue values a market order at the mark; before the first one, NO_PRICE follows.
        price = facts.top.mark or facts.top.last
        ticks = nearest_steps(price, spec.tick_e8)
        if not ticks:
            return Denial.NONE
    if spec.value_e8(ticks, lots) < spec.min_notional_e8:
        return Denial.NOTIONAL_BELOW_FILTER
    return Denial.NONE


def _check_size(
    spec: SymbolSpec, lots: int, intent: Intent, limits: Limits, facts: Facts
) -> Denial:
    if lots * spec.lot_e8 > limits.max_order_size_e8:
        return Denial.ORDER_SIZE_ABOVE_LIMIT
    in_flight = facts.open_buy_lots if intent.side > 0 else facts.open_sell_lots
    worst_lots = facts.position_lots * intent.side + in_flight + lots
    too_large = worst_lots * spec.lot_e8 > limits.max_position_e8
    if too_large and not _only_reduces(intent, lots, facts):
        return Denial.POSITION_ABOVE_LIMIT
    return Denial.NONE


def _check_means(limits: Limits, facts: Facts) -> Denial:
    if facts.orders_last_s >= limits.max_orders_per_s:
        return Denial.ORDER_RATE_ABOVE_LIMIT
    if not facts.has_row:
        return Denial.ORDER_TABLE_FULL
    return Denial.NONE


def _check_market(intent: Intent, lots: int, limits: Limits, facts: Facts) -> Denial:
    top = facts.top
    if not (top.newest_ns and top.bid > 0.0 and top.ask > 0.0):
        return Denial.NO_PRICE
    is_stale = facts.now_ns - top.newest_ns > limits.feed_stale_ns
    if is_stale and not _only_reduces(intent, lots, facts):
        return Denial.FEED_STALE
    if not facts.has_report_room:
        return Denial.REPORTS_BACKED_UP
    if not facts.connected:
        return Denial.NOT_CONNECTED
    if limits.max_loss_e8 and facts.pnl_e8 <= -limits.max_loss_e8:
        return Denial.LOSS_LIMIT_REACHED
    return Denial.NONE
