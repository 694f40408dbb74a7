"""One press is one order, keys order nothing while somebody types, late answers change nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from hft.clock import monotonic_ns, wall_ms
from hft.events import LatchReason, Level, OrderState
from hft.state import blocks
from hft.state.blocks import Mode
from hft.topology import House
from hft.units import E8
from tests.browser.test_forms import TRIED, asked, button, put_params
from tests.browser.test_page import orders
from tests.browser.test_price import drawn, seen_ms, told
from tests.dashboard.furniture import Served, furnish, halt, say, wait_for, write, write_account
from tests.dashboard.test_order_story import book_fill, put
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]
HALF_A_MINUTE_LATER = """() => {
  const now = performance.now.bind(performance);
  performance.now = () => now() + 31_000;
}"""


def test_a_double_click_or_a_key_held_down_on_stop_does_not_start_again(
    served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    expect(page.locator("#run")).to_have_text("STOP")
    page.hover("#run")
    page.mouse.down(click_count=1)
    page.mouse.up(click_count=1)
    expect(page.locator("#run")).to_have_text("START")
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    page.focus("#run")
    page.keyboard.down("Enter")
    expect(page.locator("#run")).to_have_text("STOP")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator("#run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_have_text("START")
    assert [each["command"] for each in orders(served)] == ["stop", "start", "stop"]


def test_keys_order_nothing_while_somebody_types_with_modifiers_or_behind_a_dialog(
    served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    page.keyboard.press("/")
    expect(page.locator("#log-filter")).to_be_focused()
    page.keyboard.type("sf2")
    expect(page.locator("#log-filter")).to_have_value("sf2")
    page.focus("#strategy")
    page.keyboard.press("s")
    page.focus("#help")
    for chord in ("Control+s", "Meta+s", "Alt+s", "Control+f"):
        page.keyboard.press(chord)
    page.keyboard.press("f")
    expect(page.locator("#dialog-title")).to_have_text("Flatten everything?")
    page.keyboard.press("s")
    page.keyboard.press("4")
    expect(page.locator("#view-system")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    page.keyboard.press("4")
    expect(page.locator("#view-system")).to_be_visible()
    assert orders(served) == [], "Enter in the dialog is Cancel"


def test_a_flatten_that_is_pressed_twice_is_ordered_once(
    served: Served, open_page: OpenPage
) -> None:
    answered = threading.Event()
    served.supervisor.waits["flatten"] = answered
    page = open_page(served)
    page.click("#flatten")
    page.click("#dialog-yes")
    try:
        expect(page.locator("#dialog-yes")).to_be_disabled()
        page.locator("#dialog-yes").click(force=True)
    finally:
        answered.set()
    expect(page.locator("#dialog")).to_be_visible()
    assert [each["command"] for each in orders(served)] == ["flatten"]


def test_a_preview_under_way_is_not_asked_for_twice(served: Served, open_page: OpenPage) -> None:
    answered = threading.Event()
    put_params(served)
    served.supervisor.answers["preview"] = TRIED
    served.supervisor.waits["preview"] = answered
    page = open_page(served)
    page.fill("#params-form-window", "60")
    try:
        page.press("#params-form-window", "Enter")
        wait_for(lambda: asked(served, "preview"), "the preview to be asked for")
        looks = len(asked(served, "params"))
        wait_for(lambda: len(asked(served, "params")) > looks + 1, "looks meanwhile", 10)
        expect(button(page, "params-form", "Trying…")).to_be_disabled()
    finally:
        answered.set()
    expect(page.locator("#params-form .preview")).to_contain_text("Orders 3 → 2")
    assert len(asked(served, "preview")) == 1


def test_what_was_tried_is_not_told_once_something_else_is_typed(
    served: Served, open_page: OpenPage
) -> None:
    answered = threading.Event()
    put_params(served)
    served.supervisor.answers["preview"] = TRIED
    served.supervisor.waits["preview"] = answered
    page = open_page(served)
    page.fill("#params-form-window", "60")
    page.press("#params-form-window", "Enter")
    wait_for(lambda: asked(served, "preview"), "the preview to be asked for")
    page.fill("#params-form-window", "70")
    expect(button(page, "params-form", "Trying…")).to_be_disabled()
    answered.set()
    expect(button(page, "params-form", "Preview")).to_be_enabled()
    expect(page.locator("#params-form .preview")).to_be_hidden()


def test_a_pause_of_the_log_holds_back_what_comes_and_the_filter_looks_at_every_word(
    house: House, served: Served, open_page: OpenPage
) -> None:
    say(house, "order 7 was sent")
    say(house, "a quiet line", Level.WARNING)
    page = open_page(served)
    lines = page.locator("#logs p")
    expect(lines).to_have_count(2)
    page.click("#log-pause")
    say(house, "order 8 was sent")
    expect(page.locator("#log-pause")).to_have_text("resume, there is more")
    page.fill("#log-filter", "ORDER")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("order 7")
    page.fill("#log-filter", "warning")
    expect(lines).to_contain_text("a quiet line")
    page.fill("#log-filter", "")
    expect(lines).to_have_count(2)
    page.click("#log-pause")
    expect(lines).to_have_count(3)
    expect(page.locator("#log-pause")).to_have_text("pause")


def test_fills_that_reach_the_database_late_are_told_of_a_chosen_order(
    house: House, place: str, served: Served, open_page: OpenPage
) -> None:
    put(house, 7, 0, updated_ns=monotonic_ns(), sent_venue_ms=wall_ms(), state=OrderState.FILLED)
    page = open_page(served)
    page.click("[data-book=orders]")
    page.locator("#orders tbody tr").first.click()
    expect(page.locator("#story-sub")).to_have_text("order 1795000000000-7")
    expect(page.locator("#story .story-headline")).to_contain_text("filled")
    expect(page.locator("#story-fills")).to_be_hidden()
    book_fill(place, 7, wall_ms())
    expect(page.locator("#story-fills tbody tr")).to_have_count(1)


def test_ages_of_orders_go_on_though_nothing_happens(
    house: House, served: Served, open_page: OpenPage
) -> None:
    put(house, 7, 0, updated_ns=monotonic_ns(), sent_venue_ms=wall_ms(), state=OrderState.FILLED)
    page = open_page(served)
    page.click("[data-book=orders]")
    age = page.locator("#orders tbody td").last
    expect(age).to_contain_text("s")
    first = age.inner_text()
    expect(age).not_to_have_text(first)


def test_a_clearing_in_another_tab_shows_itself_within_half_a_minute(
    served: Served, tmp_path: Path, open_page: OpenPage
) -> None:
    book(str(tmp_path / "trades.db"), 0, 5)
    page = open_page(served)
    expect(page.locator("#trades tr.trade")).to_have_count(2)
    page.evaluate(HALF_A_MINUTE_LATER)
    served.trades.clear()
    expect(page.locator("#trades-empty")).to_be_visible()


def test_a_curve_that_is_zoomed_and_panned_stays_while_new_points_come(
    house: House, served: Served, open_page: OpenPage
) -> None:
    now_ms = wall_ms() - 1000
    served.pulse.history.prepend((now_ms - 1000 * n, n % 7, 0.0) for n in range(300, 0, -1))
    page = open_page(served)
    chart = page.locator("#chart")
    wait_for(lambda: told(chart, "points") > 300, "points of the curve")
    whole = seen_ms(chart)
    chart.focus()
    for _ in range(2):
        page.keyboard.press("+")
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#chart-reset")).to_be_visible()
    drawn(page)
    panned, points = seen_ms(chart), told(chart, "points")
    assert panned[1] - panned[0] < whole[1] - whole[0]
    write_account(house, pnl_e8=0)
    wait_for(lambda: told(chart, "points") > points + 2, "points that came meanwhile", 10)
    assert seen_ms(chart) == panned
    page.click("#chart-reset")
    wait_for(lambda: seen_ms(chart)[1] > panned[1], "the newest again")
    expect(page.locator("#chart-reset")).to_be_hidden()


def test_a_start_on_real_money_names_every_symbol_and_a_limit_that_is_off(
    empty_house: House, serve: Callable[..., Served], open_page: OpenPage
) -> None:
    furnish(empty_house, Mode.LIVE, ("BTCUSDT", "ETHUSDT"))
    write(empty_house.limits, blocks.LIMITS, max_loss_e8=0, max_position_e8=E8)
    halt(empty_house, LatchReason.START_UP)
    served = serve(empty_house, token="the-right-token")
    page = open_page(served)
    page.click("#run")
    text = page.locator("#dialog-text")
    expect(text).to_contain_text("MOMENTUM will send orders for BTCUSDT, ETHUSDT.")
    expect(text).to_contain_text("No max loss is set, largest position 1.")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    assert orders(served) == [], "Enter in the dialog is Cancel"
