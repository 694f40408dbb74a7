"""The books' money against a model in decimals, and against the exchange's own account."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hft.agent.contract import Context
from hft.agent.log import Log
from hft.binance.filters import SymbolSpec
from hft.binance.income import CLEARANCE, FUNDING
from hft.clock import anchor_now
from hft.events import Role
from hft.execution.books import Books
from hft.execution.reports import Fill
from hft.simulator.account import Account as VenueAccount
from hft.topology import House
from hft.units import E8
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink

from .rig import rig_name

UNIT = Decimal("0.00000001")
TICK_E8, LOT_E8 = 10_000_000, 100_000
SPEC = SymbolSpec(
    tick_e8=TICK_E8,
    lot_e8=LOT_E8,
    min_lots=1,
    max_lots=10**9,
    market_max_lots=10**9,
    min_ticks=1,
    max_ticks=10**9,
    min_notional_e8=0,
    unit_e8=TICK_E8 * LOT_E8 // E8,
)
NAMES = ("BTCUSDT", "ETHUSDT")


class Step(NamedTuple):
    """A fill, or a payment where `lots` is 0."""

    symbol: int
    lots: int
    ticks: int
    fee_e8: int
    asset: str
    price_e8: int
    paid_e8: int
    kind: str


steps = st.lists(
    st.builds(
        Step,
        symbol=st.integers(0, 1),
        lots=st.one_of(st.just(0), st.integers(-50_000, 50_000)),
        ticks=st.integers(5_000, 2_000_000),
        fee_e8=st.integers(-(10**7), 10**9),
        asset=st.sampled_from(["USDT", "BNB", "FDUSD"]),
        price_e8=st.integers(1, 10**12),
        paid_e8=st.integers(-(10**10), 10**10),
        kind=st.sampled_from([FUNDING, CLEARANCE, "TRANSFER"]),
    ),
    max_size=40,
)


class Model:
    """Average cost, fees and payments in decimals, as somebody would do it on paper."""

    def __init__(self) -> None:
        self.held = [Decimal(0), Decimal(0)]
        self.spent = [Decimal(0), Decimal(0)]
        self.realised = self.fees = self.funding = Decimal(0)

    def take(self, step: Step) -> Decimal:
        """What a step realises, as the venue writes it."""
        if not step.lots:
            self._pay(step)
            return Decimal(0)
        size = Decimal(step.lots) * LOT_E8 / E8
        price = Decimal(step.ticks) * TICK_E8 / E8
        gain = self._trade(step.symbol, size, price)
        self.realised += gain
        fee = Decimal(step.fee_e8) * UNIT
        worth = fee
        if step.asset != "USDT":
            worth = (fee * step.price_e8 * UNIT).quantize(UNIT, ROUND_HALF_UP)
        self.fees += worth
        return gain

    def _trade(self, at: int, size: Decimal, price: Decimal) -> Decimal:
        held = self.held[at]
        if held * size >= 0:
            self.held[at], self.spent[at] = held + size, self.spent[at] + size * price
            return Decimal(0)
        closed = min(abs(held), abs(size)).copy_sign(held)
        cost = self.spent[at] * closed / held
        gain = (closed * price - cost).quantize(UNIT, ROUND_DOWN)
        self.spent[at] -= cost
        self.held[at] = held + size
        opened = size + closed
        self.spent[at] += opened * price
        return gain

    def _pay(self, step: Step) -> None:
        # What is transferred is nobody's profit.
        paid = Decimal(step.paid_e8) * UNIT
        if step.kind == FUNDING:
            self.funding += paid
        elif step.kind == CLEARANCE:
            self.fees -= paid


@pytest.fixture(scope="module")
def ctx() -> Iterator[Context]:
    name = rig_name()
    house = House.create(name, anchor_now(), 1)
    house.run[0]["symbol_count"] = len(NAMES)
    bells = {seat: Doorbell(house.parked_words(seat)) for seat in house.seats}
    log = Log(Role.EXECUTION, house.log_ring(Role.EXECUTION), bells[Role.LEDGER])
    yield Context(Role.EXECUTION, house, bells, log)
    for bell in bells.values():
        bell.close()
    unlink(name)


def new_books(ctx: Context) -> Books:
    books = Books(ctx, list(NAMES), [SPEC, SPEC], resume=False)
    books.assets.margin_asset = b"USDT"
    return books


def fill_of(step: Step, number: int, realised_e8: int) -> Fill:
    fill = Fill(step.symbol, number, number, 1 if step.lots > 0 else -1)
    fill.price_ticks, fill.qty_lots = step.ticks, abs(step.lots)
    fill.fee_e8, fill.fee_asset = step.fee_e8, step.asset.encode()
    fill.realised_e8 = realised_e8
    return fill


def e8(value: Decimal) -> int:
    return int(value / UNIT)


@settings(deadline=None, max_examples=150)
@given(steps, st.booleans())
def test_realised_fees_funding_and_pnl_are_the_models_to_the_last_unit(
    ctx: Context, done: list[Step], know_later: bool
) -> None:
    books, model = new_books(ctx), Model()
    late: dict[str, int] = {}
    with localcontext() as exact:
        exact.prec = 80
        for number, step in enumerate(done, start=1):
            price_e8 = late.get(step.asset, step.price_e8)
            asked = step._replace(price_e8=price_e8)
            gain_e8 = e8(model.take(asked))
            if not step.lots:
                if step.kind != "TRANSFER":
                    books.receive(step.symbol, step.kind, step.paid_e8)
                continue
            if know_later:
                late[step.asset] = price_e8
            else:
                books.learn_prices({step.asset: price_e8} if step.asset != "USDT" else {})
            books.book(fill_of(asked, number, gain_e8))
        books.learn_prices({asset: e for asset, e in late.items() if asset != "USDT"})
        account = books.account
        assert account.realised_e8 == e8(model.realised)
        assert account.fees_e8 == e8(model.fees)
        assert account.funding_e8 == e8(model.funding)
        unrealised_e8 = account.unrealised_e8
        net = model.realised - model.fees + model.funding
        assert account.pnl_e8 == e8(net) + unrealised_e8
        for symbol, position in enumerate(books.positions):
            assert Decimal(position.lots) * LOT_E8 / E8 == model.held[symbol]
            entry = model.spent[symbol] / model.held[symbol] if position.lots else Decimal(0)
            assert abs(Decimal(position.entry_e8()) * UNIT - entry) <= UNIT


@settings(deadline=None, max_examples=150)
@given(steps)
def test_our_own_count_of_profit_is_the_exchanges_fill_by_fill(
    ctx: Context, done: list[Step]
) -> None:
    books, model = new_books(ctx), Model()
    venue = VenueAccount(1, 0)
    with localcontext() as exact:
        exact.prec = 80
        for step in done:
            if not step.lots:
                continue
            value_e8 = SPEC.value_e8(step.ticks, abs(step.lots))
            told_e8 = venue.apply_fill(NAMES[step.symbol], step.lots, value_e8, 0)
            assert books.positions[step.symbol].apply(step.lots, value_e8) == told_e8
            # The model divides without ever rounding the cost; the venue keeps it to 1e-16.
            assert abs(e8(model.take(step)) - told_e8) <= 1


def test_a_fee_waits_for_its_price_and_is_charged_once(ctx: Context) -> None:
    books = new_books(ctx)
    step = Step(0, 10, 600_000, 3 * 10**5, "BNB", 0, 0, "")
    books.book(fill_of(step, 1, 0))
    assert books.account.fees_e8 == 0
    assert books.assets.wanted
    assert list(books.assets.to_price()) == ["BNB"]
    for _ in range(2):
        books.learn_prices({"BNB": 600 * E8})
        assert books.account.fees_e8 == 180 * 10**6
    assert not books.assets.wanted
    books.learn_prices({"BNB": 700 * E8})
    assert books.account.fees_e8 == 180 * 10**6, "what was charged stays at the price of its time"
    books.assets.told_all({"BNB": 2 * E8, "USDT": 5})
    books.account.wallet_e8 = 1000 * E8
    books.sum_up()
    assert books.account.equity_e8 == 2400 * E8


def test_an_asset_that_nobody_lists_is_asked_for_once(ctx: Context) -> None:
    books = new_books(ctx)
    odd: Any = fill_of(Step(0, 10, 600_000, 5, "ODD", 0, 0, ""), 1, 0)
    books.book(odd)
    assert books.assets.wanted
    books.learn_prices({"ODD": 0})
    assert not books.assets.wanted
    assert books.account.fees_e8 == 0
