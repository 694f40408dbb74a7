"""The loop around a strategy: books, numbers, limits and holes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hft.events import Action, IntentFlag, MarketFlag, OrderType, Side, Status, TimeInForce, Verdict
from hft.strategy.api import IN_FLIGHT, OPEN_ORDERS_MAX
from hft.strategy.burst import BURST_MAX, BURSTS_MAX
from tests.hft.strategy.rig import Rig

SOURCE = '''"""Does what the event's numbers say; remembers what it was shown."""

import msgspec

from hft.strategy.api import (
    IntentFlag, MarketFlag, Side, TimeInForce, Verdict, amend, cancel, cancel_all, detail,
    limit, market, state_dtype, stop_market, take_profit_market, verdict,
)

NAME = "PUPPET"
DETAIL = ("seen", "gaps")


class Params(msgspec.Struct, frozen=True):
    qty: float = 0.5


STATE = state_dtype(("seen", "<i8"), ("gaps", "<i8"), ("reports", "<i8"), ("mean", "<f8"))


def on_market(event, position, orders, params, state, out):
    state.seen += 1
    state.mean = event.price
    if event.flags & MarketFlag.GAP:
        state.gaps += 1
    detail(out, 0, state.seen)
    detail(out, 1, state.gaps)
    verdict(out, Verdict.HOLDING, event.price)
    wish = int(event.qty)
    if wish == 1:
        market(out, event, Side.BUY, params.qty, IntentFlag.REDUCE_ONLY)
    elif wish == 2:
        limit(out, event, Side.SELL, event.price + 1.0, params.qty, TimeInForce.GTX)
    elif wish == 3:
        cancel(out, orders[0].order_ref)
    elif wish == 4:
        amend(out, orders[0].order_ref, event.price, 0.25)
    elif wish == 5:
        cancel_all(out, event)
    elif wish == 6:
        row = market(out, event, Side.BUY, params.qty)
        out.order_ref[row] = 777
    elif wish == 7:
        stop_market(out, event, Side.SELL, event.price - 5.0, params.qty, IntentFlag.REDUCE_ONLY)
    elif wish == 8:
        flags = IntentFlag.CLOSE_POSITION | IntentFlag.ON_MARK
        take_profit_market(out, event, Side.BUY, event.price - 9.0, 0.0, flags)
    elif wish == 9:
        for _ in range(9):
            market(out, event, Side.SELL, params.qty)


def on_report(report, position, orders, params, state, out):
    state.reports += 1
    if report.status == 7:
        verdict(out, Verdict.EXIT)
        market(out, report, Side.SELL, params.qty)
'''


@pytest.fixture(scope="module")
def puppet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("strategies") / "puppet.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(params=["compiled", "plain"])
def rig(puppet: Path, request: pytest.FixtureRequest) -> Rig:
    return Rig(puppet, plain=request.param == "plain", symbols=("BTCUSDT", "ETHUSDT"))


def wish(rig: Rig, number: int, **more: Any) -> list[Any]:
    return rig.trade(60_000.0, float(number), **more)


def test_a_market_order_carries_what_caused_it(rig):
    rig.now_ns = 5_000
    (intent,) = wish(rig, 1, decoded_off_ns=77, symbol=1)
    assert (intent["seq"], intent["order_ref"], intent["market_seq"]) == (1, 1, 1)
    assert (intent["action"], intent["order_type"], intent["side"]) == (
        Action.PLACE, OrderType.MARKET, Side.BUY,
    )  # fmt: skip
    assert (intent["qty"], intent["price"], intent["symbol"]) == (0.5, 0.0, 1)
    assert (intent["flags"], intent["reason"]) == (IntentFlag.REDUCE_ONLY, Verdict.HOLDING)
    assert (intent["recv_ns"], intent["strategy_ns"], intent["decoded_off_ns"]) == (
        5_000,
        5_000,
        77,
    )
    assert intent["decide_ns"] > 0


def test_a_limit_order_carries_price_and_time_in_force(rig):
    (intent,) = wish(rig, 2)
    assert (intent["order_type"], intent["tif"], intent["price"], intent["side"]) == (
        OrderType.LIMIT, TimeInForce.GTX, 60_001.0, Side.SELL,
    )  # fmt: skip


def test_a_stop_and_a_take_profit_carry_their_trigger_as_the_price(rig):
    (stop,), (profit,) = wish(rig, 7), wish(rig, 8)
    fields = ("action", "order_type", "side", "price", "qty", "tif", "flags")
    assert [stop[name] for name in fields] == [
        Action.PLACE, OrderType.STOP_MARKET, Side.SELL, 59_995.0, 0.5, 0, IntentFlag.REDUCE_ONLY,
    ]  # fmt: skip
    assert [profit[name] for name in fields] == [
        Action.PLACE, OrderType.TAKE_PROFIT_MARKET, Side.BUY, 59_991.0, 0.0, 0,
        IntentFlag.CLOSE_POSITION | IntentFlag.ON_MARK,
    ]  # fmt: skip
    assert list(rig.desk.orders["price"][:2]) == [59_995.0, 59_991.0]


def test_cancel_and_amend_name_the_order_and_its_symbol(rig):
    wish(rig, 6, symbol=1)
    (cancel,) = wish(rig, 3, symbol=0)
    (amend,) = wish(rig, 4, symbol=0)
    assert (cancel["action"], cancel["target_ref"], cancel["symbol"]) == (Action.CANCEL, 777, 1)
    assert (amend["action"], amend["target_ref"], amend["price"], amend["qty"]) == (
        Action.AMEND, 777, 60_000.0, 0.25,
    )  # fmt: skip
    assert (cancel["order_ref"], amend["order_ref"]) == (2, 3)
    (cancel_all,) = wish(rig, 5, symbol=0)
    assert (cancel_all["action"], cancel_all["symbol"]) == (Action.CANCEL_ALL, 0)
    assert rig.desk.positions[1]["open_orders"] == 1


def test_numbers_go_up_by_one_and_an_order_is_in_flight_until_reported(rig):
    intents = [wish(rig, 1)[0] for _ in range(3)]
    assert [int(intent["seq"]) for intent in intents] == [1, 2, 3]
    assert list(rig.desk.orders["status"][:4]) == [IN_FLIGHT] * 3 + [0]
    rig.report(Status.ACCEPTED, intents[1])
    assert rig.desk.orders["status"][1] == Status.ACCEPTED
    rig.report(Status.DENIED, intents[0])
    rig.report(Status.EXPIRED, intents[2])
    assert list(rig.desk.orders["status"][:4]) == [0, Status.ACCEPTED, 0, 0]
    assert rig.position["open_orders"] == 1


def test_a_position_comes_from_fills_and_from_the_venues_word_only(rig):
    (intent,) = wish(rig, 1)
    assert rig.position["qty"] == 0.0
    rig.fill(intent, 60_000.0, lots=7)
    assert (rig.position["qty"], rig.position["entry"], rig.position["fills"]) == (
        0.007,
        60_000.0,
        1,
    )
    assert rig.desk.orders["filled"][0] == 0.007
    rig.report(Status.ACCEPTED, intent, position_lots=99, cum_qty_lots=7)
    assert rig.position["qty"] == 0.007
    rig.hold(-3)
    assert rig.position["qty"] == -0.003


def test_an_amended_order_has_its_new_price_and_quantity(rig):
    (intent,) = wish(rig, 2)
    rig.report(Status.AMENDED, intent, price_ticks=600_005, qty_lots=250)
    row = rig.desk.orders[0]
    assert (row["price"], row["qty"], row["status"]) == (60_000.5, 0.25, Status.AMENDED)


def test_a_strategy_may_act_on_a_report(rig):
    (intent,) = wish(rig, 1)
    (answer,) = rig.reject(intent)
    assert (answer["side"], answer["market_seq"], answer["seq"]) == (Side.SELL, 1, 2)
    assert rig.said() == Verdict.EXIT


def test_more_intents_than_fit_one_event_are_counted(rig):
    assert len(wish(rig, 9)) == 8
    assert rig.told["refused"] == 1


def test_a_full_intents_ring_refuses_and_leaves_no_order_behind(rig):
    room = rig.intents.ring.layout.slots
    rig.intents.ring.words[0] += room  # Nobody takes them: the tail is a whole ring ahead.
    assert rig.desk.run(0) == 0
    rig.event(price=1.0, qty=1.0)
    rig.desk.run(rig.now_ns)
    assert rig.told["refused"] == 1
    assert rig.told["intents"] == 0
    assert not rig.desk.orders["status"].any()
    assert rig.position["open_orders"] == 0
    assert rig.desk.loop["next_intent_seq"] == 1


def test_a_full_table_of_open_orders_refuses(rig):
    for _ in range(OPEN_ORDERS_MAX):
        assert len(wish(rig, 1)) == 1
    assert wish(rig, 1) == []
    assert rig.told["refused"] == 1
    assert len(wish(rig, 3)) == 1, "cancelling needs no row"


def test_a_missing_number_flags_a_gap_once_for_every_symbol(rig):
    wish(rig, 0, symbol=0)
    wish(rig, 0, symbol=1)
    rig.market_seq += 5
    for symbol in (0, 0, 1, 1):
        wish(rig, 0, symbol=symbol)
    assert list(rig.desk.state["gaps"]) == [1, 1]
    assert rig.told["gaps_seen"] == 1


def test_a_flag_of_the_feed_reaches_every_symbol_and_the_ring_stays_as_it_was(rig):
    wish(rig, 0, symbol=1, flags=MarketFlag.GAP)
    wish(rig, 0, symbol=0)
    assert list(rig.desk.state["gaps"]) == [1, 1]
    assert list(rig.house.market.slots["flags"][:2]) == [MarketFlag.GAP, 0]


def test_the_first_event_is_flagged_after_a_start(puppet):
    rig = Rig(puppet, warm=False)
    wish(rig, 0)
    wish(rig, 0)
    assert rig.desk.state[0]["gaps"] == 1


def test_verdict_and_state_are_committed_with_their_details(rig):
    wish(rig, 0)
    wish(rig, 0)
    told = rig.told
    assert (told["events"], told["verdict"], told["distance"]) == (2, Verdict.HOLDING, 60_000.0)
    assert list(told["detail"][:2]) == [2.0, 0.0]
    assert told["counts"][Verdict.HOLDING] == 2
    kept = rig.house.state.read_bytes()
    assert kept is not None
    committed = np.frombuffer(kept[: rig.desk.state.nbytes], rig.spec.state_dtype)
    assert committed.tobytes() == rig.desk.state.tobytes()
    assert committed[0]["mean"] == 60_000.0


@pytest.mark.parametrize("plain", [False, True])
def test_whichever_symbols_a_burst_touched_the_committed_state_is_the_whole_one(puppet, plain):
    rig = Rig(puppet, plain=plain, symbols=("AUSDT", "BUSDT", "CUSDT"))
    for symbols in ((0,), (0,), (1,), (2,), (2,), (0, 1), (), (2,), (1, 2), (0,), (0,), (0,)):
        for symbol in symbols:
            rig.event(price=1.0, symbol=symbol)
        rig.run()
        kept = rig.house.state.read_bytes()
        assert kept is not None
        assert kept[: rig.desk.state.nbytes] == rig.desk.state.tobytes()
    assert [int(count) for count in rig.desk.state["seen"]] == [6, 3, 4]


def test_a_run_is_bounded(rig):
    most = BURSTS_MAX * BURST_MAX
    for _ in range(most + 36):
        rig.event(price=1.0)
    assert [rig.desk.run(0) for _ in range(3)] == [most, 36, 0]


def test_a_bad_index_is_an_exception_and_not_somebody_elses_memory(tmp_path):
    path = tmp_path / "careless.py"
    bad = "out.price[wish + 100] = 1.0"
    path.write_text(SOURCE.replace('"PUPPET"', '"CARELESS"').replace("cancel_all(out, event)", bad))
    for plain in (False, True):
        with pytest.raises(IndexError):
            wish(Rig(path, plain=plain), 5)
