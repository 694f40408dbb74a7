"""Fills nobody reported are taken from the venue's own list."""

from __future__ import annotations

from typing import Any

import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns, wall_ms
from hft.events import OrderState
from hft.ledger import reconcile, user_trades
from hft.ledger.agent import LedgerAgent
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import ORDER_0, SESSION_EPOCH, World, drain, has_news, turn_until


def ids(world: World) -> list[int]:
    return sorted(row["trade_id"] for row in world.rows())


def compare_again(ledger: LedgerAgent, venue: LocalVenue) -> None:
    """Have every symbol compared once more from now on, and what was found stored."""
    turn_until(ledger, lambda: not ledger.reconciler.busy())
    seen = len(venue.asked_for_trades("ETHUSDT"))
    ledger.reconciler.ask_now()
    turn_until(ledger, lambda: len(venue.asked_for_trades("ETHUSDT")) > seen)
    turn_until(ledger, lambda: not has_news(ledger))
    drain(ledger)


def own_order(world: World, at: int, order_id: int, intent_seq: int) -> None:
    """Put an order of ours into the order table, as execution does."""
    row: Any = world.house.orders[at]
    row["version"], row["venue_order_id"], row["intent_seq"] = 2, order_id, intent_seq
    row["state"], row["strategy"], row["symbol"] = OrderState.FILLED, 2, 0


def test_a_fill_without_a_report_is_taken_from_the_venue(world: World, venue: LocalVenue) -> None:
    venue.fill(7, commissionAsset="BNB", maker=True, side="SELL")
    own_order(world, 3, ORDER_0 + 7, 70)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 1)
        assert ledger.status.gap_filled == 1
    (row,) = world.rows()
    assert (row["price_e8"], row["qty_e8"]) == (6_173_420_000_000, 1_000_000)
    assert (row["pnl_e8"], row["fee_e8"]) == (-123_456_789, 24_693_680)
    assert (row["side"], row["fee_currency"], row["maker"]) == ("SELL", "BNB", 1)
    assert (row["strategy"], row["intent_seq"]) == ("PING_PONG", 70)
    assert row["client_order_id"] == client_order_id(SESSION_EPOCH, 70)
    assert row["source"] == "user_trades"


def test_a_fill_of_an_order_that_left_the_table_is_asked_for_once(
    world: World, venue: LocalVenue
) -> None:
    for trade_id in (7, 8):
        venue.fill(trade_id, orderId=55)
    venue.orders[55] = {"clientOrderId": client_order_id(SESSION_EPOCH, 12)}
    venue.fill(9, orderId=56)
    venue.orders[56] = {"clientOrderId": "by-hand"}
    venue.fill(10, orderId=57)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 4)
    rows = world.rows()
    assert [row["intent_seq"] for row in rows] == [12, 12, None, None]
    assert [row["strategy"] for row in rows] == ["MOMENTUM", "MOMENTUM", "", ""]
    assert rows[2]["client_order_id"] == "by-hand"
    assert [path for path, _ in venue.asked].count("/fapi/v1/order") == 3


def test_a_fill_told_by_both_is_stored_once_and_the_report_wins(
    world: World, venue: LocalVenue
) -> None:
    for trade_id in (1, 2):
        venue.fill(trade_id)
    world.report(1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 2)
        assert ledger.status.gap_filled == 1
        world.report(2)
        drain(ledger)
        assert (ledger.status.trades, ledger.status.gap_filled) == (2, 0)
    rows = world.rows()
    assert [(row["trade_id"], row["source"]) for row in rows] == [(1, "report"), (2, "report")]
    assert [row["strategy"] for row in rows] == ["MOMENTUM", "MOMENTUM"]


def test_where_report_and_venue_differ_the_venue_is_right(world: World, venue: LocalVenue) -> None:
    venue.fill(1, commission="0.5", realizedPnl="3")
    world.report(1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: world.house.reports_ledger.depth() == 0)
        compare_again(ledger, venue)
    (row,) = world.rows()
    assert (row["fee_e8"], row["fee"]) == (50_000_000, 0.5)
    assert (row["pnl_e8"], row["source"]) == (300_000_000, "report")
    assert any("corrected" in line["text"] for line in world.log_lines())


def test_nothing_is_asked_before_the_account_is_known(world: World, venue: LocalVenue) -> None:
    world.know_account("")
    venue.fill(1)
    with world.ledger() as ledger:
        for _ in range(20):
            ledger.do_work(monotonic_ns())
        assert venue.asked == []
        world.know_account()
        turn_until(ledger, lambda: ledger.status.trades == 1)


def test_a_fresh_database_begins_a_minute_before_the_run(world: World, venue: LocalVenue) -> None:
    started_ms = world.house.anchor.wall_ns // 1_000_000
    venue.fill(1, time=started_ms - 61_000)
    venue.fill(2, time=started_ms - 59_000)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 1)
    assert ids(world) == [2]
    assert venue.asked_for_trades()[0]["startTime"] == str(started_ms - 60_000)


def test_the_next_comparison_begins_at_the_last_settled_fill(
    world: World, venue: LocalVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_trades, "SETTLED_AFTER_MS", 30_000)
    venue.fill(4, time=wall_ms() - 40_000)
    venue.fill(5)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 2)
        # Fill 3 is a latecomer before the settled one; the venue does not do that after a minute.
        venue.fill(3)
        venue.fill(6)
        compare_again(ledger, venue)
    assert ids(world) == [4, 5, 6]
    assert venue.asked_for_trades()[-1]["fromId"] == "4"
    assert "startTime" not in venue.asked_for_trades()[-1]


def test_a_hole_behind_a_newer_report_is_still_seen(world: World, venue: LocalVenue) -> None:
    with world.ledger() as ledger:
        venue.fill(1)
        venue.fill(2)
        world.report(2)
        turn_until(ledger, lambda: 2 in ids(world))
    with world.ledger() as ledger:
        drain(ledger)
    assert ids(world) == [1, 2]


def test_a_dropped_report_makes_the_ledger_ask_at_once(world: World, venue: LocalVenue) -> None:
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not ledger.reconciler.busy() and len(venue.asked) > 0)
        venue.fill(1)
        world.reports.count_drop()
        turn_until(ledger, lambda: ledger.status.trades == 1)
    assert ids(world) == [1]


@pytest.mark.parametrize(
    "wrong", [{"symbol": 2}, {"side": 0}, {"last_price_ticks": 0}, {"last_qty_lots": -1}]
)
def test_a_report_that_makes_no_sense_is_replaced_by_what_the_venue_says(
    world: World, venue: LocalVenue, wrong: dict[str, int]
) -> None:
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not ledger.reconciler.busy() and len(venue.asked) > 0)
        venue.fill(1)
        world.report(1, **wrong)
        world.report(2)
        turn_until(ledger, lambda: ledger.status.trades == 2)
    assert [(row["trade_id"], row["source"]) for row in world.rows()] == [
        (2, "report"),
        (1, "user_trades"),
    ]


def test_a_minute_after_the_last_comparison_the_next_begins(
    world: World, venue: LocalVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "EVERY_NS", 50_000_000)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(venue.asked_for_trades()) >= 3)


@pytest.mark.parametrize("page", [3, 4])
def test_a_long_list_is_read_page_by_page(
    world: World, venue: LocalVenue, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(user_trades, "PAGE", page)
    for trade_id in range(1, 11):
        venue.fill(trade_id)
    # A trade against ourselves: two rows with one trade id, which a page may part.
    venue.fill(3, orderId=1)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 11)
    assert ids(world) == [1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_list_longer_than_one_go_is_continued(
    world: World, venue: LocalVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_trades, "PAGE", 3)
    monkeypatch.setattr(user_trades, "FILLS_MAX", 6)
    settled_ms = wall_ms() - 59_000
    monkeypatch.setattr(user_trades, "SETTLED_AFTER_MS", 1_000)
    for trade_id in range(1, 21):
        venue.fill(trade_id, time=settled_ms)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 20)
    assert ids(world) == list(range(1, 21))


def test_a_silent_venue_is_said_once_and_commits_go_on(world: World, venue: LocalVenue) -> None:
    def said(words: str) -> int:
        texts = [line["text"] for line in world.log_lines()]
        return sum(f"comparing fills with the venue {words}" in text for text in texts)

    venue.broken = True
    with world.ledger() as ledger:
        turn_until(ledger, lambda: said("fails") == 1)
        world.report(1)
        turn_until(ledger, lambda: ids(world) == [1])
        venue.broken = False
        venue.fill(2)
        ledger.reconciler.ask_now()
        turn_until(ledger, lambda: ids(world) == [1, 2])
        drain(ledger)
    assert said("fails") == 1
    assert said("works again") == 1


def test_draining_compares_one_last_time(world: World, venue: LocalVenue) -> None:
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not ledger.reconciler.busy() and len(venue.asked) > 0)
        venue.fill(1)
        drain(ledger)
    assert ids(world) == [1]


def test_draining_does_not_wait_long_for_a_venue_that_is_gone(
    world: World, venue: LocalVenue
) -> None:
    venue.broken = True
    world.report(1)
    with world.ledger() as ledger:
        drain(ledger, wait_s=4.0)
    assert ids(world) == [1]


def test_each_symbol_is_compared_by_itself(world: World, venue: LocalVenue) -> None:
    venue.fill(5)
    venue.fill(5, symbol="ETHUSDT", price="3000.1")
    with world.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 2)
    assert {row["symbol"]: row["price"] for row in world.rows()} == {
        "BTCUSDT": 61734.2,
        "ETHUSDT": 3000.1,
    }
