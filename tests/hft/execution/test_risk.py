"""The gate's facts and the breakers against a real venue: what they know, and when they trip."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hft.clock import monotonic_ns, wall_ms
from hft.events import (
    Action,
    Denial,
    IntentFlag,
    LatchReason,
    MeasuredFrom,
    OnTrip,
    OrderType,
    Side,
    TimeInForce,
    Unfit,
)
from hft.state.decision import write_limits
from hft.state.trips import newest_trip
from hft.units import E8, MS_PER_DAY, NS_PER_S, parse_e8
from ringbuf.layout import TAIL

from .rig import LIMITS, SYMBOL, Rig, new_rig


def limit(rig: Rig, **changes: int) -> None:
    """Put limits in force."""
    wanted = msgspec.structs.replace(LIMITS, **changes)
    write_limits(rig.house.limits, wanted)
    rig.until(lambda: rig.agent._desk.limits == wanted, "in force")


def ready(rig: Rig) -> None:
    rig.start()
    rig.until_fit()


def filled(rig: Rig, **intent: Any) -> int:
    rig.refresh_top()
    seq = rig.push(**intent)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    return seq


def denied(rig: Rig, denial: Denial, **intent: Any) -> None:
    seq = rig.push(**intent)
    rig.until(lambda: bool(rig.statuses(seq)), "told")
    told = next(row for row in rig.reports if int(row["intent_seq"]) == seq)
    assert (rig.statuses(seq), Denial(int(told["reason"]))) == (["DENIED"], denial)


def resting(rig: Rig, share: float, **intent: Any) -> int:
    bid, _ = rig.venue.touch()
    price = round(bid * share, 1)
    seq = rig.push(order_type=OrderType.LIMIT, price=price, **{"qty": 0.02, **intent})
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    return seq


def tripped(rig: Rig, reason: LatchReason) -> Any:
    house = rig.house
    rig.until(lambda: int(rig.account()["latch_reason"]) == reason, f"tripped: {reason.name}")
    found = newest_trip(house.latch_supervisor[0], house.latch_gate[0])
    assert found is not None
    return found[0]


def resume(rig: Rig) -> None:
    rig.house.latch_supervisor[0]["resume_ns"] = monotonic_ns()


# The gate's facts.


def test_what_the_venue_would_refuse_for_margin_is_denied_here_and_just_below_it_passes(
    rig: Rig,
) -> None:
    ready(rig)
    limit(rig, max_position_e8=10**6 * E8, max_order_size_e8=10**6 * E8)
    free = next(row for row in rig.venue.rest.balance() if row["asset"] == "USDT")
    row = rig.venue.rest.position_risk(SYMBOL)[0]
    _, ask = rig.venue.touch()
    rig.refresh_top()
    most = float(free["availableBalance"]) * int(row["leverage"]) / ask
    rig.until(lambda: int(rig.account()["checked_ns"]) > 0, "the account was read")
    denied(rig, Denial.MARGIN_INSUFFICIENT, qty=round(most * 1.05, 3))
    seq = rig.push(qty=round(most * 0.9, 3), order_type=OrderType.LIMIT, price=round(ask * 0.99, 1))
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "let through and accepted")
    # It ties up what another of its size would need.
    denied(rig, Denial.MARGIN_INSUFFICIENT, qty=round(most * 0.3, 3))
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    filled(rig, qty=0.01)
    assert rig.venue.rest.open_orders(SYMBOL) == []


def test_what_is_shown_of_our_own_rates_is_what_the_gate_refuses_by(rig: Rig) -> None:
    ready(rig)
    limit(rig, max_orders_per_s=3, max_cancels_per_s=2)
    for _ in range(3):
        filled(rig)
    denied(rig, Denial.ORDER_RATE_ABOVE_LIMIT)
    rig.until(lambda: int(rig.account()["denied"][Denial.ORDER_RATE_ABOVE_LIMIT]) == 1, "shown")
    account = rig.account()
    assert int(account["orders_last_s"]) == 3
    full_until_ns = int(account["orders_full_until_ns"])
    assert int(account["updated_ns"]) < full_until_ns <= int(account["updated_ns"]) + NS_PER_S
    assert not int(account["changes_full_until_ns"])
    rig.until(lambda: monotonic_ns() >= full_until_ns, "a second")
    filled(rig)


def test_a_leverage_changed_at_the_venue_changes_the_margin_that_is_reckoned(rig: Rig) -> None:
    ready(rig)
    margin = rig.agent._books.margin
    before = margin.leverage[0]
    assert before == int(rig.venue.rest.position_risk(SYMBOL)[0]["leverage"])

    def set_to(leverage: int) -> None:
        rig.venue.rest.post(
            "/fapi/v1/leverage", {"symbol": SYMBOL, "leverage": leverage}, signed=True
        )
        rig.until(lambda: margin.leverage[0] == leverage, "heard")

    try:
        set_to(2)
        assert any("leverage of BTCUSDT is 2" in line for line in rig.lines)
    finally:
        set_to(before)


def test_the_worst_case_counts_what_rests_but_not_what_only_reduces(rig: Rig) -> None:
    ready(rig)
    limit(rig, max_position_e8=E8 // 20)
    filled(rig, qty=0.03)
    resting(rig, 0.98, qty=0.015)
    denied(rig, Denial.POSITION_ABOVE_LIMIT, qty=0.006)
    exits = resting(rig, 1.01, side=Side.SELL, qty=0.03, flags=IntentFlag.REDUCE_ONLY)
    # All that could be sold is the position, and 0.05 beyond it.
    second = resting(rig, 1.02, side=Side.SELL, qty=0.05)
    denied(
        rig,
        Denial.POSITION_ABOVE_LIMIT,
        side=Side.SELL,
        qty=0.002,
        order_type=OrderType.LIMIT,
        price=round(rig.venue.touch()[0] * 1.02, 1),
    )
    for seq in (exits, second):
        rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: len(rig.venue.rest.open_orders(SYMBOL)) == 1, "cancelled")


@pytest.mark.parametrize(
    ("denial", "changes"),
    [
        (Denial.NOTIONAL_ABOVE_LIMIT, {"max_notional_e8": 100 * E8}),
        (Denial.LEVERAGE_ABOVE_LIMIT, {"max_leverage_e2": 1}),
        (Denial.OPEN_ORDERS_ABOVE_LIMIT, {"max_open_orders": 1}),
    ],
)
def test_each_limit_is_judged_by_facts_from_the_venue(
    rig: Rig, denial: Denial, changes: dict[str, int]
) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    resting(rig, 0.98)
    limit(rig, **changes)
    denied(rig, denial)
    filled(rig, side=Side.SELL, qty=0.02)  # Nobody is kept from leaving.


@pytest.mark.parametrize("changes", [{"account_stale_ns": 1}, {"clock_error_max_ns": 1}])
def test_what_is_not_known_well_enough_lets_only_smaller_positions_through(
    rig: Rig, changes: dict[str, int]
) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    limit(rig, **changes)
    seq = rig.push(qty=0.01)
    rig.until(lambda: rig.statuses(seq) == ["DENIED"], "denied")
    told = next(row for row in rig.reports if int(row["intent_seq"]) == seq)
    # Fitness says the same a moment later, of everything at once.
    assert int(told["reason"]) in (
        Denial.ACCOUNT_STALE,
        Denial.CLOCK_UNCERTAIN,
        Denial.REDUCING_ONLY,
    )
    filled(rig, side=Side.SELL, qty=0.02)


def test_a_price_beyond_the_collar_never_leaves(rig: Rig) -> None:
    ready(rig)
    limit(rig, collar_e8=E8 // 50)
    bid, _ = rig.venue.touch()
    for share in (0.97, 1.03):
        price = round(bid * share, 1)
        denied(rig, Denial.PRICE_OUTSIDE_COLLAR, order_type=OrderType.LIMIT, price=price, qty=0.02)
    resting(rig, 0.99)


def test_cancels_of_a_strategy_are_counted_and_those_of_a_halt_pass(rig: Rig) -> None:
    ready(rig)
    orders = [resting(rig, share) for share in (0.96, 0.97, 0.98)]
    limit(rig, max_cancels_per_s=1)
    first, second = (rig.push(action=Action.CANCEL, target_ref=1000 + seq) for seq in orders[:2])
    rig.until(lambda: rig.statuses(second) == ["DENIED"], "the second in a second")
    rig.until(lambda: rig.statuses(orders[0])[-1] == "CANCELLED", "the first")
    assert rig.statuses(first) == []
    rig.house.latch_supervisor[0]["halt_ns"] = monotonic_ns()
    rig.until(lambda: rig.venue.rest.open_orders(SYMBOL) == [], "the halt took the others")


def test_in_reducing_what_passes_travels_as_reduce_only(rig: Rig) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    rig.house.latch_gate[0]["reduce_reason"] = LatchReason.DRAWDOWN
    rig.house.latch_gate[0]["reduce_ns"] = monotonic_ns()
    denied(rig, Denial.REDUCING_ONLY, qty=0.01)
    denied(rig, Denial.REDUCING_ONLY, qty=0.03, side=Side.SELL)
    seq = filled(rig, side=Side.SELL, qty=0.02)
    rows = rig.venue.rest.get("/fapi/v1/allOrders", {"symbol": SYMBOL}, signed=True)
    assert rows[-1]["reduceOnly"] is True
    told = next(row for row in rig.reports if int(row["intent_seq"]) == seq)
    assert int(told["flags"]) & IntentFlag.REDUCE_ONLY
    rig.agrees_with_venue()


def test_every_refusal_is_counted_and_the_log_says_how_many_there_were(rig: Rig) -> None:
    ready(rig)
    for _ in range(30):
        rig.push(qty=2.0)
    rig.push(qty=0.0)
    rig.until(lambda: any("denied 30 more" in line for line in rig.lines), "summed up")
    first = next(line for line in rig.lines if "denied intent" in line)
    assert "ORDER_SIZE_ABOVE_LIMIT: the quantity is above max_order_size" in first
    assert any("29 ORDER_SIZE_ABOVE_LIMIT, 1 QUANTITY_NOT_POSITIVE" in line for line in rig.lines)
    counts = rig.account()["denied"]
    assert int(counts[Denial.ORDER_SIZE_ABOVE_LIMIT]) == 30
    assert int(counts[Denial.QUANTITY_NOT_POSITIVE]) == 1


# The breakers.


def test_a_loss_halts_says_what_was_measured_and_trips_again_while_it_is_still_reached(
    rig: Rig,
) -> None:
    ready(rig)
    filled(rig, qty=0.05)
    limit(rig, max_loss_e8=E8 // 100)
    trip = tripped(rig, LatchReason.MAX_LOSS)
    assert trip.measured <= trip.limit == -E8 // 100
    assert trip.measured_from is MeasuredFrom.SESSION_START
    assert abs(trip.tripped_wall_ms - wall_ms()) < 60_000
    assert any("auto-stop: MAX_LOSS" in line and "limit -0.01" in line for line in rig.lines)
    denied(rig, Denial.TRADING_HALTED)
    resume(rig)
    rig.until(lambda: sum("auto-stop" in line for line in rig.lines) == 2, "tripped again")
    limit(rig, max_loss_e8=0)
    resume(rig)
    rig.until_fit()
    filled(rig, side=Side.SELL, qty=0.05)


def test_the_drawdown_counts_from_the_best_moment_which_outlives_a_death(rig: Rig) -> None:
    ready(rig)
    account = rig.agent._books.account
    filled(rig, qty=0.02)
    account.peak_pnl_e8, account.peak_wall_ms = 50 * E8, wall_ms()
    rig.until(lambda: int(rig.account()["peak_pnl_e8"]) == 50 * E8, "shown")
    rig.forget_agent()
    ready(rig)
    assert int(rig.account()["peak_pnl_e8"]) == 50 * E8
    limit(rig, max_drawdown_e8=20 * E8)
    trip = tripped(rig, LatchReason.DRAWDOWN)
    assert trip.measured_from is MeasuredFrom.PEAK
    assert trip.measured < -49 * E8


def test_the_days_loss_counts_what_earlier_sessions_of_the_day_lost(rig: Rig) -> None:
    ready(rig)
    account_epoch = bytes(rig.house.identity[0]["account_epoch"])
    second = new_rig(rig.venue)
    try:
        run = second.house.run[0]
        run["day"], run["day_base_e8"] = wall_ms() // MS_PER_DAY, 30 * E8
        run["day_account"] = account_epoch
        ready(second)
        second.until(lambda: int(second.account()["day_pnl_e8"]) <= -29 * E8, "carried on")
        limit(second, max_daily_loss_e8=25 * E8)
        trip = tripped(second, LatchReason.DAILY_LOSS)
        assert trip.measured_from is MeasuredFrom.DAY_START
        assert trip.since_wall_ms % MS_PER_DAY == 0
        second.forget_agent()
        second.start()
        second.until(lambda: int(second.account()["day_pnl_e8"]) <= -29 * E8, "after a death")
    finally:
        second.close()


def test_too_many_rejected_orders_trip_and_a_resume_counts_anew(rig: Rig) -> None:
    ready(rig)
    limit(rig, max_rejects_per_min=1, on_trip=OnTrip.REDUCE)
    _, ask = rig.venue.touch()
    taking = {"order_type": OrderType.LIMIT, "price": round(ask * 1.01, 1), "qty": 0.02}
    for _ in range(2):
        seq = rig.push(**taking, tif=TimeInForce.GTX)
        rig.until(lambda seq=seq: rig.statuses(seq) == ["REJECTED"], "rejected")
    trip = tripped(rig, LatchReason.REJECT_RATE)
    assert (trip.measured, trip.limit, trip.measured_from) == (2, 1, MeasuredFrom.LAST_MINUTE)
    denied(rig, Denial.REDUCING_ONLY, qty=0.01)
    resume(rig)
    rig.until_fit()
    filled(rig, qty=0.01)
    assert sum("auto-stop" in line for line in rig.lines) == 1


def test_told_to_reduce_it_takes_back_what_could_add_and_leaves_what_protects(rig: Rig) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    adding = resting(rig, 0.98)
    leaving = resting(rig, 1.02, side=Side.SELL, flags=IntentFlag.REDUCE_ONLY)
    rig.agent._books.account.peak_pnl_e8 = 50 * E8
    limit(rig, max_drawdown_e8=20 * E8, on_trip=OnTrip.REDUCE)
    tripped(rig, LatchReason.DRAWDOWN)
    rig.until(lambda: rig.statuses(adding)[-1] == "CANCELLED", "taken back")
    assert rig.statuses(leaving) == ["ACCEPTED"]
    filled(rig, side=Side.SELL, qty=0.02)


def test_a_strategy_too_far_behind_and_orders_too_slow_trip_their_rules(rig: Rig) -> None:
    ready(rig)
    limit(rig, latency_max_ns=1)

    def is_slow() -> bool:
        rig.push(qty=0.001)
        return int(rig.account()["latch_reason"]) == LatchReason.LATENCY

    rig.until(is_slow, "twenty orders in a minute, each above the limit")
    assert tripped(rig, LatchReason.LATENCY).measured > 1
    rig.until(lambda: int(rig.account()["open_orders"]) == 0, "settled")
    limit(rig, ring_depth_max=100)
    rig.house.shards[0].market.words[TAIL] += 101
    resume(rig)
    assert tripped(rig, LatchReason.RING_DEPTH).measured == 101


def test_the_equity_is_the_venues_to_the_last_unit_while_flat(rig: Rig) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    filled(rig, side=Side.SELL, qty=0.02)
    rig.until(lambda: int(rig.account()["fills"]) == len(rig.fills_told()), "shown")
    rig.until(lambda: int(rig.account()["equity_e8"]) == parse_e8(rig.venue.wallet()), "the same")
    assert int(rig.account()["unfit"]) == Unfit.NONE


def test_an_uncertain_clock_lets_only_smaller_positions_through(rig: Rig) -> None:
    ready(rig)
    filled(rig, qty=0.02)
    limit(rig, clock_error_max_ns=1)
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.CLOCK_UNCERTAIN, "seen")
    denied(rig, Denial.REDUCING_ONLY)
    filled(rig, side=Side.SELL, qty=0.02)
