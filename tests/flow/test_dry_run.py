"""A dry run: the live market of one venue, orders on an exchange of the house's own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from tests.flow.books import our_fills, venue_fills
from tests.flow.engine import Engine, Venue, eventually, signed, user_trades, write_config

pytestmark = pytest.mark.flow

BUSY = """
[strategy.PING_PONG]
interval_ms = 300
price_above = 1000.0
"""


@pytest.fixture
def live(venue: Callable[..., Venue]) -> Venue:
    """The venue whose market is followed; its account must stay untouched."""
    return venue("--seed", "3")


def dry_engine(engine: Callable[..., Engine], live: Venue, folder: Path, **words: object) -> Engine:
    config = write_config(folder, live, BUSY, strategy="PING_PONG", dry_run=True, **words)
    text = config.read_text().replace(Venue.KEY, "").replace(Venue.SECRET, "")
    config.write_text(text)
    one = engine("--config", str(config))
    one.data_dir /= "dry-run"
    return one.wait_up()


def test_a_dry_run_fills_at_the_live_book_and_sends_nothing_to_the_venue(
    engine: Callable[..., Engine], live: Venue, tmp_path: Path
) -> None:
    one = dry_engine(engine, live, tmp_path, fee_taker=0.0004, dry_run_balance=5000.0)
    assert one.run["mode"] == "DRY_RUN"
    assert one.run["rest_url"] != live.url
    one.start_trading()
    one.wait_trades(3, 60)
    paper_url, key, secret = (one.run[name] for name in ("rest_url", "api_key", "api_secret"))
    state = requests.get(paper_url + "/sim/state", timeout=5).json()["market"]
    assert (state["kind"], state["connected"], state["skipped"]) == ("follow", True, 0)
    assert one.post("/api/control", {"command": "FLATTEN", "confirm": True}).status_code == 200
    eventually(lambda: one.get("/api/status")["position"] == 0, 30, "flat on paper")
    trades = user_trades(paper_url, key, secret, "BTCUSDT")
    for trade in trades:
        assert Decimal(trade["commission"]) == (
            Decimal(trade["price"]) * Decimal(trade["qty"]) * Decimal("0.0004")
        )
    income = signed(paper_url, key, secret, "/fapi/v2/balance")
    wallet = next(Decimal(row["balance"]) for row in income if row["asset"] == "USDT")
    booked = sum(Decimal(t["realizedPnl"]) - Decimal(t["commission"]) for t in trades)
    assert wallet == 5000 + booked
    assert one.stop() == 0
    assert our_fills(one.data_dir) == venue_fills(trades)
    assert live.user_trades() == []
    assert live.open_orders() == []


def test_a_dry_run_goes_on_where_the_last_one_ended(
    engine: Callable[..., Engine], live: Venue, tmp_path: Path
) -> None:
    one = dry_engine(engine, live, tmp_path)
    one.start_trading()
    one.wait_trades(1, 60)
    eventually(lambda: one.get("/api/status")["position"] != 0, 30, "a position")
    simulator_pid = one.run["simulator_pid"]
    one.post("/api/control", {"command": "STOP"})
    eventually(lambda: one.get("/api/status")["open_orders"] == 0, 10, "nothing open")
    held = one.get("/api/status")["position"]
    assert one.stop() == 0
    other = dry_engine(engine, live, tmp_path)
    assert other.run["simulator_pid"] != simulator_pid
    assert other.get("/api/status")["position"] == held
    assert other.stop() == 0
