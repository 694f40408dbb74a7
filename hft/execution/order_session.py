"""The order session: requests and replies over the WebSocket API, on one warm connection."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from hft.agent.contract import Context
from hft.binance.budget import BANNED, TOO_MANY_REQUESTS, Refused, Ticket, Use
from hft.binance.costs import HANDSHAKE, cost_of
from hft.binance.meter import NO_COUNTS, Meter
from hft.binance.order_frames import OrderWriter, Reply, decode_reply
from hft.binance.order_terms import OrderTerms
from hft.clock import monotonic_ns
from hft.errors import AuthError
from hft.execution.link import Link
from hft.execution.logon import RETRY_NS, Logon
from hft.execution.orders import Order
from hft.units import NS_PER_S
from hft.wire.connection import ConnectionClosed

REPLY_TIMEOUT_NS = 3 * NS_PER_S
TIME_EVERY_NS = 4 * NS_PER_S
"""How often the venue's clock is asked for, which keeps the connection warm as well."""
_THROTTLED = -1008
THROTTLE_NS = NS_PER_S
"""How long nothing is entered when the venue protects itself from new orders."""


class Asked(IntEnum):
    """What a request was for."""

    PLACE = 1
    CANCEL = 2
    TIME = 3
    AMEND = 4
    LOGON = 5


class Request(NamedTuple):
    """A request the venue has not answered; `order` is None for a question about nobody."""

    asked: Asked
    order: Order | None
    sent_ns: int
    ticket: Ticket


class Answer(NamedTuple):
    """A request with its reply; None: it will never come."""

    request: Request
    reply: Reply | None


class OrderSession:
    """Sends orders and cancels, matches replies by id, and says which will never be answered."""

    def __init__(
        self,
        ctx: Context,
        where: tuple[str, str],
        writer: OrderWriter,
        meter: Meter,
        logon: Logon,
    ) -> None:
        self._url, ca_file = where
        self._link = Link(ctx, "order session", ca_file)
        self._log = ctx.log
        self._writer = writer
        self._logon = logon
        self._next_id = 1
        self._waiting: dict[int, Request] = {}
        self._meter = meter
        self._handshake: Ticket | None = None
        self._time_due_ns = 0
        self._time_use = Use.NEEDED
        self._last_sent_ns = 0

    @property
    def up(self) -> bool:
        """Say whether requests can be sent: connected, and logged on where the key can."""
        return self._link.up and self._logon.done

    @property
    def failure(self) -> AuthError | None:
        """The refusal of the key, when the session could not be logged on with it."""
        return self._logon.failure

    @property
    def problem(self) -> str:
        """Why the last attempt or connection ended."""
        return self._link.problem

    def tick(self, now_ns: int) -> None:
        """Keep it connected and warm; a reply that does not come in time ends the connection."""
        self._dial(now_ns)
        if not self._link.up:
            return
        oldest = next(iter(self._waiting.values()), None)
        if oldest is not None and now_ns - oldest.sent_ns > REPLY_TIMEOUT_NS:
            self._link.drop(now_ns, f"no reply to {oldest.asked.name} within 3 s")
        elif now_ns >= self._time_due_ns:
            self._ask_time(now_ns)

    def _log_on(self, now_ns: int) -> None:
        request_id = self._take_id()
        ticket = self._meter.note(Use.CANCEL, cost_of("session.logon"))
        asked = Request(Asked.LOGON, None, now_ns, ticket)
        try:
            self._send(self._logon.write(request_id), request_id, asked)
        except ConnectionClosed as problem:
            self._link.drop(now_ns, str(problem))

    def _hear_logon(self, reply: Reply, now_ns: int) -> None:
        refused = self._logon.hear(reply)
        if refused:
            self._link.drop(now_ns, refused)
            self._link.retry_ns = now_ns + RETRY_NS
        else:
            self._log.info("order session is logged on")

    def ask_time_soon(self) -> None:
        """Ask for the venue's clock at once, for cancels are signed by it too."""
        self._time_due_ns, self._time_use = 0, Use.CANCEL

    def _dial(self, now_ns: int) -> None:
        if self._link.may_dial(now_ns):
            # Cancels go by it: it may use what is kept for them.
            self._handshake = self._meter.take(Use.CANCEL, HANDSHAKE)
            if self._handshake is not None:
                self._link.dial(self._url)
        if self._link.poll(now_ns):
            self._time_due_ns = now_ns
            if self._logon.begin():
                self._log_on(now_ns)
        if self._handshake is not None and not self._link.dialling:
            if self._link.up:
                self._meter.hear(self._handshake, NO_COUNTS)
            else:
                self._heed_refused_handshake(self._handshake)
            self._handshake = None

    def _heed_refused_handshake(self, ticket: Ticket) -> None:
        """A door that is shut for haste says for how long, in its status line and headers."""
        self._meter.lose(ticket)
        refusal = self._link.refusal
        if refusal.status in (TOO_MANY_REQUESTS, BANNED):
            until_ms = self._meter.until_ms(refusal.retry_after_s)
            self._meter.refuse(ticket, Refused(refusal.status, 0, until_ms))

    def _ask_time(self, now_ns: int) -> None:
        self._time_due_ns = now_ns + TIME_EVERY_NS
        ticket = self._meter.take(self._time_use, cost_of("time"))
        if ticket is None:
            return
        self._time_use = Use.NEEDED
        request_id = self._take_id()
        asked = Request(Asked.TIME, None, monotonic_ns(), ticket)
        try:
            self._send(self._writer.time(request_id), request_id, asked)
        except ConnectionClosed as problem:
            self._link.drop(now_ns, str(problem))

    @property
    def may_order(self) -> bool:
        """Say whether the venue's limits leave room for another order."""
        return self._meter.may_order

    @property
    def next_id(self) -> int:
        """The id of the next request."""
        return self._next_id + 1

    def descriptor(self) -> int:
        """The plain socket an order's frame may be written to at once; -1: `send_frame` must."""
        connection = self._link.connection
        return -1 if connection is None else connection.plain_descriptor()

    def send_frame(self, frame: memoryview) -> None:
        """Send an order that is framed already.

        Raises:
            ConnectionClosed: it was not sent whole; its `written` says whether a part was.
        """
        connection = self._link.connection
        assert connection is not None, "the gate lets nothing through while down"
        connection.send_frame(frame)

    def give_up(self, sent_bytes: int) -> None:
        """Say that an order did not leave whole by the descriptor; minus an errno: not at all.

        Raises:
            ConnectionClosed: always; its `written` says whether a part was sent.
        """
        connection = self._link.connection
        assert connection is not None, "the gate lets nothing through while down"
        connection.give_up(sent_bytes)

    def expect(self, order: Order, request_id: int, signed_ns: int) -> None:
        """Remember an order that left under `next_id`, for its reply."""
        self._next_id = request_id
        ticket = self._meter.note(Use.NEEDED, cost_of("order.place"))
        self._waiting[request_id] = Request(Asked.PLACE, order, signed_ns, ticket)
        self._last_sent_ns = signed_ns

    def place(self, order: Order, terms: OrderTerms) -> None:
        """Send an order that compiled code does not write.

        Raises:
            ConnectionClosed: it was not sent whole; its `written` says whether a part was.
        """
        request_id = self._take_id()
        frame = self._writer.place(request_id, terms)
        ticket = self._meter.note(Use.NEEDED, cost_of("order.place"))
        self._send(frame, request_id, Request(Asked.PLACE, order, monotonic_ns(), ticket))

    def cancel(self, order: Order, client_id: str, venue_ms: int) -> None:
        """Send a cancel, whatever the budget says: the caller has asked it.

        Raises:
            ConnectionClosed: it was not sent whole; sending it again is harmless.
        """
        request_id = self._take_id()
        if order.waits:
            frame = self._writer.cancel_waiting(request_id, client_id, venue_ms)
        else:
            frame = self._writer.cancel(request_id, client_id, order.symbol, venue_ms)
        ticket = self._meter.note(Use.CANCEL, cost_of("order.cancel"))
        self._send(frame, request_id, Request(Asked.CANCEL, order, monotonic_ns(), ticket))

    def amend(
        self, order: Order, client_id: str, terms: tuple[int, str, str, str], venue_ms: int
    ) -> None:
        """Send other terms for an order, `amend_ns`: symbol, side, price and whole quantity.

        Raises:
            ConnectionClosed: it was not sent whole; its `written` says whether a part was.
        """
        request_id = self._take_id()
        frame = self._writer.amend(request_id, client_id, terms, venue_ms)
        ticket = self._meter.note(Use.NEEDED, cost_of("order.modify"))
        self._send(frame, request_id, Request(Asked.AMEND, order, order.amend_ns, ticket))

    def receive(self, now_ns: int) -> list[Answer]:
        """Read the replies that are there; after the connection's end, what stays unanswered."""
        answers = []
        for message in self._link.receive(now_ns):
            answer = self._decode(message)
            if answer is None:
                continue
            answers.append(answer)
            if answer.request.asked is Asked.LOGON and answer.reply is not None:
                self._hear_logon(answer.reply, now_ns)
        if not self._link.up and self._waiting:
            for request in self._waiting.values():
                self._meter.lose(request.ticket)
                answers.append(Answer(request, None))
            self._waiting.clear()
        return answers

    def drop(self, now_ns: int, why: str) -> None:
        """End the connection and dial again."""
        self._link.drop(now_ns, why)

    def close(self) -> None:
        """Close it for good."""
        self._link.close()

    def _decode(self, message: bytes) -> Answer | None:
        try:
            reply = decode_reply(message)
        except msgspec.DecodeError as problem:
            self._log.error(f"order session: a reply that cannot be read: {problem}")
            return None
        request = self._waiting.pop(reply.id, None) if isinstance(reply.id, int) else None
        if request is None:
            self._log.error(f"order session: {reply.status} {reply.error.code} {reply.error.msg}")
            return None
        self._take_note(request, reply)
        return Answer(request, reply)

    def _take_note(self, request: Request, reply: Reply) -> None:
        """Learn what a reply says of the venue's limits and, where that was asked, its clock."""
        meter, error = self._meter, reply.error
        if request.asked is Asked.TIME and reply.result is not None:
            meter.clock.add(request.sent_ns, monotonic_ns(), reply.result.server_time)
        meter.hear_rows(request.ticket, reply.rate_limits)
        if reply.status in (TOO_MANY_REQUESTS, BANNED):
            until_ms = meter.surely_after(error.data.retry_after)
            refused = Refused(reply.status, error.code, until_ms, error.msg)
            meter.refuse(request.ticket, refused)
        elif error.code == _THROTTLED:
            meter.throttle(THROTTLE_NS)

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _send(self, frame: bytes, request_id: int, request: Request) -> None:
        assert self._link.connection is not None, "the gate lets nothing through while down"
        self._link.connection.send_text(frame)
        self._waiting[request_id] = request
        self._last_sent_ns = request.sent_ns
