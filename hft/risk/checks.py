"""The checks of an order in whole ticks and lots, each group in the order it is made."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hft.events import Denial, IntentFlag, OrderType
from hft.state.exposure import reference_price, tied_e8, worst_lots, worth_e8
from hft.state.steps import nearest_ticks, units_of
from hft.units import E8
from ringbuf.compiled import merged

Record = Any
"""One record of an array, its fields as attributes."""
Int = int | np.int64


class Asked(NamedTuple):
    """What an intent asks to stand at the venue, in whole numbers."""

    is_amend: bool
    kind: Int  # OrderType.
    side: Int
    flags: Int  # Bits of IntentFlag.
    ticks: Int  # A stop's trigger; 0 of a market order.
    lots: Int  # 0 of an order that closes the position.
    left_lots: Int  # Of those, not filled yet.
    left_before: Int  # The same of the order as it stands, for an amend.
    open_lots: Int  # Of the other open orders on its side that may add to a position.
    reducing_lots: Int  # Of the open reduce-only orders on its side.
    adds: bool  # It may add to a position.


_SLIP = 2_000
"""A market order is reckoned to pay one part in so many more than the touch, as at the venue."""


@merged
def check_filters(asked: Asked, spec: Record, facts: Record, reduces: bool) -> Denial:
    """Check what the venue's filters would refuse; `reduces`: it leaves as reduce-only."""
    is_limit = asked.kind == OrderType.LIMIT
    closes = asked.flags & IntentFlag.CLOSE_POSITION != 0
    if not closes:
        if asked.lots < max(1, spec.min_lots):
            return Denial.QUANTITY_BELOW_STEP
        if asked.lots > (spec.max_lots if is_limit else spec.market_max_lots):
            return Denial.QUANTITY_ABOVE_FILTER
    ticks = asked.ticks
    if asked.kind != OrderType.MARKET and (
        ticks < max(1, spec.min_ticks) or ticks > spec.max_ticks
    ):
        return Denial.PRICE_OUTSIDE_FILTER
    if reduces or closes:
        return Denial.NONE
    if asked.kind == OrderType.MARKET:
        # The venue values it at the mark; before the first price NO_PRICE follows.
        price = facts.mark if facts.mark > 0.0 else facts.last
        # Lots times the dearest price fit 64 bits, by the filters' own bounds.
        ticks = min(nearest_ticks(price, spec.tick_e8), spec.max_ticks)
        if ticks <= 0:
            return Denial.NONE
    if ticks * asked.lots * spec.unit_e8 < spec.min_notional_e8:
        return Denial.NOTIONAL_BELOW_FILTER
    return Denial.NONE


@merged
def has_changed_too_often(limits: Record, facts: Record) -> bool:
    """Say whether strategies have used up their cancels and amends of this second."""
    most = limits.max_cancels_per_s
    return bool(most != 0 and facts.changes_last_s >= most)


@merged
def check_means(asked: Asked, spec: Record, limits: Record, facts: Record) -> Denial:
    """Check the order's own size, and whether there is all it takes to send one more."""
    if asked.lots > limits.max_order_size_e8 // spec.lot_e8:
        return Denial.ORDER_SIZE_ABOVE_LIMIT
    if facts.orders_last_s >= limits.max_orders_per_s:
        return Denial.ORDER_RATE_ABOVE_LIMIT
    if asked.is_amend and has_changed_too_often(limits, facts):
        return Denial.CANCEL_RATE_ABOVE_LIMIT
    if facts.may_order == 0:
        return Denial.RATE_BUDGET_SPENT
    if facts.has_row == 0 and not asked.is_amend:
        return Denial.ORDER_TABLE_FULL
    return Denial.NONE


@merged
def check_market(facts: Record) -> Denial:
    """Check that there is a market, and that the order could be sent and followed."""
    if facts.newest_ns == 0 or not (facts.bid > 0.0 and facts.ask > 0.0):
        return Denial.NO_PRICE
    if facts.has_report_room == 0:
        return Denial.REPORTS_BACKED_UP
    if facts.connected == 0:
        return Denial.NOT_CONNECTED
    return Denial.NONE


@merged
def check_trigger(asked: Asked, spec: Record, facts: Record) -> Denial:
    """Check that a stop or take-profit would not fire at once."""
    if asked.kind == OrderType.MARKET or asked.kind == OrderType.LIMIT:
        return Denial.NONE
    price = facts.mark if asked.flags & IntentFlag.ON_MARK != 0 else facts.last
    if not price > 0.0:
        return Denial.NO_PRICE
    beyond = units_of(price) - asked.ticks * spec.tick_e8
    # A stop waits for the price to come to it in the order's own direction.
    fires_above = (asked.side > 0) == (asked.kind == OrderType.STOP_MARKET)
    if (beyond >= 0) if fires_above else (beyond <= 0):
        return Denial.TRIGGER_PASSED
    return Denial.NONE


@merged
def share_of(amount: Int, share_e8: Int) -> Int:
    """Give a fraction (in 1e-8) of a whole number, rounded down, without leaving 64 bits."""
    return amount // E8 * share_e8 + amount % E8 * share_e8 // E8


@merged
def _is_apart(ticks: Int, market: Int, share_e8: Int) -> bool:
    room = share_of(market, share_e8)
    return bool(ticks > market + room or ticks < market - room)


@merged
def check_collar(
    asked: Asked, spec: Record, limits: Record, facts: Record, reduces: bool
) -> Denial:
    """Check a price against the mark and against the touch it would meet.

    A market order has the touch for its price; one that only reduces may pay it.
    """
    is_limit = asked.kind == OrderType.LIMIT
    is_market = asked.kind == OrderType.MARKET
    if limits.collar_e8 == 0 or not (is_limit or is_market) or (is_market and reduces):
        return Denial.NONE
    touch = nearest_ticks(facts.ask if asked.side > 0 else facts.bid, spec.tick_e8)
    ticks = asked.ticks if is_limit else touch
    if _is_apart(ticks, touch, limits.collar_e8):
        return Denial.PRICE_OUTSIDE_COLLAR
    if facts.mark > 0.0:
        mark = nearest_ticks(facts.mark, spec.tick_e8)
        if _is_apart(ticks, mark, limits.collar_e8):
            return Denial.PRICE_OUTSIDE_COLLAR
    return Denial.NONE


@merged
def check_entry(asked: Asked, spec: Record, limits: Record, facts: Record) -> Denial:
    """Check what keeps a position from being entered, and nobody from leaving one."""
    denial = _check_exposure(asked, spec, limits, facts)
    if denial != Denial.NONE:
        return denial
    most = limits.max_open_orders
    too_many = most != 0 and facts.open_orders >= most
    if too_many and not asked.is_amend:
        return Denial.OPEN_ORDERS_ABOVE_LIMIT
    denial = _check_knowledge(limits, facts)
    return denial if denial != Denial.NONE else _check_results(limits, facts)


@merged
def _check_exposure(asked: Asked, spec: Record, limits: Record, facts: Record) -> Denial:
    """Check what would be held with everything open filled; what never adds, adds nothing."""
    if not asked.adds:
        return Denial.NONE
    side = asked.side
    adding = asked.open_lots + asked.left_lots
    lots = worst_lots(facts.position_lots, side, adding, asked.reducing_lots)
    price = reference_price(facts.mark, facts.bid, facts.ask, facts.last)
    mark_ticks = min(nearest_ticks(price, spec.tick_e8), spec.max_ticks)
    if asked.left_lots > asked.left_before:
        if lots > limits.max_position_e8 // spec.lot_e8:
            return Denial.POSITION_ABOVE_LIMIT
        worth = worth_e8(max(mark_ticks, asked.ticks), lots, spec.unit_e8)
        if limits.max_notional_e8 != 0 and worth > limits.max_notional_e8:
            return Denial.NOTIONAL_ABOVE_LIMIT
        if limits.max_leverage_e2 != 0:
            other_way = _other_way_lots(asked, facts)
            worst = max(worth, worth_e8(mark_ticks, other_way, spec.unit_e8))
            if _is_above_leverage(worst + facts.others_e8, limits, facts):
                return Denial.LEVERAGE_ABOVE_LIMIT
    if asked.kind == OrderType.MARKET or asked.kind == OrderType.LIMIT:
        return _check_margin(asked, spec, facts, mark_ticks)
    return Denial.NONE  # The venue ties nothing up for a stop before it fires.


@merged
def _other_way_lots(asked: Asked, facts: Record) -> Int:
    """What would be held if everything on the other side filled instead."""
    if asked.side > 0:
        return worst_lots(facts.position_lots, -1, facts.open_sell_lots, facts.reducing_sell_lots)
    return worst_lots(facts.position_lots, 1, facts.open_buy_lots, facts.reducing_buy_lots)


@merged
def _is_above_leverage(worst_e8: Int, limits: Record, facts: Record) -> bool:
    equity_e8, leverage_e2 = max(np.int64(0), facts.equity_e8), limits.max_leverage_e2
    whole = equity_e8 // 100
    if whole > (np.int64(1) << 62) // leverage_e2:
        return False  # No worth that is told apart reaches it.
    return bool(worst_e8 > whole * leverage_e2 + equity_e8 % 100 * leverage_e2 // 100)


@merged
def _check_margin(asked: Asked, spec: Record, facts: Record, mark_ticks: Int) -> Denial:
    """Check the margin it would tie up, as the venue reckons: the dearer of both ways.

    Beside that come the loss of paying more than the mark, and the fee.
    """
    if facts.leverage <= 0:
        return Denial.NONE  # Nobody told it: the venue must judge.
    side = asked.side
    ticks = asked.ticks
    if asked.kind == OrderType.MARKET:
        touch = nearest_ticks(facts.ask if side > 0 else facts.bid, spec.tick_e8)
        ticks = touch + -(-touch // _SLIP) if side > 0 else max(touch, mark_ticks)
    before_e8 = worth_e8(facts.target_ticks, asked.left_before, spec.unit_e8)
    added_e8 = worth_e8(ticks, asked.left_lots, spec.unit_e8) - before_e8
    held_e8 = worth_e8(mark_ticks, abs(facts.position_lots), spec.unit_e8)
    if facts.position_lots < 0:
        held_e8 = -held_e8
    bids_e8, asks_e8 = facts.bids_e8, facts.asks_e8
    tied_before = tied_e8(held_e8, bids_e8, asks_e8, facts.leverage)
    if side > 0:
        bids_e8 += added_e8
    else:
        asks_e8 += added_e8
    more_e8 = tied_e8(held_e8, bids_e8, asks_e8, facts.leverage) - tied_before
    if more_e8 <= 0:
        return Denial.NONE
    dearer = max(np.int64(0), (ticks - mark_ticks) * side)
    loss_e8 = worth_e8(dearer, asked.left_lots, spec.unit_e8)
    fee_e8 = share_of(max(np.int64(0), added_e8), facts.taker_fee_e8)
    if more_e8 + loss_e8 + fee_e8 > facts.free_e8:
        return Denial.MARGIN_INSUFFICIENT
    return Denial.NONE


@merged
def _check_knowledge(limits: Record, facts: Record) -> Denial:
    """Check that what we know of market, account and clock is fresh enough to enter on."""
    if facts.now_ns - facts.newest_ns > limits.feed_stale_ns:
        return Denial.FEED_STALE
    oldest_ns, least_sure_ns = limits.account_stale_ns, limits.clock_error_max_ns
    if oldest_ns != 0 and facts.now_ns - facts.checked_ns > oldest_ns:
        return Denial.ACCOUNT_STALE
    if least_sure_ns != 0 and not 0 <= facts.clock_error_ns <= least_sure_ns:
        return Denial.CLOCK_UNCERTAIN
    return Denial.NONE


@merged
def _check_results(limits: Record, facts: Record) -> Denial:
    """Check what was lost or won; the breaker halts on the same figures a moment later."""
    pnl_e8, target_e8 = facts.pnl_e8, limits.target_profit_e8
    fallen_e8, most_fallen_e8 = facts.peak_pnl_e8 - pnl_e8, limits.max_drawdown_e8
    if limits.max_loss_e8 != 0 and pnl_e8 <= -limits.max_loss_e8:
        return Denial.LOSS_LIMIT_REACHED
    if limits.max_daily_loss_e8 != 0 and facts.day_pnl_e8 <= -limits.max_daily_loss_e8:
        return Denial.DAILY_LOSS_REACHED
    if most_fallen_e8 != 0 and fallen_e8 >= most_fallen_e8:
        return Denial.DRAWDOWN_REACHED
    if target_e8 != 0 and pnl_e8 >= target_e8:
        return Denial.TARGET_REACHED
    return Denial.NONE
