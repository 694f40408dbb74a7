"""Whatever several users do, every order and every conditional order ends once, legally."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from hft.simulator import algo, orders
from hft.simulator.algo import AlgoOrder, AlgoUpdate
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import AmendRequest, VenueOrder
from hft.simulator.outcomes import OrderUpdate, Outcome
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .algos import condition, place_algo
from .core import MARK_TICKS, request, with_house_book

ACCOUNTS = (1, 2, 3)
REACH = 12

accounts = st.sampled_from(ACCOUNTS)
sides = st.sampled_from([BUY, SELL])
steps = st.integers(-REACH, REACH)
sizes = st.sampled_from([10, 20, 50, 120])
times = st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "GTX"])
avoidance = st.sampled_from(["EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH"])
kinds = st.sampled_from(["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"])
working = st.sampled_from([algo.CONTRACT_PRICE, algo.MARK_PRICE])


class OrdersLife(RuleBasedStateMachine):
    """A book, its house and three users who do anything at all."""

    placed = Bundle("placed")
    conditions = Bundle("conditions")

    def __init__(self) -> None:
        super().__init__()
        self.exchange, self.listing = with_house_book(*ACCOUNTS)
        self.now_ms = 1
        self.order_statuses: dict[int, list[str]] = {}
        self.algo_statuses: dict[int, list[str]] = {}

    @initialize()
    def start(self) -> None:
        self.listing.last_ticks = MARK_TICKS

    # What users do.

    @rule(
        target=placed,
        account_id=accounts,
        side=sides,
        lots=sizes,
        step=steps,
        tif=times,
        mode=avoidance,
        reduce_only=st.booleans(),
    )
    def place_limit(self, account_id: int, side: int, lots: int, **words: Any) -> Any:
        more = {"reduce_only": words["reduce_only"], "self_trade": words["mode"]}
        wish = request(side, lots, MARK_TICKS + words["step"], words["tif"], **more)
        return self._do(lambda: self.exchange.place(account_id, wish, self.now_ms))

    @rule(
        target=placed,
        account_id=accounts,
        side=sides,
        lots=sizes,
        mode=avoidance,
        only=st.booleans(),
    )
    def place_market(self, account_id: int, side: int, lots: int, mode: str, only: bool) -> Any:
        wish = request(side, lots, reduce_only=only, self_trade=mode)
        return self._do(lambda: self.exchange.place(account_id, wish, self.now_ms))

    @rule(order=placed)
    def cancel(self, order: VenueOrder) -> None:
        self._do(lambda: self.exchange.cancel(order.owner, order, self.now_ms))

    @rule(order=placed, step=steps, lots=sizes)
    def amend(self, order: VenueOrder, step: int, lots: int) -> None:
        wish = AmendRequest(side=order.side, price_ticks=MARK_TICKS + step, lots=lots)
        self._do(lambda: self.exchange.amend(order.owner, order, wish, self.now_ms))

    @rule(
        target=conditions,
        account_id=accounts,
        kind=kinds,
        side=sides,
        step=steps,
        lots=sizes,
        working_type=working,
        reduce_only=st.booleans(),
        tif=times,
    )
    def place_condition(self, account_id: int, kind: str, side: int, **words: Any) -> Any:
        more = {"lots": words["lots"], "reduce_only": words["reduce_only"]}
        more |= {"working_type": words["working_type"]}
        if kind in algo.LIMITS:
            more["time_in_force"] = words["tif"]
        wish = condition(kind, side, MARK_TICKS + words["step"], **more)
        return self._do(lambda: place_algo(self.exchange, wish, account_id))

    @rule(target=conditions, account_id=accounts, side=sides, step=steps, lots=sizes)
    def place_trailing(self, account_id: int, side: int, step: int, lots: int) -> Any:
        more: dict[str, Any] = {"lots": lots, "working_type": algo.MARK_PRICE}
        more |= {"callback_e4": 10, "activation_ticks": MARK_TICKS + step}
        wish = condition(algo.TRAILING, side, **more)
        return self._do(lambda: place_algo(self.exchange, wish, account_id))

    @rule(
        target=conditions,
        account_id=accounts,
        kind=st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET"]),
        side=sides,
        step=steps,
    )
    def place_closing(self, account_id: int, kind: str, side: int, step: int) -> Any:
        closing = {"close_position": True, "reduce_only": True, "lots": 0}
        wish = condition(kind, side, MARK_TICKS + step, **closing)
        return self._do(lambda: place_algo(self.exchange, wish, account_id))

    @rule(one=consumes(conditions))
    def cancel_condition(self, one: AlgoOrder) -> None:
        self._do(lambda: self.exchange.algos.cancel(one.account_id, one, self.now_ms))

    # What the house does.

    @rule(side=sides, step=steps, lots=sizes)
    def house_quotes(self, side: int, step: int, lots: int) -> None:
        terms = (MARK_TICKS + step, lots)
        self._do(lambda: self.exchange.house_order(self.listing, side, terms, self.now_ms))

    @rule(side=sides, step=steps, lots=sizes)
    def house_takes(self, side: int, step: int, lots: int) -> None:
        terms = (MARK_TICKS + step, lots)
        self._do(lambda: self.exchange.house_take(self.listing, side, terms, self.now_ms))

    @rule(step=steps, far=st.booleans())
    def mark_moves(self, step: int, far: bool) -> None:
        self.listing.mark_e8 = (MARK_TICKS + step * (60 if far else 1)) * BTCUSDT.tick_e8
        self._do(lambda: None)

    # What must be true.

    @invariant()
    def the_book_is_not_crossed(self) -> None:
        bid, _, ask, _ = self.listing.book.top()
        assert not (bid and ask) or bid < ask

    @invariant()
    def nobody_traded_with_himself(self) -> None:
        for desk in self.exchange.desks.values():
            trade_ids = [fill.trade_id for fill in desk.fills]
            assert len(trade_ids) == len(set(trade_ids))

    @invariant()
    def what_is_open_rests_and_what_is_not_does_not(self) -> None:
        for desk in self.exchange.desks.values():
            for order in desk.orders.values():
                is_open = order.status in orders.OPEN
                assert is_open == (order.order_id in desk.open)
                assert is_open == self.listing.book.holds(order)
                assert order.filled_lots <= order.lots
                assert (order.status == orders.FILLED) == (order.filled_lots == order.lots)

    @invariant()
    def what_waits_is_new_and_what_has_an_order_lives_with_it(self) -> None:
        for desk in self.exchange.desks.values():
            for one in desk.algos.orders.values():
                assert (one.status == algo.NEW) == (one.algo_id in desk.algos.waiting)
                if one.status == algo.TRIGGERED:
                    assert one.child is not None
                    assert one.child.status in orders.OPEN
                elif one.status == algo.FINISHED:
                    assert one.child is not None
                    assert one.child.status in orders.TERMINAL
                else:
                    assert one.child is None

    def teardown(self) -> None:
        """End everything: each order has ended once, and nothing is left in the book."""
        for account_id in ACCOUNTS:
            self.exchange.algos.cancel_algos(account_id, None, self.now_ms)
            self.exchange.cancel_all(account_id, BTCUSDT, self.now_ms)
        self._do(lambda: None)
        self.what_is_open_rests_and_what_is_not_does_not()
        for desk in self.exchange.desks.values():
            for order in desk.orders.values():
                _check_life(self.order_statuses[order.order_id], orders.TERMINAL)
            for one in desk.algos.orders.values():
                said = self.algo_statuses[one.algo_id]
                _check_life(said, algo.TERMINAL)
                moves = [pair for pair in pairwise(said) if pair[0] != pair[1]]
                assert all(after in algo.MOVES[before] for before, after in moves)

    def _do(self, act: Any) -> Any:
        """Do one thing; a refusal changes nothing.  Gives what it made, for the rules to use."""
        self.now_ms += 1
        before = self._figures()
        made = None
        try:
            made = act()
        except Refusal:
            assert self._figures() == before
            assert self.exchange.drain() == []
        self.exchange.algos.on_prices(self.now_ms)
        self._note(self.exchange.drain())
        return made if isinstance(made, VenueOrder | AlgoOrder) else multiple()

    def _figures(self) -> list[Any]:
        rows: list[Any] = [self.listing.book.bids.depth(99), self.listing.book.asks.depth(99)]
        for desk in self.exchange.desks.values():
            rows += [len(desk.orders), len(desk.fills), desk.account.wallet_e8, list(desk.open)]
            rows += [list(desk.algos.waiting), len(desk.algos.orders)]
        return rows

    def _note(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, OrderUpdate):
                statuses = self.order_statuses.setdefault(outcome.order.order_id, [])
                assert statuses or outcome.execution == "NEW"
                statuses.append(outcome.status)
            elif isinstance(outcome, AlgoUpdate):
                self.algo_statuses.setdefault(outcome.algo.algo_id, []).append(outcome.status)


def _check_life(statuses: list[str], terminal: frozenset[str]) -> None:
    """Check that a life begins as NEW and ends once, with its last word."""
    assert statuses[0] == "NEW"
    assert [status in terminal for status in statuses] == [False] * (len(statuses) - 1) + [True]


TestOrdersLife = OrdersLife.TestCase
TestOrdersLife.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
