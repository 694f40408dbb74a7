"""From reports to rows of `orders`, and what fills the holes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from hft.binance.order_frames import client_order_id
from hft.clock import Anchor, monotonic_ns, wall_ms
from hft.events import (
    Denial,
    IntentFlag,
    OrderState,
    OrderType,
    Side,
    Status,
    TimeInForce,
)
from hft.ledger import order_gaps
from hft.ledger.database import open_database, writing
from hft.ledger.order_rows import ENDED, rows_of_order_reports
from hft.ledger.order_store import put_orders
from hft.ledger.rows import Names
from hft.ledger.schema import orders
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import (
    ACCOUNT_EPOCH,
    LOT_E8,
    ORDER_0,
    SESSION_EPOCH,
    TICK_E8,
    World,
    a_report,
    drain,
    turn_until,
)

NO_FILL = {"trade_id": 0, "last_price_ticks": 0, "last_qty_lots": 0, "fee_e8": 0, "realised_e8": 0}
OLD_MS = 120_000
"""So long ago that nothing more is expected of an order nobody holds."""


def order_rows(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM orders ORDER BY intent_seq")


def states(world: World) -> dict[int, str]:
    return {row["intent_seq"]: row["state"] for row in order_rows(world)}


def all_taken(world: World) -> bool:
    return world.house.reports_ledger.depth() == 0


def news(world: World, seq: int, status: Status, **fields: Any) -> None:
    """A report of an order that tells no fill."""
    assert world.report(seq, **(NO_FILL | {"status": status, "cum_qty_lots": 0} | fields))


def hold(world: World, at: int, seq: int, state: OrderState, **fields: Any) -> None:
    """Put an order into the order table, as execution does."""
    row: Any = world.house.orders[at]
    values = {"version": 2, "intent_seq": seq, "venue_order_id": ORDER_0 + seq, "state": state}
    values |= {"side": Side.BUY, "order_type": OrderType.LIMIT, "tif": TimeInForce.GTC}
    values |= {"price_ticks": 617_342, "qty_lots": 10, "updated_ns": monotonic_ns()}
    for name, value in (values | fields).items():
        row[name] = value


def test_an_order_is_one_row_that_follows_its_life(world: World) -> None:
    bare = {"cum_quote_e8": 0, "recv_ns": monotonic_ns(), "bid": 61734.1, "ask": 61734.2}
    part = {"cum_qty_lots": 4, "cum_quote_e8": 24_693_680_000, "last_qty_lots": 4}
    with world.ledger() as ledger:
        hops = [100, 200, 300, 400, 500, 600, 5_000_000, 0, 0]
        news(world, 7, Status.ACCEPTED, hops=hops, reason=3, flags=IntentFlag.REDUCE_ONLY, **bare)
        turn_until(ledger, lambda: states(world) == {7: "ACCEPTED"})
        (row,) = order_rows(world)
        assert (row["finished_ms"], row["filled_e8"], row["fee_e8"]) == (None, 0, 0)
        for trade_id, more in ((70, part), (71, {})):
            fill = {"intent_seq": 7, "venue_order_id": ORDER_0 + 7, "reason": 3, "hops": hops}
            status = Status.PARTIALLY_FILLED if more else Status.FILLED
            world.report(trade_id, **(bare | {"status": status} | fill | more))
            turn_until(ledger, lambda: all_taken(world))
    (row,) = order_rows(world)
    assert (row["account_epoch"], row["session_epoch"]) == (ACCOUNT_EPOCH, SESSION_EPOCH)
    assert row["client_order_id"] == client_order_id(SESSION_EPOCH, 7)
    assert (row["venue_order_id"], row["symbol"], row["side"]) == (ORDER_0 + 7, "BTCUSDT", "BUY")
    assert (row["type"], row["tif"], row["state"]) == ("LIMIT", "IOC", "FILLED")
    assert (row["price_e8"], row["qty_e8"]) == (6_173_420_000_000, 1_000_000)
    assert row["filled_e8"] == 1_000_000
    assert (row["fee_e8"], row["realised_e8"]) == (2 * 24_693_680, -2 * 123_456_789)
    assert (row["strategy"], row["reason"], row["denial"]) == ("MOMENTUM", 3, None)
    assert (row["bid"], row["ask"], row["paper"]) == (61734.1, 61734.2, 1)
    assert json.loads(row["hops"])["sent"] == 5_000_000
    assert row["sent_ms"] <= row["updated_ms"] == row["finished_ms"]


def test_a_denied_order_is_a_row_that_says_why_and_a_denied_cancel_is_none(world: World) -> None:
    with world.ledger() as ledger:
        news(world, 3, Status.DENIED, reason=Denial.ORDER_RATE_ABOVE_LIMIT)
        news(world, 4, Status.DENIED, reason=Denial.UNKNOWN_ORDER, order_type=0)
        news(world, 0, Status.POSITION)
        turn_until(ledger, lambda: all_taken(world))
    (row,) = order_rows(world)
    assert (row["state"], row["denial"]) == ("DENIED", "ORDER_RATE_ABOVE_LIMIT")
    assert row["sent_ms"] is None
    assert row["finished_ms"] is not None


def test_a_rejected_order_keeps_the_code_of_the_venue(world: World) -> None:
    with world.ledger() as ledger:
        news(world, 3, Status.UNKNOWN, venue_order_id=0)
        turn_until(ledger, lambda: states(world) == {3: "UNKNOWN"})
        news(world, 3, Status.REJECTED, venue_code=-2019, venue_order_id=0)
        turn_until(ledger, lambda: all_taken(world))
    (row,) = order_rows(world)
    assert (row["state"], row["venue_code"], row["venue_order_id"]) == ("REJECTED", -2019, None)


def test_an_amended_order_has_its_new_price(world: World) -> None:
    with world.ledger() as ledger:
        news(world, 3, Status.ACCEPTED)
        news(world, 3, Status.AMENDED, price_ticks=617_000, qty_lots=5)
        turn_until(ledger, lambda: all_taken(world))
    (row,) = order_rows(world)
    assert (row["state"], row["price_e8"], row["qty_e8"]) == (
        "ACCEPTED",
        6_170_000_000_000,
        500_000,
    )


NAMES = Names(ACCOUNT_EPOCH, 1, ["BTCUSDT"], [TICK_E8], [LOT_E8], ["MOMENTUM"], anchor=Anchor(0, 0))
LIVES = (
    (Status.ACCEPTED, 0),
    (Status.PARTIALLY_FILLED, 3),
    (Status.AMENDED, 3),
    (Status.PARTIALLY_FILLED, 7),
    (Status.CANCELLED, 7),
    (Status.FILLED, 10),
)


@pytest.fixture
def engine(place: str) -> Iterator[Engine]:
    made = open_database(place)
    yield made
    made.dispose()


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    told=st.lists(st.integers(0, len(LIVES) - 1), min_size=1, max_size=12),
    length=st.integers(1, len(LIVES)),
)
def test_what_is_told_late_or_again_never_takes_an_order_back(
    engine: Engine, told: list[int], length: int
) -> None:
    with writing(engine) as connection:
        connection.execute(delete(orders))
    furthest = -1
    for at in (min(each, length - 1) for each in told):
        status, filled = LIVES[at]
        report = a_report(
            5, **NO_FILL, status=status, cum_qty_lots=filled, local_ns=at * 10**9, strategy=0
        )
        with writing(engine) as connection:
            put_orders(connection, rows_of_order_reports(report, NAMES))
            row = connection.execute(select(orders)).one()
        furthest = max(furthest, at)
        status, filled = LIVES[furthest]
        assert row.filled_e8 == filled * LOT_E8
        assert (row.state in ENDED) == (status in (Status.CANCELLED, Status.FILLED))
        assert (row.finished_ms is None) == (row.state not in ENDED)
        assert row.updated_ms == furthest * 1000


def test_orders_whose_reports_were_lost_come_from_the_order_table(
    world: World, venue: LocalVenue
) -> None:
    hold(world, 0, 5, OrderState.CANCELLED, strategy=2, reason=9)
    hold(world, 1, 6, OrderState.SENT, venue_order_id=0)
    hold(world, 2, 7, OrderState.ACCEPTED, version=3)
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(order_rows(world)) == 2)
        first, second = order_rows(world)
        assert (first["state"], first["strategy"], first["reason"]) == ("CANCELLED", "PING_PONG", 9)
        assert (second["state"], second["venue_order_id"]) == ("SENT", None)
        # What the table says is no later than what a report said already.
        news(world, 6, Status.ACCEPTED)
        turn_until(ledger, lambda: all_taken(world))
        drain(ledger)
    assert states(world) == {5: "CANCELLED", 6: "ACCEPTED"}


@pytest.mark.parametrize("page", [3, 1000])
def test_orders_that_left_the_table_come_from_the_list_of_the_venue(
    world: World, venue: LocalVenue, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(order_gaps, "PAGE", page)
    for seq in range(1, 8):
        venue.order(ORDER_0 + seq, client_order_id(SESSION_EPOCH, seq))
        venue.fill(seq)
    venue.order(ORDER_0 + 8, client_order_id(SESSION_EPOCH, 8), status="CANCELED",
        executedQty="0", cumQuote="0", timeInForce="GTX", reduceOnly=True)  # fmt: skip
    venue.order(ORDER_0 + 9, "by-hand")
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(order_rows(world)) == 8)
        drain(ledger)
    rows = order_rows(world)
    assert [row["state"] for row in rows] == ["FILLED"] * 7 + ["CANCELLED"]
    first, last = rows[0], rows[-1]
    assert (first["filled_e8"], first["quote_e8"]) == (1_000_000, 61_734_200_000)
    assert (first["fee_e8"], first["realised_e8"]) == (24_693_680, -123_456_789)
    assert first["strategy"] == "MOMENTUM"
    assert last["flags"] == IntentFlag.REDUCE_ONLY | IntentFlag.POST_ONLY
    assert last["finished_ms"] == last["updated_ms"]


def test_the_next_list_begins_a_minute_before_the_last(world: World, venue: LocalVenue) -> None:
    started_ms = world.house.anchor.wall_ns // 1_000_000
    with world.ledger() as ledger:
        turn_until(ledger, lambda: len(venue.asked_for_orders()) == 1)
        turn_until(ledger, lambda: not ledger.reconciler.busy())
        drain(ledger)
    first, *_, last = venue.asked_for_orders()
    assert int(first["startTime"]) == started_ms - 60_000
    assert started_ms - 60_000 <= int(last["startTime"]) <= wall_ms() - 60_000


def test_an_order_left_open_by_a_run_that_was_killed_is_asked_for_by_name(
    world: World, venue: LocalVenue
) -> None:
    now_ns, earlier = monotonic_ns(), SESSION_EPOCH - 1000
    long_ago_ns = now_ns - OLD_MS * 1_000_000
    names = Names(
        ACCOUNT_EPOCH, earlier, ["BTCUSDT"], [TICK_E8], [LOT_E8], ["LIQUIDATION", "MOMENTUM"],
        anchor=world.house.anchor,
    )  # fmt: skip
    told = np.concatenate(
        [
            a_report(seq, **NO_FILL, status=Status.ACCEPTED, cum_qty_lots=0, local_ns=at_ns, **more)
            for seq, at_ns, more in (
                (1, long_ago_ns, {}),
                (2, long_ago_ns, {}),
                (3, long_ago_ns, {"order_type": OrderType.STOP_MARKET}),
                (4, now_ns, {}),
                (5, long_ago_ns, {"order_type": OrderType.TAKE_PROFIT_MARKET}),
            )
        ]
    )
    engine = open_database(world.place)
    with writing(engine) as connection:
        put_orders(connection, rows_of_order_reports(told, names))
    engine.dispose()
    venue.order(
        ORDER_0 + 1, client_order_id(earlier, 1), status="CANCELED", time=wall_ms() - 3 * OLD_MS
    )
    # A stop waits elsewhere; of two, one still protects the position.
    venue.waiting.append(client_order_id(earlier, 3))
    with world.ledger() as ledger:
        turn_until(ledger, lambda: states(world)[1] == "CANCELLED")
        drain(ledger)
    assert states(world) == {
        1: "CANCELLED", 2: "EXPIRED", 3: "ACCEPTED", 4: "ACCEPTED", 5: "EXPIRED",
    }  # fmt: skip
    first, second, *_ = order_rows(world)
    assert (first["filled_e8"], first["strategy"]) == (1_000_000, "MOMENTUM")
    assert second["venue_code"] == -2013
