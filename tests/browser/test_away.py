"""What the page does after it was away, behind a wrong clock, or without an answer."""

from __future__ import annotations

from playwright.sync_api import Browser, Route, expect

from hft.clock import wall_ms
from hft.topology import House
from tests.browser.test_price import (
    OpenPage,
    keeper,  # noqa: F401
    prices_of,
    seen_ms,
    told,
)
from tests.dashboard.furniture import Served, wait_for, write_account
from tests.dashboard.test_market import Keeper

HOUR_MS = 3_600_000
WRONG_CLOCK = f"Date.now = ((real) => () => real() + {HOUR_MS})(Date.now)"
TWICE = """async () => {
  const { Logs } = await import("/static/js/logs.js");
  const logs = new Logs();
  const said = { ts_ms: 0, level: "INFO", role: "feed", text: "one", dropped_before: 0 };
  logs.notice([{ number: 900, ...said }]);
  logs.notice([]);
  return logs.lines.length;
}"""
LONG_DAY = """async (last) => {
  const { Timeline } = await import("/static/js/book_days.js");
  const from_ms = Date.UTC(2026, 10, 28);
  const of = (count) => [{ day: "2026-11-28", from_ms, to_ms: from_ms + 864e5, count, net: 0, fees: 0, wins: 0, losses: 0 }];
  const newest = (id) => Array.from({ length: 200 }, (_, n) => ({ id: id - n, exchange_ts_ms: from_ms + id - n }));
  const timeline = new Timeline();
  timeline.renew(of(200), newest(200));
  const [day] = timeline.days;
  day.pages.set(0, newest(200));
  [day.anchor, day.anchored] = [200, 200];
  timeline.arrange();
  const oldest = timeline.handleOf(timeline.count - 1);
  for (let id = 300; id <= last; id += 100) timeline.renew(of(id), newest(id));
  const known = Array.from({ length: day.size }, (_, place) => [place, day.at(place)]).filter(([, trade]) => trade);
  return {
    held: known.length,
    size: day.size,
    wrong: known.filter(([place, trade]) => trade.id !== last - place).length,
    below: timeline.count - 1 - timeline.indexOf(oldest),
  };
}"""  # noqa: E501

WEEK = """async (days) => {
  const { Timeline } = await import("/static/js/book_days.js");
  const timeline = new Timeline();
  const known = [];
  let id = 0;
  for (let day = 1; day <= days; day += 1) {
    const from_ms = Date.UTC(2026, 10, day);
    known.unshift({ day: `2026-11-0${day}`, from_ms, to_ms: from_ms + 864e5, count: 0, net: 0, fees: 0, wins: 0, losses: 0 });
    const begun = id;
    for (let look = 0; look < 50; look += 1) {
      id += 200;
      known[0] = { ...known[0], count: id - begun };
      const newest = Array.from({ length: 200 }, (_, n) => ({ id: id - n, exchange_ts_ms: from_ms + id - n }));
      if (look === 1) {
        timeline.days[0].pages.set(0, newest);
        [timeline.days[0].anchor, timeline.days[0].anchored] = [id, 400];
      }
      timeline.renew([...known], newest);
    }
  }
  const held = timeline.days.map((day) => [...day.above, ...[...day.pages.values()].flat()].length);
  return { held, sizes: timeline.days.map((day) => day.size) };
}"""  # noqa: E501


def test_a_reader_that_fell_behind_keeps_the_log_it_has(
    served: Served, open_page: OpenPage
) -> None:
    assert open_page(served).evaluate(TWICE) == 1


def test_the_curve_ends_with_the_servers_time_whatever_the_browsers_clock_says(
    browser: Browser, served: Served
) -> None:
    page = browser.new_page()
    page.add_init_script(WRONG_CLOCK)
    page.goto(served.url)
    chart = page.locator("#chart")
    wait_for(lambda: told(chart, "points") > 1, "points of the curve")
    begin, end = seen_ms(chart)
    assert abs(end - wall_ms()) < HOUR_MS / 10
    assert end - begin < HOUR_MS / 10
    page.close()


def test_the_curve_knows_what_happened_while_another_view_was_open(
    house: House, served: Served, open_page: OpenPage
) -> None:
    page = open_page(served)
    chart = page.locator("#chart")
    wait_for(lambda: told(chart, "points") > 1, "points of the curve")
    page.click("#tab-latency")
    before = len(served.pulse.history.points())
    write_account(house, pnl_e8=0)
    wait_for(lambda: len(served.pulse.history.points()) > before + 5, "points nobody drew", 15)
    with page.expect_response("**/api/pnl_series?mode=session"):
        page.click("#tab-trade")
    wait_for(lambda: told(chart, "points") > before + 5, "what was missed on the curve")


def test_a_curve_that_could_not_be_read_is_asked_for_again(
    browser: Browser, served: Served
) -> None:
    page = browser.new_page()
    refuse = '{"ok": false, "code": "BUSY", "message": "Not now."}'
    page.route("**/api/pnl_series?*", lambda route: route.fulfill(status=503, body=refuse), times=1)
    with page.expect_response(lambda answer: "pnl_series" in answer.url and answer.status == 503):
        page.goto(served.url)
    with page.expect_response(lambda answer: "pnl_series" in answer.url and answer.ok):
        pass
    page.close()


def test_candles_go_on_without_a_hole_after_more_of_them_than_an_answer_holds(
    served: Served,
    keeper: Keeper,  # noqa: F811
    open_page: OpenPage,
) -> None:
    page = open_page(served)
    chart = prices_of(page)
    begin_ms = wall_ms() // 1000 * 1000 + 700_000
    later = [[begin_ms + 1000 * n, 61_700, 61_701, 61_699, 61_700, 1, 1] for n in range(50)]

    def answer(route: Route) -> None:
        candles = [] if "to_ms" in route.request.url else later
        route.fulfill(json={"interval_ms": 1000, "candles": candles})

    page.route("**/api/candles?*", answer)
    expect(chart).to_have_attribute("data-candles", "50")


def test_a_page_that_is_left_open_for_a_day_holds_few_of_its_trades(
    served: Served, open_page: OpenPage
) -> None:
    told_by = open_page(served).evaluate(LONG_DAY, 50_000)
    assert told_by["held"] <= 11_000
    assert (told_by["size"], told_by["wrong"], told_by["below"]) == (50_000, 0, 0)


def test_days_that_have_ended_are_counted_and_not_held(served: Served, open_page: OpenPage) -> None:
    told_by = open_page(served).evaluate(WEEK, 7)
    assert told_by["sizes"] == [10_000] * 7
    assert told_by["held"][0] > 8_000
    assert told_by["held"][1:] == [0] * 6
