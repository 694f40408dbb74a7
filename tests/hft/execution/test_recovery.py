"""Deaths, silences and gaps: nothing is lost, nothing is sent twice, nothing is told wrong."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns
from hft.events import Action, Denial, LatchReason, OrderType, Side, Unfit
from hft.execution import intents
from hft.execution.launch import BROKEN, SENT, launch
from hft.execution.order_session import OrderSession
from hft.execution.picture import AccountChanged
from hft.state.decision import write_limits
from hft.units import E8, parse_e8
from hft.wire.connection import Connection, ConnectionClosed
from ringbuf.layout import TAIL

from .rig import LIMITS, Rig, new_rig


def filled(rig: Rig, **changes: Any) -> int:
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    return seq


def test_another_life_goes_on_where_the_first_ended(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    filled(rig)
    filled(rig, qty=0.02)
    before = (int(rig.position()["fills"]), int(rig.position()["fees_e8"]))
    rig.forget_agent()
    rig.venue.trade("SELL", "0.004")  # While nobody looks.
    rig.start()
    rig.until_fit()
    rig.agrees_with_venue()
    assert int(rig.position()["fills"]) > before[0]
    assert int(rig.position()["fees_e8"]) > before[1]
    filled(rig, side=Side.SELL)
    rig.agrees_with_venue()
    assert int(rig.account()["fills"]) == len(rig.fills_told())


def test_a_resting_order_of_this_session_is_adopted(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    rig.forget_agent()
    rig.start()
    rig.until_fit()
    assert len(rig.venue.rest.open_orders("BTCUSDT")) == 1
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")


def test_orders_of_dead_sessions_are_cancelled_and_those_of_others_are_not(rig: Rig) -> None:
    bid, _ = rig.venue.touch()
    limit = {"type": "LIMIT", "timeInForce": "GTC", "price": str(round(bid * 0.97, 1))}
    rig.venue.trade("BUY", "0.02", newClientOrderId=client_order_id(77, 5), **limit)
    rig.venue.trade("BUY", "0.02", newClientOrderId="by-hand", **limit)
    rig.start()
    left = [row["clientOrderId"] for row in rig.venue.rest.open_orders("BTCUSDT")]
    assert left == ["by-hand"]
    assert any("not ours" in line for line in rig.lines)


def python_sends(monkeypatch: pytest.MonkeyPatch, send: Callable[..., None]) -> None:
    """As with TLS: compiled code stores the row and writes the frame, `send` is to send it."""
    monkeypatch.setattr(OrderSession, "descriptor", lambda _self: -1)
    monkeypatch.setattr(Connection, "send_frame", send)


def test_a_silent_venue_makes_orders_unknown_and_they_are_resolved_when_it_speaks(
    lone_rig: Rig,
) -> None:
    rig = lone_rig
    rig.start()
    rig.until_fit()
    filled(rig)
    os.kill(rig.venue.process.pid, signal.SIGSTOP)
    seq = rig.push(qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["UNKNOWN"], "unknown")
    rig.until(lambda: int(rig.account()["trading_state"]) == 2, "halted")
    os.kill(rig.venue.process.pid, signal.SIGCONT)
    # The venue reads it too late (or just in time): either way only the venue's word counts.
    rig.until(lambda: rig.statuses(seq)[-1] in ("FILLED", "REJECTED"), "resolved", 30.0)
    rig.until_fit()
    rig.agrees_with_venue()
    assert len(rig.names_at_venue()) == len(set(rig.names_at_venue()))


def test_fills_during_a_broken_user_stream_are_filled_in(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    filled(rig)
    assert agent._stream is not None
    before = len(rig.lines)
    agent._stream.drop(monotonic_ns(), "cut by the test")
    # Nobody dials before the next step, so the venue has no stream to tell it on.
    rig.venue.trade("SELL", "0.003")
    rig.until_said("fit to trade", before)
    rig.agrees_with_venue()


def test_a_broken_order_session_comes_back(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    assert agent._session is not None
    before = len(rig.lines)
    agent._session.drop(monotonic_ns(), "cut by the test")
    rig.until_said("order session is up", before)
    rig.until_fit()
    filled(rig)
    rig.agrees_with_venue()


def test_an_order_half_written_is_unknown_and_never_sent_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.start()
    rig.until_fit()

    def break_off(self: Connection, _payload: bytes) -> None:
        raise ConnectionClosed("broken in the middle")

    with monkeypatch.context() as patch:
        python_sends(patch, break_off)
        rig.step()
        seq = rig.push()
        rig.until(lambda: rig.statuses(seq) == ["UNKNOWN"], "unknown")
        rig.until(lambda: int(rig.account()["unfit"]) == Unfit.ORDERS_UNKNOWN, "seen")
    rig.until(lambda: rig.statuses(seq)[-1] == "REJECTED", "resolved")
    rig.until_fit()
    assert rig.names_at_venue() == []


@pytest.mark.parametrize(
    ("left", "statuses", "wanted"),
    [
        (17, ["UNKNOWN", "REJECTED"], "ORDERS_UNKNOWN"),
        (-errno.EPIPE, ["ACCEPTED", "FILLED"], "orders go over REST"),
    ],
)
def test_an_order_the_kernel_does_not_take_whole_is_unknown_and_one_it_refuses_goes_over_rest(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, left: int, statuses: list[str], wanted: str
) -> None:
    agent = rig.start()
    rig.until_fit()
    with monkeypatch.context() as patch:
        patch.setattr(OrderSession, "descriptor", lambda _self: -1)
        rig.step()

        def launch_in_part(table: int) -> int:
            outcome = launch(table)
            if outcome == SENT:
                agent._desk._pad.pad[0]["sent_bytes"] = left
            return outcome

        patch.setattr(intents, "launch", launch_in_part)
        seq = rig.push()
        rig.until(lambda: rig.statuses(seq)[:1] == statuses[:1], "told")
        rig.until(lambda: any(wanted in line for line in rig.lines), wanted)
    rig.until(lambda: rig.statuses(seq)[-1:] == statuses[-1:], "resolved")
    rig.until_fit()
    filled(rig)
    rig.agrees_with_venue()
    assert len(rig.names_at_venue()) == 1 + (statuses[-1] == "FILLED")


def test_the_breaker_halts_at_the_loss_limit_until_a_person_resumes(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    filled(rig, qty=0.05)
    rig.refresh_top()  # Bought at prices of now: only fee and spread are lost.
    limits = LIMITS.__class__(*(1, *[getattr(LIMITS, f) for f in LIMITS.__struct_fields__][1:]))
    write_limits(rig.house.limits, limits)
    rig.until(lambda: int(rig.account()["latch_reason"]) == LatchReason.MAX_LOSS, "tripped")
    seq = rig.push()
    rig.until(lambda: rig.statuses(seq) == ["DENIED"], "denied")
    write_limits(rig.house.limits, LIMITS)
    rig.house.latch_supervisor[0]["resume_ns"] = monotonic_ns()
    rig.until_fit()
    filled(rig, side=Side.SELL, qty=0.05)


def test_without_a_feed_only_smaller_positions_pass(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    filled(rig, qty=0.02)
    stale = msgspec.structs.replace(LIMITS, feed_stale_ns=1_000_000)
    write_limits(rig.house.limits, stale)
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.FEED_STALE, "seen")
    seq = rig.push()
    rig.until(lambda: rig.statuses(seq) == ["DENIED"], "denied")
    filled(rig, side=Side.SELL, qty=0.02)
    assert int(rig.position()["position_lots"]) == 0


def test_no_order_is_sent_while_the_ledger_is_far_behind(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    half = rig.house.reports_ledger.layout.slots // 2
    rig.house.reports_ledger.words[TAIL] += half  # As if half the ring waited for the ledger.
    agent._desk.prepare()
    seq = rig.push()
    agent.do_work(monotonic_ns())
    account = agent._books.account
    assert account.denied[Denial.REPORTS_BACKED_UP] == 1
    rig.ledger_reports.release(half)
    rig.until(lambda: rig.statuses(seq) == ["DENIED"], "denied")
    rig.until_fit()
    filled(rig)


def test_two_sessions_in_turn_keep_their_own_accounts(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    filled(rig, qty=0.03)
    assert rig.drain()
    second = new_rig(rig.venue)
    try:
        second.start()
        second.until_fit()
        assert int(second.position()["position_lots"]) == 30
        assert int(second.account()["fills"]) == 0
        assert int(second.account()["realised_e8"]) == 0
        assert int(second.account()["initial_wallet_e8"]) == parse_e8(rig.venue.wallet())
        filled(second, side=Side.SELL, qty=0.03)
        assert int(second.position()["position_lots"]) == 0
        newest = rig.venue.fills()[-1]
        assert int(second.fills_told()[-1]["trade_id"]) == newest["id"]
    finally:
        second.close()


def test_a_venue_that_began_anew_is_another_account_with_new_books(lone_rig: Rig) -> None:
    rig = lone_rig
    rig.start()
    rig.until_fit()
    filled(rig, qty=0.05)
    rig.venue.start_anew()
    rig.refresh_top()
    with pytest.raises(AccountChanged):
        rig.until(lambda: False, "noticed")
    rig.forget_agent()
    rig.reports.clear()
    rig.start()
    rig.until_fit()
    assert int(rig.position()["position_lots"]) == 0
    assert int(rig.account()["initial_wallet_e8"]) == 10_000 * E8
    filled(rig)
    rig.agrees_with_venue()


def test_a_cancel_goes_over_rest_while_the_order_session_is_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    assert agent._session is not None
    monkeypatch.setattr(agent._session._link, "may_dial", lambda _now_ns: False)
    agent._session.drop(monotonic_ns(), "cut by the test")
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    assert rig.venue.rest.open_orders("BTCUSDT") == []


def test_a_user_stream_that_is_mute_is_noticed_and_dialled_anew(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = rig.start()
    rig.until_fit()
    stream = agent._stream
    assert stream is not None
    before = stream.came_up
    with monkeypatch.context() as patch:
        patch.setattr(stream, "receive", lambda _now_ns: [])
        seq = rig.push(qty=0.03)
        rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted by the reply alone")
        rig.until(lambda: stream.came_up > before, "dialled anew")
    rig.until(lambda: rig.statuses(seq)[-1] == "FILLED", "filled in")
    rig.until_fit()
    rig.agrees_with_venue()
    assert any("not a word of it came" in line for line in rig.lines)


def test_an_order_launched_on_waking_is_folded_into_the_books(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    duty = agent.duty()
    wake = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(duty.address)
    assert wake(duty.argument) == 0, "no intent waits"
    first, second = rig.push(), rig.push()
    assert wake(duty.argument) == 1
    assert wake(duty.argument) == 0, "nothing is taken before everything is prepared anew"
    assert rig.intents_waiting() == 1
    rig.until(lambda: rig.statuses(first)[-1:] == ["FILLED"], "the one sent on waking")
    rig.until(lambda: rig.statuses(second)[-1:] == ["FILLED"], "the one after it")
    denied = rig.push(qty=-1.0)
    rig.until(lambda: agent._desk.waiting() == 1 or bool(rig.statuses(denied)), "offered")
    rig.until(lambda: rig.statuses(denied) == ["DENIED"], "denied")
    rig.agrees_with_venue()


def test_an_order_launched_on_waking_before_the_drain_is_not_lost(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    seq, duty = rig.push(), agent.duty()
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(duty.address)(duty.argument) == 1
    assert rig.drain()
    assert rig.statuses(seq)[-1] == "FILLED"
    rig.fills_and_position_agree()


def test_a_fault_in_the_order_path_ends_the_process_and_the_venue_is_asked(rig: Rig) -> None:
    agent = rig.start()
    rig.until_fit()
    agent._desk._pad.pad[0]["outcome"] = BROKEN
    with pytest.raises(RuntimeError, match="the order path failed in compiled code"):
        agent.do_work(monotonic_ns())
