"""The life of one order in sentences, each with the time it happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboard.order_stages import ClockTold
from dashboard.order_told import OrderTold, verb
from dashboard.why_gate import span
from hft.binance.error_texts import explain_venue_code
from hft.denials import MEANINGS
from hft.events import HOP_MAX_NS, Denial, Hop, OrderType, Verdict
from hft.units import MS_PER_S, NS_PER_MS, NS_PER_S

_WHY = {
    Verdict.ENTER.name: "it saw a reason to enter",
    Verdict.EXIT.name: "it saw a reason to close the position",
}
_TYPES = {
    OrderType.MARKET.name: "at market",
    OrderType.LIMIT.name: "at {price}",
    OrderType.STOP_MARKET.name: "with a stop at {price}",
    OrderType.TAKE_PROFIT_MARKET.name: "to take profit at {price}",
}
_ENDS = {
    "CANCELLED": "cancelled at the venue",
    "EXPIRED": "expired at the venue",
    "UNKNOWN": "its fate is unknown: the venue is being asked",
}
LATE_MS = 2_000
"""How much later than the venue's own time a fill is heard of without a word about it."""
Line = tuple[float | None, str]


def story_of(order: OrderTold, fills: Sequence[dict[str, Any]], clock: ClockTold) -> list[str]:
    """Tell the order's life, oldest first, by our clock; a time that is not known is left out."""
    return [
        f"{_clock(ms)} {text}" if ms is not None else text
        for ms, text in _lines(order, fills, clock)
    ]


def _lines(order: OrderTold, fills: Sequence[dict[str, Any]], clock: ClockTold) -> Iterator[Line]:
    yield _at(order, Hop.DECIDED), _wanted(order)
    if order.denial is not None or order.state == "DENIED":
        yield order.updated_ms, _denied(order)
        return
    if order.hops.get(Hop.GATED.name):
        touch = (
            f" with the market at {order.bid:,.8g} / {order.ask:,.8g}"
            if (order.bid and order.ask)
            else ""
        )
        yield _at(order, Hop.GATED), f"the gate passed it{touch}"
    sent_ns = order.hops.get(Hop.SENT.name)
    if sent_ns:
        since = "the market event" if order.caused else "the decision"
        if order.by_report:
            since = "the report that caused it"
        yield _at(order, Hop.SENT), f"sent {_after(sent_ns)} after {since}"
    acked_ns = order.hops.get(Hop.ACKED.name)
    if acked_ns and order.state != "REJECTED":
        later = f" {_after(acked_ns - sent_ns)} later" if sent_ns and acked_ns > sent_ns else ""
        number = f" as order {order.venue_order_id}" if order.venue_order_id else ""
        yield _at(order, Hop.ACKED), f"the venue acknowledged it{later}{number}"
    for fill in fills:
        yield _when_filled(fill, clock)
    if order.filled and not fills:
        average = f" @ {order.average_price:,.8g}" if order.average_price else ""
        yield (
            _at(order, Hop.FILLED),
            f"filled {order.filled:.8g}{average}; its trades are not in the books yet",
        )
    yield from _asked(order)
    yield from _ended(order)


def _wanted(order: OrderTold) -> str:
    how = _TYPES.get(order.type, order.type)
    if order.price is not None:
        how = how.format(price=f"{order.price:,.8g}")
    # Of what the gate denied before it was whole numbers, the quantity is not kept.
    amount = f"{order.quantity:.8g} " if order.quantity else ""
    what = "everything held of " if order.closes_all else amount
    flags = f" ({', '.join(order.flags)})" if order.flags else ""
    why = _WHY.get(order.reason)
    reason = f" because {why}" if why else f", its reason {order.reason}"
    if order.reason in ("0", "NONE"):
        reason = ""
    who = order.strategy or "a strategy of before"
    return f"{who} wanted to {verb(order)} {what}{order.symbol} {how}{flags}{reason}"


def _denied(order: OrderTold) -> str:
    code = Denial.__members__.get(order.denial or "")
    if code is None:
        return "it was taken back before a byte of it had left"
    return f"denied by the gate: {MEANINGS[code].sentence}"


def _when_filled(fill: dict[str, Any], clock: ClockTold) -> Line:
    """A fill stands where we heard of it, like all else, and says so when that was late."""
    text = _filled(fill)
    if fill["heard_ms"] is None:
        return fill["ms"], f"{text}, by the venue's clock"
    late_ms = fill["heard_ms"] - (fill["ms"] - clock.anchored_ns / NS_PER_MS)
    if late_ms > LATE_MS:
        text += f", {span(late_ms / MS_PER_S)} after the venue booked it"
    return fill["heard_ms"], text


def _filled(fill: dict[str, Any]) -> str:
    role = " as maker" if fill["maker"] else ""
    pnl = f", realised {fill['pnl']:+,.2f}" if fill["pnl"] else ""
    fee = f", fee {fill['fee']:.8g} {fill['fee_currency'] or ''}".rstrip()
    return f"filled {fill['quantity']:.8g} @ {fill['price']:,.8g}{role}{fee}{pnl}"


def _asked(order: OrderTold) -> Iterator[Line]:
    if order.amend is not None:
        price, quantity = order.amend
        yield (
            None,
            f"a change to {quantity:.8g} @ {price:,.8g} was asked for and is not answered yet",
        )
    if order.cancel_asked:
        yield None, "a cancel was asked for"


def _ended(order: OrderTold) -> Iterator[Line]:
    if order.state == "REJECTED":
        why = "the venue never had it"
        if order.venue_code:
            why = explain_venue_code(order.venue_code)
        yield order.updated_ms, f"rejected by the venue, {why}"
    elif order.state in _ENDS:
        left = order.quantity - order.filled
        rest = f" with {left:.8g} unfilled" if order.state != "UNKNOWN" and left > 0 else ""
        code = f" ({explain_venue_code(order.venue_code)})" if order.venue_code else ""
        yield order.updated_ms, f"{_ENDS[order.state]}{rest}{code}"


def _at(order: OrderTold, hop: Hop) -> float | None:
    """When it passed a station, in wall-clock milliseconds."""
    offset_ns = order.hops.get(hop.name)
    if order.base_ms is None or (offset_ns is None and order.caused):
        return None
    if offset_ns == HOP_MAX_NS:
        return None  # Then, or any time later.
    return order.base_ms + (offset_ns or 0) / NS_PER_MS


def _after(span_ns: int) -> str:
    return f"{'at least ' if span_ns >= HOP_MAX_NS else ''}{span(span_ns / NS_PER_S)}"


def _clock(ms: float) -> str:
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
