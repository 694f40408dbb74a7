"""The order session is down and stays down: orders go over REST, each once at most."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns
from hft.config import Network
from hft.events import Action, Denial, IntentFlag, OrderType, Side, TimeInForce, TradingState, Unfit
from hft.units import NS_PER_S

from .quiet import QuietVenue
from .relay import Relay, relay_to
from .rig import SYMBOL, Rig, rig_name

PLACES = ["POST /fapi/v1/order"]


class RestRig(Rig):
    """A house whose order session, and whose REST, lead through doors a test can shut."""

    venue: QuietVenue

    def __init__(self, venue: QuietVenue, session_door: Relay, rest_door: Relay) -> None:
        super().__init__(venue, rig_name())
        self.session_door, self.rest_door = session_door, rest_door
        direct = venue.network
        session_url = session_door.url.replace("http", "ws") + "/ws-fapi/v1"
        self.network = Network("custom", rest_door.url, direct.ws_url, session_url)

    def go_down(self) -> None:
        """Shut the order session's door and wait until execution has noticed."""
        self.session_door.shut()
        self.until(lambda: int(self.account()["session_up"]) == 0, "down")

    def until_status(self, seq: int, status: str) -> None:
        self.until(lambda: self.statuses(seq)[-1:] == [status], status)

    def name_of(self, seq: int) -> str:
        """What the venue calls an order."""
        return client_order_id(int(self.house.run[0]["session_epoch"]), seq)

    def standing(self) -> tuple[int, int]:
        return int(self.account()["trading_state"]), int(self.account()["unfit"])


@pytest.fixture
def down(quiet: QuietVenue) -> Iterator[RestRig]:
    """Execution that traded over its order session, which is down now."""
    quiet.tidy_up()
    with relay_to(quiet.url) as session_door, relay_to(quiet.url) as rest_door:
        rig = RestRig(quiet, session_door, rest_door)
        try:
            rig.start()
            rig.until_fit()
            rig.go_down()
            yield rig
        finally:
            rig.close()


def test_every_kind_of_order_flows_and_the_session_takes_over_again(down: RestRig) -> None:
    assert down.standing() == (TradingState.ACTIVE, Unfit.ORDER_SESSION_DOWN)
    bought = down.push(qty=0.03)
    down.until_status(bought, "FILLED")
    reduced = down.push(side=Side.SELL, qty=0.01, flags=IntentFlag.REDUCE_ONLY)
    rests = down.push(order_type=OrderType.LIMIT, price=59_000.0, tif=TimeInForce.GTC)
    posts = down.push(
        order_type=OrderType.LIMIT, price=59_100.0, tif=TimeInForce.GTX, flags=IntentFlag.POST_ONLY
    )
    takes = down.push(order_type=OrderType.LIMIT, price=60_001.0, tif=TimeInForce.IOC)
    stop = down.push(
        order_type=OrderType.STOP_MARKET, side=Side.SELL, price=59_990.0, flags=IntentFlag.ON_MARK
    )
    for seq in (reduced, takes):
        down.until_status(seq, "FILLED")
    for seq in (rests, posts, stop):
        down.until_status(seq, "ACCEPTED")
    down.venue.move_mark(59_990.0)
    down.until_status(stop, "FILLED")
    down.push(action=Action.CANCEL, target_ref=1000 + rests)
    down.push(action=Action.CANCEL, target_ref=1000 + posts)
    for seq in (rests, posts):
        down.until_status(seq, "CANCELLED")
    down.session_door.open()
    down.until_fit()
    down.until(lambda: int(down.account()["session_up"]) == 1, "up")
    down.until_status(down.push(), "FILLED")
    down.agrees_with_venue()
    assert down.names_at_venue() == list(dict.fromkeys(down.names_at_venue()))
    assert len(down.names_at_venue()) == 7


def test_more_orders_than_there_are_lanes_all_arrive_or_are_denied(down: RestRig) -> None:
    down.venue.fail("slow_reply", requests=PLACES, delay_ms=100)
    seqs = [down.push() for _ in range(12)]
    down.until(lambda: all(down.statuses(seq) for seq in seqs), "answered")
    down.until(lambda: {down.statuses(seq)[-1] for seq in seqs} == {"FILLED", "DENIED"}, "over")
    filled = [down.name_of(seq) for seq in seqs if down.statuses(seq)[-1] == "FILLED"]
    assert sorted(down.names_at_venue()) == sorted(filled)
    assert len(filled) >= 8
    down.agrees_with_venue()


def test_what_the_venue_refuses_is_rejected_with_its_code(down: RestRig) -> None:
    seq = down.push(
        order_type=OrderType.LIMIT, price=60_100.0, tif=TimeInForce.GTX, flags=IntentFlag.POST_ONLY
    )
    down.until_status(seq, "REJECTED")
    told = next(row for row in down.reports if int(row["intent_seq"]) == seq)
    assert int(told["venue_code"]) == -5022


@pytest.mark.parametrize(
    ("fault", "more", "end"),
    [
        ("lost_ack", {"then": "close"}, "FILLED"),
        ("unknown_status", {"executed": True}, "FILLED"),
        ("http_error", {"error": "gateway_timeout", "executed": True}, "FILLED"),
        ("unknown_status", {"executed": False}, "REJECTED"),
    ],
)
def test_a_lost_reply_is_unknown_until_the_venue_is_asked_and_nothing_goes_twice(
    down: RestRig, fault: str, more: dict[str, object], end: str
) -> None:
    # Nor does the stream tell of it.
    down.venue.fail("stall", streams=["user:*"])
    down.venue.fail(fault, requests=PLACES, count=1, **more)
    seq = down.push()
    down.until(lambda: "UNKNOWN" in down.statuses(seq), "unknown")
    down.venue.forget_faults()
    down.until_status(seq, end)
    assert down.names_at_venue() == ([down.name_of(seq)] if end == "FILLED" else [])
    down.session_door.open()
    down.until_fit()
    down.agrees_with_venue()


def test_a_refused_time_is_measured_anew_and_the_order_goes_once_more(down: RestRig) -> None:
    down.venue.fail("clock_step", step_ms=20_000, duration_ms=60_000)
    down.until(down.venue.clock_is_off, "the clock steps")
    seq = down.push()
    down.until_status(seq, "FILLED")
    assert down.names_at_venue() == [down.name_of(seq)]
    row = next(row for row in down.house.orders if int(row["intent_seq"]) == seq)
    signed_ms = int(row["sent_venue_ms"])
    down.venue.forget_faults()
    down.until(lambda: not down.venue.clock_is_off(), "the clock is right again")
    assert signed_ms > down.venue.rest.server_time_ms() + 10_000, "the row has the later time"
    again = down.push()
    down.until_status(again, "FILLED")
    down.agrees_with_venue()


def test_a_halt_closes_no_road(down: RestRig) -> None:
    down.house.latch_supervisor[0]["halt_ns"] = monotonic_ns()
    down.until(lambda: down.standing()[0] == TradingState.HALTED, "halted")
    account = down.account()
    assert (int(account["session_up"]), int(account["connected"])) == (0, 1)


def test_a_cancel_the_stream_told_before_its_reply_leaves_nothing_owed(down: RestRig) -> None:
    rests = down.push(order_type=OrderType.LIMIT, price=59_000.0)
    down.until_status(rests, "ACCEPTED")
    down.venue.fail("slow_reply", requests=["DELETE /fapi/v1/order"], delay_ms=200, count=1)
    down.push(action=Action.CANCEL, target_ref=1000 + rests)
    down.until_status(rests, "CANCELLED")
    errand = f"cancel {down.name_of(rests)}"
    assert down.agent._errands.is_under_way(errand), "the reply is still to come"
    down.until(lambda: not down.agent._errands.is_under_way(errand), "the reply")
    assert down.agent._books.owed.overdue(monotonic_ns() + NS_PER_S, 0) == ""


def test_without_any_way_nothing_is_sent_and_the_house_halts_until_there_is_one(
    down: RestRig,
) -> None:
    down.rest_door.shut()
    seq = down.push()
    down.until_status(seq, "DENIED")
    told = next(row for row in down.reports if int(row["intent_seq"]) == seq)
    assert int(told["reason"]) == Denial.NOT_CONNECTED
    down.until(lambda: down.standing() == (TradingState.HALTED, Unfit.ORDER_SESSION_DOWN), "halted")
    assert int(down.account()["connected"]) == 0
    down.rest_door.open()
    down.until(lambda: down.standing()[0] == TradingState.ACTIVE, "open again")
    assert int(down.account()["connected"]) == 1
    down.until_status(down.push(), "FILLED")
    down.agrees_with_venue()
    assert len(down.names_at_venue()) == 1


def test_execution_that_dies_over_an_order_on_its_way_finds_out_what_became_of_it(
    down: RestRig,
) -> None:
    down.venue.fail("slow_reply", requests=PLACES, delay_ms=300, count=1)
    seq = down.push()
    down.until(lambda: down.names_at_venue() != [], "there")
    down.forget_agent()
    down.session_door.open()
    down.start()
    down.until_fit()
    assert down.statuses(seq)[-1] == "FILLED"
    down.agrees_with_venue()
    assert down.names_at_venue() == [down.name_of(seq)]


def test_an_intent_too_old_is_dropped_and_never_sent_late(down: RestRig) -> None:
    fresh = down.push()
    down.until_status(fresh, "FILLED")
    row = next(row for row in down.reports if int(row["intent_seq"]) == fresh)
    late = down.push(decide_ns=int(row["recv_ns"]) - 1_000_000_000)
    down.until_status(late, "DENIED")
    assert down.names_at_venue() == [down.name_of(fresh)]
    assert down.venue.rest.open_orders(SYMBOL) == []
