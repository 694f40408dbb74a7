"""The whole way in a real browser: the demo trades, and what the page says and does is the venue's.

One engine serves the module; each test leaves it trading.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import browser  # noqa: F401
from tests.browser.house_and_venue import (
    at_venue,
    denied,
    fills,
    ids_at_rest,
    ids_in,
    position,
    traded,
    verdict,
)
from tests.flow.engine import ASK_VENUE_S, Engine, eventually, signed

pytestmark = pytest.mark.flow

SEEN_MAX_MS = 1000
FILLS_TIMED = 5
COUNTS = """() => {
  window.counts = [];
  const told = document.querySelector("#trades-sub");
  new MutationObserver(() => {
    const count = Number.parseInt(told.textContent.replaceAll(",", ""), 10);
    if (count > (window.counts.at(-1)?.[0] ?? 0)) window.counts.push([count, Date.now()]);
  }).observe(told, { childList: true, characterData: true, subtree: true });
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A demo whose strategy orders every few seconds."""
    folder: Path = tmp_path_factory.mktemp("page")
    engine = Engine(folder / "d", "--strategy", "PING_PONG")
    try:
        yield engine.wait_up()
    finally:
        engine.end()


@pytest.fixture
def open_live(browser: Browser, demo: Engine) -> Iterator[Callable[[], Page]]:  # noqa: F811
    """Open the demo's page in a tab; it must say no error on its console."""
    pages: list[Page] = []
    complaints: list[str] = []

    def start() -> Page:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        page.goto(demo.run["dashboard_url"])
        page.wait_for_selector('body[data-link="live"]')
        pages.append(page)
        return page

    start.complaints = complaints  # type: ignore[attr-defined]
    yield start
    for page in pages:
        page.close()
    assert complaints == []


def change_parameter(page: Page, name: str, value: str) -> None:
    """Put a parameter in force through its form."""
    page.fill(f"#params-form-{name}", value)
    page.locator("#params-form").get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(f"#params-form-{name}-hint")).to_contain_text("file:")


def test_a_parameter_set_on_the_page_is_what_the_venue_is_asked_for(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    expect(page.locator("#mode")).to_have_text("DEMO")
    expect(page.locator("#state")).to_have_text("ACTIVE")
    first = page.locator("#last-price").inner_text()
    eventually(lambda: page.locator("#last-price").inner_text() != first, 10, "a tick on the page")
    change_parameter(page, "interval_ms", "1500")
    change_parameter(page, "qty", "0.02")

    def bought() -> bool:
        sums: dict[int, float] = {}
        for trade in at_venue(demo, "/fapi/v1/userTrades"):
            sums[trade["orderId"]] = sums.get(trade["orderId"], 0.0) + float(trade["qty"])
        return sum(abs(size - 0.02) < 1e-9 for size in sums.values()) >= 2

    eventually(bought, 20, "two orders of 0.02 at the venue", pause_s=ASK_VENUE_S)


def test_a_fill_is_on_the_page_within_a_second(open_live: Callable[[], Page], demo: Engine) -> None:
    page = open_live()
    expect(page.locator("#trades tr.trade").first).to_be_visible()
    page.evaluate(COUNTS)
    eventually(lambda: page.evaluate("counts.length") >= FILLS_TIMED, 40, "fills on the page")
    counts: list[list[int]] = page.evaluate("counts")
    times = [int(trade["time"]) for trade in at_venue(demo, "/fapi/v1/userTrades")]
    late_ms = [seen_ms - times[count - 1] for count, seen_ms in counts]
    # One that is late says that the machine was busy; the rule is what most of them do.
    assert statistics.median(late_ms) < SEEN_MAX_MS, late_ms


def test_two_tabs_agree(open_live: Callable[[], Page]) -> None:
    one, two = open_live(), open_live()
    one.click("#run")
    for page in (one, two):
        expect(page.locator("#state")).to_have_text("HALTED")
        expect(page.locator("#run")).to_have_text("START")
    for place in ("#total-pnl", "#position", "#fees", "#trades-sub"):
        # The last fill may reach one of them a moment before the other.
        eventually(
            lambda place=place: one.locator(place).inner_text() == two.locator(place).inner_text(),
            5,
            f"the same in {place}",
        )
    change_parameter(one, "price_above", "45000")
    expect(two.locator("#params-form-price_above")).to_have_value("45000")
    two.click("#run")
    for page in (one, two):
        expect(page.locator("#state")).to_have_text("ACTIVE")


def test_a_server_that_hangs_is_told_and_one_that_was_killed_comes_back(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    before = page.locator("#foot-session").inner_text()
    page.evaluate("window.stayed = true")
    # Killed at once it would be back before anybody could tell.
    os.kill(demo.pid("dashboard"), signal.SIGSTOP)
    page.wait_for_selector('body[data-link="lost"]', timeout=5000)
    demo.kill("dashboard")
    expect(page.locator("#banner")).to_contain_text("Connection lost")
    page.wait_for_selector('body[data-link="live"]', timeout=30_000)
    expect(page.locator("#banner")).to_be_hidden()
    assert page.locator("#foot-session").inner_text() == before
    assert page.evaluate("window.stayed"), "the page went on without being loaded anew"
    # What the browser itself says of a server that was away is no fault of the page.
    complaints: list[str] = open_live.complaints  # type: ignore[attr-defined]
    complaints[:] = [said for said in complaints if "ERR_" not in said]


def test_a_change_is_tried_out_obeyed_by_the_engine_and_taken_back(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    change_parameter(page, "interval_ms", "400")
    traded(demo, 2)
    before = float(page.locator("#params-form-price_above").input_value())
    page.fill("#params-form-price_above", "1000000000")
    page.press("#params-form-price_above", "Enter")
    tried = page.locator("#params-form .preview")
    expect(tried).to_contain_text(re.compile(r"Orders [1-9][\d,]* → 0: "))
    assert tried.locator("#preview-orders tbody tr").count() > 0
    assert verdict(demo) != "PRICE_GATE", "a preview changes nothing"
    page.locator("#params-form").get_by_role("button", name="Apply", exact=True).click()
    eventually(lambda: verdict(demo) == "PRICE_GATE", 10, "the strategy to obey")
    expect(page.locator("#verdict-sentence")).to_contain_text("above 1000000000.00 needed")
    undo = page.locator("#params-form .undo")
    expect(undo).to_contain_text("undo: price_above ")
    undo.click()
    eventually(lambda: verdict(demo) != "PRICE_GATE", 10, "the strategy to obey again")
    traded(demo, 1)
    newest = demo.get("/api/changes")["changes"][0]
    assert (newest["name"], newest["from"], newest["to"]) == ("price_above", 1e9, before)


def test_a_limit_set_on_the_page_stops_orders_at_the_gate_until_it_is_taken_back(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    page.click("[data-knobs=limits]")
    form = page.locator("#limits-form")
    page.fill("#limits-form-max_order_size", "0.001")
    form.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#limits-form-max_order_size-hint")).to_have_text("file: 0.1")
    before = denied(demo)
    eventually(lambda: denied(demo) > before, 20, "an order the gate denies", pause_s=ASK_VENUE_S)
    expect(page.locator("#denials")).to_be_visible()
    count = len(fills(demo))
    eventually(lambda: denied(demo) > before + 2, 20, "more of them", pause_s=ASK_VENUE_S)
    assert len(fills(demo)) == count, "the venue saw none of them"
    expect(form.locator(".undo")).to_contain_text("undo: max_order_size ")
    form.locator(".undo").click()
    expect(page.locator("#limits-form-max_order_size")).to_have_value("0.1")
    traded(demo, 1)


def test_flatten_takes_the_orders_that_rest_at_the_venue_too(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    run = demo.run
    for side, price in (("BUY", "40000"), ("SELL", "90000")):
        terms = {"side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
        keys = (run["rest_url"], run["api_key"], run["api_secret"], "/fapi/v1/order", "POST")
        signed(*keys, symbol="BTCUSDT", price=price, **terms)
    resting = at_venue(demo, "/fapi/v1/openOrders")
    assert {order["price"] for order in resting} >= {"40000.00", "90000.00"}
    eventually(lambda: position(demo) != "0.000", 20, "a position", pause_s=ASK_VENUE_S)
    page.keyboard.press("f")
    page.click("#dialog-yes")
    expect(page.locator("#dialog-title")).to_have_text("Flat")
    assert at_venue(demo, "/fapi/v1/openOrders") == []
    assert position(demo) == "0.000"
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.locator("#state")).to_have_text("ACTIVE")
    traded(demo, 1)


def test_a_cleared_history_starts_anew_and_every_fill_of_the_venue_is_still_in_a_file(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    page.keyboard.press("s")
    expect(page.locator("#state")).to_have_text("HALTED")
    at_first = ids_at_rest(demo)
    expect(page.locator("#trades-sub")).to_contain_text(f"{len(at_first):,} · net")
    page.click("#history-clear")
    with page.expect_download() as saved:
        page.click("#dialog-link")
    assert ids_in(saved.value.path().read_text()) == at_first
    page.click("#dialog-yes")
    expect(page.locator("#trades-empty")).to_be_visible()
    page.keyboard.press("s")
    traded(demo, 1)
    expect(page.locator("#trades tr.trade").first).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator("#state")).to_have_text("HALTED")
    later = ids_at_rest(demo)
    page.keyboard.press("3")
    with page.expect_download() as saved:
        page.click("#export-link")
    assert ids_in(saved.value.path().read_text()) == later - at_first, "only what is in sight"
    url = demo.run["dashboard_url"].rstrip("/") + "/api/export?what=trades&hidden=1"
    assert ids_in(requests.get(url, timeout=10).text) == later
    page.click("#run")
    expect(page.locator("#state")).to_have_text("ACTIVE")


def test_stop_and_flatten_reach_the_venue_and_a_flat_house_changes_its_strategy(
    open_live: Callable[[], Page], demo: Engine
) -> None:
    page = open_live()
    expect(page.locator("#trades tr.trade").first).to_be_visible()
    page.click("#run")
    expect(page.locator("#state")).to_have_text("HALTED")
    eventually(lambda: not at_venue(demo, "/fapi/v1/openOrders"), 20, "no order left resting")
    before = {trade["id"] for trade in at_venue(demo, "/fapi/v1/userTrades")}
    page.click("#flatten")
    page.click("#dialog-yes")
    eventually(lambda: position(demo) == "0.000", 20, "a flat venue", pause_s=ASK_VENUE_S)
    expect(page.locator("#dialog-title")).to_have_text("Flat")
    page.click("#dialog-no")
    expect(page.locator("#position")).to_have_text("0.000")
    later = [trade for trade in at_venue(demo, "/fapi/v1/userTrades") if trade["id"] not in before]
    orders = {trade["orderId"] for trade in later}
    assert len(orders) <= 1, "nothing but the closing order, in one piece or several, traded later"
    page.select_option("#strategy", "MOMENTUM")
    page.click("#strategy-apply")
    expect(page.locator("#params-form-window")).to_be_visible()
    assert demo.get("/api/status")["active_strategy"] == "MOMENTUM"
    page.click("#run")
    expect(page.locator("#state")).to_have_text("ACTIVE")
