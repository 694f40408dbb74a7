"""What the page says when something does not answer, and whether much of it still fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.examples_trades import STATS
from tests.browser.test_forms import button, put_params
from tests.dashboard.furniture import Served
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]
BUSY_TOTALS = {
    **STATS["totals"],
    "fills": 200_000,
    "trips": 62_464,
    "volume": 172_656_256.0,
    "pnl": 25_073.32,
    "fees": 21_796.5,
    "net": -13_276.89,
}
BUSY = {
    **STATS,
    "totals": BUSY_TOTALS,
    "by_strategy": [{**BUSY_TOTALS, "strategy": "LIQUIDATION"}],
    "by_symbol": [{**BUSY_TOTALS, "symbol": "BTCUSDT"}],
}
CUT = """() => [...document.querySelectorAll(".figures dd.number, .group .scroll")]
  .filter((node) => node.clientWidth < node.scrollWidth).map((node) => node.textContent)"""


def test_figures_that_could_not_be_read_anew_look_old(
    place: str, served: Served, open_page: OpenPage
) -> None:
    book(place, 10, -4)
    page = open_page(served)
    page.keyboard.press("3")
    view = page.locator("#view-performance")
    view.locator("[data-value=all]").click()
    gross = view.locator(".figures dd.number").nth(1)
    expect(gross).to_have_text("+6.00")
    expect(gross).to_have_css("font-style", "normal")
    refusal = {"ok": False, "code": "NO_DATABASE", "message": "The trades cannot be read."}
    page.route("**/api/stats?*", lambda route: route.fulfill(status=503, json=refusal))
    view.locator("[data-value=year]").click()
    expect(view).to_contain_text("The trades cannot be read.")
    expect(gross).to_have_css("font-style", "italic")
    page.unroute("**/api/stats?*")
    view.locator("[data-value=year]").click()
    expect(gross).to_have_css("font-style", "normal")


def test_a_form_that_nobody_filled_sends_nothing_and_is_filled_once_somebody_answers(
    served: Served, open_page: OpenPage
) -> None:
    put_params(served)
    served.supervisor.reachable = False
    page = open_page(served)
    expect(page.locator("#params-form")).to_contain_text("The engine does not answer.")
    for name in ("Preview", "Apply"):
        expect(button(page, "params-form", name)).to_be_disabled()
    expect(button(page, "params-form", "reset")).to_be_hidden()
    served.supervisor.reachable = True
    expect(page.locator("#params-form-window")).to_have_value("50")


def test_a_database_that_is_gone_is_said_and_no_list_claims_to_be_empty(
    place: str, served: Served, open_page: OpenPage
) -> None:
    Path(place).write_bytes(b"no database, " * 1000)
    page = open_page(served)
    expect(page.locator("#trades-sub")).to_have_class(re.compile("amber"))
    expect(page.locator("#trades-sub")).to_contain_text("The trade database cannot be opened.")
    expect(page.locator("#trades-empty")).to_be_hidden()
    page.keyboard.press("3")
    view = page.locator("#view-performance")
    expect(view.locator(".amber")).to_have_text("The trade database cannot be opened.")
    assert "No trades in this range." not in view.inner_text()


@pytest.mark.parametrize("width", [1440, 1920])
def test_no_figure_of_a_busy_week_is_cut(served: Served, open_page: OpenPage, width: int) -> None:
    page = open_page(served, width=width)
    page.route("**/api/stats?*", lambda route: route.fulfill(json=BUSY))
    page.keyboard.press("3")
    expect(page.locator(".figures")).to_contain_text("172,656,256", timeout=15_000)
    assert page.evaluate(CUT) == []
