"""The chart's prices: ticks and short bars from the tape, candles without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests

from dashboard.market import INTERVALS_MS
from hft.clock import monotonic_ns
from hft.ledger.candle_desk import CandleDesk
from hft.ledger.candle_store import store_heard, store_listed
from hft.ledger.courier import Courier
from hft.ledger.database import open_database
from hft.ledger.schema import FROM_FEED, FROM_VENUE
from hft.ledger.tape_desk import TapeDesk
from hft.state.candles import MINUTE_MS
from hft.state.tape import READABLE
from hft.topology import House
from hft.units import E8
from tests.dashboard.furniture import Served
from tests.hft.ledger.market import GAP, MINUTE_0, SOLD, a_top, a_trade, many_trades, publish
from tests.hft.preview.tape import fill_tape

BOTH = pytest.mark.parametrize("place", ["sqlite", "postgresql"], indirect=True)
DAY_MS = 1_440 * MINUTE_MS
VENUE = "demo-1"


class Keeper:
    """The part of a ledger that keeps the market, over the test's house and database."""

    def __init__(self, house: House, place: str) -> None:
        self.house = house
        self.engine = open_database(place)
        self._courier = Courier("commits", (OSError,), lambda: None)
        identity: Any = house.identity[0]
        identity["account_epoch"] = VENUE.encode()
        self.candles = CandleDesk(house, self.engine, self._courier, "")
        assert self.candles.ready()
        self._tape = TapeDesk(house, self.candles.take)

    def hear(self, *records: Any) -> None:
        """Let the feed publish, and look."""
        publish(self.house.market, *records)
        self._tape.look()
        self._courier.finish_jobs()
        self.candles.work(monotonic_ns())

    def keep(self, first_minute: int, prices: list[float], source: str = FROM_FEED) -> None:
        """Store one whole minute per price, from so many minutes after MINUTE_0 on."""
        rows = [
            {"venue": VENUE, "symbol": "BTCUSDT", "volume_e8": 2 * E8, "quote_e8": 1, "buy_e8": 1,
             "minute_ms": MINUTE_0 + (first_minute + at) * MINUTE_MS, "trades": 3, "whole": 1,
             "open_e8": int(price * E8), "high_e8": int((price + 2) * E8),
             "low_e8": int((price - 2) * E8), "close_e8": int((price + 1) * E8), "source": source}
            for at, price in enumerate(prices)
        ]  # fmt: skip
        (store_heard if source == FROM_FEED else store_listed)(self.engine, rows)

    def close(self) -> None:
        self._courier.close()
        self.engine.dispose()


@pytest.fixture
def keeper(house: House, place: str) -> Iterator[Keeper]:
    made = Keeper(house, place)
    yield made
    made.close()


def ask(served: Served, path: str, status: int = 200, **params: Any) -> Any:
    asked = {"symbol": "BTCUSDT"} | params
    reply = requests.get(served.url + path, params=asked, timeout=10)
    assert reply.status_code == status, reply.text
    return reply.json()


def test_ticks_tell_trades_and_the_touch_and_what_came_since(
    keeper: Keeper, served: Served
) -> None:
    keeper.hear(
        a_trade(10, 60_000.1, 0.5),
        a_top(1, 60_000.0, 60_000.1),
        a_trade(20, 60_000.0, 0.25, flags=SOLD | GAP),
    )
    told = ask(served, "/api/ticks")
    assert told == {
        "newest": 3,
        "trades": [[1, MINUTE_0 + 10, 60_000.1, 0.5, 1], [3, MINUTE_0 + 20, 60_000.0, 0.25, -1]],
        "tops": [[2, MINUTE_0, 60_000.0, 60_000.1]],
        "gaps": [MINUTE_0 + 20],
    }
    keeper.hear(a_trade(30, 60_001.0))
    later = ask(served, "/api/ticks", after=told["newest"])
    assert (later["newest"], [row[0] for row in later["trades"]]) == (4, [4])
    assert ask(served, "/api/ticks", after=4)["trades"] == []
    assert len(ask(served, "/api/ticks", limit=2)["trades"]) == 2
    # A page that was open before the house began anew starts over.
    assert len(ask(served, "/api/ticks", after=99_999)["trades"]) == 3


def test_short_bars_come_from_the_tape_from_the_first_one_it_heard_on(
    keeper: Keeper, served: Served
) -> None:
    keeper.hear(
        a_trade(-5, 9.0), a_trade(100, 5.0), a_trade(900, 7.0), a_trade(950, 4.0),
        a_trade(2_000, 6.0, 0.5),
    )  # fmt: skip
    told = ask(served, "/api/candles", interval="1s")
    assert told["interval_ms"] == 1_000
    assert told["candles"] == [
        [MINUTE_0 - 1_000, 9.0, 9.0, 9.0, 9.0, 0.01, 1],
        [MINUTE_0, 5.0, 7.0, 4.0, 4.0, pytest.approx(0.03), 3],
        [MINUTE_0 + 2_000, 6.0, 6.0, 6.0, 6.0, 0.5, 1],
    ]


def test_a_bar_whose_beginning_the_tape_has_forgotten_is_left_out(
    house: House, served: Served
) -> None:
    records = np.repeat(a_trade(0, 5.0), READABLE + 300)
    records["venue_ms"] += np.arange(len(records)) // 1_000 * 1_000
    fill_tape(house, records)
    told = ask(served, "/api/candles", interval="1s")["candles"]
    assert told[0][0] == MINUTE_0 + 1_000
    assert {row[6] for row in told[:-1]} == {1_000}, "only whole ones"


@BOTH
def test_minutes_of_the_database_and_of_the_segment_join_without_a_seam(
    keeper: Keeper, serve: Callable[..., Served], house: House
) -> None:
    served = serve(house)
    keeper.keep(-3, [100.0, 101.0, 102.0])
    keeper.hear(a_trade(0, 110.0), a_trade(MINUTE_MS, 120.0), a_trade(2 * MINUTE_MS + 5, 130.0))
    told = ask(served, "/api/candles")["candles"]
    assert [row[0] for row in told] == [MINUTE_0 + at * MINUTE_MS for at in range(-3, 3)]
    assert told[0] == [MINUTE_0 - 3 * MINUTE_MS, 100.0, 102.0, 98.0, 101.0, 2.0, 3]
    assert [row[4] for row in told[3:]] == [110.0, 120.0, 130.0]
    keeper.hear(a_trade(2 * MINUTE_MS + 6, 131.0, 0.5))
    newest = ask(served, "/api/candles", limit=1)["candles"]
    assert newest == [[MINUTE_0 + 2 * MINUTE_MS, 130.0, 131.0, 130.0, 131.0, 0.51, 2]]
    # The venue's list completes the first minute, of which a part only was heard.
    keeper.keep(0, [111.0], FROM_VENUE)
    told = ask(served, "/api/candles")["candles"]
    assert told[3] == [MINUTE_0, 111.0, 113.0, 109.0, 112.0, 2.0, 3]


@BOTH
@pytest.mark.parametrize("interval", ["5m", "15m", "1h", "4h", "1d"])
def test_longer_candles_are_the_sums_of_their_minutes_in_utc(
    keeper: Keeper, serve: Callable[..., Served], house: House, interval: str
) -> None:
    served, step = serve(house), INTERVALS_MS[interval]
    prices = [float(price) for price in np.random.default_rng(3).integers(50, 90, 400)]
    keeper.keep(-400, prices[:300])
    keeper.keep(-90, prices[310:])
    keeper.hear(a_trade(0, 1.0), a_trade(MINUTE_MS, 99.0))
    minutes = ask(served, "/api/candles", limit=2_000)["candles"]
    assert len(minutes) == 392
    slow: dict[int, list[Any]] = {}
    for ms, opened, high, low, close, volume, trades in minutes:
        bar = slow.setdefault(ms // step * step, [opened, high, low, close, 0.0, 0])
        bar[1:4] = [max(bar[1], high), min(bar[2], low), close]
        bar[4:] = [bar[4] + volume, bar[5] + trades]
    told = ask(served, "/api/candles", interval=interval)["candles"]
    assert [[row[0], *row[1:5], pytest.approx(row[5]), row[6]] for row in told] == [
        [ms, *bar] for ms, bar in sorted(slow.items())
    ]
    cut = ask(served, "/api/candles", interval=interval, limit=1, to_ms=told[-1][0])["candles"]
    assert cut == told[-2:-1]
    assert ask(served, "/api/candles", interval=interval, from_ms=told[-1][0] + 1)["candles"] == []


def test_scrolling_back_jumps_over_the_days_the_house_was_off(
    keeper: Keeper, served: Served
) -> None:
    keeper.keep(-30 * 1_440, [50.0, 51.0])
    keeper.hear(a_trade(0, 60.0))
    told = ask(served, "/api/candles", to_ms=MINUTE_0 - DAY_MS, limit=2)["candles"]
    assert [row[1] for row in told] == [50.0, 51.0]


def test_what_is_asked_wrongly_is_refused_in_one_sentence(keeper: Keeper, served: Served) -> None:
    keeper.hear(a_trade(0, 60.0))
    for path in ("/api/ticks", "/api/candles"):
        told = ask(served, path, 404, symbol="<b>NOPE</b>")
        assert (told["code"], told["message"]) == (
            "UNKNOWN_SYMBOL",
            "symbol: this house trades BTCUSDT.",
        )
    told = ask(served, "/api/candles", 422, interval="2m")
    assert told["message"] == "interval: expected one of 1s, 5s, 15s, 1m, 5m, 15m, 1h, 4h, 1d."
    for wrong in ({"limit": 2_001}, {"limit": 0}, {"from_ms": -1}, {"to_ms": "soon"}):
        assert ask(served, "/api/candles", 422, **wrong)["code"] == "BAD_REQUEST"


def test_a_house_without_a_ledger_has_no_prices_and_says_so(served: Served) -> None:
    assert ask(served, "/api/ticks") == {"newest": 0, "trades": [], "tops": [], "gaps": []}
    for interval in INTERVALS_MS:
        assert ask(served, "/api/candles", interval=interval)["candles"] == []


def test_a_full_tape_is_told_soon(keeper: Keeper, served: Served) -> None:
    for _ in range(5):
        keeper.hear(many_trades(15_000))
    before_ns = monotonic_ns()
    told = ask(served, "/api/ticks", limit=5_000)
    assert len(told["trades"]) == 5_000
    assert monotonic_ns() - before_ns < 2_000_000_000
