"""What each refusal of the gate means: its sentence, and the code the venue would have answered.

Prices and quantities are whole ticks and lots before anything is checked, so the venue's -1111
(too many decimals) and -4014 (off the tick) cannot happen and stand for nothing here.
"""

from __future__ import annotations

from typing import NamedTuple

from hft.events import Denial


class Meaning(NamedTuple):
    """One refusal in words; `venue_code` is 0 where the venue knows nothing like it."""

    sentence: str
    venue_code: int = 0


MEANINGS = {
    Denial.NONE: Meaning("not denied"),
    Denial.TRADING_HALTED: Meaning("trading is halted"),
    Denial.REDUCING_ONLY: Meaning(
        "only orders that make the position smaller are let through now", -2022
    ),
    Denial.INTENT_EXPIRED: Meaning("it waited longer than intent_expiry_ms"),
    Denial.MALFORMED: Meaning("the intent makes no sense"),
    Denial.QUANTITY_NOT_POSITIVE: Meaning("the quantity is not positive", -4003),
    Denial.PRICE_NOT_POSITIVE: Meaning("the price is not positive", -4001),
    Denial.UNKNOWN_SYMBOL: Meaning("the symbol is not one of this run", -1121),
    Denial.QUANTITY_BELOW_STEP: Meaning("the quantity is below the venue's smallest", -4004),
    Denial.QUANTITY_ABOVE_FILTER: Meaning("the quantity is above the venue's largest", -4005),
    Denial.PRICE_OUTSIDE_FILTER: Meaning("the price is outside the venue's range", -4002),
    Denial.NOTIONAL_BELOW_FILTER: Meaning("the order is worth less than the venue's least", -4164),
    Denial.ORDER_SIZE_ABOVE_LIMIT: Meaning("the quantity is above max_order_size"),
    Denial.POSITION_ABOVE_LIMIT: Meaning("the position would pass max_position"),
    Denial.ORDER_RATE_ABOVE_LIMIT: Meaning("more orders than max_orders_per_second", -1015),
    Denial.ORDER_TABLE_FULL: Meaning("the order table is full"),
    Denial.NO_PRICE: Meaning("there is no market price yet"),
    Denial.FEED_STALE: Meaning("the market data is too old"),
    Denial.REPORTS_BACKED_UP: Meaning("reports are not taken as fast as they come"),
    Denial.NOT_CONNECTED: Meaning("there is no connection for orders"),
    Denial.UNKNOWN_ORDER: Meaning("there is no such open order", -2011),
    Denial.NOT_SUPPORTED: Meaning("this kind of order is not supported", -1116),
    Denial.LOSS_LIMIT_REACHED: Meaning("the loss limit is reached"),
    Denial.DUPLICATE_INTENT: Meaning("the intent's number was used before", -4116),
    Denial.NOTIONAL_ABOVE_LIMIT: Meaning("the position would be worth more than max_notional"),
    Denial.LEVERAGE_ABOVE_LIMIT: Meaning("the positions would pass max_leverage", -2027),
    Denial.PRICE_OUTSIDE_COLLAR: Meaning(
        "the price is further from the market than price_collar", -4016
    ),
    Denial.CANCEL_RATE_ABOVE_LIMIT: Meaning("more cancels than max_cancels_per_second"),
    Denial.OPEN_ORDERS_ABOVE_LIMIT: Meaning("more open orders than max_open_orders", -2025),
    Denial.ACCOUNT_STALE: Meaning("the account was not checked for longer than account_stale_ms"),
    Denial.CLOCK_UNCERTAIN: Meaning(
        "the venue's clock is less certain than clock_error_max_ms", -1021
    ),
    Denial.DAILY_LOSS_REACHED: Meaning("the day's loss limit is reached"),
    Denial.DRAWDOWN_REACHED: Meaning("the drawdown from the session's peak is reached"),
    Denial.TARGET_REACHED: Meaning("the target profit is reached"),
    Denial.MARGIN_INSUFFICIENT: Meaning("there is not enough margin for it", -2019),
    Denial.RATE_BUDGET_SPENT: Meaning(
        "the venue's limits leave room for cancels and flatten only", -1003
    ),
    Denial.AMEND_PENDING: Meaning(
        "the order, or an earlier change of it, is not answered yet", -5043
    ),
    Denial.TRIGGER_PASSED: Meaning("the market is beyond its trigger already", -2021),
}
"""Every code of the gate."""


def explain_denial(code: int) -> str:
    """Say why the gate refused an intent; a code of a newer build keeps its number."""
    meaning = MEANINGS.get(Denial(code)) if code in Denial.__members__.values() else None
    return meaning.sentence if meaning else f"denial {code}"
