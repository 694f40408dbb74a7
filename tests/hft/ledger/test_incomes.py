"""The income ledger in the database: all of it, once, valued; and fees that waited for a price."""

from __future__ import annotations

from typing import Any

import pytest

from hft.clock import wall_ms
from hft.ledger.account_store import read_income_progress
from hft.units import E8, priced_e8
from tests.hft.ledger.local_venue import LocalVenue
from tests.hft.ledger.world import ACCOUNT_EPOCH, World, drain, turn_until

PRICE_E8 = 612_34 * E8 // 100
MINUTE_MS = 60_000


def entry(number: int, ts_ms: int, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "incomeType": "FUNDING_FEE",
        "income": "-0.00000007",
        "asset": "USDT",
        "info": "FUNDING_FEE",
        "time": ts_ms,
        "tranId": 9_007_199_254_740_993 + number,
        "tradeId": "",
    } | fields


@pytest.fixture
def money(world: World) -> World:
    identity: Any = world.house.identity[0]
    identity["margin_asset"] = b"USDT"
    return world


def kept(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM funding ORDER BY ts_ms, tran_id")


def test_every_entry_is_kept_once_over_pages_restarts_and_the_end(
    money: World, venue: LocalVenue
) -> None:
    now_ms = wall_ms()
    venue.incomes = [entry(n, now_ms - 9_000 + n) for n in range(2_300)]
    with money.ledger() as ledger:
        turn_until(ledger, lambda: ledger.incomes.entries == 2_300)
    venue.incomes.append(entry(2_300, now_ms))
    with money.ledger() as ledger:
        turn_until(ledger, lambda: ledger.incomes.entries == 1)
        venue.incomes.append(entry(2_301, wall_ms()))
        drain(ledger)
    assert [row["tran_id"] for row in kept(money)] == [row["tranId"] for row in venue.incomes]
    assert {row["value_e8"] for row in kept(money)} == {-7}


def test_what_another_asset_was_worth_is_looked_up_and_a_fee_as_its_fill_was(
    money: World, venue: LocalVenue
) -> None:
    now_ms = wall_ms()
    venue.marks["BNBUSDT"] = PRICE_E8
    fee = {"incomeType": "COMMISSION", "asset": "BNB", "income": "-0.00010000", "tradeId": "7"}
    venue.incomes = [
        entry(1, now_ms, **fee),
        entry(2, now_ms, asset="BNB", income="0.5", symbol="", incomeType="TRANSFER"),
        entry(3, now_ms, asset="ODD", income="1", symbol="", incomeType="TRANSFER"),
    ]
    money.report(
        7, fee_asset=b"BNB", fee_e8=10_000, fee_price_e8=600 * E8, fee_value_e8=6_000_000,
        venue_ms=now_ms,
    )  # fmt: skip
    with money.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades == 1)
        turn_until(ledger, lambda: ledger.incomes.entries == 3)
    values = [row["value_e8"] for row in kept(money)]
    assert values[0] in (-6_000_000, priced_e8(-10_000, PRICE_E8)), "as the fill, once it is there"
    assert values[1:] == [priced_e8(E8 // 2, PRICE_E8), None]


def test_a_fee_that_execution_could_not_value_is_valued_at_its_minute(
    money: World, venue: LocalVenue
) -> None:
    venue.marks["BNBUSDT"] = PRICE_E8
    fill_ms = wall_ms()
    money.report(1, fee_asset=b"BNB", fee_e8=12_345, venue_ms=fill_ms)
    venue.fill(2, commissionAsset="BNB", commission="0.00012345", time=fill_ms)
    with money.ledger() as ledger:
        turn_until(ledger, lambda: ledger.status.trades >= 1)
        drain(ledger)
    with money.ledger() as ledger:

        def valued() -> bool:
            ledger.incomes._readings.ask_now()
            rows = money.rows("SELECT count(*) AS left FROM trades WHERE fee_value_e8 IS NULL")
            return rows[0]["left"] == 0

        turn_until(ledger, valued)
    for row in money.rows():
        assert (row["fee_price_e8"], row["fee_value_e8"]) == (
            PRICE_E8,
            priced_e8(12_345, PRICE_E8),
        )
    asked = [params for path, params in venue.asked if path.endswith("markPriceKlines")]
    assert {int(params["startTime"]) for params in asked} == {fill_ms - fill_ms % MINUTE_MS}


def test_a_venue_that_does_not_answer_is_told_once_and_asked_again(
    money: World, venue: LocalVenue
) -> None:
    venue.incomes = [entry(1, wall_ms())]
    venue.broken = True
    with money.ledger() as ledger:
        turn_until(ledger, lambda: ledger.incomes.failures > 0)
        assert ledger.incomes.trouble
        venue.broken = False
        turn_until(ledger, lambda: ledger.incomes.entries == 1)
        assert not ledger.incomes.trouble
        progress = read_income_progress(ledger._engine, ACCOUNT_EPOCH)
    assert progress is not None
    assert progress.since_ms < progress.until_ms <= wall_ms()


def test_funding_that_execution_heard_of_is_read_at_once(money: World, venue: LocalVenue) -> None:
    with money.ledger() as ledger:
        turn_until(ledger, lambda: any(path.endswith("income") for path, _ in venue.asked))
        turn_until(ledger, lambda: not ledger.incomes.busy())
        venue.incomes = [entry(1, wall_ms())]
        money.tell_account(funding_e8=-7)
        turn_until(ledger, lambda: ledger.incomes.entries == 1)
