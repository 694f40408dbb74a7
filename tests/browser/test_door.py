"""The door in a real browser: what is locked opens with the token, and everything comes in then."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect

from dashboard.watching import WATCHERS_MAX
from hft.state.blocks import Mode
from hft.topology import House
from tests.browser.test_page import orders
from tests.dashboard.furniture import STRATEGIES, Served, furnish, wait_for

TOKEN = "the-right-token"


def test_a_locked_door_opens_once_and_everything_comes_in(
    browser: Browser, house: House, serve: Callable[..., Served]
) -> None:
    served = serve(house, token=TOKEN, names=("hft.example.org",))
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(served.url)))
    page.goto(served.url)
    expect(page.locator("#token")).to_be_visible()
    assert "61,734" not in page.inner_text("body")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector('body[data-link="live"]')
    assert asked.count("/api/session") == 1
    expect(page.locator("#strategy option")).to_have_text(STRATEGIES)
    expect(page.locator("#last-price")).to_contain_text("61,734.2")
    expect(page.locator("#trades-empty")).to_be_visible()
    wait_for(lambda: served.pulse.watchers == 1, "one stream")
    for path in ("/api/export?what=trades&format=csv", "/metrics", "/api/candles?symbol=BTCUSDT"):
        assert page.request.get(served.url + path).status == 200, path
    page.goto(served.url + "/docs")
    expect(page.locator(".swagger-ui .info .title")).to_contain_text("HFT dashboard")
    page.close()


def test_a_looker_is_not_asked_for_the_token_when_all_places_are_taken(
    browser: Browser, empty_house: House, serve: Callable[..., Served]
) -> None:
    furnish(empty_house, Mode.LIVE)
    served = serve(empty_house, token=TOKEN)
    served.pulse.watchers = WATCHERS_MAX
    page: Page = browser.new_page()
    with page.expect_response("**/api/session"):
        page.goto(served.url)
    with page.expect_response("**/api/sse"):
        pass
    assert not page.locator("#token-dialog").evaluate("dialog => dialog.open")
    served.pulse.watchers = 0
    page.wait_for_selector('body[data-link="live"]')
    page.close()


def test_a_token_that_is_given_up_or_tried_too_often_orders_nothing_and_says_why(
    empty_house: House, serve: Callable[..., Served], open_page: Callable[..., Page]
) -> None:
    furnish(empty_house, Mode.LIVE)
    served = serve(empty_house, token=TOKEN)
    page = open_page(served)
    page.click("#run")
    expect(page.locator("#token")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#toast")).to_contain_text("token")
    expect(page.locator("#run")).to_be_enabled()
    page.click("#run")
    wrong = page.locator("#token-wrong")
    expect(wrong).to_be_hidden()
    for number in range(5):
        page.fill("#token", f"a-wrong-token-{number}")
        page.keyboard.press("Enter")
        expect(wrong).to_have_text("This is not the token in dashboard.token.")
        expect(page.locator("#token")).to_have_value("")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    expect(wrong).to_have_text("Too many wrong tokens: wait a minute.")
    page.keyboard.press("Escape")
    expect(page.locator("#toast")).to_contain_text("token")
    assert orders(served) == []
