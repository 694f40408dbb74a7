"""The forms of parameters and limits, the figures, and the machine room."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from hft.clock import wall_ms
from hft.state.blocks import Mode
from hft.topology import House
from tests.dashboard.furniture import Served, furnish, wait_for, write_account
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]

WINDOW = {
    "name": "window",
    "kind": "int",
    "default": 50,
    "value": 50,
    "file_value": 50,
    "unit": "trades",
    "description": "trades that velocity looks back over",
    "at_least": 2,
    "at_most": 1024,
    "above": None,
    "below": None,
    "step": 1.0,
    "choices": [],
}
QTY = {**WINDOW, "name": "qty", "kind": "float", "unit": "BTC", "default": 0.01, "value": 0.02}
QTY |= {"file_value": 0.01, "at_least": None, "at_most": None, "above": 0, "step": 0.001}
LOSS = {**WINDOW, "name": "max_drawdown", "kind": "float", "unit": "USDT", "default": 1000.0}
LOSS |= {"value": 1000.0, "file_value": 1000.0, "at_least": 0, "at_most": 1e9, "step": None}
TRIED: dict[str, Any] = {
    "ok": True,
    "events": 15_000,
    "from_ms": 1_795_856_000_000,
    "to_ms": 1_795_856_060_000,
    "before": 3,
    "after": 2,
    "added": [],
    "removed": [
        {
            "ms": 1_795_856_030_000,
            "symbol": "BTCUSDT",
            "side": "SELL",
            "type": "LIMIT",
            "price": 61_700.5,
            "qty": 0.02,
            "reason": "ENTER",
        }
    ],
    "kept": 2,
    "counts_before": {"NO_SIGNAL": 900, "ENTER": 3, "HOLDING": 5},
    "counts_after": {"NO_SIGNAL": 901, "ENTER": 2, "HOLDING": 5},
    "assumes": "market orders fill at the touch",
    "took_ms": 140,
}


def put_params(served: Served, undo: dict[str, Any] | None = None, **window: object) -> None:
    """Let the supervisor tell these parameters from now on."""
    fields = [{**WINDOW, **window}, QTY]
    served.supervisor.answers["params"] = {
        "ok": True,
        "strategy": "MOMENTUM",
        "fields": fields,
        "undo": undo,
    }


def asked(served: Served, command: str) -> list[dict[str, Any]]:
    return [each for each in served.supervisor.asked if each["command"] == command]


def button(page: Page, form: str, name: str) -> Any:
    return page.locator(f"#{form}").get_by_role("button", name=name, exact=True)


def test_a_field_says_what_is_wrong_and_nothing_is_sent_before_it_is_right(
    served: Served, open_page: OpenPage
) -> None:
    put_params(served)
    page = open_page(served)
    window, hint = page.locator("#params-form-window"), page.locator("#params-form-window-hint")
    expect(hint).to_have_text("2 to 1,024 · default 50")
    expect(page.locator("#params-form-qty-hint")).to_have_text("file: 0.01")
    expect(button(page, "params-form", "Apply")).to_be_disabled()
    for text, sentence in (
        ("", "A number is needed here."),
        ("5.5", "Write a whole number, such as 50."),
        ("1", "At least 2 is needed."),
        ("2000", "At most 1,024 is allowed."),
    ):
        window.fill(text)
        expect(hint).to_have_text(sentence)
        expect(window).to_have_attribute("aria-invalid", "true")
        window.press("Enter")
    page.fill("#params-form-qty", "1,5")
    expect(page.locator("#params-form-qty-hint")).to_have_text(
        "Write a number with a point, such as 0.5."
    )
    expect(button(page, "params-form", "Preview")).to_be_disabled()
    window.press("Escape")
    expect(window).to_have_value("50")
    expect(page.locator("#params-form-qty")).to_have_value("0.02")
    window.press("ArrowUp")
    expect(window).to_have_value("51")
    expect(hint).to_have_text("in force: 50")
    assert asked(served, "preview") == asked(served, "set_params") == []


def test_a_change_is_tried_out_put_in_force_and_taken_back(
    served: Served, open_page: OpenPage
) -> None:
    put_params(served)
    served.supervisor.answers["preview"] = TRIED
    page = open_page(served)
    page.fill("#params-form-window", "60")
    expect(button(page, "params-form", "Preview")).to_have_class(re.compile("primary"))
    page.press("#params-form-window", "Enter")
    shown = page.locator("#params-form .preview")
    expect(shown).to_contain_text("Orders 3 → 2: +0, −1, 2 the same")
    expect(shown).to_contain_text("window 50 → 60")
    expect(shown.locator("#preview-orders tbody tr")).to_have_count(1)
    expect(shown.locator("#preview-orders")).to_contain_text("− removed")
    expect(shown.locator("#preview-orders")).to_contain_text("61,700.5")
    expect(shown.locator("#preview-verdicts tbody tr")).to_have_count(2)
    expect(shown).to_contain_text("market orders fill at the touch")
    (tried,) = asked(served, "preview")
    assert (tried["values"], tried["strategy"]) == ({"window": 60}, "MOMENTUM")

    undo = {
        "change": 7,
        "changes": [{"name": "window", "from": 50, "to": 60}],
        "message": "takes it back",
    }
    served.supervisor.answers["set_params"] = {"ok": True, "message": "window 60 is in force"}
    put_params(served, undo, value=60)
    expect(button(page, "params-form", "Apply")).to_have_class(re.compile("primary"))
    button(page, "params-form", "Apply").click()
    expect(page.locator("#control-answer")).to_have_text("window 60 is in force")
    (sent,) = asked(served, "set_params")
    assert (sent["values"], sent["seen"]) == ({"window": 60}, {"window": 50})

    put_params(served)
    button(page, "params-form", "undo: window 60 → 50").click()
    expect(page.locator("#params-form-window")).to_have_value("50")
    expect(page.locator("#params-form .undo")).to_be_hidden()
    assert [each["change"] for each in asked(served, "undo_params")] == [7]


def test_what_another_hand_changed_is_followed_or_told_but_never_overwritten(
    served: Served, open_page: OpenPage
) -> None:
    put_params(served)
    page = open_page(served)
    expect(page.locator("#params-form-window")).to_have_value("50")
    put_params(served, value=70)
    expect(page.locator("#params-form-window")).to_have_value("70")
    page.fill("#params-form-window", "60")
    put_params(served, value=80)
    hint = page.locator("#params-form-window-hint")
    expect(hint).to_have_text("changed elsewhere to 80 · file: 50")
    expect(page.locator("#params-form-window")).to_have_value("60")
    served.supervisor.answers["preview"] = TRIED
    page.press("#params-form-window", "Enter")
    tried = page.locator("#params-form .preview")
    expect(tried).to_contain_text("window 80 → 60")
    put_params(served, value=90)
    expect(tried).to_be_hidden()
    assert asked(served, "set_params") == []


def test_loosening_a_limit_outside_the_demo_asks_once_and_tightening_does_not(
    house: House, served: Served, open_page: OpenPage
) -> None:
    furnish(house, Mode.TESTNET)
    served.supervisor.answers["limits"] = {"ok": True, "fields": [LOSS], "undo": None}
    served.supervisor.answers["changes"] = {"ok": True, "session": 1, "changes": []}
    page = open_page(served)
    page.click("[data-knobs=limits]")
    page.fill("#limits-form-max_drawdown", "0")
    button(page, "limits-form", "Apply").click()
    expect(page.locator("#dialog-text")).to_have_text("max drawdown: 1,000 USDT → off")
    page.keyboard.press("Escape")
    assert asked(served, "set_limits") == []
    page.fill("#limits-form-max_drawdown", "500")
    button(page, "limits-form", "Apply").click()
    wait_for(lambda: asked(served, "set_limits"), "the order")
    expect(page.locator("#dialog")).to_be_hidden()
    assert asked(served, "set_limits")[0]["values"] == {"max_drawdown": 500}
    change = {"ms": wall_ms(), "who": "page 127.0.0.1", "what": "risk", "name": "max_drawdown"}
    changed = [{**change, "from": 1000.0, "to": 500.0}]
    served.supervisor.answers["changes"] = {"ok": True, "session": 1, "changes": changed}
    page.click("[data-knobs=changes]")
    expect(page.locator("#changes-list tbody tr")).to_contain_text("1,000 → 500")
    page.reload()
    expect(page.locator("[data-knobs=changes]")).to_have_attribute("aria-pressed", "true")


def test_the_figures_are_those_of_the_database_and_the_range_is_the_viewers(
    place: str, served: Served, open_page: OpenPage
) -> None:
    book(place, 10, -4)
    page = open_page(served)
    page.keyboard.press("3")
    view = page.locator("#view-performance")
    view.locator("[data-value=all]").click()
    expect(view.locator(".figures")).to_contain_text("Gross+6.00")
    expect(view.locator("#by-symbol tbody tr")).to_contain_text("BTCUSDT")
    expect(view.locator(".hours li")).to_have_count(24)
    expect(view.locator(".hours .gain")).to_have_count(1)
    expect(view).to_contain_text("every five minutes")
    view.get_by_label("From").fill("2026-01-01")
    view.get_by_label("to", exact=True).fill("2026-01-02")
    expect(view.locator("#by-symbol")).to_be_hidden()
    zone_ms = page.evaluate("new Date(2026, 0, 1).getTime()")
    link = page.locator("#export-link")
    expect(link).to_have_attribute(
        "href", re.compile(f"from_ms={zone_ms}&to_ms={zone_ms + 2 * 86_400_000}$")
    )


def test_the_machine_room_says_how_much_of_the_venues_limits_is_used(
    house: House, served: Served, open_page: OpenPage
) -> None:
    write_account(
        house,
        weight_used=2_100,
        weight_limit=2_400,
        clock_offset_ns=-1_500_000,
        clock_error_ns=700_000,
    )
    page = open_page(served)
    page.keyboard.press("4")
    meter = page.get_by_role("meter", name="weight, a minute")
    expect(meter).to_have_attribute("aria-valuenow", "2100")
    view = page.locator("#view-system")
    expect(view).to_contain_text("2,100 of 2,400, nearly full")
    expect(view).to_contain_text("−1.5 ± 0.7 ms")
    expect(view.locator("#processes tbody tr")).to_have_count(6)
    expect(view).to_contain_text("everybody who reaches this port may look and order")
