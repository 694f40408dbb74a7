"""The venue as its doors see it: the core, the streams, the keys and the clock."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import msgspec

from hft.clock import wall_ms
from hft.simulator.desk import Desk, Listing
from hft.simulator.exchange import Exchange
from hft.simulator.hub import Hub
from hft.simulator.keys import DEMO_ACCOUNT_ID, Credentials
from hft.simulator.lifetimes import LIFE_MAX_MS
from hft.simulator.limits import Limits
from hft.simulator.pricing import Pricing
from hft.simulator.publisher import Publisher
from hft.simulator.refusals import refusal
from hft.simulator.symbols import Symbol
from hft.simulator.user_streams import UserStreams

__all__ = ["DEMO_ACCOUNT_ID", "Counts", "Credentials", "Venue"]


class Counts(msgspec.Struct):
    """What `/sim/state` counts."""

    rest_requests: int = 0
    session_requests: int = 0
    refusals: int = 0
    connections: int = 0
    stream_connections: int = 0
    session_connections: int = 0
    cut_off: int = 0
    throttled: int = 0
    turned_away: int = 0
    mishaps: int = 0


class Venue:
    """Everything the doors (REST, streams, WebSocket API) share."""

    def __init__(
        self,
        symbols: Iterable[Symbol],
        credentials: Credentials,
        *,
        recorded: bool = False,
        limits: Limits | None = None,
        clock: Callable[[], int] = wall_ms,
        sockets_clock: Callable[[], int] | None = None,
        funding_interval_ms: int = 0,
    ) -> None:
        """Open; without `limits` usage is only counted.  The clocks give milliseconds.

        Funding is settled every `funding_interval_ms`; 0: as often as each contract says.
        """
        self.exchange = Exchange(symbols)
        self.hub = Hub()
        self.users = UserStreams()
        self.publisher = Publisher(self.exchange, self.hub, self.users, recorded=recorded)
        self.limits = limits or Limits(enforced=False)
        self.counts = Counts()
        self.account_epoch = secrets.token_hex(8)
        self.account_alias = secrets.token_hex(4)
        self.describe_market: Callable[[], dict[str, object]] = dict
        self.describe_faults: Callable[[], dict[str, object] | None] = _none
        self.on_time: Callable[[int], None] = _none
        self.seed = 0
        self.clock_step_ms = 0
        self.connection_life_ms = LIFE_MAX_MS
        self.account_ids: dict[str, int] = {}
        self._credentials: dict[str, Credentials] = {}
        self._clock = clock
        self._sockets_clock = sockets_clock
        self._latest_ms = 0
        self.pricing = Pricing(
            self.exchange,
            self.publisher.feeds,
            self.now_ms(),
            funding_interval_ms=funding_interval_ms,
        )
        self.admit(credentials)

    def admit(self, credentials: Credentials) -> None:
        """Let a key in from now on; the account it opens has a desk."""
        self._credentials[credentials.api_key] = credentials
        self.exchange.open_desk(credentials.account_id)

    def now_ms(self) -> int:
        """Read the venue's clock; it never goes back."""
        self._latest_ms = max(self._latest_ms, self._clock())
        return self._latest_ms

    def sockets_ms(self) -> int:
        """Read the clock that connections live by: the machine's where time is simulated."""
        return self._sockets_clock() if self._sockets_clock is not None else self.now_ms()

    def said_ms(self, now_ms: int) -> int:
        """Give the time that requests are told and judged by; a fault may have stepped it."""
        return now_ms + self.clock_step_ms

    def flush(self, now_ms: int) -> None:
        """Send what a transaction of time `now_ms` caused."""
        self.publisher.flush(now_ms, self.now_ms())

    def describe_state(self) -> dict[str, object] | None:
        """Say where this venue keeps its state; None where it keeps none."""
        keeper = self.publisher.keeper
        return None if keeper is None else keeper.describe()

    def credentials_of(self, api_key: str) -> Credentials:
        """Find who an API key belongs to.

        Raises:
            Refusal: -2014 the key cannot be one, -2015 nobody has it.
        """
        known = self._credentials.get(api_key)
        if known is not None:
            return known
        raise refusal(-2015 if api_key.isascii() and api_key.isalnum() else -2014)

    def desk(self, account_id: int) -> Desk:
        """Give the desk of an account."""
        return self.exchange.desks[account_id]

    def listing(self, name: str) -> Listing:
        """Find a symbol.

        Raises:
            Refusal: -1121, it is not listed.
        """
        listing = self.exchange.listings.get(name)
        if listing is None:
            raise refusal(-1121)
        return listing


def _none(*_: object) -> None:
    """Stand where faults would, which are off."""
