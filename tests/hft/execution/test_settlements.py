"""Payments told twice, late, in part, and equal to one another: each is booked once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hft.binance.income import FUNDING, Income
from hft.execution.settlements import REMEMBERED_MS, Payment, Settlements

payments = st.lists(
    st.tuples(
        st.sampled_from(["BTCUSDT", "BNBUSDT"]),
        st.sampled_from([-7, -5, 5]),  # The same amounts come again.
        st.integers(0, 20).map(lambda step: step * 2_000),
        st.booleans(),  # Whether the stream tells it.
    ),
    max_size=20,
)


def entry(number: int, symbol: str, amount_e8: int, ts_ms: int) -> Income:
    return Income(FUNDING, "USDT", symbol, amount_e8, ts_ms, tran_id=number)


@given(payments, st.data())
def test_whatever_is_lost_and_in_whatever_order_all_of_it_is_booked_once(
    paid: list[tuple[str, int, int, bool]], data: st.DataObject
) -> None:
    settlements = Settlements()
    booked: Counter[str] = Counter()
    told = [("tell", n) for n, payment in enumerate(paid) if payment[3]]
    listed = [("list", n) for n in range(len(paid))] * 2
    for way, number in data.draw(st.permutations(told + listed)):
        symbol, amount_e8, ts_ms, _ = paid[number]
        if way == "tell":
            # The two do not date a payment alike.
            is_new = settlements.tell(Payment(FUNDING, symbol, amount_e8, ts_ms + 900))
        else:
            is_new = settlements.list(entry(number, symbol, amount_e8, ts_ms))
        booked[symbol] += amount_e8 if is_new else 0
    wanted: Counter[str] = Counter()
    for symbol, amount_e8, _, _ in paid:
        wanted[symbol] += amount_e8
    assert all(booked[symbol] == wanted[symbol] for symbol in ("BTCUSDT", "BNBUSDT"))


def test_what_is_old_is_forgotten_and_what_is_new_stays_known() -> None:
    settlements = Settlements()
    assert settlements.list(entry(1, "BTCUSDT", 5, 0))
    assert settlements.list(entry(2, "BTCUSDT", 5, REMEMBERED_MS))
    settlements.forget(REMEMBERED_MS)
    assert not settlements.list(entry(2, "BTCUSDT", 5, REMEMBERED_MS))
    assert settlements.list(entry(1, "BTCUSDT", 5, 0))
