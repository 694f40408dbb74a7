"""The preview itself: both runs side by side, and the answer people get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from hft.clock import Deadline
from hft.errors import ConfigError
from hft.events import OrderType, Side, Verdict
from hft.preview.compare import SAME_WITHIN_NS, compare
from hft.preview.fills import Symbol, Terms
from hft.preview.market import Market, Records, recent_market
from hft.preview.trial import Lane, Placed, Trial
from hft.state.blocks import Leg
from hft.state.histogram import percentile_ns
from hft.strategies_book import is_as_read
from hft.strategy.build import Burst, build
from hft.strategy.explain import VERDICTS
from hft.strategy.load import StrategySpec, make_params, read
from hft.topology import House
from hft.units import E8, NS_PER_MS, nearest_steps

STRETCH = 1024
"""Records one run takes before the other one catches up and the time is looked at."""
ROUND_TRIP_NS = 10 * NS_PER_MS
"""Assumed until the first order was measured."""
LISTED_MAX = 500
LIMITLESS_LOTS = 1 << 62

Strategy = tuple[StrategySpec, Burst]


def preview(
    house: House,
    strategy: Strategy,
    before: Mapping[str, object],
    after: Mapping[str, object],
    within_s: float,
) -> dict[str, Any]:
    """Run `strategy` with two sets of values over the last records of `house`; see `judge`.

    Raises:
        ConfigError: its file is another one by now, and who knows which of both trades.
    """
    deadline = Deadline(within_s)
    spec = strategy[0]
    if not is_as_read(spec):
        raise ConfigError(
            f"{spec.path} was changed since the house was started; a restart makes it known"
        )
    return judge(house, strategy, recent_market(house), (before, after), deadline)


def judge(
    house: House,
    strategy: Strategy,
    markets: Sequence[Records],
    values: tuple[Mapping[str, object], Mapping[str, object]],
    deadline: Deadline,
) -> dict[str, Any]:
    """Run both sets of values over MARKET records, by shard, until the deadline.

    Returns the answer as plain values: orders added, removed and kept, verdicts counted, how many
    records were decided on and what was assumed.
    """
    spec, terms = strategy[0], terms_of(house)
    params = [make_params(spec, table) for table in values]
    lanes = [
        Lane(house, shard, Market(records, house.symbols_of(shard)), terms)
        for shard, records in enumerate(markets)
    ]
    pairs = [[Trial(lane, _copy_of(strategy), each) for each in params] for lane in lanes]
    done = _run(lanes, pairs, deadline)
    runs = [[order for pair in pairs for order in pair[which].placed] for which in (0, 1)]
    found = compare(*runs)
    taken = [lane.market.recv_ns[:count] for lane, count in zip(lanes, done, strict=True)]
    times = [ns for each in taken for ns in (*each[:1], *each[-1:])]
    counts = [_counted(pair[which] for pair in pairs) for which in (0, 1)]
    nets = [
        sum(pair[which].net_e8(count) for pair, count in zip(pairs, done, strict=True)) / E8
        for which in (0, 1)
    ]
    wanted = sum(len(lane.market.records) for lane in lanes)
    return {
        "events": sum(done),
        "from_ms": _wall_ms(house, min(times)) if times else None,
        "to_ms": _wall_ms(house, max(times)) if times else None,
        "before": len(runs[0]),
        "after": len(runs[1]),
        "added": _rows(house, spec, found.added),
        "removed": _rows(house, spec, found.removed),
        "added_count": len(found.added),
        "removed_count": len(found.removed),
        "kept": found.kept,
        "changed": found.changed,
        "counts_before": counts[0],
        "counts_after": counts[1],
        "denied_before": sum(pair[0].denied for pair in pairs),
        "denied_after": sum(pair[1].denied for pair in pairs),
        "net_before": nets[0],
        "net_after": nets[1],
        "assumes": _assumes(house, terms, sum(done), wanted),
    }


def _copy_of(strategy: Strategy) -> Strategy:
    """Give a strategy that shares nothing it remembers with another run of it.

    What is compiled has its STATE and no more; a file run plainly may remember in its globals.
    """
    spec = strategy[0]
    if spec.compiled:
        return strategy
    own = read(spec.path)
    return own, build(own)


def terms_of(house: House) -> Terms:
    """Read steps, size limits, fees and the measured round trip from a house."""
    run, limits = house.run[0], house.limits.read()
    symbols = []
    for spec in house.spec[: int(run["symbol_count"])]:
        lot_e8, most = int(spec["lot_e8"]) or 1, (LIMITLESS_LOTS, LIMITLESS_LOTS)
        if limits is not None:
            bounds = (int(limits[0]["max_order_size_e8"]), int(limits[0]["max_position_e8"]))
            most = (bounds[0] // lot_e8, bounds[1] // lot_e8)
        symbols.append(Symbol(int(spec["tick_e8"]) or 1, lot_e8, *most))
    return Terms(
        tuple(symbols),
        nearest_steps(float(run["maker_fee"]), 1),
        nearest_steps(float(run["taker_fee"]), 1),
        _measured_ns(house) or ROUND_TRIP_NS,
    )


def _measured_ns(house: House) -> int:
    return round(percentile_ns(house.latency[Leg.ORDER_ROUND_TRIP]["bins"], 50))


def _run(lanes: Sequence[Lane], pairs: Sequence[Sequence[Trial]], deadline: Deadline) -> list[int]:
    """Let every pair decide on its records, all lanes at about the same pace; returns how many.

    However late it is, every lane takes one stretch: no answer would say less.
    """
    done = [0] * len(lanes)
    moved = True
    while moved:
        moved = False
        for place, (lane, pair) in enumerate(zip(lanes, pairs, strict=True)):
            first = done[place]
            last = min(first + STRETCH, len(lane.market.records))
            for trial in pair if last > first else ():
                trial.run(first, last)
            moved |= last > first
            done[place] = last
        if deadline.passed():
            break
    return done


def _counted(trials: Iterable[Trial]) -> dict[str, int]:
    """Add up the verdicts of some runs; events without one were of no concern."""
    total = np.sum([trial.counts() for trial in trials], axis=0)
    return {code.name: int(total[code]) for code in Verdict if code and total[code]}


def _rows(house: House, spec: StrategySpec, orders: Sequence[Placed]) -> list[dict[str, Any]]:
    symbols = house.symbols()
    return [
        {
            "ms": _wall_ms(house, order.ns),
            "symbol": symbols[order.symbol],
            "side": _word(Side, order.side),
            "type": _word(OrderType, order.order_type),
            "price": order.price or None,
            "qty": order.qty,
            "reason": Verdict(order.reason).name if order.reason in VERDICTS else str(order.reason),
        }
        for order in orders[:LISTED_MAX]
    ]


def _word(kind: type[IntEnum], code: int) -> str:
    """Name a code; a strategy may write one that there is not."""
    return kind(code).name if code in set(kind) else str(code)


def _wall_ms(house: House, ns: int) -> int:
    return house.anchor.to_wall_ns(ns) // NS_PER_MS


def _assumes(house: House, terms: Terms, done: int, wanted: int) -> str:
    measured = "as measured" if _measured_ns(house) else "since none was measured yet"
    cut = f"; the time was over after {done:,} of {wanted:,} events" if done < wanted else ""
    later_ms, same_ms = terms.round_trip_ns / NS_PER_MS, SAME_WITHIN_NS // NS_PER_MS
    fees = f"{terms.maker_fee_e8 / 1e6:g} % and {terms.taker_fee_e8 / 1e6:g} %"
    return (
        "both runs begin flat and from nothing; market orders fill at the touch "
        f"{later_ms:.3g} ms later ({measured}), limit orders when the market trades through them, "
        f"whole, with fees of {fees}; of the limits only the sizes of orders and positions count; "
        f"orders up to {same_ms} ms apart are the same{cut}"
    )
