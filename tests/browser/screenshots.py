"""Take the README's pictures of the page anew: ``python -m tests.browser.screenshots``.

A demo trades with shortened pauses until there is something to see; then every view is taken in
headless chromium.  The pictures go to ``docs/images/page-*.png``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from hft.clock import sleep_s
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.flow.engine import Engine, eventually

IMAGES = Path(__file__).parents[2] / "docs" / "images"
FILLS_MIN = 40
LARGE, PHONE = (1440, 900), (390, 844)
SHOTS = (
    ("trade", LARGE, "dark"),
    ("latency", LARGE, "dark"),
    ("performance", LARGE, "dark"),
    ("system", LARGE, "dark"),
    ("trade", LARGE, "light"),
    ("trade", PHONE, "dark"),
)
SETTLE_S = 6.0
"""Charts, the strip of distances and the first look of each panel need a few seconds."""


def main() -> int:
    """Take every picture; returns the exit code."""
    if CHROMIUM is None:
        sys.stderr.write("no chromium on this machine: scripts/install-test-system.sh brings it\n")
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder) / "d", "--strategy", "MOMENTUM")
        try:
            engine.wait_up()
            wanted = f"{FILLS_MIN} fills to show"
            eventually(lambda: engine.trade_count() >= FILLS_MIN, 300, wanted, pause_s=1.0)
            take_all(engine.run["dashboard_url"])
        finally:
            engine.end()
    return 0


def take_all(url: str) -> None:
    """Take the pictures of the page at an address."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for view, (width, height), colours in SHOTS:
            page = chromium.new_page(
                viewport={"width": width, "height": height},
                color_scheme="light" if colours == "light" else "dark",
            )
            page.goto(url)
            page.wait_for_selector('body[data-link="live"]')
            page.click(f"#tab-{view}")
            sleep_s(SETTLE_S)
            size = "-phone" if (width, height) == PHONE else ""
            take(page, f"page-{view}{size}{'-light' if colours == 'light' else ''}.png")
            page.close()
        chromium.close()


def take(page: Page, name: str) -> None:
    """Write one picture and say so."""
    page.screenshot(path=IMAGES / name)
    sys.stdout.write(f"docs/images/{name}\n")


if __name__ == "__main__":
    raise SystemExit(main())
