"""Two ledgers that differ in one place: that place is named, with the reason, and no other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hft.binance.income import COMMISSION, FUNDING, REALISED, Income
from hft.ledger.reading import Cover, Fill, Worth
from hft.reconcile.comparing import (
    INCOME_SETTLES_MS,
    LIST_SETTLES_MS,
    Books,
    Difference,
    Span,
    Why,
    compare,
)
from hft.reconcile.wallet import BLUR_MS, check_wallet

START_MS, NOW_MS = 1_000_000, 10_000_000
SPAN = Span(START_MS, NOW_MS, NOW_MS)
COVER = Cover({"BTCUSDT": START_MS, "ETHUSDT": START_MS}, START_MS, NOW_MS)
amounts = st.integers(-(10**12), 10**12)
fills = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "ETHUSDT"]),
        st.integers(1, 40),
        amounts,
        st.integers(0, 10**9),
        st.sampled_from(["USDT", "BNB"]),
    ),
    max_size=15,
    unique_by=lambda fill: fill[:2],
).map(
    lambda rows: [
        Fill(symbol, number, START_MS + 50 * number, pnl, fee, asset)
        for symbol, number, pnl, fee, asset in rows
    ]
)
payments = st.lists(amounts.filter(bool), max_size=8).map(
    lambda rows: [
        Income(FUNDING, "USDT", "BTCUSDT", amount, START_MS + 77 * at, tran_id=5_000 + at)
        for at, amount in enumerate(rows)
    ]
)


def listed(fills: list[Fill], payments: list[Income]) -> list[Income]:
    """What the venue lists of these: no entry of nothing, times in whole seconds."""
    entries = list(payments)
    for at, fill in enumerate(fills):
        number, ms = 10 * fill.trade_id + at, fill.ts_ms - fill.ts_ms % 1_000
        common: dict[str, Any] = {"symbol": fill.symbol, "ts_ms": ms, "trade_id": fill.trade_id}
        if fill.fee_e8:
            asset, amount = fill.fee_asset, -fill.fee_e8
            entries.append(
                Income(COMMISSION, asset, amount_e8=amount, tran_id=2 * number, **common)
            )
        if fill.pnl_e8:
            entries.append(
                Income(REALISED, "USDT", amount_e8=fill.pnl_e8, tran_id=2 * number + 1, **common)
            )
    return sorted(entries, key=lambda entry: entry.ts_ms)


def books(fills: list[Fill], entries: list[Income], cover: Cover = COVER) -> Books:
    return Books(fills, entries, cover)


@given(fills, payments)
def test_the_same_on_both_sides_differs_nowhere(done: list[Fill], paid: list[Income]) -> None:
    venue = listed(done, paid)
    assert compare(venue, books(done, venue), SPAN) == []


@given(fills, payments, st.data())
def test_one_amount_that_is_off_is_named_and_by_how_much(
    done: list[Fill], paid: list[Income], data: st.DataObject
) -> None:
    venue = listed(done, paid)
    kept = list(venue)
    assume(paid)
    spoilt = data.draw(st.sampled_from(paid))
    off_e8 = data.draw(amounts.filter(bool))
    changed = msgspec.structs.replace(spoilt, amount_e8=spoilt.amount_e8 - off_e8)
    kept[kept.index(spoilt)] = changed
    (found,) = compare(venue, books(done, kept), SPAN)
    assert (found.why, found.number, found.off_e8) == (
        Why.AMOUNT,
        f"entry {spoilt.tran_id}",
        off_e8,
    )


@given(fills, payments, st.data())
def test_a_fill_that_one_side_lacks_is_named_with_all_it_came_to(
    done: list[Fill], paid: list[Income], data: st.DataObject
) -> None:
    assume(done)
    lacking = data.draw(st.sampled_from(done))
    others = [fill for fill in done if fill != lacking]
    venue = listed(done, paid)
    here = compare(venue, books(others, venue), SPAN)
    there = compare(listed(others, paid), books(done, listed(others, paid)), SPAN)
    wanted = {(COMMISSION, -lacking.fee_e8), (REALISED, lacking.pnl_e8)}
    wanted = {(kind, e8) for kind, e8 in wanted if e8}
    for found, why, sign in ((here, Why.MISSING_HERE, 1), (there, Why.MISSING_THERE, -1)):
        assert {(each.kind, sign * each.off_e8) for each in found} == wanted
        assert {each.why for each in found} <= {why}
        assert {each.number for each in found} <= {f"trade {lacking.trade_id}"}


def one(venue: list[Income], ours: Books, span: Span = SPAN) -> Difference:
    (found,) = compare(venue, ours, span)
    return found


def fee(**fields: Any) -> Income:
    words: dict[str, Any] = {
        "kind": COMMISSION, "asset": "USDT", "symbol": "BTCUSDT", "amount_e8": -5,
        "ts_ms": START_MS, "tran_id": 1, "trade_id": 9,
    }  # fmt: skip
    return Income(**(words | fields))


def test_a_contract_that_is_not_ours_is_not_traded_by_us() -> None:
    entry = fee(symbol="XRPUSDT")
    assert one([entry], books([], [entry])).why is Why.NOT_OURS


def test_what_came_before_our_books_is_told_as_such() -> None:
    later = Cover({"BTCUSDT": START_MS + 1}, START_MS + 1, NOW_MS)
    assert one([fee()], books([], [], later)).why is Why.BEFORE
    paid = fee(kind=FUNDING, trade_id=None)
    assert one([paid], books([], [], later)).why is Why.BEFORE


@pytest.mark.parametrize(
    ("age_ms", "why"),
    [(INCOME_SETTLES_MS - 1, Why.SETTLING), (INCOME_SETTLES_MS, Why.MISSING_HERE)],
)
def test_what_the_engine_has_not_read_yet_settles_for_some_minutes(age_ms: int, why: Why) -> None:
    read = Cover(COVER.symbols, START_MS, START_MS)
    paid = fee(kind=FUNDING, trade_id=None, ts_ms=NOW_MS - age_ms)
    assert one([paid], books([], [], read)).why is why
    known = Cover(COVER.symbols, START_MS, NOW_MS)
    assert one([paid], books([], [], known)).why is Why.MISSING_HERE


@pytest.mark.parametrize(
    ("age_ms", "why"),
    [(LIST_SETTLES_MS - 1, Why.SETTLING), (LIST_SETTLES_MS, Why.MISSING_THERE)],
)
def test_the_venue_may_list_a_fill_a_little_later(age_ms: int, why: Why) -> None:
    fill = Fill("BTCUSDT", 9, NOW_MS - age_ms, 0, 5, "USDT")
    assert one([], books([fill], [])).why is why


def test_what_is_newer_than_the_question_is_left_for_the_next_time() -> None:
    span = Span(START_MS, NOW_MS - 1, NOW_MS)
    assert compare([fee(ts_ms=NOW_MS)], books([], []), span) == []


def test_a_fee_in_another_asset_than_the_venue_says_is_two_differences() -> None:
    fill = Fill("BTCUSDT", 9, START_MS, 0, 5, "BNB")
    found = compare([fee()], books([fill], [fee()]), SPAN)
    assert {(each.asset, each.off_e8) for each in found} == {("USDT", -5), ("BNB", 5)}


moves = st.lists(st.tuples(st.integers(0, 40), st.integers(-50, 50)), max_size=30)


@given(moves, st.integers(0, BLUR_MS), st.integers(0, BLUR_MS - 1), st.integers(-9, 9))
def test_a_wallet_is_explained_whatever_the_two_balances_had_heard_of(
    done: list[tuple[int, int]], early_ms: int, late_ms: int, off_e8: int
) -> None:
    entries = [
        fee(ts_ms=START_MS + step * 500, amount_e8=amount, tran_id=at)
        for at, (step, amount) in enumerate(done)
    ]
    then_ms, now_ms = START_MS + 5_000, START_MS + 15_000
    # Each balance stands for a moment a little before that at which it was noted.
    in_first = sum(e.amount_e8 for e in entries if e.ts_ms <= then_ms - early_ms)
    in_last = sum(e.amount_e8 for e in entries if e.ts_ms <= now_ms - late_ms)
    then, now = Worth(then_ms, 1_000 + in_first), Worth(now_ms, 1_000 + in_last)
    assert check_wallet("USDT", (then, now), entries).off_e8 == 0
    far = Worth(now_ms, now.wallet_e8 + 10**9 + off_e8)
    assert abs(check_wallet("USDT", (then, far), entries).off_e8 - 10**9) < 10**4
