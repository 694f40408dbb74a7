"""One order's life in sentences and its waterfall, from the segment and from the database."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
import requests
from sqlalchemy import insert

from dashboard.order_rows import read_key
from hft.binance.order_frames import client_order_id
from hft.clock import Anchor, anchor_now, monotonic_ns
from hft.events import (
    HOP_MAX_NS,
    MARKET,
    Denial,
    Hop,
    IntentFlag,
    MarketKind,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
    Verdict,
)
from hft.ledger.database import open_database, writing
from hft.ledger.schema import FROM_REPORT, FROM_USER_TRADES, events, orders, trades
from hft.state.blocks import Leg
from hft.state.histogram import bin_of
from hft.topology import House
from hft.units import E8, NS_PER_MS, NS_PER_S
from ringbuf.memory import unlink
from tests.dashboard.furniture import Served, furnish, write_account

EPOCH = 1_795_000_000_000
HOPS = {
    Hop.DECODED: 8_000,
    Hop.STRATEGY: 20_000,
    Hop.DECIDED: 24_000,
    Hop.EXECUTION: 40_000,
    Hop.GATED: 45_000,
    Hop.SIGNED: 80_000,
    Hop.SENT: 91_000,
    Hop.ACKED: 491_000,
    Hop.FILLED: 700_000,
}
ACCOUNT = "a"


def put(house: House, seq: int = 7, row: int = 0, **changed: Any) -> int:
    """Write an order into the table, filled unless said otherwise; returns when its frame came."""
    house.run[0]["session_epoch"] = EPOCH
    house.identity[0]["account_epoch"] = ACCOUNT.encode()
    recv_ns = house.anchor.monotonic_ns + 5 * NS_PER_S
    values = {
        "version": 2,
        "intent_seq": seq,
        "market_seq": 1_000 + seq,
        "recv_ns": recv_ns,
        "sent_venue_ms": EPOCH,
        "updated_ns": recv_ns + NS_PER_MS,
        "venue_order_id": 4_711,
        "qty_lots": 10,
        "cum_qty_lots": 10,
        "cum_quote_e8": int(617.021 * E8),
        "bid": 61_702.0,
        "ask": 61_702.1,
        "strategy": 1,
        "reason": Verdict.ENTER,
        "state": OrderState.FILLED,
        "side": Side.BUY,
        "order_type": OrderType.MARKET,
        "tif": TimeInForce.GTC,
    }
    record = np.zeros(1, house.orders.dtype)[0]
    for name, value in {**values, **changed}.items():
        record[name] = value
    if "hops" not in changed:
        record["hops"] = [HOPS[hop] for hop in Hop]
    house.orders[row] = record
    return recv_ns


def put_event(house: House, recv_ns: int, venue_ms: int, seq: int = 1_007) -> None:
    event = np.zeros(1, MARKET)
    event["seq"], event["recv_ns"], event["venue_ms"] = seq, recv_ns, venue_ms
    event["kind"] = MarketKind.TRADE
    house.rings["market"].slots[seq % 16] = event[0]


def book_fill(place: str, seq: int, ms: int, heard_ns: int | None = None) -> None:
    row = {
        "exchange_ts_ms": ms,
        "monotonic_ns": heard_ns,
        "source": FROM_USER_TRADES if heard_ns is None else FROM_REPORT,
        "account_epoch": ACCOUNT,
        "symbol": "BTCUSDT",
        "side": "BUY",
        "trade_id": seq,
        "order_id": "4711",
        "client_order_id": client_order_id(EPOCH, seq),
        "price_e8": 6_170_210_000_000,
        "qty_e8": 1_000_000,
        "pnl_e8": 0,
        "fee_e8": 24_680_840,
        "fee_currency": "USDT",
        "maker": 0,
    }
    _insert(place, trades, row)


def book_order(place: str, seq: int, **changed: Any) -> None:
    row = {
        "account_epoch": ACCOUNT,
        "session_epoch": EPOCH,
        "intent_seq": seq,
        "client_order_id": client_order_id(EPOCH, seq),
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "tif": "GTX",
        "flags": int(IntentFlag.POST_ONLY | IntentFlag.REDUCE_ONLY),
        "price_e8": 6_180_000_000_000,
        "qty_e8": 1_000_000,
        "filled_e8": 0,
        "quote_e8": 0,
        "fee_e8": 0,
        "realised_e8": 0,
        "state": "REJECTED",
        "venue_code": -5022,
        "strategy": "MOMENTUM",
        "reason": int(Verdict.EXIT),
        "sent_ms": EPOCH + 1,
        "updated_ms": EPOCH + 2,
        "finished_ms": EPOCH + 2,
        "hops": orjson.dumps(
            {"decoded": 8_000, "strategy": 20_000, "decided": 24_000, "sent": 91_000}
        ).decode(),
    }
    _insert(place, orders, {**row, **changed})


def _insert(place: str, table: Any, row: dict[str, Any]) -> None:
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(insert(table), [row])
    engine.dispose()


def get(served: Served, path: str, status: int = 200) -> Any:
    reply = requests.get(served.url + path, timeout=5)
    assert reply.status_code == status, reply.text
    return reply.json()


def said(told: dict[str, Any]) -> list[str]:
    """The sentences without the time in front."""
    return [line.partition(" ")[2] if line[:1].isdigit() else line for line in told["story"]]


def test_a_filled_order_tells_its_life(house: House, served: Served, place: str) -> None:
    recv_ns = put(house)
    filled_ms = house.anchor.to_wall_ns(recv_ns) // NS_PER_MS + 1
    book_fill(place, 7, filled_ms, recv_ns + HOPS[Hop.FILLED])
    told = get(served, f"/api/orders/{EPOCH}-7")
    assert said(told) == [
        "MOMENTUM wanted to buy 0.01 BTCUSDT at market because it saw a reason to enter",
        "the gate passed it with the market at 61,702 / 61,702.1",
        "sent 91 us after the market event",
        "the venue acknowledged it 400 us later as order 4711",
        "filled 0.01 @ 61,702.1, fee 0.2468084 USDT",
    ]
    assert told["fills"][0]["price"] == 61_702.1
    assert told["order"]["source"] == "segment"
    times = [line.partition(" ")[0] for line in told["story"]]
    assert times == sorted(times)


def test_the_waterfall_joins_without_holes_and_ends_with_the_fill(
    house: House, served: Served
) -> None:
    put(house)
    stages = get(served, f"/api/orders/{EPOCH}-7")["stages"]
    assert [stage["name"] for stage in stages] == [
        "venue_event",
        "decoded",
        "to_strategy",
        "decided",
        "to_execution",
        "gated",
        "signed",
        "sent",
        "acknowledged",
        "filled",
    ]
    for before, after in pairwise(stages[1:]):
        assert before["to_ns"] == after["from_ns"]
    assert stages[-1]["to_ns"] == HOPS[Hop.FILLED]
    assert stages[5]["ms"] == 0.005


def test_the_venue_s_stage_is_told_with_the_clock_s_band(house: House, served: Served) -> None:
    write_account(house, clock_offset_ns=20 * NS_PER_MS, clock_error_ns=2 * NS_PER_MS)
    recv_ns = put(house)
    recv_wall_ms = house.anchor.to_wall_ns(recv_ns) // NS_PER_MS
    put_event(house, recv_ns, recv_wall_ms + 20 - 15)
    told = get(served, f"/api/orders/{EPOCH}-7")
    stage = told["stages"][0]
    assert stage["to_ns"] == 0
    assert stage["ms"] == pytest.approx(15, abs=1), "15 ms ago, by our clock"
    assert stage["band_ns"] == 3 * NS_PER_MS, "the clock's error, and the venue's millisecond"
    assert told["clock"] == {"offset_ms": 20.0, "error_ms": 2.0}


def test_an_event_dated_after_its_receipt_has_no_length_and_says_why(
    house: House, served: Served
) -> None:
    write_account(house, clock_error_ns=2 * NS_PER_MS)
    recv_ns = put(house)
    recv_wall_ms = house.anchor.to_wall_ns(recv_ns) // NS_PER_MS
    for late_ms, why in ((2, "less than the clocks can tell"), (40, "one of them was set")):
        put_event(house, recv_ns, recv_wall_ms + late_ms)
        stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][0]
        assert (stage["from_ns"], stage["to_ns"], stage["ms"]) == (0, 0, 0.0)
        assert why in stage["sentence"]


def test_the_band_of_an_order_of_before_is_wider_by_what_clocks_drift(
    house: House, served: Served
) -> None:
    write_account(house, clock_error_ns=2 * NS_PER_MS)
    recv_ns = house.anchor.monotonic_ns - 200 * NS_PER_S
    put(house, recv_ns=recv_ns)
    put_event(house, recv_ns, house.anchor.to_wall_ns(recv_ns) // NS_PER_MS - 15)
    band_ns = get(served, f"/api/orders/{EPOCH}-7")["stages"][0]["band_ns"]
    assert 13 * NS_PER_MS <= band_ns < 18 * NS_PER_MS, "3 ms, and 50 us for each of 200 s and more"


def test_our_clock_set_since_the_start_moves_no_stage(serve: Callable[..., Served]) -> None:
    now = anchor_now()
    before = Anchor(now.monotonic_ns, now.wall_ns - 5 * NS_PER_S)
    name = f"hft-test-story-{os.getpid()}"
    house = House.create(name, before)
    try:
        furnish(house)
        write_account(house, clock_offset_ns=20 * NS_PER_MS)
        recv_ns = put(house)
        put_event(house, recv_ns, now.to_wall_ns(recv_ns) // NS_PER_MS + 20 - 15)
        stage = get(serve(house), f"/api/orders/{EPOCH}-7")["stages"][0]
        assert stage["ms"] == pytest.approx(15, abs=2)
    finally:
        unlink(name)


def test_what_a_report_caused_was_never_decoded_and_says_so(house: House, served: Served) -> None:
    put(house, hops=[0, *[HOPS[hop] for hop in Hop][1:]])
    told = get(served, f"/api/orders/{EPOCH}-7")
    assert told["stages"][0]["name"] == "to_strategy"
    assert "sent 91 us after the report that caused it" in said(told)


def test_a_fill_told_before_the_acknowledgement_has_no_length_and_says_why(
    house: House, served: Served
) -> None:
    hops = [HOPS[hop] for hop in Hop]
    hops[Hop.ACKED], hops[Hop.FILLED] = hops[Hop.FILLED], hops[Hop.ACKED]
    put(house, hops=hops)
    stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][-1]
    assert stage["from_ns"] == stage["to_ns"]
    assert stage["sentence"].startswith("It was told before the acknowledgement")


def test_a_fill_after_the_last_hop_that_is_told_apart_has_its_time_from_the_books(
    house: House, served: Served, place: str
) -> None:
    hops = [HOPS[hop] for hop in Hop]
    hops[Hop.FILLED] = HOP_MAX_NS
    recv_ns = put(house, hops=hops)
    heard_ns = recv_ns + 90 * NS_PER_S
    book_fill(place, 7, house.anchor.to_wall_ns(heard_ns) // NS_PER_MS, heard_ns)
    stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][-1]
    assert stage["to_ns"] == pytest.approx(90 * NS_PER_S, abs=NS_PER_MS)
    assert "sentence" not in stage


def test_fills_stand_where_we_heard_of_them_and_say_when_that_was_late(
    house: House, served: Served, place: str
) -> None:
    write_account(house, clock_offset_ns=-300 * NS_PER_MS, clock_error_ns=NS_PER_MS)
    recv_ns = put(house)
    wall_ms = house.anchor.to_wall_ns(recv_ns) // NS_PER_MS
    book_fill(place, 7, wall_ms - 299, recv_ns + NS_PER_MS)
    story = get(served, f"/api/orders/{EPOCH}-7")["story"]
    times = [line.partition(" ")[0] for line in story]
    assert times == sorted(times), "the venue's clock is 0.3 s behind ours, and no line shows it"
    assert story[-1].endswith("fee 0.2468084 USDT")
    put(house, 8, row=1)
    book_fill(place, 8, wall_ms - 299, recv_ns + 30 * NS_PER_S)
    assert get(served, f"/api/orders/{EPOCH}-8")["story"][-1].endswith(
        "30.0 s after the venue booked it"
    )
    put(house, 9, row=2)
    book_fill(place, 9, wall_ms - 299)
    assert get(served, f"/api/orders/{EPOCH}-9")["story"][-1].endswith("by the venue's clock")


def test_fills_of_an_earlier_session_are_told_by_that_session_s_clock(
    house: House, served: Served, place: str
) -> None:
    house.run[0]["session_epoch"] = EPOCH + 1
    house.identity[0]["account_epoch"] = ACCOUNT.encode()
    book_order(place, 9, state="FILLED", filled_e8=1_000_000, quote_e8=61_702_100_000)
    book_fill(place, 9, EPOCH + 2, 7 * NS_PER_S)
    assert get(served, f"/api/orders/{EPOCH}-9")["fills"][0]["heard_ms"] is None
    told = {"session_epoch": EPOCH, "seat": "ledger", "level": "INFO", "kind": "SESSION_STARTED"}
    _insert(place, events, {**told, "ts_ms": EPOCH - 6_999, "ns": 0, "text": "a start"})
    assert get(served, f"/api/orders/{EPOCH}-9")["fills"][0]["heard_ms"] == EPOCH + 1


def test_what_the_ring_has_overwritten_the_tape_still_has(house: House, served: Served) -> None:
    recv_ns = put(house)
    event = house.tape[60_000]
    event["seq"], event["recv_ns"] = 1_007, recv_ns
    event["venue_ms"] = house.anchor.to_wall_ns(recv_ns) // NS_PER_MS - 4
    stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][0]
    assert stage["ms"] == pytest.approx(4, abs=1)


def test_a_market_event_that_is_overwritten_leaves_its_stage_unknown(
    house: House, served: Served
) -> None:
    recv_ns = put(house)
    put_event(house, recv_ns + 1, 5, seq=1_007)
    stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][0]
    assert stage["ms"] is None
    assert "no longer kept" in stage["sentence"]


def test_an_order_no_market_event_caused_begins_with_its_decision(
    house: House, served: Served
) -> None:
    put(house, recv_ns=0)
    stages = get(served, f"/api/orders/{EPOCH}-7")["stages"]
    assert stages[0]["name"] == "to_execution"


def test_a_hop_that_is_saturated_says_at_least(house: House, served: Served) -> None:
    hops = [HOPS[hop] for hop in Hop]
    hops[Hop.FILLED] = HOP_MAX_NS
    put(house, hops=hops)
    stage = get(served, f"/api/orders/{EPOCH}-7")["stages"][-1]
    assert stage["sentence"].startswith("At least 4.29 s")


def test_a_cancel_and_a_change_that_were_asked_for_are_told(house: House, served: Served) -> None:
    put(
        house,
        state=OrderState.CANCEL_PENDING,
        cum_qty_lots=0,
        cum_quote_e8=0,
        cancel_sent=1,
        amend_ticks=617_000,
        amend_lots=20,
        order_type=OrderType.LIMIT,
        price_ticks=617_020,
        hops=[*[HOPS[hop] for hop in Hop][: Hop.FILLED], 0],
    )
    lines = said(get(served, f"/api/orders/{EPOCH}-7"))
    assert lines[0].startswith("MOMENTUM wanted to buy 0.01 BTCUSDT at 61,702 because")
    assert "a change to 0.02 @ 61,700 was asked for and is not answered yet" in lines
    assert lines[-1] == "a cancel was asked for"


def test_a_rejected_order_of_before_says_the_venue_s_code_and_its_meaning(
    house: House, served: Served, place: str
) -> None:
    house.run[0]["session_epoch"] = EPOCH + 1
    book_order(place, 9)
    told = get(served, f"/api/orders/{EPOCH}-9")
    assert told["order"]["source"] == "database"
    assert said(told)[0] == (
        "MOMENTUM wanted to sell 0.01 BTCUSDT at 61,800 (reduce-only, post-only) because it saw "
        "a reason to close the position"
    )
    assert said(told)[-1] == (
        "rejected by the venue, code -5022: it would have taken, and was to make (post-only)"
    )
    assert told["stages"][0]["name"] == "venue_event"


def test_a_denied_order_says_why(house: House, served: Served, place: str) -> None:
    book_order(place, 9, state="DENIED", denial=Denial.POSITION_ABOVE_LIMIT.name, sent_ms=None)
    assert said(get(served, f"/api/orders/{EPOCH}-9"))[-1] == (
        "denied by the gate: the position would pass max_position"
    )


def test_an_order_nobody_knows_and_a_name_that_is_none_are_refused(served: Served) -> None:
    assert get(served, f"/api/orders/{EPOCH}-99", 404)["code"] == "UNKNOWN_ORDER"
    assert get(served, "/api/orders/abc", 422)["code"] == "BAD_REQUEST"
    assert read_key("1-2") == (1, 2)
    huge = 1 << 63
    for bad in ("", "1", "-1", "1-", "1-2-3", "١-٢", "1" * 40 + "-1", f"{huge}-1", f"1-{huge}"):
        assert read_key(bad) is None


def test_the_table_has_a_key_and_words_for_people(house: House, served: Served) -> None:
    put(house, 7)
    put(house, 8, row=1, symbol=0, state=OrderState.ACCEPTED, flags=int(IntentFlag.REDUCE_ONLY))
    rows = get(served, "/api/orders")["orders"]
    assert {row["key"] for row in rows} == {f"{EPOCH}-7", f"{EPOCH}-8"}
    open_row = next(row for row in rows if row["intent_seq"] == 8)
    assert (open_row["state_label"], open_row["open"]) == ("open", True)
    assert (open_row["type"], open_row["flags"]) == ("MARKET", ["reduce-only"])
    assert open_row["strategy"] == "MOMENTUM"
    assert open_row["average_price"] == pytest.approx(61_702.1)
    assert open_row["tick_to_trade_ns"] == 91_000
    assert get(served, "/api/orders?symbol=ETHUSDT")["orders"] == []


def test_an_open_order_is_told_of_its_symbol_however_many_newer_ones_there_are(
    house: House, served: Served
) -> None:
    now_ns = monotonic_ns()
    old = {"state": OrderState.ACCEPTED, "order_type": OrderType.STOP_MARKET}
    put(house, 7, 0, updated_ns=now_ns, **old)
    put(house, 8, 1, symbol=1, updated_ns=now_ns + 1)
    for number in range(2, 9):
        put(house, 7 + number, number, updated_ns=now_ns + number)
    rows = get(served, "/api/orders?limit=3&symbol=BTCUSDT")["orders"]
    assert [row["intent_seq"] for row in rows] == [15, 14, 13, 7]
    assert [row["open"] for row in rows] == [False, False, False, True]


def test_the_legs_have_labels_and_only_bins_that_counted(house: House, served: Served) -> None:
    put(house)
    leg = house.latency[Leg.TICK_TO_TRADE]
    for duration_ns in (90_000, 91_000, 5_000_000):
        leg["count"] += 1
        leg["sum_ns"] += duration_ns
        leg["max_ns"] = max(int(leg["max_ns"]), duration_ns)
        leg["bins"][bin_of(duration_ns)] += 1
    told = get(served, "/api/latency")
    (row,) = told["legs"]
    assert (row["leg"], row["label"], row["count"]) == ("TICK_TO_TRADE", "tick to trade", 3)
    assert sum(count for _, _, count in row["bins"]) == 3
    for begin_ns, end_ns, _ in row["bins"]:
        assert begin_ns < end_ns
    assert row["bins"][-1][0] <= 5_000_000 < row["bins"][-1][1]
    assert [each["key"] for each in told["recent"]] == [f"{EPOCH}-7"]
    assert told["recent"][0]["tick_to_trade_ns"] == 91_000


def test_the_system_tells_cores_and_since_when(house: House, served: Served) -> None:
    house.vitals[2]["core"] = 1
    told = get(served, "/api/system")
    assert told["cores"] == [{"core": 1, "processes": ["strategy"]}]
    assert told["processes"][0]["started_ms"] is not None
    assert {"deepest", "dropped", "depth"} <= set(told["rings"][0])
