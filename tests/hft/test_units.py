from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.units import (
    E8,
    I64_MAX,
    decimals_of,
    floor_steps,
    format_e8,
    nearest_steps,
    parse_e8,
    trim_e8,
)

money = st.integers(-I64_MAX, I64_MAX)
steps = st.sampled_from([1, 10, 100, 10**5, 10**6, 10**7, 10**8, 5 * 10**7, 25, 10**9])
amounts = st.floats(0, 1e9, allow_nan=False)


@given(value_e8=money)
def test_text_and_back_is_the_same_money(value_e8: int) -> None:
    assert parse_e8(format_e8(value_e8)) == value_e8
    assert parse_e8(trim_e8(value_e8)) == value_e8
    assert Decimal(format_e8(value_e8)) == Decimal(value_e8) / E8


@pytest.mark.parametrize(
    ("text", "value_e8"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("60000.10", 6_000_010_000_000),
        ("0.00000001", 1),
        ("-0.00000001", -1),
        ("+1.5", 150_000_000),
        (".5", 50_000_000),
        ("5.", 500_000_000),
        ("1.000000000000", E8),
    ],
)
def test_decimal_text_is_read_exactly(text: str, value_e8: int) -> None:
    assert parse_e8(text) == value_e8


@pytest.mark.parametrize(
    "text",
    ["", ".", "-", "1e5", "1.2.3", "0.000000001", "--1", "1,5", "nan", "inf", " 1", "1_0", "٣"],
)
def test_text_that_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a decimal number|more than eight decimals"):
        parse_e8(text)


def test_trimmed_text_has_no_trailing_zeros() -> None:
    assert [trim_e8(value) for value in (0, 1_000_000, 6_000_000_000_000, -150_000_000)] == [
        "0",
        "0.01",
        "60000",
        "-1.5",
    ]


def test_text_that_would_lose_money_is_refused() -> None:
    assert format_e8(150_000_000, 1) == "1.5"
    assert format_e8(100_000_000, 0) == "1"
    with pytest.raises(ValueError, match="more than 1 decimals"):
        format_e8(155_000_000, 1)


@pytest.mark.parametrize(("step_e8", "decimals"), [(1, 8), (10_000_000, 1), (10**8, 0), (10**9, 0)])
def test_a_step_needs_so_many_decimals(step_e8: int, decimals: int) -> None:
    assert decimals_of(step_e8) == decimals


@pytest.mark.parametrize("step_e8", [0, -1])
def test_a_step_is_positive(step_e8: int) -> None:
    with pytest.raises(ValueError, match="a step is positive"):
        decimals_of(step_e8)


@given(count=st.integers(0, 10**9), step_e8=steps)
def test_a_price_on_the_grid_is_its_own_tick(count: int, step_e8: int) -> None:
    price = float(Decimal(count * step_e8) / E8)
    assert nearest_steps(price, step_e8) == count
    assert floor_steps(price, step_e8) == count


@given(value=amounts, step_e8=steps)
def test_rounding_is_that_of_the_decimal_the_float_shows(value: float, step_e8: int) -> None:
    exact = Decimal(repr(value)) * E8 / step_e8
    assert nearest_steps(value, step_e8) == int(exact.to_integral_value(ROUND_HALF_UP))
    assert nearest_steps(-value, step_e8) == -int(exact.to_integral_value(ROUND_HALF_UP))
    assert floor_steps(value, step_e8) == int(exact.to_integral_value(ROUND_DOWN))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        nearest_steps(value, 1)
    with pytest.raises(ValueError, match="not a finite number"):
        floor_steps(value, 1)
