"""Downloads: everything, exact, and nothing a spreadsheet would execute."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
import requests
from pyarrow import parquet
from sqlalchemy import update

from hft.clock import wall_ms
from hft.ledger.database import open_database, writing
from hft.ledger.export_queries import PAGE_ROWS, Wanted, fields_of, read_pages
from hft.ledger.schema import trades
from tests.dashboard.furniture import Served
from tests.dashboard.many_trades import fill_with_trades
from tests.dashboard.test_trades import BOTH, book, get


def download(served: Served, query: str) -> requests.Response:
    reply = requests.get(f"{served.url}/api/export?{query}", timeout=20)
    assert reply.status_code == 200, reply.text
    return reply


@BOTH
def test_a_csv_is_exact_and_no_text_of_it_is_a_formula(served: Served, place: str) -> None:
    book(place, -7, 5)
    engine = open_database(place)
    with writing(engine) as connection:
        changed = {"strategy": "=1+1", "pnl_e8": -(10**16) - 1}
        connection.execute(update(trades).where(trades.c.trade_id == 1).values(changed))
    engine.dispose()
    reply = download(served, f"what=trades&format=csv&to_ms={wall_ms() + 1}")
    assert "attachment" in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [row["pnl"] for row in rows] == ["-100000000.00000001", "5.00000000"]
    assert [row["strategy"] for row in rows] == ["'=1+1", "MOMENTUM"]
    assert rows[0]["exchange_ts_utc"].endswith("Z")


@BOTH
def test_parquet_holds_the_same_with_types(served: Served, place: str) -> None:
    book(place, -7, 5)
    reply = download(served, "what=trades&format=parquet")
    table = parquet.read_table(io.BytesIO(reply.content))
    assert table.column("pnl").to_pylist() == [Decimal(-7), Decimal(5)]
    assert str(table.schema.field("pnl").type) == "decimal128(38, 8)"
    assert str(table.schema.field("exchange_ts_utc").type) == "timestamp[ms, tz=UTC]"
    assert table.column("client_order_id").to_pylist() == [None, None]


@pytest.mark.parametrize(
    "what", ["trades", "orders", "funding", "equity", "events", "candles", "markouts"]
)
def test_every_table_comes_whole_in_both_formats(served: Served, place: str, what: str) -> None:
    fill_with_trades(place, 2_500)
    rows = list(csv.DictReader(io.StringIO(download(served, f"what={what}").text)))
    table = parquet.read_table(io.BytesIO(download(served, f"what={what}&format=parquet").content))
    assert len(rows) == table.num_rows
    assert (len(rows) > 0) == (what in ("trades", "orders", "funding", "markouts"))


@BOTH
def test_what_a_clearing_hid_comes_only_when_asked_for(served: Served, place: str) -> None:
    book(place, 1, 2)
    assert requests.delete(served.url + "/api/history", timeout=5).status_code == 200
    assert len(download(served, "what=trades").text.splitlines()) == 1
    assert len(download(served, "what=trades&hidden=1").text.splitlines()) == 3


@BOTH
@pytest.mark.parametrize("what", ["trades", "orders", "markouts"])
def test_a_range_holds_every_row_of_it_once_however_many_pages_it_has(
    place: str, what: str
) -> None:
    fill_with_trades(place, 4_000)
    engine = open_database(place)
    names = [field.name for field in fields_of(what)]
    time = names.index("updated_utc" if what == "orders" else "exchange_ts_utc")

    def rows(**wanted: int) -> list[tuple[Any, ...]]:
        pages = [list(page) for page in read_pages(engine, Wanted(what, **wanted))]
        assert all(0 < len(page) <= PAGE_ROWS for page in pages)
        return [row for page in pages for row in page]

    every = rows()
    times = sorted(row[time] for row in every)
    from_ms, to_ms = times[20], times[-20]
    wanted = [row for row in every if from_ms <= row[time] < to_ms]
    assert PAGE_ROWS / 2 < len(wanted) < len(every)
    assert sorted(rows(from_ms=from_ms, to_ms=to_ms)) == sorted(wanted)
    assert sorted(rows(to_ms=to_ms)) == sorted(row for row in every if row[time] < to_ms)
    assert sorted(rows(from_ms=from_ms)) == sorted(row for row in every if row[time] >= from_ms)
    assert rows(from_ms=times[-1] + 1) == []
    engine.dispose()


@BOTH
def test_pages_by_key_reach_every_trade_once(served: Served, place: str) -> None:
    fill_with_trades(place, 700)
    seen: list[int] = []
    before = ""
    while True:
        page = get(served, f"/api/history?limit=150{before}")
        seen += [trade["id"] for trade in page["trades"]]
        if page["next_before_id"] is None:
            break
        before = f"&before_id={page['next_before_id']}"
    assert seen == list(range(700, 0, -1))


@BOTH
def test_a_fee_that_gets_its_value_later_is_in_the_totals(served: Served, place: str) -> None:
    book(place, 5, fee_currency="BNB")
    assert get(served, "/api/history")["totals"]["all_time"]["net"] == 5
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(update(trades).values(fee_value_e8=200_000_000))
    engine.dispose()
    assert get(served, "/api/history")["totals"]["all_time"]["net"] == 3


@BOTH
def test_the_week_is_told_by_every_question(served: Served, place: str) -> None:
    fill_with_trades(place, 3_000)
    stats = get(served, "/api/stats?zone=Europe/Berlin")
    days = get(served, "/api/calendar?zone=Europe/Berlin")["days"]
    curve = get(served, "/api/pnl_series?mode=range&from_ms=0&points=100")["points"]
    totals = get(served, "/api/history")["totals"]["all_time"]
    assert totals["net"] == pytest.approx(stats["totals"]["net"])
    assert totals["net"] == pytest.approx(sum(day["net"] for day in days))
    assert curve[0] == {"ts_ms": 0, "pnl": 0}
    assert curve[-1]["pnl"] == totals["net"]
    assert sum(day["wins"] for day in days) == stats["totals"]["wins"]
    marks = get(served, "/api/order_marks?symbol=BTCUSDT")
    assert {mark["key"] for mark in marks["fills"]} <= {mark["key"] for mark in marks["orders"]}
    horizons = get(served, "/api/markouts")["horizons"]
    assert [(each["horizon_ms"], each["count"]) for each in horizons] == [
        (ms, 3_000) for ms in (100, 1_000, 10_000)
    ]


def test_an_unknown_zone_or_table_is_refused_in_a_sentence(served: Served) -> None:
    for path in ("calendar?zone=Mars/Olympus", "stats?zone=..", "export?what=keys"):
        reply = requests.get(f"{served.url}/api/{path}", timeout=5)
        assert reply.status_code == 422
        assert reply.json()["message"].endswith(".")
