"""Average cost in whole numbers, against real fills and against exact fractions."""

from __future__ import annotations

import csv
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hft.execution.positions import REMEMBERED_FILLS, BookedFills, Position
from hft.units import E8, parse_e8
from tests.recordings import FOLDER, needs

LOT_E8, TICK_E8, UNIT_E8 = 100_000, 10_000_000, 10_000
RECORDED = "account/testnet_userTrades_BTCUSDT.csv"
FILLS = FOLDER / RECORDED


@needs(RECORDED)
def test_real_fills_realise_what_the_venue_booked_within_one_unit() -> None:
    position, off_by_one = Position(LOT_E8), []
    with FILLS.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 197
    for row in rows:
        price_e8, qty_e8 = parse_e8(row["price"]), parse_e8(row["qty"])
        lots = qty_e8 // LOT_E8 * (1 if row["side"] == "BUY" else -1)
        value_e8, rest = divmod(price_e8 * qty_e8, E8)
        assert rest == 0
        off = abs(position.apply(lots, value_e8) - parse_e8(row["realizedPnl"]))
        assert off <= 1, row["id"]
        off_by_one += [row["id"]] if off else []
        assert abs(value_e8 * 4 / 10_000 - parse_e8(row["commission"])) <= 1
    # The venue told 0.00029999 of a closing worth exactly 0.0003: a float of its own.
    assert off_by_one == ["359312039"]


fills = st.lists(
    st.tuples(st.sampled_from([1, -1]), st.integers(1, 50_000), st.integers(5_000, 2_000_000)),
    max_size=60,
)


@given(fills)
def test_positions_follow_exact_fractions(trades: list[tuple[int, int, int]]) -> None:
    position = Position(LOT_E8)
    lots, cost = 0, Fraction(0)  # The model: signed cost in money, never rounded.
    for side, size, ticks in trades:
        flow = Fraction(side * size * ticks * UNIT_E8, E8)
        expected = Fraction(0)
        if lots * side >= 0:
            cost += flow
        else:
            closed = min(size, abs(lots))
            share = cost * closed / abs(lots)
            closing = flow * closed / size
            expected = -closing - share
            cost += flow - closing - share
        lots += side * size
        realised = position.apply(side * size, size * ticks * UNIT_E8)
        assert abs(Fraction(realised, E8) - expected) <= Fraction(2, E8)
        assert position.lots == lots
        entry = abs(cost / (Fraction(lots * LOT_E8, E8))) if lots else Fraction(0)
        assert abs(Fraction(position.entry_e8(), E8) - entry) <= Fraction(1, E8)


@given(fills, st.integers(5_000, 2_000_000))
def test_money_is_conserved(trades: list[tuple[int, int, int]], last_ticks: int) -> None:
    """Cash paid and got, plus what is held at any price, is realised plus unrealised."""
    position = Position(LOT_E8)
    cash_e8 = realised_e8 = 0
    for side, size, ticks in trades:
        value_e8 = size * ticks * UNIT_E8
        cash_e8 -= side * value_e8
        realised_e8 += position.apply(side * size, value_e8)
    worth_e8 = position.lots * last_ticks * UNIT_E8
    told_e8 = realised_e8 + position.unrealised_e8(last_ticks * TICK_E8)
    assert abs(cash_e8 + worth_e8 - told_e8) <= len(trades) + 1


def test_crossing_zero_reopens_at_the_fills_price() -> None:
    position = Position(LOT_E8)
    position.apply(10, 10 * 600_000 * UNIT_E8)
    assert position.apply(-30, 30 * 601_000 * UNIT_E8) == 10 * 1_000 * UNIT_E8
    assert position.lots == -20
    assert position.entry_e8() == 601_000 * TICK_E8
    position.apply(20, 20 * 600_000 * UNIT_E8)
    assert (position.lots, position.entry_e8(), position.cost_e16) == (0, 0, 0)


def test_a_late_fill_is_neither_lost_nor_booked_twice() -> None:
    booked = BookedFills(100)
    assert 100 in booked
    booked.add(105)
    assert 103 not in booked
    booked.add(103)
    assert 103 in booked
    assert booked.last == 105


def test_remembered_fills_stay_few_and_stay_booked() -> None:
    booked = BookedFills(0)
    for trade_id in range(1, 3 * REMEMBERED_FILLS):
        booked.add(trade_id)
        assert trade_id in booked
    assert booked.floor >= REMEMBERED_FILLS - 1
    assert all(trade_id in booked for trade_id in (1, booked.floor, 3 * REMEMBERED_FILLS - 1))
    assert 3 * REMEMBERED_FILLS not in booked
