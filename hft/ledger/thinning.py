"""Fewer points that draw the same line."""

from __future__ import annotations

import numpy as np

from hft.ledger.fills import Wholes

KEPT_OF_BUCKET = 4


def thin(ts_ms: Wholes, values: Wholes, points_max: int) -> Wholes:
    """Choose the points of a curve that are worth drawing; returns their places, ascending.

    `ts_ms` ascends.  The span is cut into equal times, and of each the first, the last, the lowest
    and the highest point stay, so that no peak is lost and a line over as many pixels is the same:
    M4, by Jugel, Jerzak, Hackenbroich and Markl, "M4: A Visualization-Oriented Time Series Data
    Aggregation", VLDB 2014.  The last point is always the last chosen.
    """
    count = len(ts_ms)
    if count <= points_max:
        return np.arange(count)
    buckets = max(1, points_max // KEPT_OF_BUCKET)
    span_ms = int(ts_ms[-1] - ts_ms[0]) + 1
    bucket = (ts_ms - ts_ms[0]) * buckets // span_ms
    first = np.flatnonzero(np.diff(bucket, prepend=-1))
    last = np.append(first[1:], count) - 1
    number = np.repeat(np.arange(len(first)), last - first + 1)
    extremes = []
    for extreme in (np.minimum, np.maximum):
        reached = np.flatnonzero(values == extreme.reduceat(values, first)[number])
        extremes.append(reached[np.unique(number[reached], return_index=True)[1]])
    return np.unique(np.concatenate((first, last, *extremes)))
