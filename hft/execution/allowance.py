"""What the venue's limits allow the house: shown in the account block, and told when they bite."""

from __future__ import annotations

from hft.agent.log import Log
from hft.binance.meter import Meter
from hft.binance.window import full_in_s
from hft.events import Notice
from hft.execution.account import Account
from hft.state.blocks import LEDGER_STATUS
from hft.units import NS_PER_MS, NS_PER_S
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of

LOOK_EVERY_NS = 20 * NS_PER_MS
PACE_AFTER_MS = 5_000
"""The pace of a window is not judged before so much of it has passed."""
_LEDGER = packer_of(LEDGER_STATUS)
_NAMES = LEDGER_STATUS.names or ()
_LEDGER_LIMITED, _LEDGER_BANNED = _NAMES.index("limited_until_ns"), _NAMES.index("banned_until_ns")


class Allowance:
    """Looks at the meter now and then, writes its figures into the account, and raises alarms."""

    def __init__(self, log: Log, meter: Meter, account: Account, ledger: Snapshot) -> None:
        self._log = log
        self._meter = meter
        self._account = account
        self._ledger = ledger
        self._next_ns = 0
        self._was_limited = False
        self._told = (0, 0, 0)
        self._forecast_of_ms = 0
        # What an earlier life of this process was told holds for this one.
        meter.heed(account.limited_until_ns, account.banned_until_ns)

    @property
    def banned(self) -> bool:
        """Say whether nothing at all may be sent."""
        return self._meter.is_before(self._meter.budget.banned_until_ms)

    @property
    def limited(self) -> bool:
        """Say whether new orders are refused or throttled by the venue.

        It is over with the look that lets orders go again, not in between: nobody is told that he
        may trade while the gate still refuses.
        """
        return self._was_limited or self._is_limited()

    def _is_limited(self) -> bool:
        budget = self._meter.budget
        return self._meter.is_before(max(budget.orders_until_ms, budget.throttled_until_ms))

    def tick(self, now_ns: int) -> None:
        """Look, if it is time."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + LOOK_EVERY_NS
        value = self._ledger.read_bytes()
        if value is not None:
            words = _LEDGER.unpack(value)
            self._meter.heed(words[_LEDGER_LIMITED], words[_LEDGER_BANNED])
        self._meter.tick()
        self._was_limited = self._is_limited()
        self._write()
        self._tell(now_ns)
        self._foresee()

    def _write(self) -> None:
        account, meter, budget = self._account, self._meter, self._meter.budget
        account.weight_used, account.weight_limit = budget.weight.used, budget.weight.limit
        account.orders_10s_used = budget.orders_10s.used
        account.orders_10s_limit = budget.orders_10s.limit
        account.orders_1m_used = budget.orders_1m.used
        account.orders_1m_limit = budget.orders_1m.limit
        account.limited_until_ns = meter.local_ns(budget.limited_until_ms)
        account.banned_until_ns = meter.local_ns(budget.banned_until_ms)
        account.may_order = int(meter.may_order)
        orders_until_ms = max(budget.orders_until_ms, budget.throttled_until_ms)
        account.orders_until_ns = meter.local_ns(orders_until_ms)

    def _tell(self, now_ns: int) -> None:
        budget, meter = self._meter.budget, self._meter
        until = (budget.banned_until_ms, budget.limited_until_ms, budget.orders_until_ms)
        was, self._told = self._told, until
        left = [max(0, meter.local_ns(end_ms) - now_ns) / NS_PER_S for end_ms in until]
        if until[0] > was[0] and left[0]:
            self._log.error(f"banned for {left[0]:.1f} s: nothing is sent", Notice.BANNED)
        if until[1] > was[1] and left[1]:
            text = f"requests are limited for {left[1]:.1f} s: what weighs waits, orders go on"
            self._log.warning(text, Notice.RATE_LIMITED)
        if until[2] > was[2] and left[2]:
            text = f"too many orders: none for {left[2]:.1f} s, cancels go on"
            self._log.warning(text, Notice.RATE_LIMITED)

    def _foresee(self) -> None:
        """Say once in a minute that its weight will not do."""
        weight, venue_ms = self._meter.budget.weight, self._meter.clock.venue_ms()
        started_ms = weight.start_ms
        if started_ms == self._forecast_of_ms or venue_ms - started_ms < PACE_AFTER_MS:
            return
        wait_s = full_in_s(weight.used, weight.limit, venue_ms, weight.length_ms)
        if wait_s is not None:
            self._forecast_of_ms = started_ms
            text = (
                f"at this pace the minute's request weight is used up in {wait_s:.0f} s "
                f"({weight.used} of {weight.limit})"
            )
            self._log.warning(text, Notice.RATE_LIMITED)
