"""The rounds of flatten: read what is left at the venue, act on it, read again.

What an unanswered request did is never guessed: the next round sees what is left.  Every closing
order can only close, so one that arrives late, or twice, is cut or refused by the venue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hft.binance import endpoints
from hft.binance.budget import Use
from hft.binance.rest import BudgetSpent, Rest, VenueError, VenueUnknown
from hft.clock import Deadline, sleep_s, wall_ms
from hft.errors import AuthError, HftError
from hft.flatten_orders import (
    TRADING,
    Holding,
    Rules,
    edge_order,
    edge_price_e8,
    market_order,
    rules_of,
    slices,
)
from hft.units import parse_e8, trim_e8

SLICES_MAX = 8
"""Orders for one position in one round; then the venue is asked what they did."""
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 2.0
BAN_PAUSE_S = 5.0
"""How long to wait where the venue says that it was too much, but not for how long."""
OUTSIDE_OF_THE_BAND = -4131
_DONE, _UNANSWERED = 0, 1
TOO_MANY = frozenset({418, 429})

Say = Callable[[str, str], None]
"""Tells (state, sentence) to whoever waits."""


class TooMany(HftError):
    """The venue wants to be left alone for so long."""

    def __init__(self, refusal: VenueError) -> None:
        super().__init__(str(refusal))
        self.wait_s = refusal.retry_after_s


class Rounds:
    """One flattening of one account."""

    def __init__(
        self, rest: Rest, say: Say, *, cancel_only: bool, keep_stops: bool = False
    ) -> None:
        self._rest = rest
        rest.use = Use.CANCEL
        self._say = say
        self._cancel_only = cancel_only
        self._keep_stops = keep_stops
        """Conditional orders that can only make a position smaller are left standing."""
        self._name = f"flatten-{wall_ms():x}"
        self._orders_sent = 0
        self._reply: dict[str, Any] = {}
        self._rules: dict[str, Rules] | None = None
        self._orders: dict[tuple[str, bool], list[str]] | None = None
        """Names of open orders by symbol and whether they are conditional; None: to be read."""
        self._positions: list[Holding] | None = None
        self._at_edge: set[str] = set()
        self._why: dict[str, str] = {}
        self._clock_known = False
        self.reached = False
        """The venue has shown the account."""
        self._complained = ""
        self.problem = ""
        """Why the newest reading failed."""

    def work(self, deadline_s: float) -> None:
        """Go round until nothing is left or the time is over.

        Raises:
            AuthError: the venue refuses the key.
        """
        deadline, pause_s, before = Deadline(deadline_s), PAUSE_FIRST_S, None
        while True:
            try:
                done, wait_s = self._round(), 0.0
            except TooMany as problem:
                done, wait_s = False, problem.wait_s or BAN_PAUSE_S
                self._say("running", f"waiting {wait_s:g} s as the venue wants it: {problem}")
            if done or deadline.passed():
                return
            now = self.left()
            pause_s = PAUSE_FIRST_S if now != before else min(2 * pause_s, PAUSE_MAX_S)
            before = now
            sleep_s(min(max(pause_s, wait_s), deadline.left_s()))

    def left(self) -> list[str]:
        """Say what is left, and why where that is known; empty: nothing is."""
        if not self.reached:
            return [f"nothing could be read from the venue: {self.problem}"]
        words = []
        for (symbol, conditional), names in (self._orders or {}).items():
            kind = "conditional order" if conditional else "order"
            words += [self._explained(f"{symbol} {kind} {name}", symbol) for name in names]
        if not self._cancel_only:
            words += [self._explained(each.name(), each.key) for each in self._positions or ()]
        if self.problem or self._orders is None:
            words.append(f"whether that is all is not known: {self.problem or 'not read again'}")
        return words

    def _explained(self, words: str, key: str) -> str:
        why = self._why.get(key, "")
        return f"{words} ({why})" if why else words

    # One round.

    def _round(self) -> bool:
        """Read, cancel, close; True when a whole reading has shown that nothing is left."""
        self.problem = ""
        fresh = self._orders is None
        if not self._clock_known and not self._read(self._read_clock):
            self._complain()
            return False
        if self._rules is None:
            self._read(self._read_rules)
        self._read(self._read_orders if fresh else self._look_again)
        may_close = not self._cancel_only and self._read(self._read_positions)
        self._complain()
        was_clear = not self.problem and not self._orders and not self._positions
        self._cancel()
        for holding in self._positions or () if may_close else ():
            self._close(holding)
        if fresh and was_clear:
            return True
        if not self._orders and not self._positions:
            # What was found is gone: only a whole reading shows that nothing came after it.
            self._orders = None
        return False

    def _read(self, reading: Callable[[], None]) -> bool:
        try:
            reading()
        except VenueError as refusal:
            _heed(refusal)
            self.problem = str(refusal)
        except VenueUnknown as problem:
            self.problem = str(problem)
        else:
            return True
        return False

    def _complain(self) -> None:
        if self.problem not in ("", self._complained):
            self._say("running", f"the venue did not tell, trying again: {self.problem}")
        self._complained = self.problem

    def _read_clock(self) -> None:
        self._rest.sync_clock(samples=1)
        self._clock_known = True

    def _read_rules(self) -> None:
        self._rules = read_rules(self._rest)

    def _read_orders(self) -> None:
        found: dict[tuple[str, bool], list[str]] = {}
        for row in self._rest.open_orders():
            found.setdefault((row["symbol"], False), []).append(row["clientOrderId"])
        for row in self._rest.open_algo_orders():
            if not self._is_kept(row):
                found.setdefault((row["symbol"], True), []).append(row["clientAlgoId"])
        self._orders = found
        self.reached = True

    def _look_again(self) -> None:
        """Read the orders that were not seen to go: a symbol's cost the venue little."""
        for key in list(self._orders or ()):
            symbol, conditional = key
            if conditional:
                rows = self._rest.open_algo_orders(symbol)
                names = [row["clientAlgoId"] for row in rows if not self._is_kept(row)]
            else:
                names = [row["clientOrderId"] for row in self._rest.open_orders(symbol)]
            assert self._orders is not None
            self._orders[key] = names
            if not names:
                del self._orders[key]

    def _is_kept(self, row: dict[str, Any]) -> bool:
        return self._keep_stops and bool(row["reduceOnly"] or row["closePosition"])

    def _read_positions(self) -> None:
        rows = self._rest.position_risk()
        self._positions = [each for each in map(_holding, rows) if each.amount_e8]
        self.reached = True

    def _cancel(self) -> None:
        for (symbol, conditional), names in list((self._orders or {}).items()):
            kind = "conditional orders" if conditional else "open orders"
            self._say("running", f"{symbol}: cancelling {len(names)} {kind}")
            if conditional and self._keep_stops:
                for name in names:
                    self._attempt(symbol, partial(self._rest.cancel_algo, name))
                continue
            cancel = self._rest.cancel_all_algos if conditional else self._rest.cancel_all
            deed = partial(cancel, symbol)
            code = self._attempt(symbol, deed)
            if code in (_DONE, endpoints.UNKNOWN_ORDER_SENT) and self._orders:
                del self._orders[symbol, conditional]

    def _close(self, holding: Holding) -> None:
        """Send what the venue takes of one position, until an order does not do all it should."""
        rules = (self._rules or {}).get(holding.symbol, Rules())
        for order in self._orders_for(holding, rules):
            self._tell(order)
            code = self._attempt(holding.key, partial(self._place, order))
            if code == OUTSIDE_OF_THE_BAND or (code == _DONE and self._fell_short(order)):
                self._at_edge.add(holding.key)
                self._why[holding.key] = "too little is offered within the venue's price band"
            if holding.key in self._why:
                break
        if rules.status != TRADING:
            why = self._why.get(holding.key, "")
            self._why[holding.key] = f"the symbol's status is {rules.status}; {why}".rstrip("; ")

    def _orders_for(self, holding: Holding, rules: Rules) -> Iterator[dict[str, Any]]:
        price_e8 = edge_price_e8(holding, rules) if holding.key in self._at_edge else 0
        self._at_edge.discard(holding.key)
        sizes = slices(holding, rules, SLICES_MAX)
        if not sizes:
            least = trim_e8(rules.least_e8)
            self._why[holding.key] = f"less than {least}, the venue's smallest order"
        for size_e8 in sizes:
            if price_e8:
                yield edge_order(holding, size_e8, price_e8, rules)
            else:
                yield market_order(holding, size_e8)

    def _place(self, order: dict[str, Any]) -> None:
        self._orders_sent += 1
        self._reply = {}
        named = {**order, "newClientOrderId": f"{self._name}-{self._orders_sent}"}
        self._reply = self._rest.place(named)

    def _fell_short(self, order: dict[str, Any]) -> bool:
        wanted = order["quantity"]
        short_e8 = parse_e8(wanted) - parse_e8(self._reply.get("executedQty", wanted))
        # One that asked for more than there was got cut to it, and did all it should.
        return short_e8 > 0 and self._reply.get("status") != "FILLED"

    def _tell(self, order: dict[str, Any]) -> None:
        where = f"up to {order['price']}" if "price" in order else "at market"
        how = "reduce-only" if "reduceOnly" in order else order["positionSide"]
        self._say(
            "running", f"{order['symbol']}: {order['side']} {order['quantity']} {where}, {how}"
        )

    def _attempt(self, key: str, deed: Callable[[], Any]) -> int:
        """Do it, and keep why it failed; the venue's code, else `_DONE` or `_UNANSWERED`.

        Raises:
            TooMany: the venue wants to be left alone.
        """
        try:
            deed()
        except VenueError as refusal:
            _heed(refusal)
            self._why[key] = str(refusal)
            # A page of a gateway bears no code.
            return refusal.code or _UNANSWERED
        except (VenueUnknown, AuthError) as problem:
            self._why[key] = str(problem)
            return _UNANSWERED
        self._why.pop(key, None)
        return _DONE


def read_rules(rest: Rest) -> dict[str, Rules]:
    """Read what every symbol's closing orders keep to."""
    rules = {}
    for listing in rest.exchange_info()["symbols"]:
        try:
            rules[listing["symbol"]] = rules_of(listing)
        except (ValueError, TypeError, AttributeError):
            # A listing that cannot be read is closed in one piece.
            continue
    return rules


def _holding(row: dict[str, Any]) -> Holding:
    amount_e8 = parse_e8(row["positionAmt"])
    mark_e8 = parse_e8(row["markPrice"]) if amount_e8 else 0
    return Holding(row["symbol"], row.get("positionSide", "BOTH"), amount_e8, mark_e8)


def _heed(refusal: VenueError) -> None:
    """Stop at once where the venue says, or has said, that it was too much.

    Raises:
        TooMany: it does.
    """
    if refusal.http_status in TOO_MANY or isinstance(refusal, BudgetSpent):
        raise TooMany(refusal) from None
