from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.simulator import pricing
from hft.simulator.desk import Listing
from hft.simulator.funding import (
    DAMPER_E8,
    FUNDING_INTERVAL_MS,
    INTEREST_E8,
    cap_of,
    rate_of,
)
from hft.simulator.intervals import HOUR_MS
from hft.simulator.matching import BUY, SELL, Book, Order
from hft.simulator.pricing import PremiumAverage, impact_price_e8, mark_price_e8, premium_e8
from hft.simulator.symbols import BTCUSDT
from hft.units import E8

from .lone import TOUCH_TICKS, Lone

TICK_E8 = BTCUSDT.tick_e8
PRICE = st.integers(1, 10**14)
PREMIUM = st.integers(-10 * E8, 10 * E8)


@given(PRICE, PRICE, PRICE)
def test_the_mark_price_is_one_of_its_three_and_between_the_others(a: int, b: int, c: int) -> None:
    mark = mark_price_e8((a, b, c))
    assert mark in (a, b, c)
    assert min(a, b, c) <= mark <= max(a, b, c)


@given(st.lists(PREMIUM, min_size=1, max_size=50))
def test_later_premiums_count_more_and_weights_sum_to_one(samples: list[int]) -> None:
    average = PremiumAverage()
    for sample in samples:
        average.add(sample)
    weights = range(1, len(samples) + 1)
    total = sum(weight * sample for weight, sample in zip(weights, samples, strict=True))
    assert average.value_e8() == total // sum(weights)
    assert min(samples) <= average.value_e8() <= max(samples)


@given(PREMIUM, st.sampled_from([1, 4, 8]), st.sampled_from(["BTCUSDT", "OTHERUSDT"]))
def test_the_rate_stays_within_its_bounds_and_near_the_premium(
    premium: int, hours: int, name: str
) -> None:
    rate = rate_of(name, premium, hours * HOUR_MS)
    cap = cap_of(name)
    assert -cap <= rate <= cap
    if abs(rate) < cap:
        assert abs(rate * 8 // hours - premium) <= DAMPER_E8 + 8
    assert rate_of(name, premium + 1, hours * HOUR_MS) >= rate


def test_without_a_premium_the_rate_is_the_interest_shared_by_the_hours() -> None:
    assert rate_of("BTCUSDT", 0, FUNDING_INTERVAL_MS) == INTEREST_E8
    assert rate_of("BTCUSDT", 0, HOUR_MS) == INTEREST_E8 // 8
    assert rate_of("BTCUSDT", 0, 10_000) == INTEREST_E8, "eight hours in quick motion"


LEVELS = st.lists(
    st.tuples(st.integers(1, 100), st.integers(1, 300)),
    min_size=1,
    max_size=20,
    unique_by=lambda x: x[0],
)


@given(LEVELS, st.sampled_from([BUY, SELL]))
def test_the_impact_price_is_what_the_notional_pays_on_average(
    levels: list[tuple[int, int]], side: int
) -> None:
    book = Book()
    for number, (away, lots) in enumerate(levels):
        book.rest(Order(number, 0, side, (TOUCH_TICKS - side * away, lots)))
    wanted_e8 = pricing.IMPACT_MARGIN_E8 * 150
    ladder = book.side(side)
    price_e8 = impact_price_e8(BTCUSDT, ladder)
    worth_e8 = sum(BTCUSDT.notional_e8(ticks, lots) for ticks, lots in ladder.depth(100))
    assert bool(price_e8) == (worth_e8 >= wanted_e8)
    if price_e8:
        prices = [ticks * TICK_E8 for ticks in ladder.prices()]
        assert min(prices) - TICK_E8 <= price_e8 <= max(prices) + TICK_E8


@pytest.mark.parametrize(("away_ticks", "sign"), [(-500, 1), (500, -1), (0, 0)])
def test_the_premium_has_the_sign_of_book_over_index(away_ticks: int, sign: int) -> None:
    lone = Lone()
    lone.listing.index_e8 = (TOUCH_TICKS + away_ticks) * TICK_E8
    premium = premium_e8(lone.listing)
    assert premium is not None
    assert (premium > 0) - (premium < 0) == sign
    assert premium_e8(Listing(BTCUSDT)) is None


def test_the_mark_follows_index_book_and_last_price_each_second() -> None:
    lone = Lone()
    listing = lone.listing
    listing.index_e8 = (TOUCH_TICKS - 100) * TICK_E8
    lone.pass_ms(30_000)
    by_book = TOUCH_TICKS * TICK_E8
    left_ms = listing.next_funding_ms - lone.now_ms
    cost = listing.index_e8 * INTEREST_E8 * left_ms // (E8 * FUNDING_INTERVAL_MS)
    by_funding = listing.index_e8 + cost
    assert listing.mark_e8 == sorted((by_funding, by_book, TOUCH_TICKS * TICK_E8))[1] == by_book
    listing.last_ticks = 1
    lone.pass_ms(1_000)
    assert by_funding - E8 < listing.mark_e8 < by_book
    event = lone.listen("btcusdt@markPrice@1s")
    lone.pass_ms(1_000)
    assert event[0]["r"] == "0.00010000" or float(event[0]["r"]) > 0
    assert event[0]["T"] == listing.next_funding_ms == 1_790_006_400_000


def test_a_market_without_an_index_is_its_own() -> None:
    lone = Lone()
    lone.pass_ms(1_000)
    assert lone.listing.index_e8 == TOUCH_TICKS * TICK_E8
    lone.venue.exchange.house_take(lone.listing, BUY, (TOUCH_TICKS + 1, 10**9), lone.now_ms)
    lone.pass_ms(1_000)
    assert lone.listing.index_e8 == (2 * TOUCH_TICKS + 1) * TICK_E8 // 2
    lone.listing.index_e8 = 59_000 * E8
    lone.pass_ms(1_000)
    assert lone.listing.index_e8 == 59_000 * E8, "who has an index keeps it"


def test_prices_of_a_recording_are_left_alone_and_remembered() -> None:
    lone = Lone()
    lone.venue.publisher.leave_to_recording(frozenset({"btcusdt@markPrice@1s"}))
    lone.listing.mark_e8, lone.listing.index_e8 = 59_990 * E8, 59_980 * E8
    recorded = {"s": "BTCUSDT", "p": "59990", "i": "59980", "r": "-0.00012000"}
    lone.venue.publisher.note_recorded("markPriceUpdate", recorded, lone.now_ms)
    lone.pass_ms(5_000)
    assert lone.listing.mark_e8 == 59_990 * E8
    assert lone.listing.funding_rate_e8 == -12_000
    assert lone.history.marks.window("1m", (None, None), 1, lone.now_ms)[0].close == 59_990 * E8


def settled(lone: Lone, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Give the list that fills with (rate, time) of the settlements the core is told of."""
    calls: list[tuple[int, int]] = []

    def settle(_: Any, rate_e8: int, now_ms: int) -> None:
        calls.append((rate_e8, now_ms))

    monkeypatch.setattr(lone.venue.exchange, "settle_funding", settle)
    return calls


def test_funding_is_settled_at_the_end_of_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = Lone(funding_interval_ms=60_000)
    calls = settled(lone, monkeypatch)
    assert lone.listing.next_funding_ms == lone.now_ms + 60_000
    first_ms = lone.listing.next_funding_ms
    lone.pass_ms(59_990)
    assert not calls
    lone.pass_ms(10)
    assert calls == [(lone.listing.funding_rate_e8, first_ms)]
    assert lone.listing.next_funding_ms == first_ms + 60_000
    lone.pass_ms(60_000, step_ms=500)
    assert [now_ms for _, now_ms in calls] == [first_ms, first_ms + 60_000]
    rows = lone.venue.pricing.prices["BTCUSDT"].funding.rows(None, None, 10)
    assert [row.time_ms for row in rows] == [first_ms, first_ms + 60_000]
    assert rows[-1].mark_e8 == lone.listing.mark_e8


def test_a_clock_that_leaps_settles_each_interval_it_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lone = Lone()
    calls = settled(lone, monkeypatch)
    first_ms = lone.listing.next_funding_ms
    assert first_ms % FUNDING_INTERVAL_MS == 0
    lone.pass_ms(24 * HOUR_MS, step_ms=24 * HOUR_MS)
    assert len(calls) == 3
    rows = lone.venue.pricing.prices["BTCUSDT"].funding.rows(first_ms, None, 10)
    assert [row.time_ms - first_ms for row in rows] == [0, 8 * HOUR_MS, 16 * HOUR_MS]
    lone.pass_ms(10**12, step_ms=10**12)
    assert len(calls) < 3 + 2 * pricing.MISSED_MAX
    assert 0 < lone.listing.next_funding_ms - lone.now_ms <= FUNDING_INTERVAL_MS


def test_a_premium_raises_the_rate_and_a_settlement_starts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lone = Lone(funding_interval_ms=600_000)
    calls = settled(lone, monkeypatch)
    lone.listing.index_e8 = 59_940 * E8
    lone.pass_ms(600_000, step_ms=1_000)
    calls.clear()
    first_ms = lone.listing.next_funding_ms
    lone.pass_ms(first_ms - lone.now_ms, step_ms=1_000)
    premium = premium_e8(lone.listing)
    assert premium is not None
    assert premium > 90_000
    assert calls == [(premium - DAMPER_E8, first_ms)]
    lone.listing.index_e8 = TOUCH_TICKS * TICK_E8
    lone.pass_ms(10_000, step_ms=1_000)
    assert lone.listing.funding_rate_e8 == INTEREST_E8


def test_a_made_up_past_has_settlements_every_eight_hours() -> None:
    lone = Lone()
    lone.venue.publisher.make_up_past(1, lone.now_ms)
    funding = lone.venue.pricing.prices["BTCUSDT"].funding
    rows = funding.rows(None, None, 100)
    assert len(rows) == 100
    times = [row.time_ms for row in rows]
    assert times[-1] == lone.now_ms // FUNDING_INTERVAL_MS * FUNDING_INTERVAL_MS
    assert times == list(range(times[0], times[-1] + 1, FUNDING_INTERVAL_MS))
    assert all(abs(row.rate_e8) <= cap_of("BTCUSDT") and row.mark_e8 > 0 for row in rows)
    assert len({row.rate_e8 for row in rows}) > 1
    assert funding.rows(times[3], times[7], 3) == rows[3:6]
    assert funding.rows(None, times[7], 3) == rows[5:8]
    assert funding.rows(times[-1] + 1, None, 10) == []
