"""The venue over HTTP: start-up, recovery, bookkeeping and flatten; never the hot path.

One `Rest` per thread.  Replies come back as decoded JSON, prices and amounts still text.  Every
request asks the budget first, and what the venue says of its limits is obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from urllib3.exceptions import NewConnectionError

from hft.binance import endpoints
from hft.binance.budget import BANNED, TOO_MANY_REQUESTS, Refused, Ticket, Use
from hft.binance.clock_offset import ClockOffset
from hft.binance.costs import Cost, cost_of
from hft.binance.meter import Meter, counts_of
from hft.binance.outcomes import Outcome, outcome_of
from hft.binance.signing import Value, rest_query, signer_of
from hft.binance.venue_clock import VenueClock
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.errors import AuthError, HftError
from hft.units import NS_PER_S

if TYPE_CHECKING:
    from hft.config import Keys

CLOCK_SAMPLES = 5
TRADES_LIMIT_MAX = 1000
INCOME_LIMIT_MAX = 1000
_ERROR_TEXT_MAX = 160
_WAITING = (TOO_MANY_REQUESTS, BANNED)
_CANCELS = frozenset(
    f"DELETE {path}"
    for path in (
        endpoints.ORDER,
        endpoints.ALL_OPEN_ORDERS,
        endpoints.ALGO_ORDER,
        endpoints.ALL_OPEN_ALGO_ORDERS,
    )
)
Params = Mapping[str, Value]


class VenueError(HftError):
    """The venue refused: `code` and `message` as it put them; 0 when the body held no code."""

    def __init__(
        self, code: int, message: str, http_status: int, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(f"venue says {code} (HTTP {http_status}): {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class BudgetSpent(VenueError):
    """The venue was not asked: what is left of its limits is for others, or it told us to wait."""

    def __init__(self, what: str, wait_s: float) -> None:
        super().__init__(0, f"{what} has to wait {wait_s:.1f} s for the venue's limits", 0, wait_s)


class VenueUnknown(HftError):
    """No answer, or one that does not say whether the request was executed."""


class VenueUnreachable(VenueUnknown):
    """No connection came about: not one byte of the request left."""


class Rest:
    """A connection to one venue's REST interface, kept alive between calls.

    Every call raises `AuthError` for a refused key, `VenueError` for any other refusal (and as
    `BudgetSpent` when the venue was not asked) and `VenueUnknown` when it cannot tell.

    All that share a `meter` share one budget and one clock.  A call that has to wait, because the
    venue said so or the budget is spent, waits up to `patience_s`; with 0 it raises at once.
    """

    def __init__(
        self,
        base_url: str,
        keys: Keys | None,
        timeout_s: float = 5.0,
        ca_file: str = "",
        *,
        meter: Meter | None = None,
        patience_s: float = 0.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._signer = signer_of(keys.secret_key) if keys else None
        self._session = requests.Session()
        self._session.trust_env = not endpoints.is_loopback(base_url)
        if ca_file:
            self._session.verify = ca_file
        if keys:
            self._session.headers["X-MBX-APIKEY"] = keys.api_key
        self.meter = meter or Meter(VenueClock())
        self.clock = self.meter.clock
        self.use = Use.NEEDED
        """What the next calls are for; cancels always count as such."""
        self.patience_s = patience_s

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    # The four verbs.

    def get(self, path: str, params: Params | None = None, *, signed: bool = False) -> Any:
        """Ask for something."""
        return self._call("GET", path, params or {}, signed=signed)

    def post(self, path: str, params: Params | None = None, *, signed: bool = False) -> Any:
        """Make something."""
        return self._call("POST", path, params or {}, signed=signed)

    def put(self, path: str, params: Params | None = None, *, signed: bool = False) -> Any:
        """Change or prolong something."""
        return self._call("PUT", path, params or {}, signed=signed)

    def delete(self, path: str, params: Params | None = None, *, signed: bool = False) -> Any:
        """Take something away."""
        return self._call("DELETE", path, params or {}, signed=signed)

    # The venue's clock.

    def server_time_ms(self) -> int:
        """Read the venue's clock in milliseconds."""
        return int(self.get(endpoints.TIME)["serverTime"])

    def sync_clock(self, samples: int = CLOCK_SAMPLES) -> ClockOffset:
        """Measure the venue's clock against ours, `samples` times; returns what is known then."""
        for _ in range(samples):
            sent_ns = monotonic_ns()
            server_ms = self.server_time_ms()
            self.clock.add(sent_ns, monotonic_ns(), server_ms)
        return self.offset

    @property
    def offset(self) -> ClockOffset:
        """The venue's clock against ours now."""
        return self.clock.offset(monotonic_ns())

    @property
    def weight_used(self) -> int:
        """Request weight used at this address in the venue's present minute, as far as is known."""
        return self.meter.budget.weight.used

    def venue_ms(self) -> int:
        """The venue's clock now, in milliseconds."""
        return self.clock.venue_ms()

    # What the house asks for.

    def exchange_info(self) -> Any:
        """Every symbol with its filters; what it says of limits is obeyed from then on."""
        told = self.get(endpoints.EXCHANGE_INFO)
        self.meter.learn(told.get("rateLimits", ()))
        return told

    def account(self) -> Any:
        """The account: assets, positions and, from the simulator, its `accountEpoch`."""
        return self.get(endpoints.ACCOUNT, signed=True)

    def balance(self) -> Any:
        """Balances, one row per asset."""
        return self.get(endpoints.BALANCE, signed=True)

    def position_risk(self, symbol: str | None = None) -> Any:
        """Positions, one row per symbol and position side."""
        return self.get(endpoints.POSITION_RISK, _only(symbol=symbol), signed=True)

    def open_orders(self, symbol: str | None = None) -> Any:
        """Open orders of one symbol, or of all."""
        return self.get(endpoints.OPEN_ORDERS, _only(symbol=symbol), signed=True)

    def order_status(self, symbol: str, client_id: str) -> Any:
        """One order by our name for it; -2013 where the venue knows none."""
        params = {"symbol": symbol, "origClientOrderId": client_id}
        return self.get(endpoints.ORDER, params, signed=True)

    def user_trades(
        self,
        symbol: str,
        from_id: int | None = None,
        order_id: int | None = None,
        start_ms: int | None = None,
        limit: int = TRADES_LIMIT_MAX,
    ) -> Any:
        """Our fills of one symbol, oldest first; `from_id` cannot be combined with `start_ms`."""
        params = _only(
            symbol=symbol, fromId=from_id, orderId=order_id, startTime=start_ms, limit=limit
        )
        return self.get(endpoints.USER_TRADES, params, signed=True)

    def income(
        self,
        start_ms: int,
        end_ms: int,
        page: int = 1,
        kind: str | None = None,
        limit: int = INCOME_LIMIT_MAX,
    ) -> Any:
        """What changed the wallets between two times, both inclusive, oldest first."""
        params = _only(startTime=start_ms, endTime=end_ms, page=page, incomeType=kind, limit=limit)
        return self.get(endpoints.INCOME, params, signed=True)

    def place(self, params: Params) -> Any:
        """Send one order; parameters as the venue names them."""
        return self.post(endpoints.ORDER, params, signed=True)

    def cancel(self, symbol: str, client_id: str) -> Any:
        """Cancel one order by our name for it."""
        params = {"symbol": symbol, "origClientOrderId": client_id}
        return self.delete(endpoints.ORDER, params, signed=True)

    def cancel_all(self, symbol: str) -> Any:
        """Cancel every open order of one symbol."""
        return self.delete(endpoints.ALL_OPEN_ORDERS, {"symbol": symbol}, signed=True)

    def count_down(self, symbol: str, wait_ms: int) -> None:
        """Have the venue cancel every order of a symbol in so long, unless told again; 0: never."""
        params: dict[str, Value] = {"symbol": symbol, "countdownTime": wait_ms}
        self.post(endpoints.COUNTDOWN_CANCEL_ALL, params, signed=True)

    def place_once(self, path: str, params: Params, reach_s: float) -> Any:
        """Send a new order that bears its own time already, and never a second time.

        A connection that does not come about within `reach_s` ends it before it began.

        Raises:
            VenueUnreachable: the venue cannot have it.
        """
        if self._signer is None:
            raise AuthError("AUTH_ERROR: this call needs an API key and none is configured")
        request = f"POST {path}"
        ticket = self._take(request, self.use, cost_of(request, params))
        query = self._signer.signed_query(params)
        return self._exchange(("POST", path, query), ticket, (reach_s, self._timeout_s))

    def algo_status(self, client_id: str) -> Any:
        """One order that waits, or waited, for its trigger; -2013 where the venue knows none."""
        return self.get(endpoints.ALGO_ORDER, {"clientAlgoId": client_id}, signed=True)

    def open_algo_orders(self, symbol: str | None = None) -> Any:
        """The orders of one symbol, or of all, that wait for their trigger."""
        return self.get(endpoints.OPEN_ALGO_ORDERS, _only(symbol=symbol), signed=True)

    def cancel_algo(self, client_id: str) -> Any:
        """Cancel one order that waits for its trigger, by our name for it."""
        return self.delete(endpoints.ALGO_ORDER, {"clientAlgoId": client_id}, signed=True)

    def cancel_all_algos(self, symbol: str) -> Any:
        """Cancel every order of one symbol that waits for its trigger."""
        return self.delete(endpoints.ALL_OPEN_ALGO_ORDERS, {"symbol": symbol}, signed=True)

    def listen_key(self) -> str:
        """Get a listen key, the living one if there is one."""
        return str(self.post(endpoints.LISTEN_KEY)["listenKey"])

    def keep_listen_key(self) -> None:
        """Prolong the listen key by an hour; -1125 when it has expired."""
        self.put(endpoints.LISTEN_KEY)

    def _call(self, method: str, path: str, params: Params, *, signed: bool) -> Any:
        deadline = Deadline(self.patience_s)
        try:
            return self._send(method, path, params, signed=signed)
        except VenueError as refusal:
            if signed and refusal.code in endpoints.TIMESTAMP_CODES:
                # A refused timestamp was not executed: measure the clock again, ask once more.
                self.clock.doubt(NS_PER_S)
                self.sync_clock()
            elif refusal.http_status in _WAITING and 0 < refusal.retry_after_s <= deadline.left_s():
                sleep_s(refusal.retry_after_s)
            else:
                raise
        return self._send(method, path, params, signed=signed)

    def _send(self, method: str, path: str, params: Params, *, signed: bool) -> Any:
        request = f"{method} {path}"
        use = Use.CANCEL if request in _CANCELS else self.use
        ticket = self._take(request, use, cost_of(request, params))
        query = self._signed_query(params) if signed else rest_query(params)
        timeouts = (self._timeout_s, self._timeout_s)
        return self._exchange((method, path, query), ticket, timeouts)

    def _exchange(
        self, request: tuple[str, str, str], ticket: Ticket, timeouts: tuple[float, float]
    ) -> Any:
        """Send a request (verb, path, query) and judge its answer; `timeouts`: connect and read."""
        method, path, query = request
        url = self._base_url + path
        if query:
            url = f"{url}?{query}"
        try:
            reply = self._session.request(method, url, timeout=timeouts, allow_redirects=False)
        except requests.RequestException as problem:
            what = type(problem).__name__
            told = VenueUnreachable if _never_left(problem) else VenueUnknown
            (self.meter.unspend if told is VenueUnreachable else self.meter.lose)(ticket)
            raise told(f"no answer from {self._base_url}{path}: {what}") from problem
        self.meter.hear(ticket, counts_of(reply.headers))
        return self._judge(path, reply, ticket)

    def _take(self, request: str, use: Use, cost: Cost) -> Ticket:
        """Let the budget decide, and wait for it as long as there is patience."""
        deadline = Deadline(self.patience_s)
        while (ticket := self.meter.take(use, cost)) is None:
            wait_s = self.meter.wait_s(use, cost)
            if wait_s > deadline.left_s():
                raise BudgetSpent(request, wait_s)
            sleep_s(wait_s)
        return ticket

    def _signed_query(self, params: Params) -> str:
        if self._signer is None:
            raise AuthError("AUTH_ERROR: this call needs an API key and none is configured")
        stamp = {"recvWindow": endpoints.RECV_WINDOW_MS, "timestamp": self.venue_ms()}
        return self._signer.signed_query({**params, **stamp})

    def _judge(self, path: str, reply: requests.Response, ticket: Ticket) -> Any:
        code, message, body = _read(reply)
        outcome = outcome_of(reply.status_code, code, message)
        if outcome is Outcome.ACCEPTED:
            if body is None:
                raise VenueUnknown(f"{path}: HTTP {reply.status_code} without JSON")
            return body
        if code in endpoints.UNAUTHORISED_CODES:
            raise AuthError(f"AUTH_ERROR: the venue refused the API key ({code}: {message})")
        if outcome is Outcome.UNKNOWN:
            raise VenueUnknown(f"{path}: HTTP {reply.status_code}, code {code}: {message}")
        wait_s = _retry_after_s(reply)
        if reply.status_code in _WAITING:
            until_ms = self.meter.until_ms(wait_s)
            self.meter.refuse(ticket, Refused(reply.status_code, code, until_ms, message))
        raise VenueError(code, message, reply.status_code, wait_s)


def _never_left(problem: requests.RequestException) -> bool:
    """Say whether a request failed before there was a connection to write it to."""
    if isinstance(problem, requests.ConnectTimeout):
        return True
    cause = problem.args[0] if problem.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _read(reply: requests.Response) -> tuple[int, str, Any]:
    try:
        body = msgspec.json.decode(reply.content)
    except msgspec.DecodeError:
        # The firewall in front of the venue answers in HTML.
        return 0, reply.text[:_ERROR_TEXT_MAX], None
    if isinstance(body, dict) and "code" in body:
        return int(body["code"]), str(body.get("msg", "")), body
    return 0, "", body


def _retry_after_s(reply: requests.Response) -> float:
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _only(**params: Value | None) -> dict[str, Value]:
    return {name: value for name, value in params.items() if value is not None}
