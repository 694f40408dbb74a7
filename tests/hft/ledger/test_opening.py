"""An account that held something before its first kept fill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Engine

from hft.ledger import store
from hft.ledger.books import BookKeeper, read_books
from hft.ledger.database import open_database, writing
from hft.ledger.exposure import exposure_of
from hft.ledger.rows import NOT_OURS, Names, row_of_user_trade, rows_of_reports
from hft.ledger.trips import shown_trips
from tests.hft.ledger.world import LOT_E8, TICK_E8, a_report

NAMES = Names("a", 7, ["BTCUSDT", "ETHUSDT"], [TICK_E8] * 2, [LOT_E8] * 2, ["X", "MOMENTUM"])


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    made = open_database(place)
    yield made
    made.dispose()


def told(engine: Engine, *fills: tuple[int, int, int, int, int]) -> None:
    """Store reports of fills: their number, symbol, side, lots, and the position after them."""
    reports = [
        a_report(number, symbol=symbol, side=side, last_qty_lots=lots, position_lots=after,
                 venue_ms=1000 * number)
        for number, symbol, side, lots, after in fills
    ]  # fmt: skip
    with writing(engine) as connection:
        store.put_reports(connection, rows_of_reports(np.concatenate(reports), NAMES))


def test_a_position_from_before_is_no_trip_and_the_next_ones_are(engine: Engine) -> None:
    keeper = BookKeeper(engine)
    assert len(shown_trips(keeper.look()).closed_ms) == 0
    # Fifty lots were there, and are given back in two sales; ETHUSDT began flat.
    told(engine, (1, 0, -1, 10, 40), (2, 1, 1, 5, 5), (3, 0, -1, 40, 0), (4, 1, -1, 5, 0))
    assert shown_trips(keeper.look()).closed_ms.tolist() == [4000]
    told(engine, (5, 0, 1, 10, 10), (6, 0, -1, 10, 0))
    for books in (keeper.look(), read_books(engine)):
        assert shown_trips(books).closed_ms.tolist() == [4000, 6000]
        held = exposure_of(books, 0, 10_000, symbol=books.texts.index("BTCUSDT"))
        assert held.in_position_ms == 2000 + 1000, "from the first fill on"
    # What was read from the middle on begins with what was held there.
    assert shown_trips(read_books(engine, 3000)).closed_ms.tolist() == [6000]


def test_a_fill_only_the_venue_told_says_nothing_of_before(engine: Engine) -> None:
    trade = {"symbol": "BTCUSDT", "id": 1, "orderId": 1, "side": "BUY", "price": "5", "qty": "1",
             "realizedPnl": "0", "commission": "0", "commissionAsset": "USDT", "time": 1,
             "maker": False, "position_lots": 7, "last_qty_lots": 1}  # fmt: skip
    row = row_of_user_trade(trade, "a", NOT_OURS)
    with writing(engine) as connection:
        store.put_user_trades(connection, "a", "BTCUSDT", [row], store.Progress(0))
    assert read_books(engine).opening == {}
