"""Random words about an order, against the plainest model of what it may be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hft.events import FIRST_TERMINAL_STATE, OrderState
from hft.execution.order_life import MOVES, IllegalMove, OrderEvent, after_event
from hft.execution.orders import Order, OrderTable
from hft.state.blocks import EXECUTION_MEMORY, ORDER

BUYING = 0
"""Where the table counts lots that may still be bought."""
TRADED = (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED)


@given(st.lists(st.tuples(st.sampled_from(OrderEvent), st.integers(0, 3)), max_size=40))
def test_no_sequence_of_events_leaves_the_table_or_revives_an_order(
    told: list[tuple[OrderEvent, int]],
) -> None:
    state = OrderState.SENT
    for event, wishes in told:
        try:
            after = after_event(state, event, 1, amending=wishes & 1 > 0, cancelling=wishes > 1)
        except IllegalMove:
            assert (state, event) not in MOVES
            continue
        assert (state, event) in MOVES
        assert after in {*MOVES.values(), OrderState.DENIED}
        if state >= FIRST_TERMINAL_STATE:
            assert after >= FIRST_TERMINAL_STATE
            assert after in (state, OrderState.FILLED)
        state = after


class OrderModel:
    """What is known of an order, in the plainest words."""

    def __init__(self, total: int) -> None:
        self.total, self.filled, self.asked = total, 0, 0
        self.doubted = self.there = self.cancelling = False
        self.end: OrderState | None = None

    @property
    def state(self) -> OrderState:
        if self.end is not None:
            return self.end
        if not self.there:
            return OrderState.UNKNOWN if self.doubted else OrderState.SENT
        if self.cancelling:
            return OrderState.CANCEL_PENDING
        if self.asked:
            return OrderState.AMEND_PENDING
        return OrderState.PARTIALLY_FILLED if self.filled else OrderState.ACCEPTED

    @property
    def open_lots(self) -> int:
        return 0 if self.end is not None else max(self.total, self.asked) - self.filled

    @property
    def may_have_traded(self) -> bool:
        return self.end is None or self.end in TRADED


class OrderMachine(RuleBasedStateMachine):
    """One order in the table in shared memory; it is read anew after each death."""

    def __init__(self) -> None:
        super().__init__()
        self.rows, self.words = np.zeros(4, ORDER), np.zeros(1, EXECUTION_MEMORY)
        self.table = OrderTable(self.rows, self.words)
        self.order = self.table.new()
        self.order.intent_seq, self.order.order_ref = 1, 101
        self.order.qty_lots, self.order.side, self.order.state = 50, 1, OrderState.SENT
        self.table.save(self.order)
        self.model = OrderModel(50)

    def tell(self, event: OrderEvent, *, legal: bool) -> bool:
        """Move the order as the books do; says whether it had such a move."""
        before = self.order.state
        if not legal:
            with pytest.raises(IllegalMove, match=f"{before.name} was told {event.name}"):
                self.order.state_after(event)
            return False
        self.order.state = self.order.state_after(event)
        self.table.save(self.order)
        return True

    def finish(self, event: OrderEvent, end: OrderState, *, legal: bool) -> None:
        if self.tell(event, legal=legal) and self.model.end is None:
            self.model.end = end

    @rule()
    def ack(self) -> None:
        if self.tell(OrderEvent.ACK, legal=self.model.may_have_traded):
            self.model.there = True

    @precondition(lambda self: self.model.may_have_traded)
    @rule(lots=st.integers(1, 20))
    def fill(self, lots: int) -> None:
        model, order = self.model, self.order
        lots = min(lots, max(model.total, model.asked) - model.filled)
        if not lots or model.end is OrderState.FILLED:
            return
        order.cum_lots += lots
        model.filled += lots
        whole = model.filled >= max(model.total, model.asked)
        model.there = True
        self.tell(OrderEvent.FILL_WHOLE if whole else OrderEvent.FILL, legal=True)
        if whole:
            model.end = OrderState.FILLED

    @rule()
    def cancelled(self) -> None:
        legal = self.model.may_have_traded
        self.finish(OrderEvent.CANCEL, OrderState.CANCELLED, legal=legal)

    @rule()
    def expired(self) -> None:
        legal = self.model.may_have_traded and self.model.end is not OrderState.FILLED
        self.finish(OrderEvent.EXPIRE, OrderState.EXPIRED, legal=legal)

    @rule()
    def rejected(self) -> None:
        state = self.model.state
        takes = (OrderState.SENT, OrderState.UNKNOWN, OrderState.ACCEPTED, OrderState.REJECTED)
        legal = state in (*takes, OrderState.CANCEL_PENDING)
        self.finish(OrderEvent.REJECT, OrderState.REJECTED, legal=legal)

    @rule()
    def never_there(self) -> None:
        legal = self.model.end is None and not self.model.there
        self.finish(OrderEvent.NEVER_THERE, OrderState.REJECTED, legal=legal)

    @rule()
    def denied(self) -> None:
        legal = self.model.state is OrderState.SENT
        self.finish(OrderEvent.DENY, OrderState.DENIED, legal=legal)

    @rule()
    def doubted(self) -> None:
        model = self.model
        pending = not model.there or model.cancelling or model.asked > 0
        if self.tell(OrderEvent.DOUBT, legal=model.end is None and pending) and not model.there:
            model.doubted = True

    @precondition(lambda self: self.model.end is None and not self.model.cancelling)
    @rule()
    def ask_to_cancel(self) -> None:
        self.order.cancel_sent = 1
        self.tell(OrderEvent.CANCEL_ASKED, legal=True)
        self.model.cancelling = True

    @rule()
    def cancel_refused(self) -> None:
        self.order.cancel_sent = 0
        self.tell(OrderEvent.CANCEL_REFUSED, legal=self.model.end is not OrderState.DENIED)
        self.model.cancelling = False

    @precondition(lambda self: self.model.end is None and self.model.there and not self.model.asked)
    @rule(lots=st.integers(1, 40))
    def ask_to_amend(self, lots: int) -> None:
        asked = self.model.filled + lots
        self.order.amend_ticks, self.order.amend_lots = 7, asked
        self.model.asked = asked
        self.tell(OrderEvent.AMEND_ASKED, legal=True)

    @precondition(lambda self: self.model.asked)
    @rule()
    def amended(self) -> None:
        model, order = self.model, self.order
        if model.asked <= model.filled:
            return  # The venue cancels an order that has that much already.
        order.qty_lots = model.total = model.asked
        self.end_amend(OrderEvent.AMENDED)

    @precondition(lambda self: self.model.asked and self.model.filled < self.model.total)
    @rule()
    def amend_refused(self) -> None:
        self.end_amend(OrderEvent.AMEND_REFUSED)

    def end_amend(self, event: OrderEvent) -> None:
        self.order.end_amend()
        self.model.asked = 0
        self.tell(event, legal=self.model.may_have_traded)

    @rule()
    def die(self) -> None:
        """Whoever waited for answers is gone; what is in the rows stays."""
        self.table = OrderTable(self.rows, self.words)
        order = self.table.by_seq(1)
        assert isinstance(order, Order)
        self.order = order
        self.model.cancelling = False

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        assert self.order.state is self.model.state
        assert self.order.is_open == (self.model.end is None)
        assert (self.order.index in self.table.open) == self.order.is_open

    @invariant()
    def what_may_still_fill_is_counted(self) -> None:
        assert self.table.exposure[0][BUYING] == self.model.open_lots


TestOrderMachine = OrderMachine.TestCase
TestOrderMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
