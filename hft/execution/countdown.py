"""The dead-man switch: the venue cancels all our orders unless we keep saying that we live.

It is said for every symbol, and only while feed, strategy, execution and reconciliation are all
well: whatever hangs or dies, the orders are gone when the time is over.  It has a connection of its
own, so that nothing slow stands in its way.  The venue's countdown takes ordinary orders, those
placed by hand among them; orders that wait for a trigger stay: they protect a position.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from hft.agent.log import Log
from hft.binance.rest import Rest
from hft.events import Notice
from hft.execution.account import Account
from hft.execution.errands import Errands
from hft.units import NS_PER_MS, NS_PER_S

SAY_OF_COUNTDOWN = 3
"""It is said again after this part of the countdown..."""
SYMBOL_NS = 2_500_000_000
"""...or after so long for each symbol, which costs a tenth of the venue's request weight..."""
LATEST = 0.6
"""...but never later than after this share of it."""
RETRY_NS = NS_PER_S


class Wish(IntEnum):
    """What is to become of the countdown."""

    OFF = 0
    """Nothing of ours can be open: it is taken back."""
    RUN_OUT = 1
    """Something is not well: it is left to the venue."""
    ON = 2


def say_every_ns(countdown_ns: int, symbols: int) -> int:
    """How often it is said: often enough to survive a lost request, and cheap with many symbols."""
    wanted_ns = max(countdown_ns // SAY_OF_COUNTDOWN, symbols * SYMBOL_NS)
    return min(wanted_ns, int(countdown_ns * LATEST))


class Countdown:
    """Arms, re-arms and disarms the venue's countdown of every symbol; 0 ms: never."""

    def __init__(
        self, log: Log, account: Account, errands: Errands, symbols: list[str], countdown_ms: int
    ) -> None:
        self._log = log
        self._account = account
        self._errands = errands
        self._symbols = symbols
        self._ms = countdown_ms
        self._every_ns = say_every_ns(countdown_ms * NS_PER_MS, len(symbols))
        self._next_ns = 0
        self._wish = Wish.OFF
        # An earlier life of this process may have left it on.
        self._may_be_on = bool(account.countdown_armed)
        self._until_ns = account.countdown_ns + countdown_ms * NS_PER_MS
        self._told_end = self._told_failure = False

    @property
    def is_off(self) -> bool:
        """Say whether the venue counts nothing down for us."""
        return not self._may_be_on

    def tick(self, now_ns: int, wish: Wish) -> bool:
        """Say what is due; returns whether the venue is cancelling everything just now."""
        if not self._ms:
            return False
        ended = self._notice_the_end(now_ns)
        if wish is Wish.OFF is not self._wish:
            self._next_ns = now_ns
        self._wish = wish
        if wish is Wish.RUN_OUT:
            self._tell_of_the_end(now_ns)
        elif now_ns >= self._next_ns:
            if wish is Wish.ON:
                self._send(now_ns, self._ms)
            elif self._may_be_on:
                self._send(now_ns, 0)
        return ended

    def close(self, timeout_s: float) -> None:
        """End its thread; what the venue counts down goes on."""
        self._errands.close(timeout_s)

    def poll(self, now_ns: int) -> int:
        """Take in what the venue answered; returns the work count."""
        return self._errands.poll(now_ns)

    def _notice_the_end(self, now_ns: int) -> bool:
        account = self._account
        if not account.countdown_armed or now_ns <= self._until_ns:
            return False
        account.countdown_armed = 0
        self._log.error("the countdown is over: the venue cancels our orders", Notice.COUNTDOWN)
        return True

    def _tell_of_the_end(self, now_ns: int) -> None:
        if self._account.countdown_armed and not self._told_end:
            self._told_end = True
            left_s = (self._until_ns - now_ns) / NS_PER_S
            text = f"not all is well: the venue cancels our orders in {left_s:.1f} s"
            self._log.warning(text, Notice.COUNTDOWN)

    def _send(self, now_ns: int, wait_ms: int) -> None:
        symbols = self._symbols

        def say(rest: Rest) -> int:
            for symbol in symbols:
                rest.count_down(symbol, wait_ms)
            return wait_ms

        if self._errands.ask("countdown", say, lambda result, _: self._on_said(result, now_ns)):
            self._next_ns = now_ns + self._every_ns
            # Should it fail, it may still have reached some of the symbols.
            self._may_be_on = self._may_be_on or wait_ms > 0

    def _on_said(self, result: Any, asked_ns: int) -> None:
        account = self._account
        if isinstance(result, Exception):
            self._next_ns = asked_ns + RETRY_NS
            if not self._told_failure:
                self._told_failure = True
                self._log.warning(f"the countdown was not set: {result}", Notice.COUNTDOWN)
            return
        self._told_failure = self._told_end = False
        was, account.countdown_armed = account.countdown_armed, int(result > 0)
        account.countdown_ns, self._until_ns = asked_ns, asked_ns + result * NS_PER_MS
        if not result:
            self._may_be_on, self._next_ns = False, 0
            self._log.info("the countdown is taken back: no order is open", Notice.COUNTDOWN)
        elif not was:
            text = f"the venue cancels our orders {result / 1000:g} s after the last word from us"
            self._log.info(text, Notice.COUNTDOWN)
