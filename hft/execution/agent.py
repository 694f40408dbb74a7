"""The execution process: intents out as orders, the venue's truth back as reports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hft.agent.contract import Context
from hft.binance.meter import Meter
from hft.binance.order_frames import OrderWriter, session_name
from hft.binance.order_text import OrderTexts
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.binance.signing import signer_of
from hft.clock import Deadline, monotonic_ns
from hft.config import Keys, KeySource, Settings
from hft.errors import AuthError, BootError
from hft.events import Action, OrderState
from hft.execution import boot
from hft.execution.allowance import Allowance
from hft.execution.amender import Amender
from hft.execution.asset_prices import AssetPrices
from hft.execution.books import Books
from hft.execution.canceller import Canceller
from hft.execution.check import Checker
from hft.execution.countdown import Countdown
from hft.execution.errands import Errands
from hft.execution.hearing import Hearing
from hft.execution.incomes import Incomes
from hft.execution.intents import IntentDesk, Lane, RiskGate
from hft.execution.logon import Logon
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.execution.picture import Session
from hft.execution.reconcile import Reconciler
from hft.execution.roads import Roads
from hft.execution.second_tries import SecondTries
from hft.execution.stand_by import TIMEOUT_S, StandBy
from hft.execution.timekeeper import Timekeeper
from hft.execution.times import Times
from hft.execution.user_stream import UserStream
from hft.execution.watch import Guards, Lookouts, Watch
from hft.state.decision import Intent
from hft.units import NS_PER_MS, NS_PER_S
from ringbuf.parking import Duty
from ringbuf.spsc import Ring

READY_WITHIN_S = 9.0
DRAIN_NS = 4 * NS_PER_S
SWEEP_AFTER_NS = NS_PER_S
COUNTDOWN_TIMEOUT_S = 3.0
_START_WAIT_MS = 5


class ExecutionAgent:
    """One risk gate, one order session, one user stream, one set of books."""

    def __init__(
        self,
        ctx: Context,
        settings: Settings,
        key_source: KeySource,
        gate: RiskGate,
        times: Times | None = None,
    ) -> None:
        self._ctx = ctx
        self._network = settings.network
        self._countdown_ms = settings.trading.countdown_ms
        self._key_source = key_source
        self._gate = gate
        self._times = times or Times()
        self._rest: Rest | None = None
        self._errands: Errands | None = None
        self._countdown: Countdown | None = None
        self._countdown_rest: Rest | None = None
        self._session: OrderSession | None = None
        self._stream: UserStream | None = None
        self._stand_by: StandBy | None = None
        self._drain_began_ns = 0
        self._swept = False

    # The agent's contract.

    def on_start(self) -> None:
        """Become READY: the venue reached, both sockets up, books and venue in agreement.

        Raises:
            AuthError: the venue refused the key, or there is none.
            BootError: the venue cannot be reached or used.
        """
        deadline = Deadline(READY_WITHIN_S)
        keys = boot.read_keys(self._key_source)
        try:
            self._open(keys)
            self._wait_until_agreed(deadline)
        except (VenueError, VenueUnknown) as problem:
            raise BootError(f"the venue does not let us start: {problem}") from None

    def do_work(self, now_ns: int) -> int:
        """Send what passes the gate, take in what the venue says, look around."""
        intents = self._desk.work()
        heard = self._listen(now_ns)
        vitals = self._ctx.vitals
        if intents:
            vitals["events_in"] += intents
        told = self._books.reports.ring_bells()
        if told:
            vitals["events_out"] += told
        self._desk.prepare()
        return intents + heard

    def inlets(self) -> Sequence[Ring]:
        """The intents of every shard."""
        return [shard.intents for shard in self._ctx.house.shards]

    def duty(self) -> Duty | None:
        """Launch one intent, if one waits."""
        return self._desk.duty()

    def drain(self, now_ns: int) -> bool:
        """Cancel every open order and wait for the venue's word on each, four seconds at most."""
        if not self._drain_began_ns:
            self._drain_began_ns = now_ns
            self._desk.settle()
            count = self._canceller.cancel_open()
            self._ctx.log.info(f"stopping: {count} open orders are being cancelled")
        self._listen(now_ns)
        self._books.reports.ring_bells()
        spent_ns = now_ns - self._drain_began_ns
        is_done = self._canceller.is_done()
        is_paid = is_done and self._incomes.read_last()
        if is_done:
            self._watch.mind_the_countdown(now_ns, leaving=True)
        if spent_ns > DRAIN_NS or (is_paid and self._watch.countdown_is_off):
            self._watch.show(now_ns)
            self._say_farewell()
            return True
        self._canceller.cancel_open()
        if spent_ns > SWEEP_AFTER_NS and not self._swept:
            self._swept = True
            self._canceller.sweep()
            self._reconciler.want(now_ns)
        return False

    def on_close(self) -> None:
        """Close both sockets and the REST connections."""
        for socket_like in (self._stream, self._session):
            if socket_like is not None:
                socket_like.close()
        for worker in (self._stand_by, self._countdown, self._errands):
            if worker is not None:
                worker.close(timeout_s=0.5)
        for rest in (self._countdown_rest, self._rest):
            if rest is not None:
                rest.close()

    # The start.

    def _open(self, keys: Keys) -> None:
        ctx, network = self._ctx, self._network
        symbols = ctx.house.symbols()
        epoch = int(ctx.house.run[0]["session_epoch"])
        self._rest = rest = boot.reach(network, keys, ctx.house)
        specs, margin_asset = boot.read_specs(rest, symbols, ctx.house)
        same_account = boot.identify(rest, keys, network, ctx.house)
        self._books = books = Books(ctx, symbols, specs, resume=same_account)
        boot.read_assets(rest, margin_asset, books.assets)
        ctx.house.identity[0]["margin_asset"] = margin_asset.encode()
        books.margin.leverage = boot.read_leverages(rest, symbols)
        if not same_account:
            ctx.log.warning("another account is behind the key now: the books begin anew")
            for order in list(books.orders.open.values()):
                books.move(order, OrderEvent.CANCEL)
        boot.cancel_leftovers(rest, symbols, epoch, ctx.log)
        self._errands = errands = Errands(rest, ctx.wake_self)
        signer, meter = signer_of(keys.secret_key), rest.meter
        writer = OrderWriter(keys.api_key, signer, symbols)
        signing = None if signer.logs_on else (keys.api_key, keys.secret_key)
        texts = OrderTexts(signing, session_name(epoch), symbols, specs)
        logon = Logon(writer, rest.venue_ms)
        self._session = OrderSession(
            ctx, (network.ws_api_url, network.ca_file), writer, meter, logon
        )
        self._stream = UserStream(ctx, network.ws_url, network.ca_file, errands, self._times)
        account_epoch = bytes(ctx.house.identity[0]["account_epoch"]).decode()
        session = Session(epoch, account_epoch, self._since_ms(rest))
        self._reconciler = Reconciler(books, errands, session)
        self._canceller = Canceller(books, self._session, errands, rest, epoch)
        amender = Amender(books, self._session, rest, self._reconciler, epoch)
        connect = partial(Rest, network.rest_url, keys, TIMEOUT_S, network.ca_file, meter=meter)
        self._stand_by = StandBy(connect, books.orders, ctx.log, ctx.wake_self)
        roads = Roads(books, self._session, self._stand_by, errands, epoch)
        changers = self._canceller, amender
        self._desk = IntentDesk(ctx, books, self._gate, roads, changers, texts, rest.clock)
        timekeeper = Timekeeper(ctx.log, rest.clock, self._session, errands)
        second_tries = SecondTries(
            books, self._desk, (self._session, self._canceller, timekeeper, meter), epoch
        )
        self._incomes = incomes = Incomes(books, errands, session.since_ms, self._times)
        hands = self._reconciler, amender, second_tries, incomes
        self._hearing = Hearing(ctx, books, roads, self._stream, hands)
        self._countdown = self._set_countdown(keys, meter)
        ways = (self._session, self._stream, errands, self._reconciler, self._canceller)
        allowance = Allowance(ctx.log, meter, books.account, ctx.house.ledger)
        checker = Checker(books, errands, self._reconciler, epoch, self._times)
        lookouts = Lookouts(checker, incomes, AssetPrices(books, errands))
        guards = Guards(allowance, timekeeper, second_tries, self._countdown), lookouts
        self._watch = Watch(ctx, books, self._gate, self._desk, ways, guards, self._times)
        self._doubt_everything(rest)

    def _set_countdown(self, keys: Keys, meter: Meter) -> Countdown:
        """A switch with a connection of its own; time and limits are the house's."""
        ctx, network, books = self._ctx, self._network, self._books
        self._countdown_rest = rest = Rest(
            network.rest_url, keys, COUNTDOWN_TIMEOUT_S, network.ca_file, meter=meter
        )
        errands = Errands(rest, ctx.wake_self)
        return Countdown(ctx.log, books.account, errands, books.symbols, self._countdown_ms)

    def _since_ms(self, rest: Rest) -> int:
        """From when on fills are this session's: now, or when an earlier life of it began."""
        if not self._books.resumed:
            return rest.venue_ms()
        return rest.offset.to_venue_ms(int(self._ctx.house.run[0]["started_wall_ns"]))

    def _doubt_everything(self, rest: Rest) -> None:
        """After a death nothing is certain: orders in flight, and the intent that was in hand."""
        for order in list(self._books.orders.in_flight()):
            self._books.move(order, OrderEvent.DOUBT)
        for lane, intent in self._desk.last_consumed():
            self._doubt_intent(lane, intent, rest)

    def _doubt_intent(self, lane: Lane, intent: Intent, rest: Rest) -> None:
        books, handled = self._books, self._books.orders.handled_seq
        if intent.seq <= handled[lane.shard]:
            return
        meant = books.orders.by_ref(intent.target_ref, intent.symbol)
        is_amending = intent.action == Action.AMEND and meant is not None and meant.amend_lots > 0
        if is_amending or books.orders.by_seq(intent.seq) is not None:
            # The end came between the order's row and this word: the row has been doubted already.
            handled[lane.shard] = intent.seq
            return
        if intent.action == Action.PLACE and intent.symbol < len(books.symbols):
            order = books.orders.new()
            _describe_unhandled(order, intent.seq, intent.order_ref, intent.symbol)
            order.side, order.order_type, order.tif = intent.side, intent.order_type, intent.tif
            order.flags = intent.flags
            order.market_seq, order.recv_ns = intent.market_seq, intent.recv_ns
            order.sent_venue_ms = rest.venue_ms()
            books.orders.save(order)
            handled[lane.shard] = intent.seq
            books.reports.tell_order(order, books.positions[order.symbol], 0)
        else:
            self._desk.redo(lane, intent)

    def _wait_until_agreed(self, deadline: Deadline) -> None:
        assert self._stream is not None
        assert self._session is not None
        while not (self._reconciler.agreed and self._session.up and self._stream.up):
            self._raise_refusal(
                self._session.failure, self._stream.failure, self._reconciler.failure
            )
            if deadline.passed():
                raise BootError(self._what_is_missing(self._stream, self._session))
            self._listen(monotonic_ns())
            self._ctx.vitals["heartbeat_ns"] = monotonic_ns()
            self._ctx.parking.wait(_START_WAIT_MS)
        assert self._rest is not None
        self._rest.patience_s = 0.0
        self._books.reports.ring_bells()
        self._desk.prepare()
        clock = self._desk.clock.offset(monotonic_ns())
        self._ctx.log.info(
            f"execution agrees with the venue; its clock is {clock.offset_ns / NS_PER_MS:+.1f} ms "
            f"from ours, give or take {clock.error_ns / NS_PER_MS:.1f} ms"
        )

    @staticmethod
    def _raise_refusal(*failures: Exception | None) -> None:
        for failure in failures:
            if isinstance(failure, AuthError):
                raise failure

    def _what_is_missing(self, stream: UserStream, session: OrderSession) -> str:
        if not session.up:
            return f"the order session at {self._network.ws_api_url} is not up: {session.problem}"
        if not stream.up:
            return f"the user stream at {self._network.ws_url} is not up: {stream.problem}"
        return "the account's orders and positions could not be read in time"

    # One cycle's listening.

    def _listen(self, now_ns: int) -> int:
        assert self._errands is not None
        self._watch.tick(now_ns)
        return self._hearing.work(now_ns) + self._errands.poll(now_ns)

    def _say_farewell(self) -> None:
        books, log = self._books, self._ctx.log
        for order in books.orders.open.values():
            if self._canceller.is_kept(order):
                name = f"{books.symbols[order.symbol]}: intent {order.intent_seq}"
                log.warning(f"{name} stays at the venue, it protects the position")
                continue
            log.error(f"{books.symbols[order.symbol]}: intent {order.intent_seq} may still be open")
        for name, spec, position in zip(books.symbols, books.specs, books.positions, strict=True):
            if position.lots:
                log.warning(f"position kept: {name} {spec.qty_text(position.lots)}")


def _describe_unhandled(order: Order, seq: int, order_ref: int, symbol: int) -> None:
    order.intent_seq, order.order_ref, order.symbol = seq, order_ref, symbol
    order.state = OrderState.UNKNOWN
    order.updated_ns = monotonic_ns()
