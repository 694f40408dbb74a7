"""What is measured of a market, recorded or synthetic: the same figures from the same events."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

SIGN_LAGS = 50
RETURN_LAGS = 20
DEPTH_REACHES_BP = (5, 10, 20)
Floats = NDArray[np.float64]


class Tape(msgspec.Struct):
    """A market as it was seen: tops (ms, bid, ask in ticks), prints (ms, ticks, lots, side)."""

    tops: list[tuple[int, int, int]]
    prints: list[tuple[int, int, int, int]]
    unit_worth: float
    """Worth of one lot at one tick, in units of the quote asset."""
    depths: list[list[tuple[int, int]]]
    """Sides of the book as they were seen now and then: (ticks, lots), best first."""


class Measures(msgspec.Struct):
    """The figures of a market; `curves` are what the plots show."""

    seconds: float
    figures: dict[str, float]
    curves: dict[str, Floats]


def measure(tape: Tape) -> Measures:
    """Measure a market; prints of one time, price and side must have been joined already."""
    tops = np.array(tape.tops, dtype=np.int64)
    prints = np.array(tape.prints, dtype=np.int64)
    start_ms, end_ms = int(tops[0, 0]), int(tops[-1, 0])
    seconds = (end_ms - start_ms) // 1_000
    times, ticks, lots, sides = prints.T
    gaps = np.diff(times).astype(np.float64)
    which = (times - start_ms) // 1_000
    inside = (which >= 0) & (which < seconds)
    counts = np.bincount(which[inside], minlength=seconds).astype(np.float64)
    volumes = np.bincount(which[inside], weights=lots[inside], minlength=seconds)
    worth = np.sort(lots * ticks * tape.unit_worth)
    returns = second_returns_bp(tops, start_ms, seconds)
    moves = np.abs(returns)
    signs = correlations(sides.astype(np.float64), SIGN_LAGS)
    spread_ticks, spread_shares = spreads(tops)
    deviation = float(returns.std())
    figures = {
        "top updates/s": len(tops) / seconds,
        "prints/s": len(prints) / seconds,
        "spread: time at one tick": float(spread_shares[spread_ticks == 1].sum()),
        "spread: mean, ticks": float((spread_ticks * spread_shares).sum()),
        "gaps: deviation / mean": float(gaps.std() / gaps.mean()),
        "gaps: share under 10 ms": float((gaps < 10).mean()),
        "prints in 1 s: variance / mean": float(counts.var() / counts.mean()),
        "volume in 1 s: 99th percentile / mean": float(np.quantile(volumes, 0.99) / volumes.mean()),
        "size: median, USDT": float(np.median(worth)),
        "size: 99th percentile / median": float(np.quantile(worth, 0.99) / np.median(worth)),
        "return in 1 s: deviation, bp": deviation,
        "return in 1 s: kurtosis": float((returns**4).mean() / deviation**4),
        "return in 1 s: share beyond 3 deviations": float((moves > 3 * deviation).mean()),
        "return in 1 s: share of zeros": float((returns == 0).mean()),
        "|return|: correlation, 1 to 5 s": float(correlations(moves, RETURN_LAGS)[:5].mean()),
        "side: correlation with the next": float(signs[0]),
        "side: correlation 10 prints on": float(signs[9]),
    }
    if tape.depths:
        for reach_bp in DEPTH_REACHES_BP:
            worths = [worth_within(side, reach_bp) for side in tape.depths]
            worth_m = float(np.mean(worths)) * tape.unit_worth / 1e6
            figures[f"depth within {reach_bp} bp of a side, million USDT"] = worth_m
    curves = {
        "gaps": gaps,
        "volumes": volumes / volumes.mean(),
        "returns": moves / deviation,
        "signs": signs,
        "moves": correlations(moves, RETURN_LAGS),
        "spread_ticks": spread_ticks,
        "spread_shares": spread_shares,
    }
    return Measures(float(seconds), figures, curves)


def worth_within(side: list[tuple[int, int]], reach_bp: int) -> int:
    """Add ticks times lots of the levels that lie within a distance of the best one."""
    best = side[0][0]
    return sum(
        ticks * lots for ticks, lots in side if abs(ticks - best) * 10_000 <= best * reach_bp
    )


def second_returns_bp(tops: NDArray[np.int64], start_ms: int, seconds: int) -> Floats:
    """Give the changes of the middle price from second to second, in hundredths of a percent."""
    ends = start_ms + 1_000 * np.arange(1, seconds + 1)
    last = np.searchsorted(tops[:, 0], ends, side="left") - 1
    middles = (tops[last, 1] + tops[last, 2]) / 2
    changes: Floats = np.diff(middles) / middles[:-1] * 1e4
    return changes


def spreads(tops: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Give the spreads there were, in ticks, and the share of time each lasted."""
    spans = np.diff(tops[:, 0]).astype(np.float64)
    ticks = (tops[:-1, 2] - tops[:-1, 1]).astype(np.float64)
    kinds = np.unique(ticks)
    shares = np.array([spans[ticks == kind].sum() for kind in kinds])
    return kinds, shares / shares.sum()


def correlations(series: Floats, lags: int) -> Floats:
    """Give the correlation of a series with itself, 1 to `lags` places on."""
    centred = series - series.mean()
    power = float((centred**2).sum()) or 1.0
    return np.array(
        [float((centred[:-lag] * centred[lag:]).sum()) for lag in range(1, lags + 1)]
    ) / (power)


def pooled(markets: Sequence[Measures], name: str) -> tuple[float, float]:
    """Give the least and the greatest of a figure over several markets."""
    values = [market.figures[name] for market in markets if name in market.figures]
    return min(values), max(values)


def factor(real: Sequence[Measures], other: Sequence[Measures], name: str) -> float:
    """Say how far the middle of a figure lies outside the real ones, as a factor; 1 is inside."""
    low, high = pooled(real, name)
    middle = float(np.median([market.figures[name] for market in other]))
    if low <= middle <= high:
        return 1.0
    if low <= 0.0 or middle <= 0.0:
        return inf
    return max(low / middle, middle / high)
