"""The user stream over days: keys that die, connections that end, addresses that stay mute."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from hft.clock import Deadline, monotonic_ns
from hft.config import Network
from hft.events import Action, Notice, OrderType, Side
from hft.execution import picture
from hft.execution.stream_address import Form
from hft.execution.times import Times
from hft.execution.user_stream import UserStream
from hft.units import NS_PER_MS, NS_PER_S

from .gatekeeper import MUTE, REFUSE, Gatekeeper
from .rig import SYMBOL, WAIT_S, Rig, Venue, new_rig, venue_running

TIMES = Times(check_ns=200 * NS_PER_MS, check_after_fill_ns=50 * NS_PER_MS)
QUERY, PATH = "/private/ws?listenKey=", "/private/ws/"


def faults(venue: Venue, **fault: Any) -> None:
    requests.post(f"{venue.url}/sim/faults", json=fault, timeout=WAIT_S).raise_for_status()


def no_faults(venue: Venue) -> None:
    requests.delete(f"{venue.url}/sim/faults", timeout=WAIT_S).raise_for_status()


def begin(rig: Rig, **times: int) -> UserStream:
    rig.times = msgspec.structs.replace(TIMES, **times)
    agent = rig.start()
    rig.until_fit()
    assert agent._stream is not None
    return agent._stream


def filled(rig: Rig, **changes: Any) -> int:
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    return seq


def resting(rig: Rig) -> int:
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    return seq


@pytest.fixture(scope="module")
def mortal() -> Iterator[Venue]:
    """A venue whose connections live three seconds and whose listen keys live two."""
    with venue_running(
        "--seed", "5", "--faults", "on", "--connection-life-s", "4", "--listen-key-life-s", "2"
    ) as venue:
        yield venue


@pytest.fixture(scope="module")
def faulty() -> Iterator[Venue]:
    with venue_running("--seed", "5", "--faults", "on") as venue:
        yield venue


def at(venue: Venue) -> Iterator[Rig]:
    no_faults(venue)
    venue.tidy_up()
    rig = new_rig(venue)
    try:
        yield rig
    finally:
        no_faults(venue)
        rig.close()


@pytest.fixture
def mortal_rig(mortal: Venue) -> Iterator[Rig]:
    yield from at(mortal)


@pytest.fixture
def shaken(faulty: Venue) -> Iterator[Rig]:
    yield from at(faulty)


def test_connections_follow_one_another_without_a_hole_and_nothing_is_booked_twice(
    mortal_rig: Rig,
) -> None:
    rig = mortal_rig
    stream = begin(
        rig,
        keep_key_ns=NS_PER_S // 2,
        rotate_ns=NS_PER_S,
        overlap_ns=NS_PER_S // 2,
        check_ns=60 * NS_PER_S,
        check_after_fill_ns=60 * NS_PER_S,
    )
    deposits = 0
    while rig.notices.count(Notice.STREAM_ROTATED) < 3:
        rig.venue.trade("BUY" if deposits % 2 else "SELL", "0.002")
        wish = {"api_key": rig.keys.api_key, "asset": "USDT", "amount": "1"}
        requests.post(f"{rig.venue.url}/sim/deposit", json=wish, timeout=WAIT_S).raise_for_status()
        deposits += 1
        rig.step()
        assert stream.came_up == 1
    rig.until(lambda: rig.notices.count(Notice.DEPOSIT) == deposits, "every deposit told")
    rig.until(lambda: rig.notices.count(Notice.FOREIGN_TRADE) >= deposits, "every trade told")
    rig.agrees_with_venue()
    assert stream.came_up == 1, "never was there a hole to fill"
    assert not any("expired" in line for line in rig.lines), "the key was kept alive"


def test_a_connection_the_venue_ended_early_is_replaced_and_the_gap_filled(shaken: Rig) -> None:
    rig = shaken
    stream = begin(rig)
    filled(rig)
    faults(rig.venue, kind="disconnect", connections="user", close_frame=True)
    while stream.came_up == 1:
        rig.venue.trade("BUY", "0.002")
        rig.step()
    rig.until_fit()
    rig.all_ways_agree()


def test_while_two_connections_are_open_the_end_of_one_loses_nothing(shaken: Rig) -> None:
    rig = shaken
    stream = begin(rig, rotate_ns=NS_PER_S // 2, overlap_ns=60 * NS_PER_S)
    filled(rig)
    rig.until(lambda: stream._next is not None and stream._next.up, "two connections")
    faults(rig.venue, kind="disconnect", connections="user")
    while stream.came_up == 1:
        rig.venue.trade("BUY", "0.002")
        rig.step()
    rig.until_fit()
    filled(rig, side=Side.SELL)
    rig.all_ways_agree()


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_listen_key_is_replaced_and_what_was_missed_is_asked_for(
    shaken: Rig, silent: bool
) -> None:
    rig = shaken
    stream = begin(rig, keep_key_ns=NS_PER_S // 4, keep_key_again_ns=NS_PER_S // 4)
    filled(rig)
    faults(rig.venue, kind="listen_key_death", silent=silent)
    while stream.came_up == 1:
        rig.venue.trade("BUY", "0.002")
        rig.step()
    said = "the venue forgot the listen key" if silent else "the listen key has expired"
    assert any(said in line for line in rig.lines)
    rig.until_fit()
    filled(rig, side=Side.SELL)
    rig.all_ways_agree()


def test_a_key_that_cannot_be_prolonged_once_is_prolonged_soon_after(mortal_rig: Rig) -> None:
    rig = mortal_rig
    begin(rig, keep_key_ns=NS_PER_S // 4, keep_key_again_ns=NS_PER_S // 4)
    faults(
        rig.venue,
        kind="http_error",
        error="unavailable",
        requests=["PUT /fapi/v1/listenKey"],
        count=2,
    )
    rig.until(lambda: any("was not prolonged" in line for line in rig.lines), "refused")
    begun = Deadline(2.5)
    rig.until(begun.passed, "longer than a key lives")
    assert not any("expired" in line for line in rig.lines)
    rig.agrees_with_venue()


def test_a_stream_that_does_not_tell_an_accepted_order_is_replaced(shaken: Rig) -> None:
    rig = shaken
    stream = begin(rig, mute_ns=NS_PER_S // 2)
    filled(rig)
    faults(rig.venue, kind="drop", streams=["user:ORDER_TRADE_UPDATE"], burst=8, count=1)
    seq = resting(rig)
    rig.until(lambda: stream.came_up == 2, "dialled anew")
    no_faults(rig.venue)
    assert Notice.STREAM_MUTE in rig.notices
    assert stream.address.form is Form.QUERY, "it has delivered before"
    rig.until_fit()
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    rig.all_ways_agree()


def test_a_stream_that_does_not_tell_a_cancel_is_replaced(shaken: Rig) -> None:
    rig = shaken
    stream = begin(rig, mute_ns=NS_PER_S // 2)
    seq = resting(rig)
    faults(rig.venue, kind="drop", streams=["user:ORDER_TRADE_UPDATE"], burst=8, count=1)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: stream.came_up == 2, "dialled anew")
    no_faults(rig.venue)
    assert any("was cancelled and not a word of it came" in line for line in rig.lines)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "resolved")
    rig.until_fit()


def test_a_stream_without_a_byte_not_even_a_ping_is_replaced(shaken: Rig) -> None:
    rig = shaken
    stream = begin(rig, silent_ns=NS_PER_S // 2)
    rig.until(lambda: stream.came_up == 2, "dialled anew")
    assert any("not even of a ping" in line for line in rig.lines)
    rig.until_fit()
    filled(rig)
    rig.all_ways_agree()


@pytest.fixture
def gatekeeper(_venue: Venue) -> Iterator[Gatekeeper]:
    with contextlib.closing(Gatekeeper(_venue.url)) as keeper:
        yield keeper


def through(rig: Rig, keeper: Gatekeeper) -> Rig:
    network = rig.venue.network
    rig.network = Network("custom", network.rest_url, keeper.url, network.ws_api_url)
    return rig


def test_the_form_with_every_event_named_comes_first_and_stays(
    rig: Rig, gatekeeper: Gatekeeper
) -> None:
    stream = begin(through(rig, gatekeeper))
    filled(rig)
    assert stream.address.proven
    assert [QUERY in path and "events=" in path for path in gatekeeper.paths] == [True]


def test_where_the_form_with_a_query_is_refused_the_other_is_used(
    rig: Rig, gatekeeper: Gatekeeper
) -> None:
    gatekeeper.rules = {QUERY: REFUSE}
    stream = begin(through(rig, gatekeeper))
    filled(rig)
    assert stream.address.form is Form.PATH
    assert any("is refused" in line and "is tried" in line for line in rig.lines)
    stream.drop(monotonic_ns(), "cut by the test")
    rig.until(lambda: stream.came_up == 2, "dialled anew")
    assert PATH in gatekeeper.paths[-1], "what works is remembered"
    rig.all_ways_agree()


def test_where_the_form_with_a_query_stays_mute_the_other_is_used(
    rig: Rig, gatekeeper: Gatekeeper
) -> None:
    gatekeeper.rules = {QUERY: MUTE}
    stream = begin(through(rig, gatekeeper), mute_ns=NS_PER_S // 2)
    seq = rig.push()
    rig.until(lambda: stream.came_up == 2, "dialled anew")
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled in from REST")
    rig.until_fit()
    filled(rig, side=Side.SELL)
    assert stream.address.form is Form.PATH
    assert stream.address.proven
    assert any("stayed mute" in line and "is tried" in line for line in rig.lines)
    rig.all_ways_agree()


def test_fills_of_a_gap_come_page_by_page_without_one_missing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = begin(rig)
    filled(rig)
    asked: list[int] = []
    user_trades = type(rig.venue.rest).user_trades

    def three_at_a_time(self: Any, symbol: str, *given: Any, **named: Any) -> Any:
        rows = user_trades(self, symbol, *given, **{**named, "limit": 3})
        asked.append(len(rows))
        return rows

    monkeypatch.setattr(picture, "TRADES_LIMIT_MAX", 3)
    stream.drop(monotonic_ns(), "cut by the test")
    for _ in range(8):
        rig.venue.trade("SELL", "0.003")
    with monkeypatch.context() as patch:
        patch.setattr(type(rig.venue.rest), "user_trades", three_at_a_time)
        rig.until(lambda: stream.came_up == 2, "dialled anew")
        rig.until(lambda: len(rig.fills_told()) >= 9, "filled in")
    assert asked.count(3) >= 2
    rig.all_ways_agree()
    assert len(rig.venue.rest.user_trades(SYMBOL, from_id=rig.venue.begins_after + 1)) >= 9
