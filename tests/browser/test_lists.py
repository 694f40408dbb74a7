"""Lists of trades and orders, an order's story and the view of latency, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from playwright.sync_api import Page, Route, expect

from hft.clock import monotonic_ns
from hft.events import Hop, OrderState, OrderType, Side
from hft.state.blocks import Leg
from hft.state.histogram import bin_of
from hft.topology import House
from tests.dashboard.furniture import Served, furnish, write_account
from tests.dashboard.many_trades import MANY, fill_with_trades
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]
OPENS_MS = 2000
ROWS_MAX = 200
TICK_TO_TRADE_NS = range(30_000, 105_000, 500)

READY = """performance.getEntriesByType("resource")
  .filter((one) => one.name.includes("/api/history")).at(-1).responseEnd"""
IN_SIGHT = """() => {
  const top = document.querySelector("#trades-scroll").getBoundingClientRect().top;
  return document.elementFromPoint(60, top + 60).textContent;
}"""
SCROLL = """async () => {
  const box = document.querySelector("#trades-scroll");
  const frames = [];
  await new Promise((done) => {
    let before = performance.now();
    const step = (now) => {
      frames.push(now - before);
      before = now;
      box.scrollTop += 90;
      if (frames.length < 121) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  frames.shift();
  frames.sort((a, b) => a - b);
  return { median: frames[60], p90: frames[108], top: box.scrollTop };
}"""

DRAG = """async () => {
  const box = document.querySelector("#trades-scroll");
  for (let frame = 1; frame <= 50; frame += 1) {
    box.scrollTop = (box.scrollHeight * frame) / 60;
    await new Promise((done) => requestAnimationFrame(done));
  }
}"""


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a week of 200,000 trades; nobody here writes into it."""
    path = tmp_path_factory.mktemp("week") / "trades.db"
    fill_with_trades(str(path))
    return path


@pytest.fixture
def serve_week(house: House, week: Path) -> Iterator[Callable[[], Served]]:
    """Start dashboards of a healthy house that looks back on that week."""
    started: list[Served] = []

    def start() -> Served:
        started.append(Served(house, str(week)))
        return started[-1]

    yield start
    for served in started:
        served.close()


@pytest.fixture
def served_week(serve_week: Callable[[], Served]) -> Served:
    """One of them."""
    return serve_week()


def trade_rows(page: Page) -> Any:
    return page.locator("#trades tr.trade")


def wait_for_week(page: Page) -> None:
    """Wait for the newest trades; the first to ask waits until the whole week has been read."""
    expect(page.locator("#trades-sub")).to_contain_text(f"{MANY:,}", timeout=30_000)
    expect(trade_rows(page).first).to_contain_text("USDT", timeout=30_000)


def week_read_ahead(serve_week: Callable[[], Served]) -> Served:
    """A dashboard that began a moment ago: it reads the books by itself, before anybody asks."""
    served = serve_week()
    asked = {"zone": "Europe/Berlin"}
    requests.get(served.url + "/api/calendar", params=asked, timeout=30).raise_for_status()
    return served


def first_opening_ms(page: Page) -> float:
    """How long the page took from its opening until its newest trades were there."""
    wait_for_week(page)
    return float(page.evaluate(READY))


def test_a_week_of_200_000_trades_opens_under_two_seconds_and_scrolls_smoothly(
    serve_week: Callable[[], Served], open_page: OpenPage
) -> None:
    page = open_page(week_read_ahead(serve_week))
    ready_ms = [first_opening_ms(page)]
    # A machine that is busy with something else may try twice more, each time with a dashboard
    # that nobody has opened yet.
    while min(ready_ms) >= OPENS_MS and len(ready_ms) < 3:
        page.close()
        page = open_page(week_read_ahead(serve_week))
        ready_ms.append(first_opening_ms(page))
    assert min(ready_ms) < OPENS_MS, f"the list was complete after {ready_ms} ms"
    # Every day is opened, the oldest first so that the others stay in sight.
    days = page.locator("#trades tr.day")
    days.first.click()
    expect(days).to_have_count(8)
    for place in range(7, -1, -1):
        days.nth(place).click()
    count = int(page.locator("#trades").get_attribute("aria-rowcount") or 0)
    assert count > MANY, "every trade of the week has its row"
    assert page.locator("#trades tbody tr").count() < ROWS_MAX, "and few of them exist"
    page.evaluate("document.querySelector('#trades-scroll').scrollTop = 1_500_000")
    expect(trade_rows(page).nth(20)).to_contain_text("USDT")
    told = page.evaluate(SCROLL)
    assert told["top"] > 1_500_000 + 100 * 90, "it scrolled"
    assert told["median"] < 1000 / 60 * 1.3, f"frames of {told}"
    assert page.locator("#trades tbody tr").count() < ROWS_MAX


def test_a_long_scroll_asks_for_few_pages_at_a_time(
    served_week: Served, open_page: OpenPage
) -> None:
    page = open_page(served_week)
    wait_for_week(page)
    days = page.locator("#trades tr.day")
    days.first.click()
    expect(days).to_have_count(8)
    days.nth(1).click()
    expect(days.nth(1)).to_have_attribute("aria-expanded", "true")
    held: list[Route] = []
    scrolled = False

    def hold(route: Route) -> None:
        if scrolled:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/history?*offset=*", hold)
    page.evaluate(DRAG)
    assert 1 <= len(held) <= 2, "not one for each step of the scroll"
    scrolled = True
    for route in held:
        route.continue_()
    expect(trade_rows(page).nth(20)).to_contain_text("USDT")


def test_the_keyboard_walks_folds_and_chooses(served_week: Served, open_page: OpenPage) -> None:
    page = open_page(served_week)
    wait_for_week(page)
    table = page.locator("#trades")
    expect(table.locator("thead tr")).to_have_attribute("aria-rowindex", "1")
    table.focus()
    page.keyboard.press("End")
    expect(page.locator("#trades tr.active")).to_have_class(re.compile("day"))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#trades tr.active")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#trades tr.active")).to_contain_text("USDT")
    active = table.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-level") == "4"
    page.keyboard.press("Enter")
    expect(page.locator("#trades tr.active")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#story .story-headline")).to_contain_text("filled")
    assert page.locator("#story .waterfall tbody tr").count() >= 5
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#trades tr.active")).to_have_class(re.compile("day"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#trades tr.active")).to_have_attribute("aria-expanded", "false")


def test_a_new_trade_appears_and_moves_nothing_that_is_looked_at(
    house: House, served: Served, tmp_path: Path, open_page: OpenPage
) -> None:
    place = str(tmp_path / "trades.db")
    book(place, *range(1, 61))
    page = open_page(served)
    first = trade_rows(page).first
    expect(first).to_contain_text("+60.00")
    book(place, 75, first_id=100)
    page.evaluate("window.began = performance.now()")
    write_account(house, fills=8)
    expect(first).to_contain_text("+75.00", timeout=1000)
    page.evaluate("document.querySelector('#trades-scroll').scrollTop = 600")
    before = page.evaluate(IN_SIGHT)
    book(place, 90, first_id=101)
    write_account(house, fills=9)
    newest = page.get_by_role("button", name="1 new")
    expect(newest).to_be_visible()
    assert page.evaluate(IN_SIGHT) == before, "the rows that are read stay where they are"
    newest.click()
    expect(first).to_contain_text("+90.00")


def test_clearing_offers_the_trades_as_a_file_first(
    served: Served, tmp_path: Path, open_page: OpenPage
) -> None:
    book(str(tmp_path / "trades.db"), 0, 5)
    page = open_page(served)
    expect(trade_rows(page)).to_have_count(2)
    page.click("#history-clear")
    with page.expect_download() as saved:
        page.click("#dialog-link")
    lines = Path(saved.value.path()).read_text().splitlines()
    assert len(lines) == 3, "a head and two trades"
    expect(page.locator("#dialog")).to_be_visible()
    page.click("#dialog-yes")
    expect(page.locator("#trades-empty")).to_be_visible()


def write_orders(house: House) -> None:
    """Put three orders into the table: one filled, one open, one rejected."""
    states = (OrderState.FILLED, OrderState.ACCEPTED, OrderState.REJECTED)
    now_ns = monotonic_ns()
    for number, state in enumerate(states, start=1):
        row = house.orders[number]
        row["intent_seq"], row["state"], row["side"] = number, state, Side.BUY
        row["order_type"], row["price_ticks"], row["qty_lots"] = OrderType.LIMIT, 617_000, 10
        row["recv_ns"], row["updated_ns"] = now_ns + number * 1000, now_ns + number * 1_000_000
        hops = (1_000, 4_000, 6_000, 9_000, 12_000, 20_000, 30_000 * number, 900_000, 0)
        row["hops"] = np.array(hops[: len(Hop)], np.uint32)
        row["cum_qty_lots"] = 10 if state == OrderState.FILLED else 0
        row["version"] = 2


def test_open_orders_come_first_and_a_click_tells_their_way(
    house: House, served: Served, open_page: OpenPage
) -> None:
    write_orders(house)
    page = open_page(served)
    page.click("[data-book=orders]")
    rows = page.locator("#orders tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("open")
    expect(rows.nth(1)).to_contain_text("rejected")
    rows.nth(0).click()
    expect(rows.nth(0)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#story-sub")).to_contain_text("-2")
    sent = page.locator("#story tr[data-stage=sent]")
    expect(sent).to_contain_text("µs")
    widths = page.locator("#story .waterfall .bar:not([hidden])").evaluate_all(
        "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
    )
    assert min(widths) >= 2, "the shortest stage is seen too"
    house.orders[2]["state"] = OrderState.FILLED
    expect(page.locator("#story .story-headline")).to_contain_text("filled")


def test_latency_tells_only_percentiles_that_mean_something(
    empty_house: House, serve: Callable[..., Served], open_page: OpenPage
) -> None:
    furnish(empty_house)
    write_orders(empty_house)
    fill_legs(empty_house)
    page = open_page(serve(empty_house))
    page.keyboard.press("2")
    row = page.locator("#legs tbody tr", has_text="tick to trade")
    expect(row).to_contain_text("150")
    assert row.locator("td").nth(5).inner_text() == "–", "150 samples say nothing about 99.9 of 100"
    assert row.locator("td").nth(4).inner_text().endswith("µs")
    canvas = page.locator("canvas.histogram")
    expect(canvas).to_have_attribute("aria-label", re.compile("tick to trade: 150 samples, p50"))
    page.get_by_role("button", name="risk gate").click()
    expect(canvas).to_have_attribute("aria-label", re.compile("risk gate"))
    strip = page.locator("canvas.recent")
    strip.focus()
    page.keyboard.press("Home")
    expect(page.locator(".way-panel .sub").first).to_contain_text("-1")
    expect(page.locator("#slow-rings")).to_contain_text("market")
    scrolls = page.evaluate("document.documentElement.scrollHeight > innerHeight")
    assert not scrolls, "the view fits 1440 x 900"


def fill_legs(house: House) -> None:
    """Count 150 spans around 60 microseconds in the leg from tick to trade, and two elsewhere."""
    for leg, spans_ns in (
        (Leg.TICK_TO_TRADE, TICK_TO_TRADE_NS),
        (Leg.GATE, (2500, 4000)),
    ):
        record = house.latency[leg]
        for span_ns in spans_ns:
            record["bins"][bin_of(span_ns)] += 1
        record["count"], record["sum_ns"] = len(spans_ns), sum(spans_ns)
        record["max_ns"] = max(spans_ns)
