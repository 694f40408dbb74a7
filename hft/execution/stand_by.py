"""The road of orders over REST, while the order session is down; only for what it never carried.

Each order has a short-lived thread and a connection of its own, so that none waits for an errand.
It is named, timed and in the order table before its thread begins, and leaves once at most.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from hft.agent.log import Log
from hft.binance import endpoints
from hft.binance.budget import Ticket, Use
from hft.binance.costs import Cost
from hft.binance.order_frames import Reply, ReplyError, ReplyResult
from hft.binance.order_terms import OrderTerms
from hft.binance.rest import BudgetSpent, Rest, VenueError, VenueUnknown, VenueUnreachable
from hft.binance.window import VenueTime
from hft.clock import Deadline, monotonic_ns
from hft.errors import AuthError
from hft.execution.order_session import Answer, Asked, Request
from hft.execution.orders import Order, OrderTable
from hft.state.decision import Intent
from hft.units import NS_PER_S

LANES_MAX = 8
"""Orders that may be under way at once."""
TIMEOUT_S = 3.0
PAUSE_NS = NS_PER_S
"""How long it counts as closed after the venue could not be reached."""
CLOCK_SAMPLES = 2
_NO_TICKET = Ticket(0, Use.NEEDED, Cost(), VenueTime(0, 0))
"""`Rest` has counted the request already."""
_TOO_MANY = (418, 429)


class Sending(msgspec.Struct):
    """One order under way: its intent, until when it may begin to leave, and when it was sent."""

    order: Order
    intent: Intent
    terms: OrderTerms
    expires_ns: int
    sent_ns: int
    again: bool = False
    """The venue refused its time once already."""


class _ClockRefused(msgspec.Struct):
    refusal: VenueError
    venue_ms: int
    """The venue's time, read since; 0: it could not be."""


class StandBy:
    """Sends orders over REST, and gives their answers as the order session gives its own."""

    def __init__(
        self, connect: Callable[[], Rest], orders: OrderTable, log: Log, wake: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._orders = orders
        self._log = log
        self._wake = wake
        self._idle: list[Rest] = []
        self._threads: set[threading.Thread] = set()
        self._under_way = 0
        self._closed = False
        self._done: deque[tuple[Sending, Rest, Any]] = deque()
        self._closed_until_ns = 0
        self.unsent: list[tuple[Order, Intent]] = []
        """Orders of which not one byte left; for whoever must deny them."""

    @property
    def open(self) -> bool:
        """Say whether an order may go this way now."""
        return self._under_way < LANES_MAX and monotonic_ns() >= self._closed_until_ns

    def send(self, sending: Sending) -> None:
        """Send an order whose row is stored; the answer comes with `receive`."""
        rest = self._idle.pop() if self._idle else self._connect()
        self._under_way += 1
        name = f"order {sending.terms.client_id}"
        thread = threading.Thread(target=self._run, args=(sending, rest), name=name, daemon=True)
        self._threads = {each for each in self._threads if each.is_alive()}
        self._threads.add(thread)
        thread.start()

    def receive(self, now_ns: int) -> list[Answer]:
        """Give the answers that have come since."""
        answers = []
        while self._done:
            sending, rest, result = self._done.popleft()
            self._idle.append(rest)
            self._under_way -= 1
            answer = self._judge(sending, result, now_ns)
            if answer is not None:
                answers.append(answer)
        return answers

    def close(self, timeout_s: float) -> None:
        """Give what is under way a moment to end, and close the connections nobody uses."""
        self._closed = True
        deadline = Deadline(timeout_s)
        for thread in self._threads:
            thread.join(max(0.0, deadline.left_s()))
        for rest in (*self._idle, *(rest for _, rest, _ in self._done)):
            rest.close()
        self._idle.clear()

    def _judge(self, sending: Sending, result: Any, now_ns: int) -> Answer | None:
        """Give the answer there is; None where the order goes again, or never left."""
        if isinstance(result, _ClockRefused):
            if self._goes_again(sending, result, now_ns):
                return None
            result = result.refusal
        if isinstance(result, VenueUnreachable | BudgetSpent):
            self._closed_until_ns = now_ns + PAUSE_NS
            self._log.warning(f"an order could not leave over REST: {result}")
            self.unsent.append((sending.order, sending.intent))
            return None
        if isinstance(result, VenueError) and result.http_status in _TOO_MANY:
            wait_ns = int(result.retry_after_s * NS_PER_S)
            self._closed_until_ns = now_ns + max(PAUSE_NS, wait_ns)
        request = Request(Asked.PLACE, sending.order, sending.sent_ns, _NO_TICKET)
        return Answer(request, self._reply_of(result))

    def _goes_again(self, sending: Sending, refused: _ClockRefused, now_ns: int) -> bool:
        """Send an order again whose time was refused: the venue says it did not carry it out.

        Once, under the same name, by the clock as it is now, and not late.
        """
        if not refused.venue_ms or sending.again or now_ns >= sending.expires_ns:
            return False
        # Stored before it leaves: after a death it is not given up before this time is over.
        sending.order.sent_venue_ms = refused.venue_ms
        self._orders.save(sending.order)
        sending.terms = msgspec.structs.replace(sending.terms, venue_ms=refused.venue_ms)
        sending.again = True
        self.send(sending)
        return True

    def _reply_of(self, result: Any) -> Reply | None:
        """Put a result as the order session would; None: nobody knows what became of the order."""
        if isinstance(result, AuthError):
            error = ReplyError(endpoints.API_KEY_REFUSED, str(result))
            return Reply(status=401, error=error)
        if isinstance(result, VenueError):
            error = ReplyError(result.code, result.message)
            return Reply(status=result.http_status, error=error)
        try:
            if isinstance(result, Exception):
                raise result
            return Reply(status=200, result=msgspec.convert(result, ReplyResult))
        except (VenueUnknown, msgspec.ValidationError) as problem:
            self._log.warning(f"the answer to an order over REST does not say: {problem}")
            return None

    def _run(self, sending: Sending, rest: Rest) -> None:
        try:
            result = _deliver(sending, rest)
        except Exception as problem:  # noqa: BLE001  Handed over to whoever asked.
            result = problem
        self._done.append((sending, rest, result))
        if not self._closed:
            self._wake()


def _deliver(sending: Sending, rest: Rest) -> Any:
    left_s = (sending.expires_ns - monotonic_ns()) / NS_PER_S
    if left_s <= 0:
        raise VenueUnreachable("its time was over before it could leave")
    try:
        return rest.place_once(sending.terms.path, sending.terms.parameters(), left_s)
    except VenueError as refusal:
        if refusal.code not in endpoints.TIMESTAMP_CODES:
            raise
        return _ClockRefused(refusal, _measured_ms(rest))


def _measured_ms(rest: Rest) -> int:
    rest.clock.doubt(NS_PER_S)
    try:
        rest.sync_clock(CLOCK_SAMPLES)
    except (VenueError, VenueUnknown):
        return 0
    return rest.venue_ms()
