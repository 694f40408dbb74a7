"""The venue's limits: request weight by address, orders by account, bans for who goes on.

Windows are fixed calendar windows, as the venue's seem to be.  With `enforced` off everything is
still counted and shown, and nothing is refused.
"""

from __future__ import annotations

from hft.simulator.refusals import Refusal, refusal

SECOND_MS = 1_000
TEN_SECONDS_MS = 10_000
MINUTE_MS = 60_000
FIVE_MINUTES_MS = 300_000

WEIGHT_MAX = 2_400
ORDERS_10S_MAX = 300
ORDERS_1M_MAX = 1_200
UNREACHED = 1_000_000_000
"""What exchangeInfo announces of each while nothing is enforced."""
HANDSHAKE_WEIGHT = 5
"""Request weight of opening a WebSocket API connection."""

STREAM_CONNECTIONS_MAX = 300
"""New stream connections of an address in five minutes."""

STRIKES_MAX = 20
"""Refusals within a minute that are taken for haste; one more is a ban."""
BAN_FIRST_MS = 120_000
BAN_LONGEST_MS = 3 * 86_400_000

POOLS: dict[str, tuple[str, int]] = {
    "/fapi/v1/fundingRate": ("funding", 500),
    "/fapi/v1/fundingInfo": ("funding", 500),
}
"""Paths with a limit of their own in five minutes: the name they share it under, and how many."""
STATISTICS_PATH = "/futures/data/"
STATISTICS_POOL = ("statistics", 1_000)


class Throttled(Refusal):
    """A refusal that says when to come back."""

    def __init__(self, refused: Refusal, now_ms: int, until_ms: int) -> None:
        super().__init__(refused.code, refused.text, refused.status)
        self.until_ms = until_ms
        self.wait_s = max(1, -(-(until_ms - now_ms) // SECOND_MS))


class Window:
    """A counter that starts again at every multiple of its length."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._start_ms = 0
        self._count = 0

    def add(self, now_ms: int, amount: int) -> None:
        """Count `amount` now."""
        self._roll(now_ms)
        self._count += amount

    def count(self, now_ms: int) -> int:
        """Give what was counted in the present window."""
        self._roll(now_ms)
        return self._count

    def end_ms(self, now_ms: int) -> int:
        """Give when the present window ends."""
        return now_ms - now_ms % self._length_ms + self._length_ms

    def _roll(self, now_ms: int) -> None:
        start_ms = now_ms - now_ms % self._length_ms
        if start_ms != self._start_ms:
            self._start_ms = start_ms
            self._count = 0


class Ban:
    """Shuts an address out that goes on against refusals, twice as long each time."""

    def __init__(self) -> None:
        self._strikes = Window(MINUTE_MS)
        self._until_ms = 0
        self._length_ms = BAN_FIRST_MS

    def strike(self, now_ms: int) -> None:
        """Note that the address was refused."""
        self._strikes.add(now_ms, 1)
        if self._strikes.count(now_ms) > STRIKES_MAX and self._until_ms <= now_ms:
            self._until_ms = now_ms + self._length_ms
            self._length_ms = min(2 * self._length_ms, BAN_LONGEST_MS)

    def check(self, address: str, now_ms: int) -> None:
        """Refuse a banned address.

        Raises:
            Throttled: -1003 with status 418, until the ban ends.
        """
        if now_ms < self._until_ms:
            text = (
                f"Way too many requests; IP({address}) banned until {self._until_ms}. "
                "Please use the websocket for live updates to avoid bans."
            )
            raise Throttled(Refusal(-1003, text, 418), now_ms, self._until_ms)


class Guest:
    """What one address used, and whether it is shut out of requests or of streams."""

    def __init__(self) -> None:
        self.weight = Window(MINUTE_MS)
        self.pools: dict[str, Window] = {}
        self.requests = Ban()
        self.streams = Ban()
        self.opened = Window(FIVE_MINUTES_MS)


class Limits:
    """Counts what addresses and accounts use, and refuses what is too much."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self._guests: dict[str, Guest] = {}
        self._orders: dict[int, tuple[Window, Window]] = {}

    def spend(self, address: str, path: str, weight: int, now_ms: int) -> None:
        """Count one request of an address, unless it is banned.

        What weighs nothing passes a used up weight, as orders do.

        Raises:
            Throttled: -1003, with status 429 above the limit and 418 for a banned address.
        """
        guest = self._guest(address)
        if self.enforced:
            guest.requests.check(address, now_ms)
        guest.weight.add(now_ms, weight)
        if weight and guest.weight.count(now_ms) > WEIGHT_MAX:
            self._refuse(address, guest.weight, refusal(-1003, WEIGHT_MAX), now_ms)
        self._spend_pool(address, path, now_ms)

    def spend_orders(self, account_id: int, orders: int, now_ms: int) -> None:
        """Count the orders of one request: a batch is one request in the minute.

        Raises:
            Throttled: -1015, nothing was counted.
        """
        if not orders:
            return
        for window, amount, most, name in (
            (self._windows(account_id)[0], orders, ORDERS_10S_MAX, "TEN_SECONDS"),
            (self._windows(account_id)[1], 1, ORDERS_1M_MAX, "MINUTE"),
        ):
            if self.enforced and window.count(now_ms) + amount > most:
                raise Throttled(refusal(-1015, most, name), now_ms, window.end_ms(now_ms))
        ten_seconds, minute = self._windows(account_id)
        ten_seconds.add(now_ms, orders)
        minute.add(now_ms, 1)

    def weight(self, address: str, now_ms: int) -> int:
        """Give the request weight an address used in this minute."""
        return self._guest(address).weight.count(now_ms)

    def order_counts(self, account_id: int, now_ms: int) -> tuple[int, int]:
        """Give the orders of an account in these ten seconds and in this minute."""
        ten_seconds, minute = self._windows(account_id)
        return ten_seconds.count(now_ms), minute.count(now_ms)

    def check_streams(self, address: str, now_ms: int) -> None:
        """Count a new stream connection, unless its address was cut off again and again.

        A ban of requests does not touch them: the venue tells the banned to use streams.

        Raises:
            Throttled: -1003, with status 418 for the banned and 429 for one too many.
        """
        guest = self._guest(address)
        if self.enforced:
            guest.streams.check(address, now_ms)
        guest.opened.add(now_ms, 1)
        if self.enforced and guest.opened.count(now_ms) > STREAM_CONNECTIONS_MAX:
            text = f"Too many connections; current limit is {STREAM_CONNECTIONS_MAX} per 5 minutes."
            until_ms = guest.opened.end_ms(now_ms)
            raise Throttled(Refusal(-1003, text, 429), now_ms, until_ms)

    def strike_streams(self, address: str, now_ms: int) -> None:
        """Note that a connection of this address was cut off for haste."""
        self._guest(address).streams.strike(now_ms)

    def _spend_pool(self, address: str, path: str, now_ms: int) -> None:
        pool = STATISTICS_POOL if path.startswith(STATISTICS_PATH) else POOLS.get(path)
        if pool is None:
            return
        name, most = pool
        window = self._guest(address).pools.setdefault(name, Window(FIVE_MINUTES_MS))
        window.add(now_ms, 1)
        if window.count(now_ms) > most:
            text = f"Too many requests; current limit is {most} requests per 5 minutes."
            self._refuse(address, window, Refusal(-1003, text, 429), now_ms)

    def _refuse(self, address: str, window: Window, refused: Refusal, now_ms: int) -> None:
        if not self.enforced:
            return
        ban = self._guest(address).requests
        ban.strike(now_ms)
        ban.check(address, now_ms)
        raise Throttled(refused, now_ms, window.end_ms(now_ms))

    def _guest(self, address: str) -> Guest:
        guest = self._guests.get(address)
        if guest is None:
            guest = self._guests[address] = Guest()
        return guest

    def _windows(self, account_id: int) -> tuple[Window, Window]:
        windows = self._orders.get(account_id)
        if windows is None:
            windows = self._orders[account_id] = (Window(TEN_SECONDS_MS), Window(MINUTE_MS))
        return windows
