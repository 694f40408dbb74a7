"""However reports and the venue's list interleave, the table ends the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from hft.ledger.database import open_database, writing
from hft.ledger.inserting import Row
from hft.ledger.rows import NOT_OURS, Names, row_of_user_trade, rows_of_reports
from hft.ledger.schema import checked, trades
from hft.ledger.store import Progress, put_reports, put_user_trades, read_progress
from tests.hft.ledger.world import LOT_E8, TICK_E8, a_report

NAMES = Names("epoch", 1, ["BTCUSDT"], [TICK_E8], [LOT_E8], ["MOMENTUM"])
FILLS = st.lists(st.integers(1, 12), max_size=6)
TOLD_WRONG = 5
"""The one trade id whose fee the report does not know."""


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    made = open_database(place)
    yield made
    made.dispose()


def reported(trade_id: int) -> Row:
    fee_e8 = 0 if trade_id == TOLD_WRONG else 100
    report = a_report(trade_id, venue_order_id=trade_id, fee_e8=fee_e8, strategy=0)
    return rows_of_reports(report, NAMES)[0]


def listed(trade_id: int) -> Row:
    told = {
        "symbol": "BTCUSDT",
        "id": trade_id,
        "orderId": trade_id,
        "side": "BUY",
        "price": "61734.2",
        "qty": "0.01",
        "realizedPnl": "-1.23456789",
        "commission": "0.000001",
        "commissionAsset": "USDT",
        "time": trade_id,
        "maker": False,
    }
    return row_of_user_trade(told, "epoch", NOT_OURS)


def list_again(engine: Engine, rows: list[Row], progress: Progress) -> int:
    with writing(engine) as connection:
        return put_user_trades(connection, "epoch", "BTCUSDT", rows, progress).inserted


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(st.tuples(st.booleans(), FILLS), max_size=8))
def test_every_fill_is_there_once_reports_name_it_and_the_venue_prices_it(
    engine: Engine, steps: list[tuple[bool, list[int]]]
) -> None:
    with writing(engine) as connection:
        connection.execute(delete(trades))
        connection.execute(delete(checked))
    by_report: set[int] = set()
    by_venue: set[int] = set()
    inserted = 0
    for is_report, fills in steps:
        if is_report:
            with writing(engine) as connection:
                inserted += put_reports(connection, [reported(fill) for fill in fills]).inserted
            by_report |= set(fills)
        else:
            rows = [listed(fill) for fill in sorted(set(fills))]
            inserted += list_again(engine, rows, Progress(0, len(fills)))
            by_venue |= set(fills)
    # A last comparison, as the ledger makes while draining; it does not go back to what was seen.
    everything = sorted(by_report | by_venue)
    rows = [listed(fill) for fill in everything if fill not in by_venue]
    inserted += list_again(engine, rows, Progress(9, 12))
    with engine.connect() as connection:
        found = connection.execute(select(trades).order_by(trades.c.trade_id)).mappings().all()
    assert [row["trade_id"] for row in found] == everything
    assert inserted == len(everything)
    for row in found:
        known = row["trade_id"] in by_report
        assert (row["source"], row["strategy"]) == (
            ("report", "MOMENTUM") if known else ("user_trades", "")
        )
        assert (row["fee_e8"], row["fee"]) == (100, 1e-6)
    assert read_progress(engine, "epoch", "BTCUSDT") == Progress(9, 12)
