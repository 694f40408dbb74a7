"""What a step of a scroll costs."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_lists import trade_rows
from tests.dashboard.furniture import Served
from tests.dashboard.test_trades import book

OpenPage = Callable[..., Page]
STEPS = """async () => {
  const { Windowed } = await import("/static/js/windowed.js");
  const box = document.querySelector("#trades-scroll");
  const rows = document.querySelector("#trades").tBodies[0].rows;
  const wrong = [];
  let written = 0;
  const drawRow = Windowed.prototype.drawRow;
  Windowed.prototype.drawRow = function (...row) {
    written += 1;
    drawRow.apply(this, row);
  };
  const tall = rows[2].getBoundingClientRect().height;
  const steps = [...Array(8).fill(8), ...Array(8).fill(-8)];
  for (const step of steps) {
    box.scrollTop += step * tall;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    // Two rows of groups are above the trades, the newest of which made 180.
    for (const row of rows) {
      const index = row.getAttribute("aria-rowindex") - 2;
      const made = row.cells[5].textContent;
      if (index > 1 && made !== `+${182 - index}.00`) wrong.push(index);
    }
  }
  Windowed.prototype.drawRow = drawRow;
  return { written, steps: steps.length, drawn: rows.length, wrong };
}"""


def test_a_scroll_writes_only_the_rows_that_come_into_sight(
    place: str, served: Served, open_page: OpenPage
) -> None:
    book(place, *range(1, 181))
    page = open_page(served)
    expect(trade_rows(page).first).to_contain_text("+180.00")
    told = page.evaluate(STEPS)
    assert told["written"] < 8 * told["steps"] * 1.5 < told["drawn"] * told["steps"] / 2
    assert told["wrong"] == []
