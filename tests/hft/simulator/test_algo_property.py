"""Over random prices every condition fires at the first that satisfies it, by a naive model."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hft.simulator.algo import MOVES, TERMINAL, TRAILING, AlgoOrder, AlgoUpdate
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import OrderRequest
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .algos import condition, place_algo
from .core import exchange_with

START = 600_000
Point = tuple[int, int]
"""The last price in ticks and the mark price in units of 1e-8."""

moves = st.integers(-40, 40) | st.integers(-4_000, 4_000) | st.just(0)
steps = st.tuples(moves, moves, st.integers(0, BTCUSDT.tick_e8 - 1))
ticks = st.integers(START - 3_000, START + 3_000) | st.integers(START - 60, START + 60)
kinds = st.sampled_from(["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", TRAILING])


@st.composite
def conditions(draw: st.DrawFn) -> OrderRequest:
    kind, side = draw(kinds), draw(st.sampled_from([BUY, SELL]))
    # Nothing is held, so what fires is refused and moves no price: the path stays the test's own.
    words: dict[str, Any] = {"reduce_only": True}
    words["working_type"] = draw(st.sampled_from(["CONTRACT_PRICE", "MARK_PRICE"]))
    words["price_protect"] = draw(st.booleans())
    if kind == TRAILING:
        words["callback_e4"] = draw(st.sampled_from([10, 20, 50, 100, 2_000]))
        words["activation_ticks"] = draw(st.just(0) | ticks)
        return condition(kind, side, **words)
    return condition(kind, side, draw(ticks), **words)


def naive_step(request: OrderRequest, path: Sequence[Point]) -> int | None:
    """Say at which point after the first a condition fires, as the venue's documents word it."""
    tick, buys = BTCUSDT.tick_e8, request.side == BUY
    lasts = [last * tick for last, _ in path]
    seen = lasts if request.working_type == "CONTRACT_PRICE" else [mark for _, mark in path]
    share = Fraction(request.callback_e4, 10_000)
    wanted = request.activation_ticks * tick
    for step in range(1, len(path)):
        price, (last, mark) = seen[step], path[step]
        if request.orig_kind == TRAILING:
            best = min(seen[: step + 1]) if buys else max(seen[: step + 1])
            active = not wanted or (best <= wanted if buys else best >= wanted)
            back = best * (1 + share) if buys else best * (1 - share)
            fires = active and (price >= back if buys else price <= back)
        else:
            up = buys == request.orig_kind.startswith("STOP")
            trigger = request.stop_ticks * tick
            fires = price >= trigger if up else price <= trigger
        apart = abs(Fraction(last * tick - mark, mark))
        if fires and not (request.price_protect and apart > Fraction(5, 100)):
            return step
    return None


def walk(path_steps: list[tuple[int, int, int]]) -> list[Point]:
    """Make a path of prices from steps; the mark price is no whole number of ticks."""
    path = [(START, START * BTCUSDT.tick_e8)]
    for last_step, mark_step, dust in path_steps:
        last, mark = path[-1]
        mark_ticks = mark // BTCUSDT.tick_e8 + mark_step
        path.append((last + last_step * 10, mark_ticks * BTCUSDT.tick_e8 + dust))
    return path


@given(
    wishes=st.lists(st.tuples(st.integers(0, 20), conditions()), min_size=1, max_size=12),
    path_steps=st.lists(steps, min_size=5, max_size=20),
    canceled=st.sets(st.integers(0, 11), max_size=3),
)
def test_every_condition_fires_at_the_first_price_that_satisfies_it(
    wishes: list[tuple[int, OrderRequest]],
    path_steps: list[tuple[int, int, int]],
    canceled: set[int],
) -> None:
    exchange, listing = exchange_with(1)
    path = walk(path_steps)
    placed: list[tuple[int, AlgoOrder, OrderRequest]] = []
    updates: dict[int, list[str]] = {}
    codes: set[int] = set()
    for step, (last, mark_e8) in enumerate(path):
        listing.last_ticks, listing.mark_e8 = last, mark_e8
        exchange.algos.on_prices(step)
        for when, wish in wishes:
            if when % len(path) == step:
                try:
                    placed.append((step, place_algo(exchange, wish), wish))
                except Refusal as refused:
                    codes.add(refused.code)
        for outcome in exchange.drain():
            assert isinstance(outcome, AlgoUpdate)
            updates.setdefault(outcome.algo.algo_id, []).append(outcome.status)
    assert codes <= {-2021}
    for number, (step, order, wish) in enumerate(placed):
        fires = naive_step(wish, path[step:])
        said = [status for status in updates[order.algo_id] if status != "NEW"]
        if fires is None:
            assert (order.status, said) == ("NEW", [])
            if number in canceled:
                exchange.algos.cancel(1, order, len(path))
                assert order.status in TERMINAL
        else:
            assert (order.trigger_ms, said) == (step + fires, ["TRIGGERING", "REJECTED"])
            assert order.status not in MOVES
