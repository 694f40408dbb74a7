"""Fees in BNB, funding told, missed and learnt, deposits and liquidations: equal to the venue's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hft.events import Notice, Side
from hft.execution.times import Times
from hft.units import E8, NS_PER_MS, NS_PER_S, parse_e8, priced_e8

from .money import money_is_the_venues
from .rig import KEYS, SYMBOL, WAIT_S, Rig, Venue, new_rig, rig_name, venue_running

TIMES = Times(
    check_ns=300 * NS_PER_MS,
    check_after_fill_ns=100 * NS_PER_MS,
    income_ns=3600 * NS_PER_S,
    income_again_ns=500 * NS_PER_MS,
)


@pytest.fixture(scope="module")
def paying() -> Iterator[Venue]:
    """A venue that settles funding every second and takes fees in BNB."""
    words = ("--seed", "5", "--symbols", f"{SYMBOL},BNBUSDT", "--faults", "on")
    with venue_running(*words, "--funding-interval-s", "1") as venue:
        deposit(venue, "BNB", "3")
        burn(venue, on=True)
        yield venue


@pytest.fixture
def rig(paying: Venue) -> Iterator[Rig]:
    paying.forget_faults()
    paying.tidy_up()
    rig = new_rig(paying)
    rig.times = TIMES
    try:
        rig.start()
        rig.until_fit()
        yield rig
    finally:
        paying.forget_faults()
        rig.close()


def deposit(venue: Venue, asset: str, amount: str) -> None:
    wish = {"api_key": KEYS.api_key, "asset": asset, "amount": amount}
    requests.post(f"{venue.url}/sim/deposit", json=wish, timeout=WAIT_S).raise_for_status()


def burn(venue: Venue, *, on: bool) -> None:
    venue.rest.post("/fapi/v1/feeBurn", {"feeBurn": "true" if on else "false"}, signed=True)


def filled(rig: Rig, **changes: Any) -> None:
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")


def until_paid(rig: Rig, times: int = 1) -> None:
    """Step until funding was settled again, as the venue has it."""

    def count() -> int:
        return len(rig.venue.rest.income(1, 1 << 42, kind="FUNDING_FEE"))

    wanted = count() + times
    rig.until(lambda: count() >= wanted, "funding is settled")


def all_is_the_venues(rig: Rig) -> None:
    """Close, so that nothing more is paid, and compare."""
    lots = int(rig.position()["position_lots"])
    if lots:
        filled(rig, side=Side.SELL if lots > 0 else Side.BUY, qty=abs(lots) / 1000)
    money_is_the_venues(rig)


def test_fees_in_bnb_count_at_the_price_of_their_time_and_funding_as_it_is_paid(rig: Rig) -> None:
    filled(rig, qty=0.02)
    fill = rig.fills_told()[-1]
    assert bytes(fill["fee_asset"]) == b"BNB"
    mark_e8 = parse_e8(
        rig.venue.rest.get("/fapi/v1/premiumIndex", {"symbol": "BNBUSDT"})["markPrice"]
    )
    assert abs(int(fill["fee_price_e8"]) - mark_e8) < mark_e8 // 50
    rig.until(lambda: rig.notices.count(Notice.FUNDING) >= 2, "funding is told")
    filled(rig, side=Side.SELL, qty=0.05)
    until_paid(rig)
    all_is_the_venues(rig)
    account = rig.account()
    bnb_e8 = next(
        parse_e8(row["balance"]) for row in rig.venue.rest.balance() if row["asset"] == "BNB"
    )
    others_e8 = int(account["equity_e8"]) - int(account["wallet_e8"])
    assert abs(others_e8 - priced_e8(bnb_e8, mark_e8)) < others_e8 // 20


def test_fees_in_the_margin_asset_and_in_bnb_are_summed(rig: Rig) -> None:
    burn(rig.venue, on=False)
    filled(rig, qty=0.01)
    burn(rig.venue, on=True)
    filled(rig, side=Side.SELL, qty=0.02)
    assert {bytes(fill["fee_asset"]) for fill in rig.fills_told()} == {b"USDT", b"BNB"}
    all_is_the_venues(rig)


def test_a_deposit_moves_the_wallet_and_the_equity_and_is_no_profit(rig: Rig) -> None:
    filled(rig, qty=0.001)
    before = rig.account()
    deposit(rig.venue, "USDT", "250.00000001")
    wanted = int(before["wallet_e8"]) + 200 * E8
    rig.until(lambda: int(rig.account()["wallet_e8"]) > wanted, "the wallet")
    after = rig.account()
    assert int(after["equity_e8"]) - int(before["equity_e8"]) > 240 * E8
    assert abs(int(after["pnl_e8"]) - int(before["pnl_e8"])) < 10 * E8
    deposit(rig.venue, "USDT", "-250.00000001")
    all_is_the_venues(rig)


def test_funding_that_the_stream_never_told_is_learnt_from_the_income_ledger(rig: Rig) -> None:
    filled(rig, qty=0.02)
    rig.venue.strike(kind="drop", streams=["user:ACCOUNT_UPDATE"])
    until_paid(rig, 2)
    rig.venue.forget_faults()
    all_is_the_venues(rig)


def test_funding_settled_while_the_stream_was_down_is_learnt(rig: Rig) -> None:
    filled(rig, qty=0.02)
    until_paid(rig)
    assert rig.agent is not None
    rig.venue.strike(kind="disconnect", connections="user", close_frame=False)
    rig.until(lambda: not rig.agent._stream.up, "the stream is down")  # type: ignore[union-attr]
    rig.until_fit()
    until_paid(rig)
    all_is_the_venues(rig)


def test_funding_settled_while_execution_was_dead_is_learnt_and_the_rest_not_counted_twice(
    rig: Rig,
) -> None:
    filled(rig, qty=0.02)
    until_paid(rig)
    funding_e8 = int(rig.account()["funding_e8"])
    rig.forget_agent()
    before = len(rig.venue.rest.income(1, 1 << 42, kind="FUNDING_FEE"))
    while len(rig.venue.rest.income(1, 1 << 42, kind="FUNDING_FEE")) < before + 2:
        pass
    rig.start()
    rig.until_fit()
    assert abs(int(rig.account()["funding_e8"])) >= abs(funding_e8)
    until_paid(rig)
    all_is_the_venues(rig)


def test_a_symbol_that_is_traded_prices_the_fees_by_the_feed(paying: Venue) -> None:
    paying.tidy_up()
    rig = Rig(paying, rig_name(), (SYMBOL, "BNBUSDT"))
    rig.times = TIMES
    try:
        rig.start()
        rig.until_fit()
        top = rig.house.top[1].read()
        assert top is not None
        filled(rig, qty=0.01)
        fill = rig.fills_told()[-1]
        assert int(fill["fee_price_e8"]) == round(float(top[0]["mark"]) * E8)
        filled(rig, side=Side.SELL, qty=0.01)
    finally:
        rig.close()
