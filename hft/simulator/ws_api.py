"""The WebSocket API door: one JSON request per frame, the same handlers as REST behind it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
import orjson

from hft.simulator import (
    account_calls,
    algo_calls,
    amend_calls,
    market_calls,
    order_calls,
    stream_calls,
)
from hft.simulator.calls import PUBLIC, SIGNED, Call, Route
from hft.simulator.doorman import Doorman, trades
from hft.simulator.limits import Throttled
from hft.simulator.mishaps import report_mishap
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.session import SESSION_WEIGHTS, Session
from hft.simulator.signing import sent_signature, session_payload
from hft.simulator.symbols import RATE_LIMITS
from hft.simulator.venue import Venue

METHODS: dict[str, Route] = {
    **market_calls.METHODS,
    **order_calls.METHODS,
    **amend_calls.METHODS,
    **algo_calls.METHODS,
    **account_calls.METHODS,
    **stream_calls.METHODS,
}

_NULL = msgspec.Raw(b"null")
_QUOTE = ord('"')
_read_text = msgspec.json.Decoder(str).decode
_read_params = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ROW = b'{"rateLimitType":%b,"interval":%b,"intervalNum":%d,"limit":%d,"count":%%d}'
_ROWS = tuple(
    _ROW
    % (
        orjson.dumps(row["rateLimitType"]),
        orjson.dumps(row["interval"]),
        row["intervalNum"],
        row["limit"],
    )
    for row in (RATE_LIMITS[0], RATE_LIMITS[2], RATE_LIMITS[1])
)


class Envelope(msgspec.Struct, frozen=True):
    """A request whose parts are not read yet, so that ids and numbers stay as they were sent."""

    id: msgspec.Raw = _NULL
    method: msgspec.Raw = _NULL
    params: msgspec.Raw = _NULL
    returnRateLimits: msgspec.Raw = _NULL  # noqa: N815  The venue's name.


_read_envelope = msgspec.json.Decoder(Envelope).decode


class SessionDoor:
    """Answers the requests of one WebSocket API connection."""

    def __init__(self, venue: Venue, *, query: str = "", address: str = "") -> None:
        """Open; `query` is that of the connection's address.

        Raises:
            Refusal: -1130, its `returnRateLimits` is no boolean.
        """
        self._venue = venue
        shown = dict(parse_qsl(query)).get("returnRateLimits", "true")
        self._address = address
        self._doorman = Doorman(venue)
        self.session = Session(venue.now_ms(), rate_limits=_flag(shown))

    def answer(self, message: str) -> bytes:
        """Answer one text frame; everything wrong with it becomes an error reply."""
        venue = self._venue
        venue.counts.session_requests += 1
        now_ms = venue.now_ms()
        asked = _Asked(shown=self.session.rate_limits)
        status = 200
        try:
            asked.read(message)
            outcome = b',"result":' + orjson.dumps(self._carry_out(asked, now_ms))
        except Refusal as refused:
            status, outcome = refused.status, self._error(refused, now_ms)
        except Exception as error:  # noqa: BLE001  Told on stderr; the others go on trading.
            mishap = report_mishap(venue, f"session {message[:200]!r}", error)
            status, outcome = mishap.status, self._error(mishap, now_ms)
        shown = self._limit_rows(asked, now_ms) if asked.shown and status != 401 else b""
        return b'{"id":%b,"status":%d%b%b}' % (asked.id, status, outcome, shown)

    def _carry_out(self, asked: _Asked, now_ms: int) -> object:
        venue = self._venue
        weight = SESSION_WEIGHTS.get(asked.method)
        if weight is not None:
            venue.limits.spend(self._address, "", weight, now_ms)
            return self._session(asked, now_ms)
        route = METHODS.get(asked.method) or METHODS.get(asked.method.removeprefix("v1/"))
        if route is None:
            raise refusal(-1000, text=f"Unknown method '{asked.method}'.")
        params = asked.params
        venue.limits.spend(self._address, "", route.weigh(params), now_ms)
        account_id = self._authenticate(route, asked, now_ms)
        if route.orders:
            asked.counted_id = account_id
            venue.limits.spend_orders(account_id, route.orders, now_ms)
        return route.handler(Call(venue, params, now_ms, account_id))

    def _authenticate(self, route: Route, asked: _Asked, now_ms: int) -> int:
        if route.security == PUBLIC:
            return 0
        params, session = asked.params, self.session.known
        api_key = params.get("apiKey", "")
        trading = trades(asked.method, route)
        if not api_key and session is not None:
            # Logged on: the key is looked at again, for it may be for reading alone.
            known = self._doorman.known(session.api_key, self._address, trading=trading)
            if route.security == SIGNED:
                self._doorman.check_time(params, now_ms)
            return known.account_id
        known = self._doorman.known(api_key, self._address, trading=trading)
        if route.security == SIGNED:
            self._doorman.check_time(params, now_ms)
            self._doorman.check_signature(known, session_payload(params), sent_signature(params))
        return known.account_id

    def _session(self, asked: _Asked, now_ms: int) -> object:
        if asked.method == "session.logon":
            params = asked.params
            known = self._doorman.known(params.get("apiKey", ""), self._address, trading=False)
            self.session.check_kind(known)
            self._doorman.check_time(params, now_ms)
            self._doorman.check_signature(known, session_payload(params), sent_signature(params))
            self.session.log_on(known, now_ms)
        elif asked.method == "session.logout":
            self.session.log_out()
        return self.session.describe(self._venue.said_ms(now_ms))

    def _error(self, refused: Refusal, now_ms: int) -> bytes:
        venue = self._venue
        venue.counts.refusals += 1
        error = refused.body()
        if isinstance(refused, Throttled):
            venue.counts.throttled += 1
            error["data"] = {"serverTime": now_ms, "retryAfter": refused.until_ms}
        return b',"error":' + orjson.dumps(error)

    def _limit_rows(self, asked: _Asked, now_ms: int) -> bytes:
        """Say what was used: the weight always, orders when the request counts as one."""
        limits = self._venue.limits
        rows = _ROWS[0] % limits.weight(self._address, now_ms)
        if asked.counted_id:
            ten_seconds, minute = limits.order_counts(asked.counted_id, now_ms)
            rows = b"%b,%b,%b" % (rows, _ROWS[1] % ten_seconds, _ROWS[2] % minute)
        return b',"rateLimits":[%b]' % rows


class _Asked:
    """One request while it is answered, as far as it could be read."""

    def __init__(self, *, shown: bool) -> None:
        self.id = b"null"
        self.method = ""
        self.params: Mapping[str, str] = {}
        self.shown = shown
        self.counted_id = 0
        """The account whose orders it counts to; 0: it does not."""

    def read(self, message: str) -> None:
        """Read a message.

        Raises:
            Refusal: it is no request.
        """
        try:
            envelope = _read_envelope(message)
            raw_id, raw_method = bytes(envelope.id), bytes(envelope.method)
            if raw_id[0] != _QUOTE and raw_id != b"null" and raw_id.strip(b"-0123456789"):
                raise refusal(-1130, "id")
            self.id = raw_id
            if raw_method[0] == _QUOTE:
                self.method = _read_text(raw_method)
            if bytes(envelope.params) != b"null":
                self.params = _texts(_read_params(envelope.params))
        except (msgspec.DecodeError, RecursionError):
            raise refusal(-1000, text="Invalid JSON in request.") from None
        for wish in (bytes(envelope.returnRateLimits), self.params.get("returnRateLimits", "")):
            if wish and wish != b"null":
                self.shown = _flag(wish if isinstance(wish, str) else wish.decode())


def _texts(raw: dict[str, msgspec.Raw]) -> dict[str, str]:
    """Give parameters as texts, numbers in the digits they were sent in (0.010, not 0.01)."""
    texts = {}
    for name, value in raw.items():
        held = bytes(value)
        if held[0] == _QUOTE:
            texts[name] = _read_text(held)
        elif held != b"null":
            texts[name] = held.decode()
    return texts


def _flag(text: str) -> bool:
    wish = text.strip('"').lower()
    if wish not in ("true", "false"):
        raise refusal(-1130, "returnRateLimits")
    return wish == "true"
