"""The gates of the house: what must be well before anything is sent, in that order."""

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
    colour_of,
    plural,
    span,
)
from hft.denials import explain_denial
from hft.events import Denial, Unfit
from hft.state.values import Values
from hft.strategy.explain import explain_unfit
from hft.units import NS_PER_MS, NS_PER_S

_HOUSE_DENIALS = (Denial.TRADING_HALTED,)


def house_gates(look: Look) -> list[Gate]:
    """Tell every gate of the house; what only execution can know is grey while it is away."""
    return list(_gates(look))


def _gates(look: Look) -> Iterator[Gate]:
    yield _engine(look)
    yield _feed(look)
    yield _strategy(look)
    if look.answers("execution") and look.account:
        yield from _venue(look)
    else:
        for name, label in _OF_EXECUTION:
            yield Gate(name, label, GREY, "Not known: execution does not answer.")
    yield _trading(look)


_OF_EXECUTION = (
    ("order_session", "Order session"),
    ("user_stream", "User stream"),
    ("reconciled", "Account reconciled"),
    ("agreement", "Positions agree"),
    ("unknown_orders", "No order in doubt"),
    ("venue_clock", "Venue clock"),
    ("budget", "Request budget"),
    ("reports", "Reports taken"),
)


def _engine(look: Look) -> Gate:
    bad = [row for row in look.processes.values() if row["health"] != "ok"]
    colour = AMBER if bad else GREEN
    if not look.answers("execution"):
        colour = RED
    if not look.processes:
        words = "No process has started."
    elif bad:
        words = sentence(", ".join(_state_of(row) for row in bad))
    else:
        words = f"All {len(look.processes)} processes are alive."
    return Gate("engine", "Engine alive", colour, words)


def _state_of(row: dict[str, Any]) -> str:
    age_ms = row["heartbeat_age_ms"]
    told = "" if age_ms is None else f" (heartbeat {age(age_ms)} old)"
    return f"{row['role']} is {row['health']}{told}"


def _feed(look: Look) -> Gate:
    stale_ms = look.feed["stale_after_ms"]
    limit = f"stale after {span(stale_ms / 1000)}"
    if not look.answers("feed"):
        return Gate("feed", "Feed fresh", RED, "The feed is down.")
    # As execution has it: of several symbols the slowest counts, and a mark price is data too.
    ages = {row["symbol"]: row["fed_age_ms"] for row in look.markets}
    known = [age_ms for age_ms in ages.values() if age_ms is not None]
    if not known:
        return Gate("feed", "Feed fresh", RED, f"No market data yet, {limit}.")
    if len(known) < len(ages):
        missing = ", ".join(symbol for symbol, age_ms in ages.items() if age_ms is None)
        return Gate("feed", "Feed fresh", RED, f"No market data of {missing} yet.")
    words = f"Feed {age(max(known))} old, {limit}."
    return Gate("feed", "Feed fresh", colour_of(max(known), stale_ms), words)


def _strategy(look: Look) -> Gate:
    bad = [
        _state_of(row)
        for role, row in look.processes.items()
        if role.startswith("strategy") and row["health"] != "ok"
    ]
    if bad:
        return Gate("strategy", "Strategy alive", RED, sentence(", ".join(bad)))
    if not look.answers("strategy"):
        return Gate("strategy", "Strategy alive", RED, "The strategy was never started.")
    verdict = look.verdict
    if verdict is None or not verdict["events"]:
        return Gate("strategy", "Strategy alive", AMBER, "It has seen no event yet.")
    words = f"It has decided on {plural(verdict['events'], 'event')}."
    return Gate("strategy", "Strategy alive", GREEN, words)


def _venue(look: Look) -> Iterator[Gate]:
    account = look.account
    yield _order_session(look)
    stream_up = bool(account["user_stream_up"])
    yield _plain(
        "user_stream", "User stream", stream_up, "Fills are told as they come.", "USER_STREAM_DOWN"
    )
    yield _reconciled(look)
    yield _agreement(look)
    unknown = account["unknown_orders"]
    words = "The fate of every order is known."
    if unknown:
        words = f"The fate of {plural(unknown, 'order')} is unknown; the venue is asked."
    yield Gate("unknown_orders", "No order in doubt", RED if unknown else GREEN, words)
    yield _clock(look)
    yield _budget(look)
    share = look.reports_room
    words = (
        f"The fullest report ring is {share:.0%} full; from {REPORTS_HALF:.0%} on nothing is sent."
    )
    yield Gate("reports", "Reports taken", colour_of(share, REPORTS_HALF), words)


def _order_session(look: Look) -> Gate:
    name, label = "order_session", "Order session"
    if look.account["session_up"]:
        rtt_ns = look.account["order_rtt_ns"]
        told = f"; the last order took {span(rtt_ns / NS_PER_S)} there and back" if rtt_ns else ""
        return Gate(name, label, GREEN, f"The connection for orders is up{told}.")
    if look.account["connected"]:
        return Gate(name, label, AMBER, "The order session is down: orders go over REST.")
    return Gate(name, label, RED, sentence(explain_unfit(Unfit.ORDER_SESSION_DOWN)))


def _plain(name: str, label: str, is_well: bool, good: str, unfit: str) -> Gate:
    bad = sentence(explain_unfit(Unfit[unfit]))
    return Gate(name, label, GREEN if is_well else RED, good if is_well else bad)


def _reconciled(look: Look) -> Gate:
    name, label = "reconciled", "Account reconciled"
    if not look.account["reconciled"]:
        return Gate(name, label, RED, sentence(explain_unfit(Unfit.NOT_RECONCILED)))
    checked_ns, stale_ns = look.account["checked_ns"], look.limits.get("account_stale_ns", 0)
    if not checked_ns:
        if stale_ns:
            return Gate(name, label, RED, sentence(explain_denial(Denial.ACCOUNT_STALE)))
        return Gate(name, label, GREEN, "The account was compared with the venue.")
    age_ns = max(0, look.now_ns - checked_ns)
    words = f"Compared with the venue {span(age_ns / NS_PER_S)} ago"
    if not stale_ns:
        return Gate(name, label, GREEN, f"{words}.")
    words += f", stale after {span(stale_ns / NS_PER_S)}."
    # It is looked at now and then: only what is overdue is remarkable.
    return Gate(name, label, GREEN if age_ns <= stale_ns else RED, words)


def _agreement(look: Look) -> Gate:
    name, label = "agreement", "Positions agree"
    found = {row["symbol"]: row["agreement"] for row in look.markets}
    apart = [symbol for symbol, agreement in found.items() if agreement == "DISAGREED"]
    if apart:
        words = f"Our fills, the user stream and REST differ on {', '.join(apart)}."
        return Gate(name, label, RED, words)
    if "UNKNOWN" in found.values():
        return Gate(name, label, GREY, "Not every position was told by all three ways yet.")
    return Gate(name, label, GREEN, "Our fills, the user stream and REST tell one position.")


def _clock(look: Look) -> Gate:
    name, label = "venue_clock", "Venue clock"
    error_ns, limit_ns = look.account["clock_error_ns"], look.limits.get("clock_error_max_ns", 0)
    if error_ns < 0:
        return Gate(name, label, RED, sentence(explain_unfit(Unfit.CLOCK_UNKNOWN)))
    words = f"Known to ±{error_ns / NS_PER_MS:.1f} ms"
    if not limit_ns:
        return Gate(name, label, GREEN, f"{words}.")
    words += f", {limit_ns / NS_PER_MS:.0f} ms is the most."
    return Gate(name, label, colour_of(error_ns, limit_ns + 1), words)


def _budget(look: Look) -> Gate:
    account, name, label = look.account, "budget", "Request budget"
    banned_s = (account["banned_until_ns"] - look.now_ns) / NS_PER_S
    if banned_s > 0:
        return Gate(name, label, RED, f"The venue answers nobody here for {span(banned_s)}.")
    barred_s = (account["orders_until_ns"] - look.now_ns) / NS_PER_S
    if barred_s > 0:
        return Gate(name, label, RED, f"The venue takes no new orders for {span(barred_s)}.")
    colour, words = _used(account)
    count = look.denied((Denial.RATE_BUDGET_SPENT,))
    if not account["may_order"]:
        spent = sentence(explain_denial(Denial.RATE_BUDGET_SPENT))
        return Gate(name, label, RED, f"{spent} {words}", count)
    limited_s = (account["limited_until_ns"] - look.now_ns) / NS_PER_S
    if limited_s > 0:
        colour, words = AMBER, f"Requests wait {span(limited_s)}, orders go on. {words}"
    if colour != GREY and count:
        colour = AMBER
        words += f" {plural(count, 'intent')} denied in the last minute."
    return Gate(name, label, colour, words, count)


def _used(account: Values) -> tuple[str, str]:
    """Tell what is used of the venue's limits: it is close at most, whatever the figures say.

    Whether orders may leave execution says itself, which knows what is kept for cancels.
    """
    pairs = [
        ("weight", account["weight_used"], account["weight_limit"], "a minute"),
        ("orders", account["orders_10s_used"], account["orders_10s_limit"], "in 10 s"),
        ("orders", account["orders_1m_used"], account["orders_1m_limit"], "a minute"),
    ]
    known = [pair for pair in pairs if pair[2]]
    if not known:
        return GREY, "The venue has not told its limits yet."
    what, used, limit, per = max(known, key=lambda pair: pair[1] / pair[2])
    colour = AMBER if used >= CLOSE * limit else GREEN
    return colour, f"{what.capitalize()} {used:,} of {limit:,} {per}."


def _trading(look: Look) -> Gate:
    state, words = look.safety["trading_state"], look.safety["trading_sentence"]
    count = look.denied(_HOUSE_DENIALS)
    colour = GREEN if state == "ACTIVE" else RED
    if colour == GREEN and count:
        colour = AMBER
        words += (
            f" {plural(count, 'intent')} denied in the last minute: "
            f"{explain_denial(Denial.TRADING_HALTED)}."
        )
    return Gate("trading", "Trading", colour, words, count)
