"""The waterfall of one order: venue event, socket, decoded, decided, gated, signed, sent,
acknowledged, filled.

All but the first begin and end on this machine's one clock.  When the event happened only the venue
knows, in milliseconds of its own clock: that stage is told with the band it lies in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from dashboard.order_rows import span_ms
from dashboard.order_told import OrderTold
from dashboard.why_gate import span
from hft.binance.venue_clock import DRIFT_PPM
from hft.events import HOP_MAX_NS, Hop
from hft.units import NS_PER_MS, NS_PER_S

VENUE_STEP_NS = NS_PER_MS
"""The venue tells whole milliseconds: what it calls one may be almost the next."""

LOCAL = (
    ("decoded", "waiting for the decoder", None, Hop.DECODED),
    ("to_strategy", "on its way to the strategy", Hop.DECODED, Hop.STRATEGY),
    ("decided", "the strategy decides", Hop.STRATEGY, Hop.DECIDED),
    ("to_execution", "on its way to execution", Hop.DECIDED, Hop.EXECUTION),
    ("gated", "the risk gate judges", Hop.EXECUTION, Hop.GATED),
    ("signed", "written and signed", Hop.GATED, Hop.SIGNED),
    ("sent", "into the socket", Hop.SIGNED, Hop.SENT),
    ("acknowledged", "the venue acknowledges", Hop.SENT, Hop.ACKED),
    ("filled", "until its first fill", Hop.ACKED, Hop.FILLED),
)


class ClockTold(NamedTuple):
    """How the venue's clock stands to ours; an error of -1: not measured."""

    offset_ns: int
    """Venue minus ours."""
    error_ns: int
    anchored_ns: int
    """Venue minus what the segment's anchor makes of our monotonic clock."""
    now_ms: float
    """When that was so, by the same anchor."""

    @property
    def is_known(self) -> bool:
        """Whether it was ever measured."""
        return self.error_ns >= 0

    def row(self) -> dict[str, float | None]:
        """Tell it in milliseconds; None: not measured."""
        if not self.is_known:
            return {"offset_ms": None, "error_ms": None}
        return {"offset_ms": span_ms(0, self.offset_ns), "error_ms": span_ms(0, self.error_ns)}

    def error_at_ns(self, ms: float) -> int:
        """How far it may have been off then: the two drift apart, into the past as well."""
        past_ns = max(0.0, self.now_ms - ms) * NS_PER_MS
        return self.error_ns + round(past_ns * DRIFT_PPM / 1_000_000)


def stages_of(
    order: OrderTold, clock: ClockTold, fills: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Tell every stage the order went through; times count from the receipt of its market frame.

    No stage ends before it begins: where clocks or connections say so, a sentence says why.  A
    stage whose beginning is not known has None for its times, and says why.
    """
    stages = [_venue_stage(order, clock)] if order.caused and not order.by_report else []
    reached = _reached(order)
    for name, label, begin, end in LOCAL:
        if end not in reached or not _is_its_way(order, end):
            continue
        begin_ns = _hop(order, begin) if begin is not None else 0
        end_ns = _hop(order, end)
        if name == "filled":
            end_ns = _first_fill_ns(order, fills) if end_ns >= HOP_MAX_NS else end_ns
            if Hop.ACKED not in reached:
                begin_ns = _hop(order, Hop.SENT)
        stages.append(_local_stage(name, label, begin_ns, end_ns))
    return stages


def _is_its_way(order: OrderTold, end: Hop) -> bool:
    """What no event caused begins with the decision; what a report caused was never decoded."""
    if order.by_report:
        return end is not Hop.DECODED
    return order.caused or end not in _BEFORE_DECISION


def _first_fill_ns(order: OrderTold, fills: Sequence[dict[str, Any]]) -> int:
    """When its first fill was told, which the hop does not say any more: after 4.29 s."""
    heard = [fill["heard_ms"] for fill in fills if fill["heard_ms"] is not None]
    if not heard or order.base_ms is None:
        return HOP_MAX_NS
    return max(HOP_MAX_NS, int((min(heard) - order.base_ms) * NS_PER_MS))


def _local_stage(name: str, label: str, begin_ns: int, end_ns: int) -> dict[str, Any]:
    stage = _stage(name, label, min(begin_ns, end_ns), end_ns)
    if begin_ns > end_ns:
        stage["sentence"] = "It was told before the acknowledgement, on a connection of its own."
    elif end_ns == HOP_MAX_NS:
        stage["at_least"] = True
        stage["sentence"] = f"At least {HOP_MAX_NS / 1e9:.2f} s: longer is not told apart."
    return stage


_BEFORE_DECISION = (Hop.DECODED, Hop.STRATEGY, Hop.DECIDED)


def _venue_stage(order: OrderTold, clock: ClockTold) -> dict[str, Any]:
    name, label = "venue_event", "from the venue to our socket"
    if order.venue_ms is None or order.base_ms is None or not clock.is_known:
        why = (
            "The venue's clock was not measured."
            if order.venue_ms is not None
            else "The market event that caused it is no longer kept."
        )
        return {
            "name": name,
            "label": label,
            "from_ns": None,
            "to_ns": 0,
            "ms": None,
            "band_ns": None,
            "sentence": why,
        }
    happened_ms = order.venue_ms - clock.anchored_ns / NS_PER_MS
    begin_ns = round((happened_ms - order.base_ms) * NS_PER_MS)
    band_ns = clock.error_at_ns(order.base_ms) + VENUE_STEP_NS
    stage = {**_stage(name, label, min(begin_ns, 0), 0), "band_ns": band_ns}
    if begin_ns > band_ns:
        early = span(begin_ns / NS_PER_S)
        stage["sentence"] = (
            f"The venue dates the event {early} after it came here, more than the clocks leave "
            "open: one of them was set."
        )
    elif begin_ns > 0:
        stage["sentence"] = "It took less than the clocks can tell."
    return stage


def _stage(name: str, label: str, begin_ns: int, end_ns: int) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "from_ns": begin_ns,
        "to_ns": end_ns,
        "ms": span_ms(begin_ns, end_ns),
    }


def _reached(order: OrderTold) -> set[Hop]:
    """The stations it has passed; a hop of 0 that others follow was passed at once."""
    told = {hop for hop in Hop if order.hops.get(hop.name)}
    last_local = max((hop for hop in told if hop <= Hop.SENT), default=None)
    if last_local is not None:
        told |= {hop for hop in Hop if hop <= last_local}
    return told


def _hop(order: OrderTold, hop: Hop) -> int:
    return order.hops.get(hop.name, 0)
