from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import insert, update

from hft.clock import wall_ms
from hft.ledger.database import open_database, writing
from hft.ledger.schema import trades
from hft.topology import House
from hft.units import E8
from tests.dashboard.furniture import Served, wait_for

FEE_E8 = 30_000_000
HOUR_MS = 3_600_000
BOTH = pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)


def book(place: str, *pnls: int, fee_currency: str = "USDT", first_id: int = 1) -> None:
    """Write one trade per P&L (whole money), a second apart, the last of them now."""
    rows: list[dict[str, Any]] = []
    for number, pnl in enumerate(pnls):
        trade_id = first_id + number
        rows.append(
            {
                "exchange_ts_ms": wall_ms() - 1000 * (len(pnls) - 1 - number),
                "symbol": "BTCUSDT",
                "side": "BUY" if number % 2 == 0 else "SELL",
                "price": 61_700.5,
                "quantity": 0.01,
                "pnl": float(pnl),
                "fee": FEE_E8 / E8,
                "fee_currency": fee_currency,
                "strategy": "MOMENTUM",
                "order_id": str(trade_id),
                "exec_id": str(trade_id),
                "account_epoch": "a",
                "trade_id": trade_id,
                "price_e8": 6_170_050_000_000,
                "qty_e8": 1_000_000,
                "pnl_e8": pnl * E8,
                "fee_e8": FEE_E8,
                "maker": 0,
                "source": "report",
            }
        )
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(insert(trades), rows)
    engine.dispose()


def get(served: Served, path: str) -> Any:
    reply = requests.get(served.url + path, timeout=5)
    assert reply.status_code == 200, reply.text
    return reply.json()


@BOTH
def test_trades_appear_once_there_is_a_database(served: Served, place: str) -> None:
    assert get(served, "/api/history")["count"] == 0
    book(place, 0, 5, 0, -2)
    history = get(served, "/api/history")
    assert history["count"] == 4
    assert [trade["pnl"] for trade in history["trades"]] == [-2, 0, 5, 0], "newest first"
    assert history["totals"]["all_time"]["net"] == pytest.approx(3 - 4 * 0.3)
    assert history["totals"]["today"]["count"] in (0, 1, 2, 3, 4), "midnight may pass in between"
    page = get(served, "/api/history?limit=2&offset=1")["trades"]
    assert [trade["pnl"] for trade in page] == [0, 5]


def zone_at(hour: int) -> str:
    """A zone whose clock shows that hour of the day now."""
    east = (hour - wall_ms() // HOUR_MS) % 24
    return f"Etc/GMT-{east}" if east <= 12 else f"Etc/GMT+{24 - east}"


@BOTH
def test_today_is_that_of_the_viewers_clock(served: Served, place: str) -> None:
    book(place, 5)
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(update(trades).values(exchange_ts_ms=wall_ms() - 2 * HOUR_MS))
    engine.dispose()
    counts = [
        get(served, f"/api/history?zone={quote(zone_at(hour))}")["totals"]["today"]["count"]
        for hour in (0, 12)
    ]
    assert counts == [0, 1]
    reply = requests.get(served.url + "/api/history?zone=Mars/Olympus", timeout=5)
    assert (reply.status_code, reply.json()["code"]) == (422, "UNKNOWN_ZONE")


@BOTH
def test_the_historical_curve_is_net_of_fees(served: Served, place: str) -> None:
    book(place, 0, 5)
    points = get(served, "/api/pnl_series?mode=historical")["points"]
    assert [point["pnl"] for point in points] == pytest.approx([-0.3, 4.4])


@BOTH
def test_pnl_is_told_by_strategy_and_symbol(served: Served, place: str) -> None:
    assert get(served, "/api/pnl") == {"session": [], "all_time": []}
    book(place, 0, 5)
    (row,) = get(served, "/api/pnl")["all_time"]
    assert (row["strategy"], row["symbol"], row["count"]) == ("MOMENTUM", "BTCUSDT", 2)
    assert (row["pnl"], row["funding"]) == (5, 0)
    assert row["net"] == pytest.approx(4.4)


@BOTH
def test_clearing_hides_what_was_and_shows_what_comes(served: Served, place: str) -> None:
    book(place, 1, 2)
    assert get(served, "/api/history")["count"] == 2
    assert requests.delete(served.url + "/api/history", timeout=5).status_code == 200
    assert get(served, "/api/history")["trades"] == []
    assert get(served, "/api/pnl_series?mode=historical")["points"] == []
    book(place, 7, first_id=10)
    assert [trade["pnl"] for trade in get(served, "/api/history")["trades"]] == [7]


def test_a_database_that_cannot_be_read_is_told_in_a_sentence(
    served: Served, tmp_path: Path
) -> None:
    (tmp_path / "trades.db").write_bytes(b"this is no database at all" * 100)
    reply = requests.get(served.url + "/api/history", timeout=5)
    assert reply.status_code == 503
    assert reply.json()["code"] == "TRADES_UNAVAILABLE"
    assert str(tmp_path) not in reply.text


@BOTH
def test_a_dashboard_restarted_within_a_session_remembers_its_curve(
    house: House, served: Served, place: str, serve: Callable[..., Served]
) -> None:
    book(place, 3, 4)
    again = serve(house)
    earlier = again.trades.session(wall_ms() - 60_000)
    assert [pnl for _, pnl in earlier] == pytest.approx([2.7, 6.4])
    again.pulse.history.prepend((ms - 60_000, pnl, pnl) for ms, pnl in earlier)
    wait_for(lambda: len(again.pulse.history.points()) > 2, "a live point behind them")
    points = get(again, "/api/pnl_series?mode=session")["points"]
    assert [point["pnl"] for point in points[:3]] == pytest.approx([2.7, 6.4, 42.5])
