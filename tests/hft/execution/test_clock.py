"""The venue's clock while the house runs: asked all the time, doubted when something moves."""

from __future__ import annotations

import msgspec
import pytest

from hft.clock import wall_ns
from hft.events import Action, OrderType, Side, TradingState, Unfit
from hft.execution import order_session, timekeeper
from hft.state.decision import write_limits
from hft.units import NS_PER_MS, NS_PER_S

from .rig import LIMITS, Rig

ERROR_MAX_NS = 500 * NS_PER_MS


@pytest.fixture
def rig(faulty_rig: Rig) -> Rig:
    return faulty_rig


@pytest.fixture
def strict(rig: Rig) -> Rig:
    limits = msgspec.structs.replace(LIMITS, clock_error_max_ns=ERROR_MAX_NS)
    write_limits(rig.house.limits, limits)
    return rig


def filled(rig: Rig, **changes: object) -> int:
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    return seq


def mute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody ask for the venue's clock."""
    monkeypatch.setattr(order_session.OrderSession, "_ask_time", lambda *_: None)


def test_it_is_measured_again_and_again_and_shown_with_its_uncertainty(strict: Rig) -> None:
    rig = strict
    rig.start()
    rig.until_fit()
    clock = rig.clock()
    asked_ns = clock.asked_ns
    rig.agent_asks_time()
    rig.until(lambda: clock.asked_ns > asked_ns, "asked again")
    rig.until(lambda: int(rig.account()["updated_ns"]) > clock.asked_ns, "shown")
    account = rig.account()
    assert abs(int(account["clock_offset_ns"])) <= int(account["clock_error_ns"])
    assert 0 < int(account["clock_error_ns"]) < ERROR_MAX_NS


def test_a_step_of_our_own_clock_moves_no_timestamp_and_lets_only_reductions_through(
    strict: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = strict
    rig.start()
    rig.until_fit()
    filled(rig, qty=0.02)
    mute(monkeypatch)
    monkeypatch.setattr(timekeeper, "wall_ns", lambda: wall_ns() + 3_600 * NS_PER_S)
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.CLOCK_UNCERTAIN, "uncertain")
    assert int(rig.account()["trading_state"]) == TradingState.REDUCING
    assert any("our clock was set" in line for line in rig.lines)
    filled(rig, side=Side.SELL)
    assert not any("-1021" in line for line in rig.lines)
    monkeypatch.undo()
    rig.agent_asks_time()
    rig.until_fit()
    filled(rig, side=Side.SELL)
    rig.agrees_with_venue()


def test_without_the_order_session_rest_is_asked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.start()
    rig.until_fit()
    clock = rig.clock()
    mute(monkeypatch)
    monkeypatch.setattr(timekeeper, "REST_AFTER_NS", NS_PER_S // 5)
    asked_ns = clock.asked_ns
    rig.until(lambda: clock.asked_ns > asked_ns, "asked over REST")


@pytest.mark.parametrize("error", ["late", "late_to_match"])
def test_a_refused_time_is_tried_once_more_and_a_second_refusal_is_the_end(
    rig: Rig, error: str
) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike(kind="http_error", error=error, count=1)
    filled(rig)
    rig.venue.strike(kind="http_error", error=error, count=2)
    lost = rig.push()
    rig.until(lambda: rig.statuses(lost) == ["REJECTED"], "rejected")
    assert len(rig.names_at_venue()) == 1
    rig.agrees_with_venue()


@pytest.mark.parametrize("error", ["late", "late_to_match"])
def test_a_cancel_whose_time_was_refused_is_asked_again(rig: Rig, error: str) -> None:
    rig.start()
    rig.until_fit()
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    rig.venue.strike(kind="http_error", error=error, requests=["order.cancel"], count=2)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")


def test_a_refused_time_is_not_tried_again_once_the_intent_is_old(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = msgspec.structs.replace(LIMITS, intent_expiry_ns=200 * NS_PER_MS)
    write_limits(rig.house.limits, limits)
    rig.start()
    rig.until_fit()
    mute(monkeypatch)
    rig.venue.strike(kind="http_error", error="late", count=1)
    seq = rig.push()
    rig.until(lambda: rig.statuses(seq) == ["REJECTED"], "given up")
    assert rig.names_at_venue() == []
    rig.agrees_with_venue()


def test_an_order_whose_answer_is_lost_while_the_clock_is_off_is_never_sent_again(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike(kind="lost_ack", then="close", count=1)
    filled(rig)
    rig.until_fit()
    assert len(rig.names_at_venue()) == 1
    rig.agrees_with_venue()
