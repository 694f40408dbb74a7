"""The whole way in a real browser: the demo trades, and the page's buttons reach the venue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import browser  # noqa: F401
from tests.flow.engine import ASK_VENUE_S, Engine, eventually, signed

pytestmark = pytest.mark.flow


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Engine]:
    """A demo whose strategy orders every few seconds."""
    engine = Engine(tmp_path / "d", "--strategy", "PING_PONG")
    yield engine.wait_up()
    engine.end()


@pytest.fixture
def page(browser: Browser, demo: Engine) -> Iterator[Page]:  # noqa: F811
    opened = browser.new_page(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(15_000)
    opened.goto(demo.run["dashboard_url"])
    opened.wait_for_selector('body[data-link="live"]')
    yield opened
    opened.close()


def test_the_page_shows_live_ticks_and_trades_and_its_buttons_reach_the_venue(
    page: Page, demo: Engine
) -> None:
    expect(page.locator("#mode")).to_have_text("DEMO")
    expect(page.locator("#state")).to_have_text("ACTIVE")
    first = page.locator("#last-price").inner_text()
    eventually(_differs(page, "#last-price", first), 10, "a tick on the page")
    expect(page.locator("#trades tbody tr").first).to_be_visible()
    page.locator("#run").click()
    expect(page.locator("#state")).to_have_text("HALTED")
    eventually(lambda: not _at_venue(demo, "/fapi/v1/openOrders"), 20, "no order left resting")
    before = {trade["id"] for trade in _at_venue(demo, "/fapi/v1/userTrades")}
    page.locator("#flatten").click()
    page.locator("#dialog-yes").click()
    eventually(lambda: _position(demo) == "0.000", 20, "a flat venue", pause_s=ASK_VENUE_S)
    expect(page.locator("#position")).to_have_text("0.000")
    later = [trade for trade in _at_venue(demo, "/fapi/v1/userTrades") if trade["id"] not in before]
    orders = {trade["orderId"] for trade in later}
    assert len(orders) <= 1, "nothing but the closing order, in one piece or several, traded later"


def _differs(page: Page, where: str, text: str) -> Callable[[], bool]:
    return lambda: page.locator(where).inner_text() != text


def _position(demo: Engine) -> str:
    return str(_at_venue(demo, "/fapi/v2/positionRisk")[0]["positionAmt"])


def _at_venue(demo: Engine, path: str) -> list[dict[str, Any]]:
    run = demo.run
    return list(signed(run["rest_url"], run["api_key"], run["api_secret"], path, symbol="BTCUSDT"))
