"""What only reads the database sees all of an account's money, and changes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hft.binance.income import Income
from hft.ledger import reading
from hft.ledger.account_store import IncomeProgress, put_incomes, store_equity
from hft.ledger.database import open_database, writing
from hft.ledger.inserting import insert_missing
from hft.ledger.schema import checked, trades


def test_fills_income_cover_and_balance_are_read_and_nothing_can_be_written(place: str) -> None:
    engine = open_database(place)
    entry = Income("FUNDING_FEE", "USDT", "BTCUSDT", -7, 1_500, 2**53 + 1)
    row = {
        "account_epoch": "a", "tran_id": entry.tran_id, "income_type": entry.kind,
        "asset": entry.asset, "symbol": entry.symbol, "amount_e8": -7, "ts_ms": 1_500,
    }  # fmt: skip
    fill = {
        "account_epoch": "a", "symbol": "BTCUSDT", "trade_id": 9, "exchange_ts_ms": 1_200,
        "pnl_e8": -(10**17), "fee_e8": 3, "fee_currency": "BNB",
    }  # fmt: skip
    worth = dict.fromkeys(
        ("unrealised_e8", "equity_e8", "realised_e8", "fees_e8", "funding_e8", "session_epoch"), 0
    )
    with writing(engine) as connection:
        for epoch in ("a", "b"):
            put_incomes(connection, epoch, [row | {"account_epoch": epoch}], IncomeProgress(5, 8))
        put_incomes(connection, "a", [row], IncomeProgress(5, 2_000))
        place_of = {"account_epoch": "a", "symbol": "BTCUSDT", "since_ms": 6}
        insert_missing(connection, checked, [place_of])
        connection.execute(trades.insert(), [fill, fill | {"account_epoch": None}])
    for ts_ms in (100, 1_100, 1_300):
        row = {"account_epoch": "a", "ts_ms": ts_ms, "wallet_e8": ts_ms, **worth}
        store_equity(engine, row)
    engine.dispose()

    reader = reading.open_to_read(place)
    assert reading.read_cover(reader, "a") == reading.Cover({"BTCUSDT": 6}, 5, 2_000)
    assert reading.read_cover(reader, "nobody") is None
    assert reading.read_fills(reader, "a", 1_200) == [
        reading.Fill("BTCUSDT", 9, 1_200, -(10**17), 3, "BNB")
    ]
    assert reading.read_fills(reader, "a", 1_201) == []
    assert reading.read_incomes(reader, "a", 0) == [entry]
    assert reading.read_first_worth(reader, "a", 1_000) == reading.Worth(1_100, 1_100)
    with pytest.raises(SQLAlchemyError, match=r"read-?only"), reader.begin() as connection:
        connection.execute(text("DELETE FROM trades"))
    reader.dispose()
