from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hft.simulator.exchange import Exchange
from hft.simulator.fault_fills import FillCutter
from hft.simulator.fault_kinds import PartialFills, Scenario
from hft.simulator.faults import Faults
from hft.simulator.matching import BUY, SELL
from hft.simulator.outcomes import Trade
from hft.simulator.symbols import BTCUSDT

from .core import MARK_TICKS, place, request, with_house_book


def cutter(seed: int = 1, **words: int) -> FillCutter:
    faults = Faults(seed)
    faults.add(Scenario((PartialFills(**words),)))  # type: ignore[arg-type]
    return FillCutter(faults)


def sizes(cut: FillCutter, lots: int) -> list[int]:
    """Ask as the core does: for the next piece of what is left."""
    pieces = []
    while lots:
        pieces.append(cut(BTCUSDT, lots))
        lots -= pieces[-1]
    return pieces


@given(lots=st.integers(1, 500), pieces=st.integers(2, 100), seed=st.integers(0, 100))
def test_pieces_are_whole_and_make_up_the_match(lots: int, pieces: int, seed: int) -> None:
    made = sizes(cutter(seed, pieces=pieces), lots)
    assert sum(made) == lots
    assert min(made) >= 1
    assert min(lots, 2) <= len(made) <= pieces
    assert made == sizes(cutter(seed, pieces=pieces), lots)


def test_a_fault_that_is_spent_cuts_no_more() -> None:
    cut = cutter(count=1)
    assert len(sizes(cut, 50)) > 1
    assert sizes(cut, 50) == [50]


@given(
    orders=st.lists(
        st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 60), st.integers(-4, 4)),
        max_size=12,
    )
)
def test_orders_filled_in_parts_end_as_they_do_in_one(orders: list[tuple[int, int, int]]) -> None:
    whole, _ = with_house_book(1, 2)
    parts, _ = with_house_book(1, 2)
    parts.cut_fill = cutter(pieces=9)
    for exchange in (whole, parts):
        for number, (side, lots, step) in enumerate(orders):
            wish = request(side, lots * 10, MARK_TICKS + step)
            place(exchange, wish, account_id=1 + number % 2)
    for account_id in (1, 2):
        assert _books(whole, account_id) == _books(parts, account_id)
    assert _traded(whole) == _traded(parts)
    assert _conserved(parts)


def _books(exchange: Exchange, account_id: int) -> list[tuple[str, int, int]]:
    orders = exchange.desks[account_id].orders.values()
    held = exchange.desks[account_id].account.position("BTCUSDT")
    rows = [(order.status, order.filled_lots, order.quote_e8) for order in orders]
    return [*rows, ("held", held.lots, held.cost_e16 if not held.realized_e8 else 0)]


def _traded(exchange: Exchange) -> int:
    return sum(outcome.lots for outcome in exchange.drain() if isinstance(outcome, Trade))


def _conserved(exchange: Exchange) -> bool:
    """Say whether every fill's worth is in its order, and its fee was paid once."""
    for desk in exchange.desks.values():
        if sum(fill.fee_e8 for fill in desk.fills) != desk.account.fees_e8:
            return False
        for order in desk.orders.values():
            fills = [fill for fill in desk.fills if fill.order_id == order.order_id]
            if sum(fill.value_e8 for fill in fills) != order.quote_e8:
                return False
    return True
