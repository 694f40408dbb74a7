from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hft.clock import monotonic_ns
from hft.events import Agreement, LatchReason, Level, Role, Verdict
from hft.state import blocks
from hft.state.blocks import Life, Mode
from hft.topology import House
from hft.units import NS_PER_S
from tests.dashboard.furniture import (
    Served,
    furnish,
    halt,
    later_ns,
    say,
    wait_for,
    write,
    write_account,
)
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]


def test_the_numbers_of_the_segment_stand_on_the_page(
    house: House, served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    expect(page.locator("#total-pnl")).to_have_text("+42.50")
    expect(page.locator("#unrealized-pnl")).to_have_text("+1.25")
    expect(page.locator("#position")).to_have_text("+0.030")
    expect(page.locator("#available")).to_have_text("9,871.20")
    expect(page.locator("#mode")).to_have_text("DEMO")
    expect(page.locator("#state")).to_have_text("ACTIVE")
    expect(page.locator("#verdict-sentence")).to_contain_text("velocity +3.1 of +50.8 needed")
    write_account(house, pnl_e8=-1_234_500_000_000)
    expect(page.locator("#total-pnl")).to_have_text("\u221212,345.00")
    expect(page.locator("#total-pnl")).to_have_class(re.compile("down"))


def test_the_chart_is_drawn(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    expect(page.locator("#chart canvas").first).to_be_visible()
    expect(page.locator("#chart-empty")).to_be_hidden()
    page.click("[data-range=all]")
    expect(page.locator("#chart-empty")).to_be_visible()


def test_start_and_stop_stand_in_one_place(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    expect(page.locator("#run")).to_have_text("STOP")
    page.keyboard.press("s")
    expect(page.locator("#run")).to_have_text("START")
    expect(page.locator("#state")).to_have_text("HALTED")
    page.click("#run")
    expect(page.locator("#run")).to_have_text("STOP")
    assert [asked["command"] for asked in orders(served)] == ["stop", "start"]


LOOKS = ("strategies", "flatten_status", "params", "limits", "changes")


def orders(served: Served) -> list[dict[str, object]]:
    """What the page ordered, but not what it only looked at, nor who it said it was."""
    return [
        {name: value for name, value in asked.items() if name != "by"}
        for asked in served.supervisor.asked
        if asked["command"] not in LOOKS
    ]


def test_flatten_asks_says_what_it_will_do_and_follows(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    expect(page.locator("#position")).to_have_text("+0.030")
    page.keyboard.press("f")
    expect(page.locator("#dialog-text")).to_contain_text("sell 0.030 BTCUSDT at market")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    assert orders(served) == []
    progress = {"ok": True, "state": "running", "message": "closing BTCUSDT"}
    served.supervisor.answers["flatten_status"] = progress
    page.click("#flatten")
    page.click("#dialog-yes")
    expect(page.locator("#dialog-progress")).to_have_text("closing BTCUSDT")
    done = {"ok": True, "state": "done", "message": "the venue says flat"}
    served.supervisor.answers["flatten_status"] = done
    expect(page.locator("#dialog-progress")).to_have_text("the venue says flat")
    expect(page.locator("#dialog-title")).to_have_text("Flat")
    expect(page.locator("#dialog-yes")).to_be_hidden()
    expect(page.locator("#dialog-no")).to_be_focused()
    assert [asked["command"] for asked in orders(served)] == ["flatten"]


def test_a_refusal_is_shown_in_the_engines_own_words(served: Served, open_page: OpenPage) -> None:
    said = {"ok": False, "code": "NOT_FLAT", "message": "Close the position before switching."}
    served.supervisor.answers["set_strategy"] = said
    page = open_page(served)
    expect(page.locator("#strategy")).to_have_value("MOMENTUM")
    page.select_option("#strategy", "PING_PONG")
    page.click("#strategy-apply")
    expect(page.locator("#control-answer")).to_have_text("Close the position before switching.")


def test_a_lost_connection_is_said_within_two_seconds_and_healed(
    served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    page.evaluate("window.began = performance.now()")
    served.stop()
    page.wait_for_selector('body[data-link="lost"]', timeout=4000)
    expect(page.locator("#banner")).to_contain_text("Connection lost")
    assert page.evaluate("performance.now() - window.began") < 3500
    expect(page.locator("#total-pnl")).to_have_css("font-style", "italic")


def test_hostile_text_stays_text(house: House, served: Served, open_page: OpenPage) -> None:
    say(house, "<img src=x onerror=\"document.title='owned'\"><b>bold</b>", Level.ERROR)
    page = open_page(served)
    expect(page.locator("#logs")).to_contain_text("<b>bold</b>")
    assert page.locator("#logs b, #logs img").count() == 0
    assert "owned" not in page.title()


def test_trades_are_listed_by_day(served: Served, tmp_path: Path, open_page: OpenPage) -> None:
    book(tmp_path / "trades.db", 0, 5, 0, -2)
    page = open_page(served)
    expect(page.locator("#trades tr.trade")).to_have_count(4)
    expect(page.locator("#trades tr.day").first).to_be_visible()
    expect(page.locator("#trades-sub")).to_contain_text("net +1.80")
    page.click("#history-clear")
    page.click("#dialog-yes")
    expect(page.locator("#trades-empty")).to_be_visible()


def test_outside_the_demo_the_page_asks_for_the_token_once(
    empty_house: House, serve: Callable[..., Served], open_page: OpenPage
) -> None:
    furnish(empty_house, Mode.LIVE)
    halt(empty_house, LatchReason.START_UP)
    served = serve(empty_house, token="the-right-token")
    page = open_page(served)
    page.keyboard.press("s")
    expect(page.locator("#dialog-title")).to_have_text("START on LIVE")
    page.click("#dialog-yes")
    page.fill("#token", "a-wrong-token")
    page.keyboard.press("Enter")
    expect(page.locator("#token-wrong")).to_be_visible()
    assert orders(served) == []
    page.fill("#token", "the-right-token")
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_have_text("STOP")
    page.click("#run")
    expect(page.locator("#run")).to_have_text("START")
    assert [asked["command"] for asked in orders(served)] == ["start", "stop"]


def test_a_flatten_outside_the_demo_asks_for_the_token_too(
    empty_house: House, serve: Callable[..., Served], open_page: OpenPage
) -> None:
    furnish(empty_house, Mode.LIVE)
    served = serve(empty_house, token="the-right-token")
    page = open_page(served)
    page.click("#flatten")
    page.click("#dialog-yes")
    page.fill("#token", "the-right-token")
    page.keyboard.press("Enter")
    wait_for(lambda: orders(served) == [{"command": "flatten"}], "the order")
    by = [asked["by"] for asked in served.supervisor.asked if asked["command"] == "flatten"]
    assert by == ["page 127.0.0.1"]


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_hangs_over_the_edge(served: Served, open_page: OpenPage, width: int) -> None:
    page = open_page(served, width=width)
    expect(page.locator("#total-pnl")).to_have_text("+42.50")
    for control in ("#run", "#flatten", "#state", "#mode"):
        expect(page.locator(control)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (2560, 1440), (3840, 2160)])
def test_one_screen_holds_all_of_the_trade_view(
    house: House, place: str, served: Served, open_page: OpenPage, width: int, height: int
) -> None:
    for number in range(80):
        say(house, f"line {number}")
    book(place, *range(100))
    page = open_page(served, width=width, height=height)
    expect(page.locator("#logs p")).to_have_count(80)
    expect(page.locator("#trades tr.trade").first).to_be_visible()
    foot = page.locator(".foot").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] == pytest.approx(height, abs=2)


def test_the_machinery_has_its_own_view(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    page.keyboard.press("4")
    expect(page.locator("#processes tbody tr")).to_have_count(6)
    expect(page.locator("#rings tbody tr").first).to_contain_text("market")
    page.keyboard.press("?")
    expect(page.locator("#dialog-text")).to_contain_text("start or stop")


def test_flatten_does_not_wait_for_a_strategy_switch(served: Served, open_page: OpenPage) -> None:
    answered = threading.Event()
    served.supervisor.waits["set_strategy"] = answered
    page = open_page(served)
    expect(page.locator("#strategy")).to_have_value("MOMENTUM")
    page.select_option("#strategy", "PING_PONG")
    page.click("#strategy-apply")
    try:
        wait_for(lambda: orders(served) != [], "the switch to be asked for")
        page.click("#flatten")
        page.click("#dialog-yes")
        wait_for(lambda: orders(served)[-1]["command"] == "flatten", "the flatten")
    finally:
        answered.set()


def test_a_halt_is_the_big_sentence_and_the_verdict_only_would_be(
    house: House, served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    expect(page.locator("#halted-position")).to_be_hidden()
    halt(house)
    expect(page.locator("#trading-sentence")).to_have_class(re.compile("halted"))
    expect(page.locator("#trading-sentence")).to_contain_text("START resumes.")
    expect(page.locator("#verdict-sentence")).to_contain_text("would be: Waiting: velocity +3.1")
    expect(page.locator("#halted-position")).to_contain_text("+0.030 BTCUSDT")


def test_of_several_symbols_each_says_what_it_waits_for_and_one_can_be_kept(
    house: House, served: Served, open_page: OpenPage
) -> None:
    def decide(symbol: int, verdict: Verdict, distance: float) -> None:
        told = {"verdict": verdict, "distance": distance, "needed": 50.0, "symbol": symbol}
        write(house.verdict, blocks.VERDICT, **told, event_ns=monotonic_ns(), events=1)

    furnish(house, symbols=("BTCUSDT", "ETHUSDT"))
    page = open_page(served)
    sentence, rows = page.locator("#verdict-sentence"), page.locator("#verdict-symbols li")
    decide(0, Verdict.NO_SIGNAL, 40.0)
    expect(sentence).to_contain_text("BTCUSDT: Waiting: velocity +40.0")
    expect(page.locator("#verdict-symbols")).to_be_hidden()
    decide(1, Verdict.WARMING_UP, 12.0)
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("ETHUSDT Warming up: 12 of 50")
    expect(sentence).to_contain_text("BTCUSDT: ")
    rows.nth(1).get_by_role("button").click()
    expect(sentence).to_contain_text("ETHUSDT: Warming up: 12 of 50")
    expect(page.locator("#gates [data-name=warm_up]")).to_have_attribute("data-colour", "red")
    expect(page.locator("#gates [data-name=signal]")).to_have_attribute("data-colour", "grey")
    expect(page.locator("#distance-text")).to_have_text("+12.0 of 50.0 needed")
    rows.nth(1).get_by_role("button").click()
    expect(sentence).to_contain_text("BTCUSDT: ")
    expect(page.locator("#gates [data-name=signal]")).to_have_attribute("data-colour", "red")


def test_start_is_grey_where_the_config_file_turns_trading_off(
    house: House, served: Served, open_page: OpenPage
) -> None:
    served.supervisor.enabled = False
    halt(house)
    page = open_page(served)
    expect(page.locator("#run")).to_be_disabled()
    expect(page.locator("#run")).to_have_attribute("title", re.compile("enabled is false"))
    expect(page.locator("#trading-sentence")).to_contain_text("START is refused")
    page.keyboard.press("s")
    expect(page.locator("#toast")).to_contain_text("START is refused")
    assert orders(served) == []


def test_the_log_follows_after_another_view_and_filters_by_level(
    house: House, served: Served, open_page: OpenPage
) -> None:
    say(house, "the first one")
    page = open_page(served)
    expect(page.locator("#logs p")).to_have_count(1)
    page.keyboard.press("4")
    for number in range(80):
        say(house, f"line {number}")
    say(house, "the last one", Level.WARNING)
    expect(page.locator("#logs p")).to_have_count(82)
    page.keyboard.press("1")
    expect(page.locator("#logs p").last).to_be_in_viewport()
    page.evaluate("document.querySelector('#logs').scrollTop = 0")
    page.click("#logs-newest")
    expect(page.locator("#logs p").last).to_be_in_viewport()
    expect(page.locator("#logs-newest")).to_be_hidden()
    page.click("[data-level=warnings]")
    expect(page.locator("#logs p")).to_have_count(1)


def test_a_phone_reaches_the_machinery(served: Served, open_page: OpenPage) -> None:
    page = open_page(served, width=390)
    page.click("#tab-system")
    expect(page.locator("#processes tbody tr")).to_have_count(6)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_three_ways_to_the_position_stand_on_the_page(
    house: House, served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    expect(page.locator("#light-account")).to_have_attribute("data-ok", "yes")
    expect(page.locator("#light-account")).to_have_text("position agrees")
    write(
        house.position[0],
        blocks.POSITION_BLOCK,
        position_lots=30,
        stream_lots=20,
        stream_ns=monotonic_ns(),
        agreement=Agreement.DISAGREED,
    )
    expect(page.locator("#light-account")).to_have_attribute("data-ok", "no")
    expect(page.locator("#light-account")).to_have_text("position differs")
    expect(page.locator("#position-sub")).to_contain_text("fills +0.030, stream +0.020")
    page.keyboard.press("4")
    rows = page.locator("#ways tbody tr")
    expect(rows.nth(0)).to_contain_text("they differ")
    expect(rows.nth(1)).to_contain_text("+0.020")
    expect(rows.nth(2)).to_contain_text("never")


def test_of_several_symbols_the_silent_one_is_named_and_no_number_is_anothers(
    empty_house: House, serve: Callable[..., Served], open_page: OpenPage
) -> None:
    furnish(empty_house, symbols=("BTCUSDT", "ETHUSDT"))
    page = open_page(serve(empty_house))
    expect(page.locator("#light-feed")).to_have_attribute("data-ok", "yes")
    expect(page.locator("#position-sub")).to_have_text("entry 61,702.0 · ETHUSDT +0.030")
    expect(page.locator("#position-title")).to_have_text("Position BTCUSDT")
    expect(page.locator("#unrealized-sub")).to_contain_text("of 2 symbols")
    hour_ago_ns = monotonic_ns() - 3600 * NS_PER_S
    old = {"book_ns": hour_ago_ns, "trade_ns": hour_ago_ns}
    write(empty_house.top[0], blocks.TOP, bid=61_734.1, ask=61_734.2, last=61_734.2, **old)
    expect(page.locator("#light-feed")).to_have_text("BTCUSDT silent")
    expect(page.locator("#light-feed")).to_have_attribute("data-ok", "no")
    expect(page.locator("#last-price")).to_have_class(re.compile("stale"))


def test_the_price_keeps_the_way_it_went_last(
    house: House, served: Served, open_page: OpenPage
) -> None:
    def trade_at(price: float) -> None:
        heard = {"book_ns": later_ns(), "trade_ns": later_ns()}
        write(house.top[0], blocks.TOP, bid=price, ask=price + 0.1, last=price, **heard)

    page = open_page(served)
    last = page.locator("#last-price")
    expect(last).to_have_text("61,734.2")
    for price, text in ((61_735.0, "61,735.0 ▲"), (61_733.0, "61,733.0 ▼")):
        trade_at(price)
        expect(last).to_have_text(text)
    write_account(house, pnl_e8=700_000_000)
    expect(page.locator("#total-pnl")).to_have_text("+7.00")
    expect(last).to_have_text("61,733.0 ▼")


def test_words_of_the_strip_never_run_under_the_price(
    house: House, served: Served, open_page: OpenPage
) -> None:
    for role in (Role.FEED, Role.STRATEGY, Role.EXECUTION, Role.LEDGER):
        house.vitals[role]["life"] = Life.STOPPED
    page = open_page(served, width=1400)
    expect(page.locator("#light-processes")).to_contain_text("execution stopped")
    left, price = (page.locator(name).bounding_box() for name in (".strip-left", ".strip-price"))
    assert left is not None
    assert price is not None
    assert left["x"] + left["width"] <= price["x"]
