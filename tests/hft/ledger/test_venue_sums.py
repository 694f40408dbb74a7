"""Our books and the venue's income ledger, summed up side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert

from dashboard.venue_pnl import venue_answer
from hft.binance.income import COMMISSION, FUNDING, REALISED
from hft.ledger.database import open_database, writing
from hft.ledger.schema import checked, funding, trades
from hft.ledger.venue_sums import VenueSum, read_venue_sums
from hft.units import E8

BEGAN_MS = 1_790_000_000_000
READ_MS = BEGAN_MS + 600_000


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A database whose account was read up to `READ_MS`."""
    opened = open_database(str(tmp_path / "t.db"))
    since = {"account_epoch": "a", "symbol": "", "since_ms": BEGAN_MS, "income_ms": READ_MS}
    put(opened, checked, since)
    return opened


def put(engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(insert(table), list(rows))


def fill(trade_id: int, second: int, pnl_e8: int, fee_e8: int) -> dict[str, Any]:
    return {
        "exchange_ts_ms": BEGAN_MS + 1000 * second,
        "symbol": "BTCUSDT",
        "order_id": str(trade_id),
        "account_epoch": "a",
        "trade_id": trade_id,
        "pnl_e8": pnl_e8,
        "fee_e8": fee_e8,
        "fee_currency": "USDT",
    }


def entry(
    number: int, kind: str, second: float, amount_e8: int, trade_id: int | None = None
) -> dict[str, Any]:
    return {
        "account_epoch": "a",
        "tran_id": number,
        "income_type": kind,
        "asset": "USDT",
        "symbol": "BTCUSDT",
        "amount_e8": amount_e8,
        "ts_ms": BEGAN_MS + int(1000 * second),
        "trade_id": trade_id,
    }


def two_fills(engine: Engine) -> None:
    put(engine, trades, fill(1, 10, 0, 2_468), fill(2, 20, 5 * E8 + 1, 2_469))
    put(
        engine,
        funding,
        entry(1, COMMISSION, 9.2, -2_468, 1),
        entry(2, COMMISSION, 19.2, -2_469, 2),
        entry(3, REALISED, 19.2, 5 * E8 + 1, 2),
        entry(4, FUNDING, 30, -777),
    )


def test_both_sides_agree_to_the_last_digit_and_funding_is_the_venues_word_alone(
    engine: Engine,
) -> None:
    two_fills(engine)
    sums = read_venue_sums(engine)
    assert sums.rows == [
        VenueSum("BTCUSDT", "realised", "USDT", 5 * E8 + 1, 5 * E8 + 1),
        VenueSum("BTCUSDT", "commission", "USDT", -4_937, -4_937),
        VenueSum("BTCUSDT", "funding", "USDT", None, -777),
    ]
    answer = venue_answer(sums)
    assert answer["agrees"] is True
    assert answer["sentence"] == "Both agree to the last digit, over 2 fills."


def test_the_edge_of_a_range_does_not_part_a_fill_from_its_entries(engine: Engine) -> None:
    two_fills(engine)
    # The second fill is inside, its entries are dated before the range begins.
    sums = read_venue_sums(engine, BEGAN_MS + 20_000, BEGAN_MS + 25_000)
    assert [row.off_e8 for row in sums.rows] == [0, 0]
    assert sums.rows[1].ours_e8 == -2_469


def test_a_difference_of_one_unit_is_named(engine: Engine) -> None:
    two_fills(engine)
    put(engine, trades, fill(3, 40, 0, 1_000))
    put(engine, funding, entry(5, COMMISSION, 40, -1_001, 3))
    answer = venue_answer(read_venue_sums(engine))
    assert answer["agrees"] is False
    assert "BTCUSDT commission by -0.00000001 USDT" in answer["sentence"]


def test_an_entry_of_no_fill_of_ours_and_a_fill_without_an_entry_differ(engine: Engine) -> None:
    put(engine, trades, fill(1, 10, 0, 500))
    assert read_venue_sums(engine).rows == [VenueSum("BTCUSDT", "commission", "USDT", -500, 0)]
    put(engine, funding, entry(1, COMMISSION, 12, -30, 99))
    assert read_venue_sums(engine).rows == [VenueSum("BTCUSDT", "commission", "USDT", -500, -30)]


def test_what_the_ledger_has_not_read_yet_is_not_compared(engine: Engine) -> None:
    put(engine, trades, fill(1, 601, 0, 500))
    sums = read_venue_sums(engine)
    assert (sums.rows, sums.compared_to_ms) == ([], READ_MS + 1)
    later = read_venue_sums(engine, READ_MS + 1)
    assert "not read yet" in venue_answer(later)["sentence"]
