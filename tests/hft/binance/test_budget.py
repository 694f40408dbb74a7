"""The budget against a plain venue: never more than its limits, whatever the order of replies."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.binance.budget import (
    MINUTE_MS,
    ORDERS_RESERVE,
    TEN_SECONDS_MS,
    WEIGHT_RESERVE,
    Budget,
    Refused,
    Ticket,
    Use,
)
from hft.binance.costs import UNLISTED_WEIGHT, Cost, cost_of
from hft.binance.window import LOST_AFTER_MS, VenueTime, full_in_s
from hft.simulator.rest import ROUTES
from hft.simulator.ws_api import METHODS

START_MS = 1_790_000_000_000 - 1_790_000_000_000 % MINUTE_MS
LIMITS = (60, 12, 30)
NOTHING = (None, None, None)
PLACE, CANCEL = cost_of("order.place"), cost_of("order.cancel")


def rows(weight: int, ten_seconds: int, minute: int) -> list[dict[str, str | int]]:
    named = (("REQUEST_WEIGHT", "MINUTE", 1), ("ORDERS", "SECOND", 10), ("ORDERS", "MINUTE", 1))
    limits = (weight, ten_seconds, minute)
    return [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for (kind, interval, number), limit in zip(named, limits, strict=True)
    ]


def exactly(now_ms: int, error_ms: int = 0) -> VenueTime:
    return VenueTime(now_ms - error_ms, now_ms + error_ms)


class PlainVenue:
    """Counts in calendar windows by its own clock, as the real one does."""

    def __init__(self) -> None:
        self.counted: list[tuple[int, Cost]] = []

    def count(self, now_ms: int, cost: Cost) -> tuple[int, int, int]:
        self.counted.append((now_ms, cost))
        return self.used(now_ms)

    def used(self, now_ms: int) -> tuple[int, int, int]:
        minute, ten = now_ms // MINUTE_MS, now_ms // TEN_SECONDS_MS
        in_minute = [cost for at_ms, cost in self.counted if at_ms // MINUTE_MS == minute]
        in_ten = [cost for at_ms, cost in self.counted if at_ms // TEN_SECONDS_MS == ten]
        return (
            sum(cost.weight for cost in in_minute),
            sum(cost.orders for cost in in_ten),
            sum(cost.orders for cost in in_minute),
        )


class Travelling(msgspec.Struct):
    """A request on its way: when the venue counts it, when its reply is here, if ever."""

    ticket: Ticket
    counted_ms: int
    heard_ms: int
    tells: bool
    told: tuple[int, int, int] | None = None


class World:
    """A budget that asks a plain venue over slow roads, by a clock that is off."""

    def __init__(self, off_ms: int, error_ms: int) -> None:
        self.venue = PlainVenue()
        self.budget = Budget()
        self.budget.learn(rows(*LIMITS))
        self.off_ms, self.error_ms = off_ms, error_ms
        self.now_ms = START_MS
        self.roads: list[Travelling] = []
        self.done: list[Travelling] = []

    def seen(self) -> VenueTime:
        return exactly(self.now_ms + self.off_ms, self.error_ms)

    def pass_time(self, span_ms: int) -> None:
        """Let requests arrive and replies come, each at its moment."""
        end_ms = self.now_ms + span_ms
        while True:
            moments = [each.counted_ms for each in self.roads if each.told is None]
            moments += [each.heard_ms for each in self.roads if each.told is not None]
            due_ms = min(moments, default=end_ms + 1)
            if due_ms > end_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            for each in list(self.roads):
                if each.told is None and each.counted_ms <= self.now_ms:
                    each.told = self.venue.count(self.now_ms, each.ticket.cost)
                    self.done.append(each)
                    self.check()
                elif each.told is not None and each.heard_ms <= self.now_ms:
                    self.hear(each)
        self.now_ms = end_ms

    def pause(self, pause_ms: int) -> None:
        """Wait; a negative span ends around the beginning of the next ten seconds."""
        if pause_ms < 0:
            pause_ms = max(0, TEN_SECONDS_MS - self.now_ms % TEN_SECONDS_MS + pause_ms + 2_000)
        self.pass_time(pause_ms)

    def hear(self, each: Travelling) -> None:
        self.roads.remove(each)
        if each.tells:
            assert each.told is not None
            self.budget.hear(each.ticket, each.told, self.seen())
        else:
            self.budget.hear(each.ticket, NOTHING, self.seen())

    def check(self) -> None:
        minute, kept = self.now_ms // MINUTE_MS, int(LIMITS[0] * WEIGHT_RESERVE)
        others = sum(
            each.ticket.cost.weight
            for each in self.done
            if each.counted_ms // MINUTE_MS == minute and each.ticket.use is not Use.CANCEL
        )
        assert others <= LIMITS[0] - kept, "what is kept for cancels is theirs"
        for used, limit in zip(self.venue.used(self.now_ms), LIMITS, strict=True):
            assert used <= limit

    def ask(self, use: Use, cost: Cost, roads: tuple[int, int], *, tells: bool) -> bool:
        out_ms, back_ms = roads
        if self.budget.wait_until_ms(use, cost, self.seen()):
            return False
        ticket = self.budget.spend(use, cost, self.seen())
        counted_ms = self.now_ms + out_ms
        self.roads.append(Travelling(ticket, counted_ms, counted_ms + back_ms, tells))
        return True


requests = st.sampled_from(
    [(Use.CANCEL, CANCEL), (Use.NEEDED, PLACE), (Use.NEEDED, Cost(5)), (Use.PERIODIC, Cost(10))]
)
ways = st.integers(0, 300) | st.integers(0, 3_000)
pauses = st.integers(0, 4_000) | st.integers(-1_000, 1_000).map(lambda around: -2_000 + around)
"""How long to wait; below zero: until less than a second before or after the next ten begin."""
Step = tuple[tuple[Use, Cost], tuple[int, int], bool, int, int]
steps = st.lists(
    st.tuples(requests, st.tuples(ways, ways), st.booleans(), pauses, st.integers(1, 20)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(steps=steps, error_ms=st.integers(0, 400), data=st.data())
def test_the_venue_never_counts_more_than_it_allows_and_cancels_always_have_room(
    steps: list[Step],
    error_ms: int,
    data: st.DataObject,
) -> None:
    world = World(data.draw(st.integers(-error_ms, error_ms)), error_ms)
    for (use, cost), roads, tells, pause_ms, times in steps:
        for _ in range(times):
            world.ask(use, cost, roads, tells=tells)
        world.pause(pause_ms)
    world.pass_time(10_000)


@settings(max_examples=100, deadline=None)
@given(steps=steps)
def test_with_a_clock_that_is_right_all_that_is_used_is_what_the_venue_counted(
    steps: list[Step],
) -> None:
    """Once everything is heard, nothing is left aside: the budget is no miser."""
    world = World(0, 0)
    for (use, cost), roads, _, pause_ms, times in steps:
        for _ in range(times):
            world.ask(use, cost, roads, tells=True)
        world.pause(pause_ms)
    world.pass_time(MINUTE_MS - world.now_ms % MINUTE_MS + 7_000)
    world.pass_time(MINUTE_MS - world.now_ms % MINUTE_MS + 1)
    world.ask(Use.NEEDED, PLACE, (0, 0), tells=True)
    world.pass_time(0)
    world.ask(Use.NEEDED, Cost(5), (1, 1), tells=True)
    world.pass_time(5)
    used = [window.used for window in world.budget.windows]
    assert used == list(world.venue.used(world.now_ms))


def spend_all(budget: Budget, use: Use, cost: Cost, now: VenueTime) -> int:
    """Ask until one has to wait, each answered at once; gives how many were let go."""
    count = 0
    while not budget.wait_until_ms(use, cost, now):
        budget.hear(budget.spend(use, cost, now), NOTHING, now)
        count += 1
    return count


def full_budget() -> tuple[Budget, VenueTime]:
    budget, now = Budget(), exactly(START_MS + 1_000)
    budget.learn(rows(100, 20, 40))
    spend_all(budget, Use.NEEDED, Cost(1), now)
    return budget, now


def test_what_can_wait_waits_first_then_what_is_needed_and_cancels_last() -> None:
    budget, now = Budget(), exactly(START_MS)
    budget.learn(rows(100, 20, 40))
    let_go = {}
    for use in (Use.PERIODIC, Use.NEEDED, Use.CANCEL):
        spend_all(budget, use, Cost(1), now)
        let_go[use] = budget.weight.used
    assert let_go == {Use.PERIODIC: 50, Use.NEEDED: 80, Use.CANCEL: 100}
    assert budget.wait_until_ms(Use.CANCEL, Cost(1), now) == START_MS + MINUTE_MS
    assert budget.wait_until_ms(Use.CANCEL, Cost(1), exactly(START_MS + MINUTE_MS)) == 0


def test_orders_weigh_nothing_and_go_on_while_requests_are_limited() -> None:
    budget, now = full_budget()
    ticket = budget.spend(Use.NEEDED, Cost(5), now)
    budget.hear(ticket, NOTHING, now)
    budget.refuse(ticket, Refused(429, -1003, now.earliest_ms + 7_000), now)
    assert budget.wait_until_ms(Use.NEEDED, PLACE, now) == 0
    assert budget.wait_until_ms(Use.NEEDED, Cost(1), now) == START_MS + MINUTE_MS
    later = exactly(now.earliest_ms + MINUTE_MS)
    assert budget.wait_until_ms(Use.NEEDED, Cost(1), later) == 0


def test_a_limit_is_obeyed_to_the_second_and_one_cancel_may_try() -> None:
    budget, now = Budget(), exactly(START_MS)
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.PERIODIC, Cost(5), now)
    budget.refuse(ticket, Refused(429, -1003, START_MS + 7_000), now)
    assert budget.wait_until_ms(Use.NEEDED, Cost(1), exactly(START_MS + 6_999)) != 0
    assert budget.wait_until_ms(Use.NEEDED, Cost(1), exactly(START_MS + 7_000)) == 0
    assert budget.wait_until_ms(Use.CANCEL, CANCEL, now) == 0
    cancel = budget.spend(Use.CANCEL, CANCEL, now)
    budget.refuse(cancel, Refused(429, -1003, START_MS + 7_000), now)
    assert budget.wait_until_ms(Use.CANCEL, CANCEL, exactly(START_MS + 6_999)) != 0
    assert budget.wait_until_ms(Use.CANCEL, CANCEL, exactly(START_MS + 7_000)) == 0


def test_too_many_orders_stops_orders_until_the_window_turns_and_nothing_else() -> None:
    budget, now = Budget(), exactly(START_MS + 3_000)
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.NEEDED, PLACE, now)
    text = "Too many new orders; current limit is 20 orders per TEN_SECONDS."
    budget.refuse(ticket, Refused(429, -1015, 0, text), now)
    assert budget.orders_wait_until_ms(now) == START_MS + TEN_SECONDS_MS
    assert budget.wait_until_ms(Use.CANCEL, CANCEL, now) == 0
    assert budget.wait_until_ms(Use.PERIODIC, Cost(5), now) == 0
    assert budget.orders_wait_until_ms(exactly(START_MS + TEN_SECONDS_MS)) == 0


def test_a_ban_stops_everything_to_the_second() -> None:
    budget, now = Budget(), exactly(START_MS)
    ticket = budget.spend(Use.NEEDED, Cost(1), now)
    budget.refuse(ticket, Refused(418, -1003, START_MS + 120_000), now)
    for use, cost in ((Use.CANCEL, CANCEL), (Use.NEEDED, PLACE), (Use.PERIODIC, Cost(0))):
        assert budget.wait_until_ms(use, cost, exactly(START_MS + 119_999)) != 0
        assert budget.wait_until_ms(use, cost, exactly(START_MS + 120_000)) == 0


def test_the_last_orders_of_a_window_are_kept_for_flatten() -> None:
    budget, now = Budget(), exactly(START_MS)
    budget.learn(rows(2_400, 300, 1_200))
    sent = spend_all(budget, Use.NEEDED, PLACE, now)
    assert sent == 300 - int(300 * ORDERS_RESERVE)


def test_a_lost_request_counts_as_long_as_the_venue_may_still_count_it() -> None:
    budget, now = Budget(), exactly(START_MS + MINUTE_MS - 2_000)
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.NEEDED, Cost(7), now)
    budget.lose(ticket, now)
    budget.turn(exactly(START_MS + MINUTE_MS))
    assert budget.weight.used == 7, "it may have been counted a little later"
    after = exactly(START_MS + MINUTE_MS + LOST_AFTER_MS)
    asked = budget.spend(Use.NEEDED, Cost(1), after)
    budget.hear(asked, (1, None, None), after)
    assert budget.weight.used == 1, "the venue's count speaks of it too"


def test_the_use_of_others_at_this_address_is_known_from_the_replies() -> None:
    budget, now = Budget(), exactly(START_MS)
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.NEEDED, Cost(1), now)
    budget.hear(ticket, (79, None, None), now)
    assert budget.wait_until_ms(Use.NEEDED, Cost(1), now) == 0
    assert budget.wait_until_ms(Use.NEEDED, Cost(2), now) == START_MS + MINUTE_MS


def test_a_pace_that_fills_the_window_is_foreseen() -> None:
    assert full_in_s(1_200, 2_400, START_MS + 12_000, MINUTE_MS) == 12.0
    assert full_in_s(400, 2_400, START_MS + 12_000, MINUTE_MS) is None
    assert full_in_s(0, 2_400, START_MS + 12_000, MINUTE_MS) is None
    assert full_in_s(2_500, 2_400, START_MS + 12_000, MINUTE_MS) == 0.0


def test_costs_are_those_of_the_venue() -> None:
    for (method, path), route in ROUTES.items():
        for params in ({"symbol": "BTCUSDT"}, {}):
            listed = cost_of(f"{method} {path}", params)
            if listed.weight < UNLISTED_WEIGHT:
                assert listed == Cost(route.weigh(params), route.orders), path
    for name, route in METHODS.items():
        listed = cost_of(name)
        if listed.weight < UNLISTED_WEIGHT:
            assert listed == Cost(route.weigh({}), route.orders), name


def test_a_count_of_the_last_window_does_not_burden_the_next() -> None:
    budget, before = Budget(), exactly(START_MS + MINUTE_MS - 10)
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.NEEDED, Cost(5), before)
    budget.hear(ticket, (80, None, None), exactly(START_MS + MINUTE_MS + 10))
    assert budget.weight.used == 5, "only itself may be in the new one"


def test_a_reply_at_the_turn_may_have_been_counted_after_it() -> None:
    """By a clock that may be 50 ms off the old window lasts on, and the venue is in the new one."""
    turn_ms, budget = START_MS + MINUTE_MS, Budget()
    budget.learn(rows(100, 20, 40))
    ticket = budget.spend(Use.NEEDED, Cost(5), exactly(turn_ms - 30, 50))
    budget.hear(ticket, (5, None, None), exactly(turn_ms + 20, 50))
    budget.turn(exactly(turn_ms + 50, 50))
    assert budget.weight.used == 5
