"""What keeps people out: every view is checked with axe-core, in both colours and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.furniture import Served

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWS = ("trade", "latency", "performance", "system")


def barriers(page: Page) -> list[str]:
    """Run axe-core in the page; one line for each element that breaks a rule."""
    # The page's own policy forbids foreign script, so the checker comes in by the debugger's door.
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
    )
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize(("colours", "width"), [("dark", 1440), ("light", 1440), ("dark", 390)])
def test_no_view_has_a_barrier(
    served: Served, open_page: Callable[..., Page], colours: str, width: int
) -> None:
    page = open_page(served, width=width)
    page.emulate_media(color_scheme=colours, reduced_motion="reduce")
    expect(page.locator("#total-pnl")).to_have_text("+42.50")
    for view in VIEWS:
        page.click(f"#tab-{view}")
        expect(page.locator(f"#view-{view}")).to_be_visible()
        assert barriers(page) == [], view


def test_the_views_are_tabs_for_the_keyboard(
    served: Served, open_page: Callable[..., Page]
) -> None:
    page = open_page(served)
    page.focus("#tab-trade")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-latency")).to_be_focused()
    expect(page.locator("#tab-latency")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#view-system")).to_be_visible()


def test_the_dialog_holds_the_focus_and_gives_it_back(
    served: Served, open_page: Callable[..., Page]
) -> None:
    page = open_page(served)
    expect(page.locator("#flatten")).to_be_enabled()
    page.focus("#flatten")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog-no")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#flatten")).to_be_focused()


def test_the_colours_go_round_and_are_remembered(
    served: Served, open_page: Callable[..., Page]
) -> None:
    page = open_page(served)
    page.emulate_media(color_scheme="dark")
    colour = "getComputedStyle(document.body).color"
    dark = page.evaluate(colour)
    for chosen in ("dark", "light"):
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", chosen)
    light = page.evaluate(colour)
    assert light != dark
    page.reload()
    page.wait_for_selector('body[data-link="live"]')
    assert page.evaluate(colour) == light
    page.click("#theme")
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    assert page.evaluate(colour) == dark
