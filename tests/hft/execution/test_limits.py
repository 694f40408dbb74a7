"""The venue's limits, bans and clock steps against a house that trades on, over real sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from hft.binance.budget import Budget, Ticket, Use
from hft.binance.costs import Cost
from hft.binance.rest import Rest, VenueError
from hft.binance.window import VenueTime
from hft.clock import monotonic_ns
from hft.events import Action, Denial, OrderType, Side, Unfit
from hft.state.decision import write_limits
from hft.units import NS_PER_S

from .rig import KEYS, LIMITS, SYMBOL, Rig, Venue, rig_at, venue_running

ALL_ORDERS_WEIGHT = 40
ENDS = (["FILLED"], ["DENIED"], ["REJECTED"])
EVERYTHING = ["POST *", "GET /fapi/*", "DELETE *", "PUT *", "order.*", "time"]


@pytest.fixture
def rig(faulty_rig: Rig) -> Rig:
    return faulty_rig


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    """What every request cost that was let go, oldest first."""
    costs: list[Cost] = []
    spend = Budget.spend

    def listen(budget: Budget, use: Use, cost: Cost, now: VenueTime) -> Ticket:
        costs.append(cost)
        return spend(budget, use, cost, now)

    monkeypatch.setattr(Budget, "spend", listen)
    return costs


@pytest.fixture
def crowded_rig() -> Iterator[Rig]:
    """A house at a venue of its own that keeps its limits, so that they may be used up."""
    with venue_running("--seed", "5", limits="venue") as running:
        yield from rig_at(running)


def trade(rig: Rig, side: Side = Side.BUY) -> None:
    seq = rig.push(side=side)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")


def resting_order(rig: Rig) -> int:
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["ACCEPTED"], "accepted")
    return seq


def use_weight(venue: Venue, weight: int) -> None:
    """Somebody else at this address asks for much."""
    stranger = Rest(venue.url, KEYS)
    for _ in range(weight // ALL_ORDERS_WEIGHT):
        stranger.open_orders()
    stranger.close()


def orders_by_hand(rig: Rig, count: int) -> None:
    """Send so many orders of this account early in a window of ten seconds; nothing trades."""
    rig.until(lambda: rig.clock().venue_ms() % 10_000 < 4_000, "a young window")
    bid, _ = rig.venue.touch()
    far = {"type": "LIMIT", "timeInForce": "IOC", "price": str(round(bid * 0.96, 1))}
    by_hand = Rest(rig.venue.url, KEYS)
    with contextlib.suppress(VenueError):  # As many as the venue takes.
        for _ in range(count):
            by_hand.place({"symbol": SYMBOL, "side": "BUY", "quantity": "0.01", **far})
    by_hand.close()


def agrees(rig: Rig) -> None:
    rig.until_fit()
    rig.until(lambda: int(rig.account()["open_orders"]) == 0, "nothing is open")
    rig.agrees_with_venue()


def test_what_the_venue_tells_of_its_limits_is_shown_with_what_others_used(
    crowded_rig: Rig,
) -> None:
    rig = crowded_rig
    rig.start()
    rig.until_fit()
    trade(rig)
    account = rig.account
    rig.until(lambda: int(account()["orders_1m_used"]) >= 1, "our order is counted")
    limits = [int(account()[f"{name}_limit"]) for name in ("weight", "orders_10s", "orders_1m")]
    assert limits == [2_400, 300, 1_200]
    use_weight(rig.venue, 400)
    rig.agent_asks_time()
    rig.until(lambda: int(account()["weight_used"]) >= 400, "others at the address count")
    agrees(rig)


def test_while_requests_are_limited_orders_go_on_and_nothing_that_weighs_is_asked(
    rig: Rig, asked: list[Cost]
) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike(kind="too_many", requests=["GET /fapi/*", "time"], retry_after_s=1, count=1)
    rig.agent_asks_time()
    rig.until(lambda: int(rig.account()["limited_until_ns"]) > monotonic_ns(), "limited")
    until_ns = int(rig.account()["limited_until_ns"])
    asked.clear()
    while monotonic_ns() < until_ns - NS_PER_S // 4:
        trade(rig)
        trade(rig, Side.SELL)
        paused_ns = monotonic_ns() + NS_PER_S // 10
        rig.until(lambda due_ns=paused_ns: monotonic_ns() > due_ns)
    assert sum(cost.orders for cost in asked) > 2
    assert sum(cost.weight for cost in asked) == 0, "obeyed to the second"
    assert any("requests are limited" in line for line in rig.lines)
    rig.until(lambda: monotonic_ns() > until_ns)
    agrees(rig)


def test_a_ban_stops_everything_until_the_second_it_ends(rig: Rig, asked: list[Cost]) -> None:
    rig.start()
    rig.until_fit()
    resting = resting_order(rig)
    rig.venue.strike(kind="too_many", requests=EVERYTHING, status=418, retry_after_s=1, count=1)
    rejected = rig.push()
    rig.until(lambda: rig.statuses(rejected) == ["REJECTED"], "rejected")
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.BANNED, "banned")
    asked.clear()
    denied = rig.push()
    rig.until(lambda: rig.statuses(denied) == ["DENIED"], "denied")
    rig.push(action=Action.CANCEL, target_ref=1000 + resting)
    until_ns = int(rig.account()["banned_until_ns"])
    while monotonic_ns() < until_ns - NS_PER_S // 4:
        rig.step()
    assert asked == []
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "what had to wait is cancelled")
    rig.until_fit()
    trade(rig)
    assert any("banned" in line for line in rig.lines)
    agrees(rig)


def test_a_house_that_dies_under_a_ban_does_not_ask_again_before_its_end(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike(kind="too_many", requests=EVERYTHING, status=418, retry_after_s=1, count=1)
    rejected = rig.push()
    rig.until(lambda: rig.statuses(rejected) == ["REJECTED"], "rejected")
    rig.until(lambda: int(rig.account()["banned_until_ns"]) > monotonic_ns(), "banned")
    until_ns = int(rig.account()["banned_until_ns"])
    rig.forget_agent()
    rig.start()
    assert monotonic_ns() >= until_ns
    rig.until(lambda: int(rig.account()["updated_ns"]) > until_ns, "shown")
    rig.until_fit()
    trade(rig)
    agrees(rig)


def test_a_cancel_that_is_refused_for_the_rate_is_asked_again_in_time(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    resting = [resting_order(rig) for _ in range(3)]
    rig.venue.strike(kind="too_many", requests=["order.cancel"], retry_after_s=1, count=1)
    rig.push(action=Action.CANCEL_ALL)
    for seq in resting:
        rig.until(lambda seq=seq: rig.statuses(seq)[-1:] == ["CANCELLED"], "cancelled")
    assert rig.venue.rest.open_orders(SYMBOL) == []
    agrees(rig)


def test_what_is_kept_for_cancels_is_left_to_them(crowded_rig: Rig) -> None:
    rig = crowded_rig
    rig.start()
    rig.until_fit()
    resting = resting_order(rig)
    use_weight(rig.venue, 2_200)
    rig.agent_asks_time()
    rig.until(lambda: int(rig.account()["weight_used"]) > 2_000, "nearly used up")
    trade(rig)
    rig.push(action=Action.CANCEL, target_ref=1000 + resting)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "cancelled from the reserve")
    rig.fills_and_position_agree()


def test_too_many_orders_of_the_account_stop_orders_until_the_second_and_cancels_go_on(
    rig: Rig,
) -> None:
    rig.start()
    rig.until_fit()
    resting = resting_order(rig)
    rig.venue.strike(
        kind="too_many", requests=["order.place"], code=-1015, retry_after_s=1, count=1
    )
    rejected = rig.push()
    rig.until(lambda: rig.statuses(rejected) == ["REJECTED"], "rejected")
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.RATE_LIMITED, "it is shown")
    denied = rig.push()
    rig.until(lambda: rig.statuses(denied) == ["DENIED"], "denied")
    rig.push(action=Action.CANCEL, target_ref=1000 + resting)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "cancels go on")
    rig.until_fit()
    trade(rig)
    agrees(rig)


def test_the_last_orders_of_a_window_are_denied_here_and_cancels_pass(crowded_rig: Rig) -> None:
    rig = crowded_rig
    rig.start()
    rig.until_fit()
    resting = resting_order(rig)
    orders_by_hand(rig, 275)
    denied = 0
    while rig.statuses(denied) != ["DENIED"]:
        if denied and rig.clock().venue_ms() % 10_000 < 4_000:
            orders_by_hand(rig, 275)  # The window turned meanwhile.
        denied = rig.push()
        # The reply to the first tells how many there were.
        rig.until(lambda seq=denied: rig.statuses(seq)[-1:] in ENDS, "told")
    told = next(row for row in rig.reports if int(row["intent_seq"]) == denied)
    assert int(told["reason"]) == Denial.RATE_BUDGET_SPENT
    rig.push(action=Action.CANCEL, target_ref=1000 + resting)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "cancelled")
    rig.fills_and_position_agree()


@pytest.mark.parametrize("step_ms", [10_000, -10_000])
def test_an_order_refused_for_its_time_is_sent_once_more_under_its_name(
    rig: Rig, step_ms: int
) -> None:
    write_limits(rig.house.limits, LIMITS)
    rig.start()
    rig.until_fit()
    trade(rig)
    rig.venue.strike(kind="clock_step", step_ms=step_ms, duration_ms=1_200)
    rig.until(rig.venue.stepped, "stepped")
    trade(rig)
    rig.until(lambda: not rig.venue.stepped(), "stepped back")
    resting = resting_order(rig)
    rig.push(action=Action.CANCEL, target_ref=1000 + resting)
    rig.until(lambda: rig.statuses(resting)[-1:] == ["CANCELLED"], "cancelled")
    assert any("sent once more" in line for line in rig.lines)
    assert any("moved" in line for line in rig.lines)
    assert len(rig.names_at_venue()) == len(set(rig.names_at_venue()))
    agrees(rig)


def test_an_overloaded_venue_is_sent_nothing_that_enters_for_a_while(rig: Rig) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike(kind="http_error", error="throttled", count=1)
    seq = rig.push()
    rig.until(lambda: rig.statuses(seq) == ["REJECTED"], "rejected")
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.RATE_LIMITED, "it is shown")
    agrees(rig)
    trade(rig)
    agrees(rig)


@pytest.mark.parametrize("scenario", ["too_many", "throttled"])
def test_under_a_scenario_the_books_are_the_venues_to_the_last_unit(
    rig: Rig, scenario: str
) -> None:
    rig.start()
    rig.until_fit()
    rig.venue.strike_all(scenario)
    ends = ("FILLED", "REJECTED", "DENIED")
    for number in range(30):
        side = Side.BUY if number % 2 else Side.SELL
        seq = rig.push(side=side)
        rig.until(lambda seq=seq: rig.statuses(seq)[-1:] != [] and rig.statuses(seq)[-1] in ends)
    rig.venue.forget_faults()
    agrees(rig)
