"""A real browser in front of a served dashboard; skipped with a reason where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.dashboard.conftest import (  # noqa: F401
    empty_house,
    house,
    place,
    serve,
    served,
    stopping,
)
from tests.dashboard.furniture import Served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module; while it lives, no other event loop can run in this thread."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the page is not tested in a browser")
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        except Error as problem:
            pytest.skip(f"chromium does not start here: {problem.message.splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open the page of a dashboard; it must raise no error and break no policy."""
    pages: list[Page] = []
    complaints: list[str] = []

    def start(served: Served, width: int = 1440, height: int = 900) -> Page:  # noqa: F811
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
        )
        page.goto(served.url)
        page.wait_for_selector('body[data-link="live"]')
        pages.append(page)
        return page

    yield start
    for page in pages:
        page.close()
    assert complaints == []
