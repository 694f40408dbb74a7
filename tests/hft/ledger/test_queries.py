"""What the page is told of the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from hft.ledger import pnl
from hft.ledger.books import read_books
from hft.ledger.database import open_database, writing
from hft.ledger.inserting import insert_missing
from hft.ledger.queries import clear_history, list_trades
from hft.ledger.schema import checked, funding, markers, trades

DAY_MS = 86_400_000


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    made = open_database(place)
    yield made
    made.dispose()


def read_totals(engine: Engine, midnight_ms: int) -> pnl.Totals:
    return pnl.read_totals(read_books(engine), midnight_ms)


def sum_trades(engine: Engine, from_ms: int | None = None) -> pnl.Sums:
    return pnl.sum_trades(read_books(engine), from_ms)


def shares(engine: Engine, from_ms: int | None = None) -> list[pnl.Share]:
    return pnl.shares(read_books(engine), from_ms)


def pnl_series(engine: Engine) -> list[pnl.Point]:
    return pnl.pnl_series(read_books(engine))


def empty(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in (trades, funding, checked):
            connection.execute(delete(table))
        connection.execute(delete(markers))


def book(engine: Engine, *rows: dict[str, Any]) -> None:
    default = {"symbol": "BTCUSDT", "fee_currency": "USDT", "pnl_e8": 0, "fee_e8": 0}
    with writing(engine) as connection:
        for row in rows:
            connection.execute(trades.insert().values(default | row))


def test_trades_come_newest_first_in_pages(engine: Engine) -> None:
    book(engine, *({"exchange_ts_ms": ts, "trade_id": ts} for ts in (3, 1, 2, 2)))
    ids = [row["exchange_ts_ms"] for row in list_trades(engine)]
    assert ids == [3, 2, 2, 1]
    first = list_trades(engine, limit=2)
    second = list_trades(engine, limit=2, offset=2)
    assert [row["id"] for row in first + second] == [row["id"] for row in list_trades(engine)]


def test_a_time_range_includes_its_start_and_not_its_end(engine: Engine) -> None:
    book(engine, *({"exchange_ts_ms": ts} for ts in range(1, 6)))
    shown = list_trades(engine, from_ms=2, to_ms=4)
    assert [row["exchange_ts_ms"] for row in shown] == [3, 2]


def test_totals_are_exact_and_tell_today_apart(engine: Engine) -> None:
    book(
        engine,
        {"exchange_ts_ms": 20 * DAY_MS - 1, "pnl_e8": 10**17 + 1, "fee_e8": 3},
        {"exchange_ts_ms": 20 * DAY_MS, "pnl_e8": 7, "fee_e8": 2},
    )
    totals = read_totals(engine, 20 * DAY_MS)
    assert (totals.all_time.count, totals.all_time.pnl_e8) == (2, 10**17 + 8)
    assert (totals.all_time.fees_e8, totals.all_time.net_e8) == (5, 10**17 + 3)
    assert (totals.today.count, totals.today.net_e8) == (1, 5)


def test_an_empty_history_sums_to_nothing(engine: Engine) -> None:
    assert read_totals(engine, 0).all_time == pnl.Sums(0, 0, 0, 0, {})
    assert pnl_series(engine) == []


def test_fees_in_another_coin_are_told_apart(engine: Engine) -> None:
    book(
        engine,
        {"exchange_ts_ms": 1, "pnl_e8": 100, "fee_e8": 5},
        {"exchange_ts_ms": 2, "pnl_e8": 100, "fee_e8": 7, "fee_currency": "BNB"},
        {"exchange_ts_ms": 3, "pnl_e8": 100, "fee_e8": 1, "fee_currency": None},
    )
    sums = sum_trades(engine)
    assert (sums.fees_e8, sums.net_e8, sums.other_fees_e8) == (6, 294, {"BNB": 7})
    assert [point.pnl_e8 for point in pnl_series(engine)] == [95, 195, 294]


def pay(engine: Engine, *rows: dict[str, Any]) -> None:
    """Keep entries of the income ledger, of symbols that were compared."""
    default = {"account_epoch": "a", "income_type": "FUNDING_FEE", "asset": "USDT"}
    default |= {"symbol": "BTCUSDT", "amount_e8": 0}
    with writing(engine) as connection:
        place = {"account_epoch": "a", "symbol": "BTCUSDT", "since_ms": 0}
        insert_missing(connection, checked, [place])
        for at, row in enumerate(rows):
            connection.execute(funding.insert().values(default | {"tran_id": at} | row))


def test_a_fee_in_another_coin_counts_at_its_value(engine: Engine) -> None:
    bnb = {"fee_currency": "BNB", "fee_e8": 7, "fee_value_e8": 4_200}
    book(engine, {"exchange_ts_ms": 1, "pnl_e8": 100_000, **bnb})
    sums = sum_trades(engine)
    assert (sums.fees_e8, sums.net_e8, sums.other_fees_e8) == (4_200, 95_800, {})
    assert [point.pnl_e8 for point in pnl_series(engine)] == [95_800]


def test_funding_is_pnl_a_liquidation_costs_and_a_deposit_is_neither(engine: Engine) -> None:
    book(engine, {"exchange_ts_ms": 5, "pnl_e8": 100, "fee_e8": 1})
    pay(
        engine,
        {"ts_ms": 4, "value_e8": -7},
        {"ts_ms": 6, "value_e8": 3},
        {"ts_ms": 7, "value_e8": -20, "income_type": "INSURANCE_CLEAR"},
        {"ts_ms": 8, "value_e8": 10**9, "income_type": "TRANSFER", "symbol": ""},
        {"ts_ms": 8, "value_e8": 500, "symbol": "XRPUSDT"},
        {"ts_ms": 9, "value_e8": None, "asset": "ODD"},
    )
    sums = sum_trades(engine)
    assert (sums.pnl_e8, sums.fees_e8, sums.funding_e8, sums.net_e8) == (100, 21, -4, 75)
    curve = [(point.ts_ms, point.pnl_e8) for point in pnl_series(engine)]
    assert curve == [(4, -7), (5, 92), (6, 95), (7, 75)]
    assert sum_trades(engine, 6).net_e8 == -17
    clear_history(engine, 6)
    assert sum_trades(engine).net_e8 == -20, "what was paid before the clearing is hidden"


def test_pnl_is_divided_by_strategy_and_symbol_and_funding_goes_to_who_held(engine: Engine) -> None:
    common = {"account_epoch": "a", "pnl_e8": 10, "fee_e8": 1}
    book(
        engine,
        {**common, "exchange_ts_ms": 2, "strategy": "MOMENTUM", "trade_id": 1},
        {**common, "exchange_ts_ms": 3, "strategy": "PING_PONG", "trade_id": 2},
        {**common, "exchange_ts_ms": 3, "strategy": "", "trade_id": 3},
        {**common, "exchange_ts_ms": 9, "strategy": "MOMENTUM", "symbol": "ETHUSDT", "trade_id": 4},
    )
    pay(engine, {"ts_ms": 1, "value_e8": 9}, {"ts_ms": 2, "value_e8": -2})
    pay(engine, {"ts_ms": 4, "value_e8": -3, "tran_id": 7})
    found = {(each.strategy, each.symbol): (each.count, each.net_e8) for each in shares(engine)}
    assert found == {
        ("", "BTCUSDT"): (1, 18),  # By hand, and funding before anybody traded.
        ("MOMENTUM", "BTCUSDT"): (1, 7),
        ("PING_PONG", "BTCUSDT"): (1, 6),
        ("MOMENTUM", "ETHUSDT"): (1, 9),
    }
    assert sum(net for _, net in found.values()) == sum_trades(engine).net_e8
    since = {(each.strategy, each.symbol): each.net_e8 for each in shares(engine, 3)}
    assert since[("PING_PONG", "BTCUSDT")] == 6
    assert ("MOMENTUM", "BTCUSDT") not in since


def test_the_curve_of_the_session_starts_from_zero(engine: Engine) -> None:
    book(
        engine,
        {"exchange_ts_ms": 1, "pnl_e8": 100, "fee_e8": 5},
        {"exchange_ts_ms": 5, "pnl_e8": 50, "fee_e8": 5},
        {"exchange_ts_ms": 6, "pnl_e8": -60_000_000, "fee_e8": 5},
    )
    session = pnl.pnl_series(read_books(engine, 5))
    assert [(point.ts_ms, point.pnl_e8) for point in session] == [(5, 45), (6, -59_999_960)]
    assert session[-1].pnl == -0.5999996


def test_a_long_curve_is_thinned_and_ends_with_the_last_trade(engine: Engine) -> None:
    book(engine, *({"exchange_ts_ms": ts, "pnl_e8": 1} for ts in range(1, 102)))
    curve = pnl.pnl_series(read_books(engine), points_max=10)
    assert len(curve) <= 12
    assert (curve[-1].ts_ms, curve[-1].pnl_e8) == (101, 101)


def test_clearing_hides_everything_deletes_nothing_and_shows_what_comes_later(
    engine: Engine,
) -> None:
    book(engine, {"exchange_ts_ms": 1, "pnl_e8": 5}, {"exchange_ts_ms": 9, "pnl_e8": 5})
    clear_history(engine, 10)
    assert list_trades(engine) == []
    assert sum_trades(engine).count == 0
    assert pnl_series(engine) == []
    with engine.connect() as connection:
        assert len(connection.execute(trades.select()).all()) == 2
    book(engine, {"exchange_ts_ms": 11, "pnl_e8": 3})
    assert [row["exchange_ts_ms"] for row in list_trades(engine)] == [11]
    assert [point.pnl_e8 for point in pnl_series(engine)] == [3]
    clear_history(engine, 12)
    assert list_trades(engine) == []


MONEY = st.integers(-(10**14), 10**14)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fills=st.lists(st.tuples(st.integers(0, 50), MONEY, MONEY), max_size=20))
def test_the_curve_ends_where_the_totals_stand(
    engine: Engine, fills: list[tuple[int, int, int]]
) -> None:
    empty(engine)
    book(engine, *({"exchange_ts_ms": t, "pnl_e8": p, "fee_e8": f} for t, p, f in fills))
    curve = pnl_series(engine)
    net_e8 = sum(pnl - fee for _, pnl, fee in fills)
    assert sum_trades(engine).net_e8 == net_e8
    assert (curve[-1].pnl_e8 if curve else 0) == net_e8
