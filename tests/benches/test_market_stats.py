from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benches.market_measures import Measures, Tape, correlations, measure
from benches.market_sources import recorded, synthetic
from hft.simulator.characters import NATURAL
from tests.recordings import FOLDER, needs

PAGE = Path(__file__).parents[2] / "docs" / "markets.md"
SECONDS = 600
# What the page promises of the natural market, whatever the seed.
BOUNDS = {
    "top updates/s": (40, 90),
    "prints/s": (2, 14),
    "spread: time at one tick": (0.98, 1.0),
    "gaps: deviation / mean": (1.2, 2.4),
    "gaps: share under 10 ms": (0.1, 0.4),
    "prints in 1 s: variance / mean": (1.7, 14),
    "volume in 1 s: 99th percentile / mean": (6, 25),
    "size: median, USDT": (150, 1_500),
    "size: 99th percentile / median": (70, 300),
    "return in 1 s: deviation, bp": (0.1, 0.8),
    "return in 1 s: kurtosis": (10, 250),
    "return in 1 s: share beyond 3 deviations": (0.005, 0.05),
    "return in 1 s: share of zeros": (0.6, 0.96),
    "|return|: correlation, 1 to 5 s": (-0.02, 0.2),
    "side: correlation with the next": (0.15, 0.5),
    "side: correlation 10 prints on": (0.08, 0.35),
    "depth within 10 bp of a side, million USDT": (4, 25),
}


@pytest.fixture(scope="module", params=[("BTCUSDT", 1), ("BTCUSDT", 7), ("ETHUSDT", 2)])
def natural(request: pytest.FixtureRequest) -> Measures:
    name, seed = request.param
    return measure(synthetic(name, NATURAL, seed, SECONDS))


@pytest.mark.parametrize("name", BOUNDS)
def test_the_natural_market_stays_within_what_the_page_promises(
    natural: Measures, name: str
) -> None:
    low, high = BOUNDS[name]
    assert low <= natural.figures[name] <= high


def test_the_page_says_the_same_bounds() -> None:
    told = dict(re.findall(r"^\| (.+?) \| ([-0-9.,]+ to [-0-9.,]+) \|$", PAGE.read_text(), re.M))
    assert {name: told[name.replace("|", "\\|")] for name in BOUNDS} == {
        name: f"{low} to {high}" for name, (low, high) in BOUNDS.items()
    }


@needs("usdm")
def test_a_real_recording_is_measured_by_the_same_rule() -> None:
    real = measure(recorded(FOLDER / "usdm" / "btcusdt_20240718.gz", "BTCUSDT"))
    assert real.figures["spread: time at one tick"] > 0.99
    assert 170 < real.seconds < 180


def test_the_measures_themselves() -> None:
    tops = [(1_000 * second, 100 + second % 2, 101 + second % 2) for second in range(11)]
    prints = [(500 + 1_000 * second, 100, 5, 1) for second in range(10)]
    figures = measure(Tape(tops, prints, 2.0, [])).figures
    assert figures["prints/s"] == 1.0
    assert figures["spread: mean, ticks"] == 1.0
    assert figures["size: median, USDT"] == 1_000.0
    assert figures["return in 1 s: share of zeros"] == 0.0
    series = np.array([1.0, -1.0] * 50)
    assert correlations(series, 2) == pytest.approx([-0.99, 0.98])
