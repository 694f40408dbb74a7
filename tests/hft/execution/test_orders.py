"""The order table in shared memory, and the table of an order's life."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hft.events import FIRST_TERMINAL_STATE, OrderState
from hft.execution.order_life import MOVES, IllegalMove, OrderEvent, advance
from hft.execution.orders import Order, OrderTable
from hft.state.blocks import EXECUTION_MEMORY, ORDER


class Memory:
    """What stays when the process dies."""

    def __init__(self, rows: int = 8) -> None:
        self.rows = np.zeros(rows, ORDER)
        self.words = np.zeros(1, EXECUTION_MEMORY)

    def table(self) -> OrderTable:
        return OrderTable(self.rows, self.words)


def make(table: OrderTable, seq: int, **changes: int) -> Order:
    order = table.new()
    order.intent_seq, order.order_ref, order.qty_lots, order.side = seq, 100 + seq, 10, 1
    order.updated_ns = seq
    order.state = OrderState.SENT
    for name, value in changes.items():
        setattr(order, name, value)
    table.save(order)
    return order


def test_another_life_finds_every_order_as_it_was() -> None:
    memory = Memory()
    table = memory.table()
    make(table, 1, price_ticks=600_000, venue_order_id=8_389_765_432_109_876_543, side=-1)
    done = make(table, 2)
    done.state, done.cum_lots = OrderState.FILLED, 10
    done.hops[3] = 77
    table.save(done)
    table.handled_seq[0], table.handled_seq[3] = 2, 8

    again = memory.table()
    assert [order.intent_seq for order in again.open.values()] == [1]
    found = again.by_venue_id(0, 8_389_765_432_109_876_543)
    assert found is not None
    assert (found.intent_seq, found.price_ticks, found.side) == (1, 600_000, -1)
    assert again.exposure[0][:2] == [0, 10]
    past = again.by_seq(2)
    assert past is not None
    assert (past.state, past.hops[3]) == (OrderState.FILLED, 77)
    assert list(again.handled_seq) == [2, 0, 0, 8]


def test_a_row_that_was_being_written_is_in_doubt() -> None:
    memory = Memory()
    order = make(memory.table(), 1)
    memory.rows[order.index]["version"] += 1
    memory.rows[order.index]["state"] = OrderState.FILLED
    again = memory.table()
    assert [order.state for order in again.unknown()] == [OrderState.UNKNOWN]
    again.save(next(again.unknown()))
    assert int(memory.rows[0]["version"]) % 2 == 0


def test_a_full_table_takes_the_oldest_terminal_row_and_no_open_one() -> None:
    memory = Memory(rows=3)
    table = memory.table()
    orders = [make(table, seq) for seq in (1, 2, 3)]
    assert table.reserve() < 0
    for order in (orders[2], orders[0]):
        order.state = OrderState.CANCELLED
        table.save(order)
    assert table.reserve() >= 0
    newest = make(table, 4)
    assert newest.index == orders[2].index
    assert table.by_seq(3) is None
    assert table.by_seq(1) is orders[0]
    # A late word about the order that lost its row must not overwrite the new one.
    orders[2].state = OrderState.FILLED
    table.save(orders[2])
    assert int(memory.rows[newest.index]["intent_seq"]) == 4


def test_open_lots_count_what_is_not_yet_filled() -> None:
    table = Memory().table()
    buy, _sell = make(table, 1), make(table, 2, side=-1)
    assert table.exposure[0][:2] == [10, 10]
    buy.cum_lots, buy.state = 4, OrderState.PARTIALLY_FILLED
    table.save(buy)
    assert table.exposure[0][:2] == [6, 10]
    buy.state = OrderState.CANCELLED
    table.save(buy)
    assert table.exposure[0][:2] == [0, 10]


@pytest.mark.parametrize(("state", "event"), list(product(OrderState, OrderEvent)))
def test_every_move_is_in_the_table_or_an_error_with_both_names(
    state: OrderState, event: OrderEvent
) -> None:
    if (state, event) in MOVES:
        assert advance(state, event) is MOVES[state, event]
        return
    with pytest.raises(IllegalMove, match=f"{state.name} was told {event.name}"):
        advance(state, event)


def test_what_is_over_never_comes_back_to_life() -> None:
    for (before, _), after in MOVES.items():
        if before >= FIRST_TERMINAL_STATE:
            assert after >= FIRST_TERMINAL_STATE
