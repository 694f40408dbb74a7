"""Closing orders as numbers: whatever the filters, they close, and never more than is held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hft.flatten_orders import (
    Holding,
    Rules,
    edge_order,
    edge_price_e8,
    market_order,
    rules_of,
    slices,
)
from hft.units import E8, parse_e8

LISTING = {
    "symbol": "BTCUSDT",
    "status": "SETTLING",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.002", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500"},
    ],
}

rules = st.builds(
    Rules,
    lot_e8=st.sampled_from([1, 1_000, 100_000, E8]),
    least_e8=st.integers(1, 5 * E8),
    most_e8=st.just(0) | st.integers(1, 50 * E8),
)
amounts = st.integers(1, 10**12) | st.integers(-(10**12), -1)
sides = st.sampled_from(["BOTH", "LONG"])


@given(amounts, sides, rules, st.integers(1, 10))
def test_slices_are_orders_the_venue_takes(
    amount_e8: int, side: str, rule: Rules, count: int
) -> None:
    held, sizes = Holding("X", side, amount_e8, E8), []
    sizes = slices(held, rule, count)
    assert len(sizes) <= count
    for size_e8 in sizes:
        assert size_e8 % rule.lot_e8 == 0
        assert size_e8 >= rule.least_e8
        if rule.most_e8 >= rule.least_e8 + rule.lot_e8:
            assert size_e8 <= rule.most_e8
    total, held_e8 = sum(sizes), abs(amount_e8)
    if side != "BOTH":
        assert total <= held_e8, "in hedge mode an order for more than there is gets refused"
    if len(sizes) < count and side == "BOTH":
        assert total >= held_e8, "nothing is forgotten"
        assert total - (sizes[-1] if sizes else 0) < held_e8, "and nothing is sent in vain"


@given(amounts, st.integers(1, 10**13), st.sampled_from([1, 1_000, 10_000_000]))
def test_the_edge_lies_on_the_grid_and_inside_of_the_band(
    amount_e8: int, mark_e8: int, tick_e8: int
) -> None:
    rule = Rules(tick_e8=tick_e8, down_e8=95 * E8 // 100, up_e8=105 * E8 // 100)
    price_e8 = edge_price_e8(Holding("X", "BOTH", amount_e8, mark_e8), rule)
    assert price_e8 % tick_e8 == 0
    if amount_e8 > 0:
        assert price_e8 * E8 >= mark_e8 * rule.down_e8
    else:
        assert price_e8 * E8 <= mark_e8 * rule.up_e8


def test_an_order_can_only_close() -> None:
    long = market_order(Holding("X", "BOTH", E8, E8), E8)
    assert (long["side"], long["reduceOnly"], "positionSide" in long) == ("SELL", True, False)
    short = market_order(Holding("X", "SHORT", -E8, E8), E8)
    assert (short["side"], short["positionSide"], "reduceOnly" in short) == ("BUY", "SHORT", False)


def test_an_order_at_the_edge_rests_never() -> None:
    order = edge_order(Holding("X", "BOTH", E8, E8), E8, 95_000_000, Rules(tick_e8=1_000_000))
    assert (order["type"], order["timeInForce"], order["price"]) == ("LIMIT", "IOC", "0.95")


def test_rules_are_the_tightest_of_the_filters_and_nothing_where_none_are() -> None:
    read = rules_of(LISTING)
    assert read.status == "SETTLING"
    assert (read.least_e8, read.most_e8) == (parse_e8("0.002"), parse_e8("120"))
    bare = rules_of({"symbol": "X", "filters": []})
    assert edge_price_e8(Holding("X", "BOTH", E8, E8), bare) == 0
    assert slices(Holding("X", "BOTH", 7 * E8, E8), bare, 8) == [7 * E8]
