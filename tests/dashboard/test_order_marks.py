"""Own orders on the chart: whatever rests is there, whatever no longer does is not."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from hft.ledger.database import open_database, writing
from hft.ledger.order_marks import list_marks
from hft.ledger.schema import orders
from hft.topology import House
from hft.units import E8
from tests.dashboard.furniture import Served
from tests.dashboard.test_trades import get

BOTH = pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
MINE = "mine"
DAY_MS = 86_400_000
NOW_MS = 1_795_000_000_000


def put(place: str, *rows: dict[str, Any]) -> None:
    """Store orders of this account that rest at the venue, unless said otherwise."""
    default = {"account_epoch": MINE, "session_epoch": 1, "symbol": "BTCUSDT", "side": "BUY"}
    default |= {"type": "LIMIT", "tif": "GTX", "flags": 0, "price_e8": 61_700 * E8, "qty_e8": E8}
    default |= {"filled_e8": 0, "quote_e8": 0, "fee_e8": 0, "realised_e8": 0, "reason": 0}
    default |= {"state": "ACCEPTED", "strategy": "PING_PONG", "finished_ms": None}
    engine = open_database(place)
    with writing(engine) as connection:
        for number, row in enumerate(rows, start=1):
            named = {"intent_seq": number, "client_order_id": str(number)}
            named["sent_ms"] = row["updated_ms"] - 1
            connection.execute(insert(orders), [default | named | row])
    engine.dispose()


@BOTH
def test_an_order_that_rests_is_on_the_chart_however_old_its_last_change(
    house: House, served: Served, place: str
) -> None:
    identity: Any = house.identity[0]
    identity["account_epoch"] = MINE.encode()
    long_ago = NOW_MS - 3 * DAY_MS
    put(
        place,
        {"updated_ms": long_ago},
        {"updated_ms": long_ago, "finished_ms": long_ago, "state": "CANCELLED"},
        {"updated_ms": long_ago, "symbol": "ETHUSDT"},
        {"updated_ms": long_ago, "account_epoch": "a demo that was killed"},
        {"updated_ms": NOW_MS - 5, "account_epoch": "another demo that was killed"},
        {"updated_ms": NOW_MS - 4},
    )
    marks = get(served, f"/api/order_marks?symbol=BTCUSDT&from_ms={NOW_MS - 1000}&to_ms={NOW_MS}")
    found = [(mark["key"], mark["end_ms"]) for mark in marks["orders"]]
    assert found == [("1-1", None), ("1-5", NOW_MS - 5), ("1-6", None)]
    before = get(served, f"/api/order_marks?symbol=BTCUSDT&from_ms=0&to_ms={long_ago - DAY_MS}")
    assert before["orders"] == [], "what was sent later was not there yet"


def test_a_chart_full_of_orders_still_shows_those_that_rest(place: str) -> None:
    ended = [{"updated_ms": NOW_MS + at, "finished_ms": NOW_MS + at} for at in range(5)]
    put(place, {"updated_ms": NOW_MS - DAY_MS}, *ended)
    engine = open_database(place)
    marks = list_marks(engine, "BTCUSDT", NOW_MS, NOW_MS + 9, account_epoch=MINE, limit=3)
    engine.dispose()
    assert marks.cut
    assert [mark["intent_seq"] for mark in marks.orders] == [1, 4, 5, 6]
