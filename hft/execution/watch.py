"""The look around between orders: what is up, what may be sent, what must be asked."""

from __future__ import annotations

from typing import NamedTuple

from hft.agent.contract import Context
from hft.events import Agreement, Role, TradingState, Unfit
from hft.execution.allowance import Allowance
from hft.execution.asset_prices import AssetPrices
from hft.execution.books import Books
from hft.execution.breakers import Breakers
from hft.execution.canceller import Canceller
from hft.execution.check import Checker
from hft.execution.countdown import Countdown, Wish
from hft.execution.errands import Errands
from hft.execution.fitness import Conditions, fitness_of
from hft.execution.incomes import Incomes
from hft.execution.intents import IntentDesk, RiskGate
from hft.execution.order_session import OrderSession
from hft.execution.reconcile import Reconciler
from hft.execution.second_tries import SecondTries
from hft.execution.timekeeper import Timekeeper
from hft.execution.times import Times
from hft.execution.user_stream import UserStream
from hft.seats import Seat, seats_in
from hft.state.blocks import Life
from hft.state.decision import Limits, read_limits
from hft.state.latch import Latch, latch_of
from hft.topology import PROCESSES
from hft.units import NS_PER_MS

LOOK_EVERY_NS = 5 * NS_PER_MS
SHOW_EVERY_NS = 100 * NS_PER_MS
SHOW_CHANGE_EVERY_NS = NS_PER_MS

_HEARTBEAT_MAX_NS = {spec.role: spec.heartbeat_max_ns for spec in PROCESSES}


class Guards(NamedTuple):
    """What stands between the house and the venue's patience."""

    allowance: Allowance
    timekeeper: Timekeeper
    second_tries: SecondTries
    countdown: Countdown


class Lookouts(NamedTuple):
    """What looks at the account over REST, each in its own time."""

    checker: Checker
    incomes: Incomes
    prices: AssetPrices


class Watch:
    """Keeps sockets up, judges fitness, trips the breaker, publishes, and asks what is due."""

    def __init__(
        self,
        ctx: Context,
        books: Books,
        gate: RiskGate,
        desk: IntentDesk,
        ways: tuple[OrderSession, UserStream, Errands, Reconciler, Canceller],
        guards: tuple[Guards, Lookouts],
        times: Times,
    ) -> None:
        self._house = ctx.house
        self._log = ctx.log
        self._books = books
        self._desk = desk
        self._session, self._stream, self._errands, self._reconciler, self._canceller = ways
        self._guards, self._lookouts = guards
        self._times = times
        self._standing = desk.standing
        self._streams_seen = 0
        shards = len(ctx.house.shards)
        self._feeds = seats_in(Role.FEED, shards)
        self._strategies = seats_in(Role.STRATEGY, shards)
        self._strategies_died_ns = list(map(self._death, self._strategies))
        self._next_show_ns = self._next_change_ns = self._next_look_ns = 0
        self._shown = -1
        self._was_fit = False
        self._breakers = Breakers(ctx, books, gate, desk, self._errands)
        self._well = False

    def tick(self, now_ns: int) -> None:
        """Look around, if it is time."""
        if self._books.reports.written != self._shown and now_ns >= self._next_change_ns:
            self.show(now_ns)
        if now_ns < self._next_look_ns:
            return
        self._next_look_ns = now_ns + LOOK_EVERY_NS
        self._keep_up(now_ns)
        self._mind_the_strategies()
        limits = read_limits(self._house.limits)
        if limits is not None:
            self._desk.limits = limits
        self._guards.allowance.tick(now_ns)
        self._judge(now_ns, self._desk.limits)
        self._guards.second_tries.tick()
        self.mind_the_countdown(now_ns)
        self._ask_what_is_due(now_ns)
        self._desk.denials.tell_rest(now_ns)
        if now_ns >= self._next_show_ns:
            self.show(now_ns)

    @property
    def countdown_is_off(self) -> bool:
        """Say whether the venue counts nothing down for us."""
        return self._guards.countdown.is_off

    def mind_the_countdown(self, now_ns: int, *, leaving: bool = False) -> None:
        """Have the venue cancel everything should we fall silent; `leaving`: not any more."""
        countdown = self._guards.countdown
        countdown.poll(now_ns)
        wish = Wish.ON if self._well else Wish.RUN_OUT
        halted = self._standing.latch.halted and self._well
        if (leaving or halted) and self._canceller.is_done():
            wish = Wish.OFF
        if countdown.tick(now_ns, wish):
            self._reconciler.want(now_ns)

    def _drop_mute_stream(self, now_ns: int) -> None:
        """Dial the stream anew when the venue acknowledged something and the stream never told."""
        overdue = self._books.owed.overdue(now_ns, self._times.mute_ns)
        if overdue:
            self._stream.drop_mute(now_ns, overdue)

    def _keep_up(self, now_ns: int) -> None:
        self._session.tick(now_ns)
        self._stream.tick(now_ns)
        if self._stream.came_up != self._streams_seen:
            self._streams_seen = self._stream.came_up
            self._books.owed.forgive()
            self._reconciler.want(now_ns, disagreed=True)
            if not self._reconciler.is_new:
                self._lookouts.incomes.want(now_ns)
        if self._stream.up and not self._reconciler.holding:
            self._drop_mute_stream(now_ns)
        self._compare_positions(now_ns)
        if self._books.is_puzzled:
            self._books.is_puzzled = False
            self._reconciler.want(now_ns, disagreed=True)
        if not self._reconciler.pending and next(self._books.orders.unknown(), None) is not None:
            self._reconciler.want(now_ns)
        self._reconciler.tick(now_ns, stream_up=self._stream.up)

    def _compare_positions(self, now_ns: int) -> None:
        """A position that the three ways tell differently for some time is looked into."""
        books = self._books
        agreement = books.judge_agreement(now_ns, self._times.disagree_ns)
        if agreement is not Agreement.DISAGREED or self._reconciler.pending:
            return
        for symbol, view in enumerate(books.views):
            if view.agreement is Agreement.DISAGREED:
                spec, ours = books.specs[symbol], books.positions[symbol].lots
                self._log.warning(
                    f"{books.symbols[symbol]}: our fills give {spec.qty_text(ours)}, the user "
                    f"stream told {spec.qty_text(view.stream_lots)}, REST "
                    f"{spec.qty_text(view.rest_lots)}: the venue is asked"
                )
        self._reconciler.want(now_ns)

    def _death(self, seat: Seat) -> int:
        return int(self._house.orders_to[seat]["died_ns"])

    def _mind_the_strategies(self) -> None:
        for shard, seat in enumerate(self._strategies):
            died_ns = self._death(seat)
            if died_ns != self._strategies_died_ns[shard]:
                self._strategies_died_ns[shard] = died_ns
                count = self._canceller.cancel_open(self._house.symbols_of(shard))
                self._log.warning(
                    f"the {seat.label} has ended: {count} open orders are being cancelled"
                )

    def _runs(self, seat: Seat, now_ns: int) -> bool:
        vitals = self._house.vitals[seat]
        beat_age_ns = now_ns - int(vitals["heartbeat_ns"])
        return int(vitals["life"]) == Life.RUNNING and beat_age_ns < _HEARTBEAT_MAX_NS[seat.role]

    def _all_run(self, seats: tuple[Seat, ...], now_ns: int) -> bool:
        return all(self._runs(seat, now_ns) for seat in seats)

    def _feed_is_fresh(self, now_ns: int, limits: Limits) -> bool:
        tops = map(self._books.top, range(len(self._books.symbols)))
        return all(now_ns - top.newest_ns <= limits.feed_stale_ns for top in tops)

    def _judge(self, now_ns: int, limits: Limits) -> None:
        orders, guards = self._books.orders, self._guards
        conditions = Conditions(
            session_up=self._session.up,
            stand_by_open=self._desk.roads.stand_by_open,
            stream_up=self._stream.up,
            clock_known=self._desk.clock.known,
            reconciled=self._reconciler.agreed,
            positions_agree=self._books.account.agreement != Agreement.DISAGREED,
            nothing_unknown=next(orders.unknown(), None) is None,
            reports_have_room=self._books.reports.has_room(),
            ledger_runs=self._runs(Seat.LEDGER, now_ns),
            feed_runs=self._all_run(self._feeds, now_ns),
            feed_fresh=self._feed_is_fresh(now_ns, limits),
            strategy_runs=self._all_run(self._strategies, now_ns),
            clock_certain=guards.timekeeper.tick(now_ns, limits.clock_error_max_ns),
            banned=guards.allowance.banned,
            limited=guards.allowance.limited,
        )
        self._well = (
            conditions.feed_runs
            and conditions.strategy_runs
            and conditions.stream_up
            and conditions.reconciled
        )
        fitness, reason = fitness_of(conditions)
        latch = latch_of(self._house.latch_supervisor[0], self._house.latch_gate[0])
        standing = self._standing
        if reason is not standing.unfit:
            self._tell_fitness(fitness, reason)
        standing.fitness, standing.unfit = fitness, reason
        if latch.halted and not standing.latch.halted:
            self._cancel_on_halt(latch)
        elif latch.reduce and not standing.latch.reduce:
            self._cancel_on_reduce(latch)
        standing.latch = latch
        standing.reconciled = conditions.reconciled
        standing.session_up, standing.user_stream_up = conditions.session_up, conditions.stream_up
        standing.connected = conditions.session_up or conditions.stand_by_open
        if not self._reconciler.is_new:
            self._breakers.tick(now_ns, limits, latch)

    def _cancel_on_halt(self, latch: Latch) -> None:
        """Who halts does not expect to be filled a minute later by an order that still rests."""
        count = self._canceller.cancel_open()
        if count:
            self._log.warning(f"HALTED ({latch.reason.name}): {count} open orders are cancelled")
        else:
            self._log.info(f"HALTED ({latch.reason.name})")

    def _cancel_on_reduce(self, latch: Latch) -> None:
        """Nothing that rests may make a position larger from here on."""
        orders = [each for each in self._books.orders.open.values() if each.may_add]
        for order in orders:
            self._canceller.cancel(order)
        self._log.warning(
            f"only smaller positions from here on ({latch.reason.name}): "
            f"{len(orders)} open orders are cancelled"
        )

    def _tell_fitness(self, fitness: TradingState, reason: Unfit) -> None:
        if reason is Unfit.NONE:
            self._was_fit = True
            self._log.info("fit to trade")
        elif fitness is TradingState.ACTIVE:
            self._log.warning("the order session is down: orders go over REST")
        elif self._was_fit:
            self._log.warning(f"not fit to trade freely: {reason.name}")

    def _ask_what_is_due(self, now_ns: int) -> None:
        for each in self._lookouts:
            each.tick(now_ns)

    def show(self, now_ns: int) -> None:
        """Publish positions and account."""
        if self._reconciler.is_new:
            return  # Blocks written before the first picture would look like a session to resume.
        books = self._books
        self._next_show_ns = now_ns + SHOW_EVERY_NS
        self._next_change_ns = now_ns + SHOW_CHANGE_EVERY_NS
        self._shown = books.reports.written
        self._breakers.keep_score()
        for symbol in range(len(books.symbols)):
            books.publish_position(symbol)
        unknown = sum(1 for _ in books.orders.unknown())
        self._desk.show_rates(now_ns)
        books.account.publish(
            self._house.account,
            self._standing,
            self._desk.clock.offset(now_ns),
            (now_ns, unknown, len(books.orders.open)),
        )
