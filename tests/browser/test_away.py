"""What the page does after it was away, behind a wrong clock, or without an answer."""

from __future__ import annotations

from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Route, expect

from hft.clock import wall_ms
from hft.state import blocks
from hft.topology import House
from tests.browser.test_price import (
    OpenPage,
    drawn,
    keeper,  # noqa: F401
    prices_of,
    seen_ms,
    told,
)
from tests.dashboard.furniture import Served, wait_for, write, write_account
from tests.dashboard.test_market import Keeper
from tests.dashboard.test_trades import book

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


CLOCKS = """async () => {
  const { get, serverMs } = await import("/static/js/server.js?alone");
  const offs = [];
  for (let asked = 0; asked < 6; asked++) {
    await get("/api/clock");
    offs.push(Math.round((serverMs() - Date.now()) / 100));
  }
  return offs.filter((off, at) => at > 0 && Math.abs(off - offs[at - 1]) > 2).length;
}"""
BROKEN_OFF = """async () => {
  const { get } = await import("/static/js/server.js");
  return get("/api/broken").then(() => "answered", (refusal) => refusal.code);
}"""
BROKEN_PART = """async () => {
  const { Why } = await import("/static/js/why.js");
  Why.prototype.show = () => { throw new Error("broken"); };
}"""
MARKS = """async (fromMs) => {
  const { OwnMarks } = await import("/static/js/price_marks.js");
  const marks = new OwnMarks("BTCUSDT", () => {});
  const status = { trade_count: 0, open_orders: 0, orders_sent: 0, rejected: 0, ledger: { trades: 1 } };
  for (let looked = 0; looked < 12; looked++) {
    marks.storedAt = -Infinity;
    marks.show(status, fromMs);
    while (marks.asking.live || marks.asking.stored) await new Promise((done) => setTimeout(done, 5));
  }
  return [marks.fills.length, marks.orders.length];
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


def test_what_a_storm_makes_the_server_forget_stays_on_the_chart(
    served: Served,
    keeper: Keeper,  # noqa: F811
    open_page: OpenPage,
) -> None:
    page = open_page(served)
    chart = prices_of(page)
    known = told(chart, "candles")
    begin_ms = wall_ms() // 1000 * 1000 + 100_000
    asked: list[str] = []

    def answer(route: Route) -> None:
        """Of a tape that holds two whole seconds, and no older candle."""
        at = 2 * len(asked)
        candles = [
            [begin_ms + 1000 * second, 62_000 + second, 62_099, 61_999, 62_050, 1, 1]
            for second in (at, at + 1)
        ]
        if "to_ms" in route.request.url:
            candles = []
        else:
            asked.append(route.request.url)
        route.fulfill(json={"interval_ms": 1000, "candles": candles})

    page.route("**/api/candles?*", answer)
    wait_for(lambda: told(chart, "candles") >= known + 36 and len(asked) >= 3, "three looks", 15)
    box = chart.bounding_box()
    assert box is not None
    said = set()
    for x in range(int(box["width"]) - 120, int(box["width"]) - 220, -3):
        page.mouse.move(box["x"] + x, box["y"] + 100)
        said.add(page.locator("#price-hover").inner_text()[:8])
    assert {f"O 62,00{second}" for second in range(6)} <= said


def test_marks_are_complete_over_a_long_time(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    begin_ms = wall_ms() - 24 * HOUR_MS
    # A venue that begins anew counts its trades from the same number on.
    side = {"side": "BUY", "price": 61_700, "qty": 0.01}
    fills = [{**side, "ms": begin_ms + at, "trade_id": 7, "key": f"{at}-1"} for at in (1000, 2000)]
    orders = [
        {**side, "ms": ms, "end_ms": ms + 1000, "key": f"1-{ms}", "filled": 0, "type": "LIMIT"}
        for ms in range(begin_ms, begin_ms + 20 * HOUR_MS, 2 * HOUR_MS)
    ]

    def answer(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        from_ms = int(query["from_ms"][0])
        to_ms = int(query.get("to_ms", [str(wall_ms())])[0])
        filled = [one for one in fills if from_ms <= one["ms"] < to_ms]
        alive = [one for one in orders if one["end_ms"] >= from_ms and one["ms"] < to_ms]
        cut = max(len(filled), len(alive)) > 3
        route.fulfill(json={"fills": filled[-3:], "orders": alive[-3:], "cut": cut})

    page.route("**/api/order_marks?*", answer)
    assert page.evaluate(MARKS, begin_ms) == [2, 10]


def test_a_clock_in_doubt_does_not_go_to_and_fro(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    asked: list[int] = []

    def answer(route: Route) -> None:
        asked.append(len(asked))
        off_s = 4 if len(asked) % 2 else 6
        said = formatdate(wall_ms() / 1000 - off_s, usegmt=True)
        route.fulfill(json={}, headers={"Date": said, "Content-Type": "application/json"})

    page.route("**/api/clock", answer)
    assert page.evaluate(CLOCKS) == 1, "it was set once"
    assert len(asked) == 6


def test_an_answer_that_breaks_off_is_a_refusal(served: Served, open_page: OpenPage) -> None:
    page = open_page(served)
    page.route("**/api/broken", lambda route: route.fulfill(body='{"points": [1,'))
    assert page.evaluate(BROKEN_OFF) == "UNREACHABLE"


def test_a_zoomed_curve_stays_when_it_could_not_be_read_and_when_the_window_grows_narrow(
    house: House, place: str, served: Served, open_page: OpenPage
) -> None:
    book(place, 5, -2, 4)
    page = open_page(served)
    chart = page.locator("#chart")
    page.click("[data-range=year]")
    wait_for(lambda: told(chart, "points") == 4, "the year")
    chart.focus()
    for _ in range(3):
        page.keyboard.press("+")
    expect(page.locator("#chart-reset")).to_be_visible()
    drawn(page)
    zoomed = seen_ms(chart)
    refuse = '{"ok": false, "code": "BUSY", "message": "Not now."}'
    page.route("**/api/pnl_series?*", lambda route: route.fulfill(status=503, body=refuse))
    write(house.ledger, blocks.LEDGER_STATUS, trades=9, committed=9)
    expect(page.locator("#chart-empty")).to_have_text("Not now.")
    assert told(chart, "points") == 4
    page.unroute("**/api/pnl_series?*")
    expect(page.locator("#chart-empty")).to_be_hidden(timeout=15_000)
    assert abs(seen_ms(chart)[0] - zoomed[0]) < 24 * HOUR_MS
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#chart")).to_be_hidden()
    write_account(house, pnl_e8=700_000_000)
    expect(page.locator("#total-pnl")).to_have_text("+7.00")


def test_a_part_that_fails_does_not_stop_the_others(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served.url)
    chart = page.locator("#chart")
    wait_for(lambda: told(chart, "points") > 1, "points of the curve")
    page.evaluate(BROKEN_PART)
    before = told(chart, "points")
    wait_for(lambda: told(chart, "points") > before + 1, "the curve behind the broken part", 10)
    assert complaints, "what is broken is reported"
    page.close()


def test_days_that_have_ended_are_counted_and_not_held(served: Served, open_page: OpenPage) -> None:
    told_by = open_page(served).evaluate(WEEK, 7)
    assert told_by["sizes"] == [10_000] * 7
    assert told_by["held"][0] > 8_000
    assert told_by["held"][1:] == [0] * 6
