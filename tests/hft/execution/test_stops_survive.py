"""Stops and take-profits through halts, ends, lost answers, silence and kills."""

from __future__ import annotations

import pytest

from hft.events import OrderState, Side

from .rig import rig_name
from .stop_rig import REDUCE, SELLS, STOP, StopRig, halt, idle_until
from .test_kills import Child


def test_a_halt_cancels_what_could_enlarge_the_position_and_never_its_protection(
    ready: StopRig,
) -> None:
    ready.buys()
    protects = ready.waits(*SELLS, flags=REDUCE)
    enters = ready.waits(STOP, Side.BUY, 60_010.0)
    halt(ready)
    ready.until_status(enters, "CANCELLED")
    assert ready.names_waiting() == [ready.name_of(protects)]
    ready.venue.move_last(59_990.0)
    ready.until_status(protects, "FILLED")
    ready.agrees_with_venue()


def test_a_halt_while_flat_leaves_nothing_behind(ready: StopRig) -> None:
    seq = ready.waits(*SELLS, flags=REDUCE)
    halt(ready)
    ready.until_status(seq, "CANCELLED")
    assert ready.names_waiting() == []


def test_it_outlives_the_house_while_there_is_a_position_and_no_longer(ready: StopRig) -> None:
    ready.buys()
    protects, enters = ready.waits(*SELLS, flags=REDUCE), ready.waits(STOP, Side.BUY, 60_010.0)
    assert ready.drain()
    assert ready.statuses(enters)[-1] == "CANCELLED"
    name = ready.name_of(protects)
    assert ready.names_waiting() == [name]
    assert any("stays at the venue" in line for line in ready.lines)
    ready.forget_agent()
    for left in ([name], []):
        following = StopRig(ready.venue, rig_name())
        try:
            following.start()
            assert following.names_waiting() == left
        finally:
            following.close()
        if left:
            ready.venue.trade("SELL", "0.02")


@pytest.mark.parametrize("then", ["silence", "close"])
def test_one_whose_answer_is_lost_is_unknown_until_the_venue_is_asked(
    ready: StopRig, then: str
) -> None:
    ready.venue.fail("lost_ack", requests=["algoOrder.place"], then=then, count=1)
    # Nor does the stream tell of it.
    ready.venue.fail("drop", streams=["user:ALGO_UPDATE"], count=1)
    seq = ready.stop(*SELLS)
    ready.until(lambda: "UNKNOWN" in ready.statuses(seq), "unknown")
    ready.until_status(seq, "ACCEPTED")
    ready.until_fit()
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "FILLED")
    ready.agrees_with_venue()
    assert ready.names_at_venue() == [ready.name_of(seq)]


def test_one_whose_time_is_refused_goes_to_the_same_door_once_more(ready: StopRig) -> None:
    ready.venue.fail("clock_step", step_ms=20_000, duration_ms=60_000)
    ready.until(ready.venue.clock_is_off, "the clock steps")
    seq = ready.waits(*SELLS)
    assert ready.names_waiting() == [ready.name_of(seq)]
    ready.venue.forget_faults()
    ready.until(lambda: not ready.venue.clock_is_off(), "the clock is right again")
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "FILLED")
    ready.agrees_with_venue()


def test_one_the_venue_never_got_is_given_up_once_its_time_is_over(ready: StopRig) -> None:
    ready.venue.fail(
        "unknown_status", requests=["algoOrder.place"], executed=False, status=503, count=1
    )
    seq = ready.stop(*SELLS)
    ready.until(lambda: "UNKNOWN" in ready.statuses(seq), "unknown")
    ready.until_status(seq, "REJECTED")
    ready.until_fit()
    assert ready.names_waiting() == []


def test_fired_while_the_user_stream_is_down_its_fills_are_found(ready: StopRig) -> None:
    assert ready.agent is not None
    seq = ready.waits(*SELLS)
    stream = ready.agent._stream
    assert stream is not None
    ready.venue.fail("stall", streams=["user:*"])
    ready.venue.move_last(59_990.0)
    ready.until(lambda: ready.venue.position() == "-0.020", "fired")
    ready.venue.forget_faults()
    stream.drop(0, "cut by the test")
    ready.until_status(seq, "FILLED")
    ready.until_fit()
    ready.agrees_with_venue()


def test_fired_and_refused_while_nobody_listens_it_is_found_ended(ready: StopRig) -> None:
    ready.buys()
    seq, waits = ready.waits(*SELLS, flags=REDUCE), ready.waits(STOP, Side.SELL, 59_000.0)
    ready.forget_agent()
    ready.venue.trade("SELL", "0.02")
    ready.venue.move_last(59_990.0)
    idle_until(ready, lambda: ready.name_of(seq) not in ready.names_waiting())
    ready.start()
    ready.until_status(seq, "REJECTED")
    ready.until_fit()
    assert int(ready.row(waits)["state"]) == OrderState.ACCEPTED
    ready.agrees_with_venue()


def test_killed_while_one_waits_and_another_fires(stop_rig: StopRig) -> None:
    rig, child = stop_rig, Child(stop_rig)
    try:
        child.wait_fit()
        waits, fires = rig.stop(STOP, Side.BUY, 60_010.0), rig.stop(*SELLS, qty=0.03)
        idle_until(rig, lambda: len(rig.names_waiting()) == 2)
        rig.venue.move_last(59_990.0)
        child.kill()
        idle_until(rig, lambda: rig.name_of(fires) not in rig.names_waiting())
        rig.venue.move_last(60_000.0)
        child = Child(rig)
        child.wait_fit()
        rig.venue.move_last(60_010.0)
        idle_until(rig, lambda: rig.row(waits)["state"] == OrderState.FILLED)
        idle_until(rig, lambda: rig.row(fires)["state"] == OrderState.FILLED)
    finally:
        child.kill()
    rig.read()
    rig.fills_and_position_agree()
    assert sorted(rig.names_at_venue()) == sorted([rig.name_of(waits), rig.name_of(fires)])
