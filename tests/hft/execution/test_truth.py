"""Position, orders and balance known three ways, whoever changes them at the venue."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hft.binance.order_frames import client_order_id
from hft.binance.rest import Rest
from hft.clock import Deadline, sleep_s
from hft.config import Keys
from hft.events import Agreement, Denial, Notice, OrderType, Side, TradingState, Unfit
from hft.execution.times import Times
from hft.units import E8, NS_PER_MS, parse_e8

from .feeder import Feeder
from .money import incomes, money_is_the_venues
from .rig import KEYS, SYMBOL, WAIT_S, Rig, Venue, new_rig, venue_running

TIMES = Times(check_ns=200 * NS_PER_MS, check_after_fill_ns=50 * NS_PER_MS)
OTHER = Keys("o" * 64, "t" * 64)
PRICE = 60_000.0


def faults(venue: Venue, **fault: Any) -> None:
    requests.post(f"{venue.url}/sim/faults", json=fault, timeout=WAIT_S).raise_for_status()


def no_faults(venue: Venue) -> None:
    requests.delete(f"{venue.url}/sim/faults", timeout=WAIT_S).raise_for_status()


def deposit(venue: Venue, amount: str, asset: str = "USDT", key: str = KEYS.api_key) -> None:
    wish = {"api_key": key, "asset": asset, "amount": amount}
    reply = requests.post(f"{venue.url}/sim/deposit", json=wish, timeout=WAIT_S)
    assert reply.status_code == 200, reply.text


def leverage(rest: Rest, times: int) -> None:
    rest.post("/fapi/v1/leverage", {"symbol": SYMBOL, "leverage": times}, signed=True)


def lots(rig: Rig) -> int:
    return int(rig.position()["position_lots"])


def filled(rig: Rig, **changes: Any) -> int:
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    return seq


def begin(rig: Rig) -> Rig:
    rig.times = TIMES
    rig.start()
    rig.until_fit()
    return rig


@pytest.fixture(scope="module")
def faulty() -> Iterator[Venue]:
    with venue_running("--seed", "5", "--faults", "on", "--funding-interval-s", "3600") as venue:
        yield venue


@pytest.fixture
def shaken(faulty: Venue) -> Iterator[Rig]:
    """A house at a venue that may be told to fail."""
    no_faults(faulty)
    faulty.tidy_up()
    rig = new_rig(faulty)
    try:
        yield begin(rig)
    finally:
        no_faults(faulty)
        rig.close()


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Venue, Feeder]]:
    """A venue of two accounts whose prices are what the test says."""
    folder = tmp_path_factory.mktemp("steered")
    with venue_running() as any_venue:
        contracts = folder / "contracts.json"
        contracts.write_text(json.dumps(any_venue.rest.exchange_info()))
    feeder = Feeder(SYMBOL, PRICE)
    words = ("--follow", feeder.url, "--exchange-info", str(contracts))
    with (
        contextlib.closing(feeder),
        venue_running(*words, "--accounts", _accounts(folder)) as venue,
    ):
        until(lambda: venue.touch()[0] > 0)
        yield venue, feeder


def _accounts(folder: Path) -> str:
    rows = [
        {
            "name": name,
            "deposits": {"USDT": "10000"},
            "keys": [{"key": keys.api_key, "secret": keys.secret_key}],
        }
        for name, keys in (("ours", KEYS), ("other", OTHER))
    ]
    path = folder / "accounts.json"
    path.write_text(json.dumps({"accounts": rows}))
    return str(path)


def until(wanted: Any) -> None:
    deadline = Deadline(WAIT_S)
    while not wanted():
        assert not deadline.passed()
        sleep_s(0.01)


@pytest.fixture
def steered_rig(steered: tuple[Venue, Feeder]) -> Iterator[tuple[Rig, Feeder]]:
    venue, feeder = steered
    feeder.move(PRICE)
    until(lambda: venue.touch()[0] == PRICE - 0.5)
    venue.tidy_up()
    rig = new_rig(venue)
    try:
        yield begin(rig), feeder
    finally:
        rig.close()


def test_a_trade_by_hand_is_booked_and_told_as_somebody_elses(rig: Rig) -> None:
    begin(rig)
    filled(rig)
    rig.venue.trade("BUY", "0.015", newClientOrderId="by-hand")
    rig.until(lambda: lots(rig) == 25, "booked")
    by_hand = [row for row in rig.fills_told() if not row["intent_seq"]]
    assert rig.notices.count(Notice.FOREIGN_TRADE) == len(by_hand) >= 1
    rig.all_ways_agree()


def test_an_order_by_hand_is_counted_told_once_and_left_alone(rig: Rig) -> None:
    begin(rig)
    bid, _ = rig.venue.touch()
    limit = {"type": "LIMIT", "timeInForce": "GTC", "price": str(round(bid * 0.97, 1))}
    rig.venue.trade("BUY", "0.02", newClientOrderId="by-hand", **limit)
    rig.until(lambda: int(rig.account()["foreign_orders"]) == 1, "counted")
    rig.all_ways_agree()
    assert sum("is not ours" in line for line in rig.lines) == 1
    assert [row["clientOrderId"] for row in rig.venue.rest.open_orders(SYMBOL)] == ["by-hand"]


def test_a_position_from_before_is_taken_over_and_told(rig: Rig) -> None:
    rig.venue.trade("SELL", "0.012")
    rig.venue.begins_after = rig.venue.rest.user_trades(SYMBOL)[-1]["id"]
    begin(rig)
    assert lots(rig) == -12
    assert rig.notices.count(Notice.POSITION_CORRECTED) == 1
    assert any("it is from before" in line for line in rig.lines)
    rig.all_ways_agree()


def test_money_that_comes_and_goes_is_told_and_counted(rig: Rig) -> None:
    begin(rig)
    filled(rig)
    deposit(rig.venue, "250.5")
    deposit(rig.venue, "-100.25")
    rig.until(lambda: {Notice.DEPOSIT, Notice.WITHDRAWAL} <= set(rig.notices), "told")
    rig.all_ways_agree()
    assert Notice.BALANCE_ADJUSTED not in rig.notices


def test_money_that_came_while_nobody_heard_is_found_by_rest_and_told(shaken: Rig) -> None:
    rig = shaken
    faults(rig.venue, kind="drop", streams=["user:ACCOUNT_UPDATE"], count=1)
    deposit(rig.venue, "77.7")
    rig.until(lambda: Notice.BALANCE_ADJUSTED in rig.notices, "found")
    assert any("+77.7 that no event explained" in line for line in rig.lines)
    rig.all_ways_agree()


def test_fees_in_bnb_until_its_dust_is_used_up_leave_the_balance_counted(rig: Rig) -> None:
    if not any(row["asset"] == "BNB" for row in rig.venue.rest.balance()):
        deposit(rig.venue, "0.0001", "BNB")
    rig.venue.rest.post("/fapi/v1/feeBurn", {"feeBurn": "true"}, signed=True)
    try:
        begin(rig)
        for side in (Side.BUY, Side.SELL) * 2:
            filled(rig, side=side, qty=0.05)
        rig.all_ways_agree()
    finally:
        rig.venue.rest.post("/fapi/v1/feeBurn", {"feeBurn": "false"}, signed=True)


def test_a_setting_changed_at_the_venue_is_told(rig: Rig) -> None:
    begin(rig)
    leverage(rig.venue.rest, 33)
    rig.until(lambda: Notice.CONFIG_CHANGED_AT_VENUE in rig.notices, "told")
    assert any("leverage of BTCUSDT is 33" in line for line in rig.lines)
    leverage(rig.venue.rest, 20)
    rig.all_ways_agree()


def test_a_fill_that_was_never_told_is_found_and_positions_only_get_smaller_meanwhile(
    shaken: Rig,
) -> None:
    rig = shaken
    filled(rig, qty=0.02)
    rig.all_ways_agree()
    faults(rig.venue, kind="lost_fill", count=1)
    # REST is slow: our fills and the stream's position disagree for a while.
    faults(
        rig.venue, kind="slow_reply", requests=["GET /fapi/v1/*"], carried_out="late",
        delay_ms=2_000, count=1,
    )  # fmt: skip
    rig.venue.trade("SELL", "0.005")
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.POSITIONS_DISAGREE, "seen")
    assert int(rig.account()["trading_state"]) == TradingState.REDUCING
    assert int(rig.account()["agreement"]) == Agreement.DISAGREED
    entry, reduction = rig.push(), rig.push(side=Side.SELL, qty=0.016)
    rig.until(lambda: bool(rig.statuses(entry)) and bool(rig.statuses(reduction)), "judged")
    assert rig.statuses(entry) == rig.statuses(reduction) == ["DENIED"]
    denied = [int(row["reason"]) for row in rig.reports if int(row["intent_seq"]) == entry]
    assert denied == [Denial.REDUCING_ONLY]
    filled(rig, side=Side.SELL, qty=0.015)
    rig.until_fit()
    assert lots(rig) == 0
    rig.all_ways_agree()


def test_fills_of_ours_that_the_stream_loses_are_booked_from_rest_and_told(shaken: Rig) -> None:
    rig = shaken
    faults(rig.venue, kind="lost_fill", count=2)
    for side in (Side.BUY, Side.SELL, Side.BUY, Side.BUY):
        rig.until_fit()
        filled(rig, side=side)
    no_faults(rig.venue)
    rig.all_ways_agree()
    assert Notice.POSITION_CORRECTED in rig.notices


def test_an_order_of_whose_fills_an_early_one_is_lost_is_whole_only_with_it(shaken: Rig) -> None:
    rig = shaken
    faults(rig.venue, kind="partial_fills", pieces=4)
    for side in (Side.BUY, Side.SELL, Side.BUY, Side.SELL):
        rig.until_fit()
        faults(rig.venue, kind="lost_fill", count=1)
        filled(rig, side=side, qty=0.05)
        rig.all_ways_agree()
    assert [line for line in rig.lines if "was told" in line] == []


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "duplicate", "streams": ["user:*"], "copies": 2},
        {"kind": "delay", "streams": ["user:*"], "delay_ms": 300, "probability": 0.5},
        {"kind": "reorder", "streams": ["user:*"], "delay_ms": 100, "probability": 0.3},
    ],
)
def test_events_twice_late_or_in_another_order_are_booked_once(
    shaken: Rig, fault: dict[str, Any]
) -> None:
    rig = shaken
    faults(rig.venue, **fault)
    for side in (Side.BUY, Side.SELL, Side.SELL, Side.BUY, Side.BUY):
        filled(rig, side=side)
    deposit(rig.venue, "5")
    no_faults(rig.venue)
    rig.all_ways_agree()


def test_a_position_without_a_fill_is_corrected_and_told(shaken: Rig) -> None:
    rig = shaken
    filled(rig, qty=0.02)
    rig.all_ways_agree()
    assert rig.agent is not None
    position = rig.agent._books.positions[0]
    position.adopt(17, position.entry_e8())
    rig.until(lambda: lots(rig) == 20 and Notice.POSITION_CORRECTED in rig.notices, "corrected")
    assert any("no fill on the venue's list explains it" in line for line in rig.lines)
    rig.until_fit()
    rig.all_ways_agree()


def test_an_order_that_the_venue_no_longer_lists_is_resolved(shaken: Rig) -> None:
    rig = shaken
    bid, _ = rig.venue.touch()
    seq = rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    rig.all_ways_agree()
    faults(rig.venue, kind="drop", streams=["user:ORDER_TRADE_UPDATE"], count=1)
    rig.venue.rest.cancel(SYMBOL, client_order_id(int(rig.house.run[0]["session_epoch"]), seq))
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "resolved")
    assert Notice.ORDER_RESOLVED in rig.notices
    rig.all_ways_agree()


def test_an_order_under_our_name_that_our_table_does_not_have_is_cancelled(rig: Rig) -> None:
    begin(rig)
    bid, _ = rig.venue.touch()
    name = client_order_id(int(rig.house.run[0]["session_epoch"]), 4_000_000)
    limit = {"type": "LIMIT", "timeInForce": "GTC", "price": str(round(bid * 0.97, 1))}
    rig.venue.trade("BUY", "0.02", newClientOrderId=name, **limit)
    rig.until(lambda: rig.venue.rest.open_orders(SYMBOL) == [], "cancelled")
    assert Notice.ORDER_RESOLVED in rig.notices
    rig.all_ways_agree()


def test_funding_moves_the_balance_and_the_count_of_it() -> None:
    with venue_running("--seed", "5", "--funding-interval-s", "1") as venue:
        rig = new_rig(venue)
        try:
            begin(rig)
            filled(rig, qty=0.5)
            before = len(venue.rest.get("/fapi/v1/income", signed=True))
            rig.until(
                lambda: len(venue.rest.get("/fapi/v1/income", signed=True)) > before + 1, "funding"
            )
            filled(rig, side=Side.SELL, qty=0.5)
            rig.all_ways_agree()
            assert Notice.BALANCE_ADJUSTED not in rig.notices
        finally:
            rig.close()


def test_a_margin_call_and_a_liquidation_are_told_and_booked(
    steered_rig: tuple[Rig, Feeder],
) -> None:
    rig, feeder = steered_rig
    leverage(rig.venue.rest, 50)
    filled(rig, qty=0.1)
    spare = parse_e8(rig.venue.rest.account()["availableBalance"])
    deposit(rig.venue, f"-{spare // E8 - 5}")
    feeder.move(PRICE * 0.9835)
    rig.until(lambda: Notice.MARGIN_CALL in rig.notices, "called")
    feeder.move(PRICE * 0.95)
    rig.until(lambda: Notice.LIQUIDATION in rig.notices and lots(rig) == 0, "liquidated")
    rig.all_ways_agree()
    assert incomes(rig)["INSURANCE_CLEAR", "USDT"] < 0
    money_is_the_venues(rig)
    deposit(rig.venue, "10000")
    rig.all_ways_agree()
    money_is_the_venues(rig)


def test_deleveraging_against_a_bankrupt_account_is_told_and_booked(
    steered_rig: tuple[Rig, Feeder],
) -> None:
    rig, feeder = steered_rig
    filled(rig, side=Side.SELL, qty=0.1)
    with contextlib.closing(Rest(rig.venue.url, OTHER)) as other:
        deposit(rig.venue, "10000000", key=OTHER.api_key)
        leverage(other, 10)
        for _ in range(6):
            other.place({"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "100"})
        spare = parse_e8(other.account()["availableBalance"])
        deposit(rig.venue, f"-{spare // E8 - 1}", key=OTHER.api_key)
    feeder.move(PRICE * 0.8)
    rig.until(lambda: Notice.ADL in rig.notices and lots(rig) == 0, "deleveraged")
    rig.all_ways_agree()
