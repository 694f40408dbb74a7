"""The risk gate's checks, in their real order: `hft.risk.gate` for the first, then `checks`.

What stands against every order (a limit that is reached) is told before an intent comes; what
judges one order alone is green while the last minute's orders passed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashboard.look import Look
from dashboard.sentences import sentence
from dashboard.why_gate import (
    AMBER,
    CLOSE,
    GREEN,
    GREY,
    RED,
    REPORTS_HALF,
    Gate,
    age,
    at_least_amber,
    colour_of,
    plural,
    span,
)
from hft.denials import explain_denial
from hft.events import Denial
from hft.state.blocks import ORDERS_MAX
from hft.units import E8, NS_PER_MS, NS_PER_S

ORDER = (
    ("in_time", "Intent in time", (Denial.INTENT_EXPIRED,)),
    (
        "intent",
        "Intent makes sense",
        (
            Denial.MALFORMED,
            Denial.DUPLICATE_INTENT,
            Denial.QUANTITY_NOT_POSITIVE,
            Denial.PRICE_NOT_POSITIVE,
            Denial.UNKNOWN_SYMBOL,
            Denial.AMEND_PENDING,
            Denial.UNKNOWN_ORDER,
            Denial.NOT_SUPPORTED,
        ),
    ),
    ("reducing", "Adding allowed", (Denial.REDUCING_ONLY,)),
    (
        "filters",
        "Venue's filters",
        (
            Denial.QUANTITY_BELOW_STEP,
            Denial.QUANTITY_ABOVE_FILTER,
            Denial.PRICE_OUTSIDE_FILTER,
            Denial.NOTIONAL_BELOW_FILTER,
        ),
    ),
    ("order_size", "Order size", (Denial.ORDER_SIZE_ABOVE_LIMIT,)),
    ("rate", "Order rate", (Denial.ORDER_RATE_ABOVE_LIMIT, Denial.CANCEL_RATE_ABOVE_LIMIT)),
    ("room", "Room to send", (Denial.RATE_BUDGET_SPENT, Denial.ORDER_TABLE_FULL)),
    ("price", "Market price", (Denial.NO_PRICE,)),
    ("followed", "Connected", (Denial.REPORTS_BACKED_UP, Denial.NOT_CONNECTED)),
    ("trigger", "Stop trigger", (Denial.TRIGGER_PASSED,)),
    ("collar", "Price collar", (Denial.PRICE_OUTSIDE_COLLAR,)),
    ("position", "Position limit", (Denial.POSITION_ABOVE_LIMIT,)),
    ("notional", "Notional limit", (Denial.NOTIONAL_ABOVE_LIMIT,)),
    ("leverage", "Leverage limit", (Denial.LEVERAGE_ABOVE_LIMIT,)),
    ("margin", "Margin", (Denial.MARGIN_INSUFFICIENT,)),
    ("open_orders", "Open orders", (Denial.OPEN_ORDERS_ABOVE_LIMIT,)),
    ("market_age", "Market data age", (Denial.FEED_STALE,)),
    ("knowledge", "Account and clock", (Denial.ACCOUNT_STALE, Denial.CLOCK_UNCERTAIN)),
    (
        "results",
        "Loss and target",
        (
            Denial.LOSS_LIMIT_REACHED,
            Denial.DAILY_LOSS_REACHED,
            Denial.DRAWDOWN_REACHED,
            Denial.TARGET_REACHED,
        ),
    ),
)
"""Every denial but those of the house's own gates, grouped, in the order in which it is checked."""

_SWITCHED = {
    "collar": "collar_e8",
    "notional": "max_notional_e8",
    "leverage": "max_leverage_e2",
    "open_orders": "max_open_orders",
}
"""Checks that a limit of 0 turns off."""


def risk_gates(look: Look) -> list[Gate]:
    """Tell every check that is switched on."""
    return [
        _gate(look, name, label, codes)
        for name, label, codes in ORDER
        if not (name in _SWITCHED and look.limits and not look.limits.get(_SWITCHED[name]))
    ]


def _gate(look: Look, name: str, label: str, codes: tuple[Denial, ...]) -> Gate:
    count = look.denied(codes)
    denied = "; ".join(
        f"denied {look.minute.denials[code]} in the last minute: {explain_denial(code)}"
        for code in codes
        if look.minute.denials[code]
    )
    if not (look.answers("execution") and look.account and look.limits):
        return Gate(name, label, GREY, "Not known: execution does not answer.", count)
    standing = _STANDING[name](look) if name in _STANDING else None
    if standing is not None:
        colour, words = standing
    elif look.account["orders_sent"] or count:
        colour, words = GREEN, "Judges each order."
    else:
        colour, words = GREY, "Judges each order; none has come so far."
    told = f"{words} {sentence(denied)}" if denied else words
    return Gate(name, label, at_least_amber(colour, count), told, count)


Judged = tuple[str, str]


def _in_time(look: Look) -> Judged:
    limit = span(look.limits["intent_expiry_ns"] / NS_PER_S)
    return GREEN, f"An intent older than {limit} is never sent."


def _reducing(look: Look) -> Judged:
    if look.safety["trading_state"] == "REDUCING":
        return RED, sentence(explain_denial(Denial.REDUCING_ONLY))
    return GREEN, "Positions may grow."


def _order_size(look: Look) -> Judged:
    return GREEN, f"Up to {look.limits['max_order_size_e8'] / E8:g} in one order."


def _rate(look: Look) -> Judged:
    account, limits = look.account, look.limits
    most, cancels = limits["max_orders_per_s"], limits["max_cancels_per_s"]
    used, changed = account["orders_last_s"], account["changes_last_s"]
    words = f"{used} of {plural(most, 'order')} in the last second"
    if cancels:
        words += f", {changed} of {plural(cancels, 'cancel')} and changes"
    if not most or look.now_ns < account["orders_full_until_ns"]:
        return RED, f"{words}."
    if cancels and look.now_ns < account["changes_full_until_ns"]:
        return AMBER, f"{words}: orders pass."
    close = used >= CLOSE * most or (cancels and changed >= CLOSE * cancels)
    return AMBER if close else GREEN, f"{words}."


def _room(look: Look) -> Judged:
    if not look.account["may_order"]:
        return RED, sentence(explain_denial(Denial.RATE_BUDGET_SPENT))
    used = ORDERS_MAX - look.free_rows
    return colour_of(used, ORDERS_MAX), f"{used:,} of {ORDERS_MAX:,} rows hold open orders."


def _price(look: Look) -> Judged:
    missing = [row["symbol"] for row in look.markets if not (row["bid"] and row["ask"])]
    if missing:
        # Orders of the others pass.
        colour = RED if len(missing) == len(look.markets) else AMBER
        return colour, f"No bid and ask of {', '.join(missing)} yet."
    return GREEN, "There are a bid and an ask."


def _followed(look: Look) -> Judged:
    if look.reports_room >= REPORTS_HALF:
        return RED, sentence(explain_denial(Denial.REPORTS_BACKED_UP))
    if not look.account["connected"]:
        return RED, sentence(explain_denial(Denial.NOT_CONNECTED))
    if not look.account["session_up"]:
        return AMBER, "Orders go over REST; what rests cannot be changed, only cancelled."
    return GREEN, "Orders can be sent and followed."


def _collar(look: Look) -> Judged:
    return GREEN, f"Up to {look.limits['collar_e8'] / E8:.2%} from touch and mark."


def _position(look: Look) -> Judged:
    most = look.limits["max_position_e8"] / E8
    held = [(abs(row["position"]), row["symbol"]) for row in look.markets if row["position"]]
    worst, at = max(((_worst(row), row["symbol"]) for row in look.markets), default=(0.0, ""))
    if not held:
        colour, words = (GREEN if most else RED), f"Flat, {most:g} allowed"
    else:
        largest, symbol = max(held)
        words = f"{symbol}: {largest:g} of {most:g} held"
        colour = colour_of(largest, most)
    if colour == RED and held:
        return RED, f"{words}: only smaller positions pass."
    if colour != RED and worst >= most:
        return AMBER, f"{words}; {worst:g} of {at} with what is open filled: no more that way."
    return colour, f"{words}."


def _worst(row: dict[str, Any]) -> float:
    """How large a position may become when what is open on one side fills, as the gate has it."""
    position = row["position"] or 0.0
    worst = max(abs(position), position + row["open_buys"], row["open_sells"] - position)
    return float(round(worst, 8))


def _price_of(row: dict[str, Any]) -> float:
    """What a position is valued at: the mark, or the last price before one came."""
    return float(row["mark"] or row["last"] or 0.0)


def _notional(look: Look) -> Judged:
    most = look.limits["max_notional_e8"] / E8
    worth = max((abs(row["position"] or 0.0) * _price_of(row) for row in look.markets), default=0.0)
    worst = max((_worst(row) * _price_of(row) for row in look.markets), default=0.0)
    words = f"The largest position is worth {worth:,.0f} of {most:,.0f}"
    colour = colour_of(worth, most)
    if colour != RED and worst >= most:
        return AMBER, f"{words}, {worst:,.0f} with what is open filled: no more that way."
    return colour, f"{words}."


def _leverage(look: Look) -> Judged:
    most, equity = look.limits["max_leverage_e2"] / 100, look.account["equity_e8"] / E8
    if equity <= 0:
        return RED, "There is no equity to trade on."
    held = sum(abs(row["position"] or 0.0) * _price_of(row) for row in look.markets) / equity
    worst = sum(_worst(row) * _price_of(row) for row in look.markets) / equity
    words = f"Positions are {held:.1f} of {most:g} times the equity"
    colour = colour_of(held, most)
    if colour != RED and worst >= most:
        return AMBER, f"{words}, {worst:.1f} with what is open filled: no more that way."
    return colour, f"{words}."


def _margin(look: Look) -> Judged:
    available = look.account["available_e8"] / E8
    return (GREEN if available > 0 else RED), f"{available:,.2f} available."


def _open_orders(look: Look) -> Judged:
    count, most = look.account["open_orders"], look.limits["max_open_orders"]
    return colour_of(count, most), f"{count} of {most} open."


def _market_age(look: Look) -> Judged:
    stale_ms = look.feed["stale_after_ms"]
    ages = [row["fed_age_ms"] for row in look.markets]
    if not ages or None in ages:
        return RED, "Not every symbol has a price yet."
    words = f"Prices {age(max(ages))} old, {span(stale_ms / 1000)} is the most."
    return colour_of(max(ages), stale_ms), words


def _knowledge(look: Look) -> Judged:
    limits, account = look.limits, look.account
    stale_ns, unsure_ns = limits["account_stale_ns"], limits["clock_error_max_ns"]
    if stale_ns and look.now_ns - account["checked_ns"] > stale_ns:
        return RED, sentence(explain_denial(Denial.ACCOUNT_STALE))
    error_ns = account["clock_error_ns"]
    if unsure_ns and not 0 <= error_ns <= unsure_ns:
        return RED, sentence(explain_denial(Denial.CLOCK_UNCERTAIN))
    known = f"to {error_ns / NS_PER_MS:.1f} ms" if error_ns >= 0 else "not measured"
    return GREEN, f"The account is fresh enough, the clock known {known}."


def _results(look: Look) -> Judged:
    found = [
        (colour_of(used, limit), used / limit, words, used / E8, limit / E8)
        for words, used, limit in _measured(look)
        if limit
    ]
    if not found:
        return GREEN, "No limit of loss or profit is set."
    colour, _, words, used, limit = max(found, key=lambda each: each[1])
    return colour, f"{words} {used:,.2f} of {limit:,.2f}."


def _measured(look: Look) -> Iterator[tuple[str, int, int]]:
    """What is measured against each limit, in units of 1e-8, as `hft.risk.checks` does."""
    account, limits = look.account, look.limits
    yield "The session's loss is", max(0, -account["pnl_e8"]), limits["max_loss_e8"]
    yield "The day's loss is", max(0, -account["day_pnl_e8"]), limits["max_daily_loss_e8"]
    fallen_e8 = max(0, account["peak_pnl_e8"] - account["pnl_e8"])
    yield "The drawdown is", fallen_e8, limits["max_drawdown_e8"]
    yield "The session's profit is", max(0, account["pnl_e8"]), limits["target_profit_e8"]


_STANDING: dict[str, Any] = {
    "in_time": _in_time,
    "reducing": _reducing,
    "order_size": _order_size,
    "rate": _rate,
    "room": _room,
    "price": _price,
    "followed": _followed,
    "collar": _collar,
    "position": _position,
    "notional": _notional,
    "leverage": _leverage,
    "margin": _margin,
    "open_orders": _open_orders,
    "market_age": _market_age,
    "knowledge": _knowledge,
    "results": _results,
}
