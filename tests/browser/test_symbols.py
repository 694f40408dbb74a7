"""Several symbols with stops at the venue, and a limit that trips, on the page of a real engine.

One engine serves the module; the tests build on one another's trades, not on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import browser  # noqa: F401
from tests.browser.test_price import told
from tests.flow.engine import Engine, Venue, eventually, write_config

pytestmark = pytest.mark.flow

SYMBOLS = ("BTCUSDT", "DOGEUSDT")
DECIMALS = {"BTCUSDT": 1, "DOGEUSDT": 5}
GUARDED = '''
"""Buys each symbol once, and guards what it holds with a stop a hundredth below."""

import msgspec

from hft.strategy.api import (
    NS_PER_S, IntentFlag, MarketKind, Side, Verdict, market, state_dtype, stop_market, verdict,
)

NAME = "GUARDED"
EXPLAIN = {Verdict.ENTER: "wants to buy", Verdict.HOLDING: "is guarded"}


class Params(msgspec.Struct, frozen=True):
    worth: float = 200.0


STATE = state_dtype(("asked_ns", "<i8"))


def on_market(event, position, orders, params, state, out):
    asks_again = event.recv_ns - state.asked_ns > NS_PER_S
    if event.kind != MarketKind.TRADE or position.open_orders > 0 or not asks_again:
        return
    state.asked_ns = event.recv_ns
    if position.fills == 0:
        lots = round(params.worth / event.price / position.lot)
        verdict(out, Verdict.ENTER)
        market(out, event, Side.BUY, lots * position.lot)
    elif position.qty > 0:
        trigger = round(0.99 * position.entry / position.tick) * position.tick
        verdict(out, Verdict.HOLDING)
        stop_market(out, event, Side.SELL, trigger, position.qty, IntentFlag.REDUCE_ONLY)
'''


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    venue = Venue(tmp_path_factory.mktemp("venue"), "--symbols", ",".join(SYMBOLS))
    yield venue
    venue.end()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, exchange: Venue) -> Iterator[Engine]:
    """An engine that holds each symbol, with a stop below."""
    folder: Path = tmp_path_factory.mktemp("symbols")
    (folder / "mine").mkdir()
    (folder / "mine" / "guarded.py").write_text(GUARDED)
    limits = "[risk]\nmax_order_size = 100000.0\nmax_position = 100000.0\n"
    names = {"symbols": list(SYMBOLS), "strategies_dirs": ["mine"], "strategy": "GUARDED"}
    config = write_config(folder, exchange, limits, **names)
    engine = Engine(folder / "d", "--config", str(config))
    try:
        engine.wait_up().start_trading()
        eventually(lambda: len(stops(exchange)) == 2, 60, "a stop for each symbol", pause_s=0.2)
        yield engine
    finally:
        engine.end()


@pytest.fixture
def open_guarded(browser: Browser, guarded: Engine) -> Iterator[Callable[[], Page]]:  # noqa: F811
    """Open the engine's page; it must say no error on its console."""
    pages: list[Page] = []
    complaints: list[str] = []

    def start() -> Page:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        url = guarded.run["dashboard_url"].rstrip("/")
        token = (guarded.data_dir / "dashboard.token").read_text().strip()
        known = page.request.post(
            f"{url}/api/login", data={"token": token}, headers={"Origin": url}
        )
        assert known.ok
        page.goto(url)
        page.wait_for_selector('body[data-link="live"]')
        pages.append(page)
        return page

    yield start
    for page in pages:
        page.close()
    assert complaints == []


def stops(exchange: Venue) -> list[dict[str, str]]:
    """The conditional orders that wait at the venue."""
    return list(exchange.signed("/fapi/v1/openAlgoOrders"))


def choose(page: Page, symbol: str) -> None:
    """Show another symbol, and wait until it has its candles and its own lines."""
    page.select_option("#price-symbol", symbol)
    chart = page.locator("#price-chart")
    expect(chart).to_have_attribute("data-symbol", symbol)
    eventually(lambda: told(chart, "candles") > 2, 20, f"candles of {symbol}")


def prices_shown(page: Page) -> str:
    """What the chart tells of the newest candle."""
    chart = page.locator("#price-chart")
    said = page.locator("#price-hover")
    box = chart.bounding_box()
    assert box is not None
    for x in range(int(box["width"]) - 100, int(box["width"]) - 240, -6):
        page.mouse.move(box["x"] + x, box["y"] + box["height"] / 3)
        if said.inner_text():
            return said.inner_text()
    return ""


def walked_to_a_fill(page: Page) -> bool:
    """Press the key that goes to the next fill; there is none before it has been drawn."""
    page.keyboard.press("]")
    return page.locator("#price-tip").is_visible()


def decimals_of(text: str) -> int:
    """Decimals of the opening price in "O 61,734.2  H …"."""
    return len(text.split()[1].partition(".")[2])


def test_each_symbol_is_drawn_with_its_own_prices_orders_entry_and_stop(
    open_guarded: Callable[[], Page], guarded: Engine
) -> None:
    page = open_guarded()
    chart, tip = page.locator("#price-chart"), page.locator("#price-tip")
    rows = {row["symbol"]: row for row in guarded.get("/api/status")["symbols"]}
    for symbol in (*SYMBOLS, SYMBOLS[0]):
        choose(page, symbol)
        # The position at its entry, and the stop.
        expect(chart).to_have_attribute("data-lines", "2")
        expect(chart).to_have_attribute("data-markers", str(rows[symbol]["fills"]))
        eventually(lambda: prices_shown(page) != "", 10, "the newest candle under the pointer")
        assert decimals_of(prices_shown(page)) == DECIMALS[symbol]
        page.mouse.move(0, 0)
        chart.focus()
        eventually(lambda: walked_to_a_fill(page), 10, "a fill to walk to")
        fills = guarded.get(f"/api/order_marks?symbol={symbol}&from_ms=0")["fills"]
        first = min(fills, key=lambda fill: int(fill["ms"]))
        expect(tip).to_contain_text(f"at {first['price']:,.{DECIMALS[symbol]}f}")
        page.locator("#run").focus()


def test_a_late_answer_about_the_symbol_before_is_dropped(
    open_guarded: Callable[[], Page], exchange: Venue
) -> None:
    page = open_guarded()
    choose(page, "BTCUSDT")
    held: list[Route] = []
    late = "**/api/candles?symbol=BTCUSDT*"
    page.route(late, lambda route: held.append(route))  # noqa: PLW0108
    eventually(lambda: page.evaluate("1") and held, 10, "a question about the first symbol")
    choose(page, "DOGEUSDT")
    with page.expect_response(late):
        held[0].continue_()
    for interval in ("ticks", "1s"):
        page.click(f"[data-interval='{interval}']")
        expect(page.locator("#price-chart")).to_have_attribute("data-shown", interval)
    eventually(lambda: prices_shown(page).startswith("O 0."), 10, "prices of the second symbol")


def test_a_loss_limit_that_trips_is_said_and_start_trades_again_once_it_is_raised(
    open_guarded: Callable[[], Page], guarded: Engine
) -> None:
    page = open_guarded()
    state, said = page.locator("#state"), page.locator("#trading-sentence")
    expect(state).to_have_text("ACTIVE")
    page.click("[data-knobs=limits]")
    eventually(lambda: guarded.get("/api/status")["total_pnl"] < -0.1, 60, "a loss")
    set_loss_limit(page, "0.01")
    expect(state).to_have_text("HALTED")
    expect(said).to_contain_text("loss limit is reached")
    expect(said).to_contain_text("limit -0.01")
    start(page)
    expect(page.locator("#control-answer")).to_contain_text("still")
    expect(state).to_have_text("HALTED")
    set_loss_limit(page, "1000")
    page.click("#dialog-yes")
    eventually(lambda: guarded.get("/api/status")["max_loss"] == 1000.0, 10, "the limit in force")
    start(page)
    expect(state).to_have_text("ACTIVE")
    expect(page.locator("#run")).to_have_text("STOP")


def set_loss_limit(page: Page, value: str) -> None:
    page.fill("#limits-form-max_drawdown", value)
    page.locator("#limits-form").get_by_role("button", name="Apply", exact=True).click()


def start(page: Page) -> None:
    expect(page.locator("#run")).to_have_text("START")
    page.click("#run")
    page.click("#dialog-yes")
