from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hft.simulator import algo
from hft.simulator.algo import MOVES, TERMINAL, AlgoOrder
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .algos import condition, last, place_algo, told
from .core import MARK_TICKS, place, request, with_house_book

FIRED = ["algo TRIGGERING", "algo TRIGGERED", "NEW NEW", "TRADE FILLED", "algo FINISHED"]


def quoted(*account_ids: int) -> tuple[Exchange, Listing]:
    """An exchange whose last price is the mark price."""
    exchange, listing = with_house_book(*account_ids)
    listing.last_ticks = MARK_TICKS
    return exchange, listing


def refused(exchange: Exchange, *words: Any, tif: str = "GTC", **more: Any) -> int:
    with pytest.raises(Refusal) as failure:
        place_algo(exchange, condition(*words, **more), tif=tif)
    return failure.value.code


@pytest.mark.parametrize(
    ("kind", "side", "steps"),
    [
        ("STOP_MARKET", BUY, 1),
        ("STOP_MARKET", SELL, -1),
        ("TAKE_PROFIT_MARKET", BUY, -1),
        ("TAKE_PROFIT_MARKET", SELL, 1),
    ],
)
def test_a_condition_fires_at_its_price_and_not_before(kind: str, side: int, steps: int) -> None:
    exchange, listing = quoted(1)
    order = place_algo(exchange, condition(kind, side, MARK_TICKS + 100 * steps))
    assert told(exchange.drain()) == ["algo NEW"]
    assert last(exchange, listing, MARK_TICKS + 99 * steps) == []
    assert last(exchange, listing, MARK_TICKS + 100 * steps, now_ms=7) == FIRED
    assert order.status == "FINISHED"
    assert order.trigger_ms == 7
    child = order.child
    assert child is not None
    assert (child.client_id, child.request.orig_kind) == (order.request.client_id, kind)
    assert exchange.desks[1].orders[child.order_id] is child
    assert last(exchange, listing, MARK_TICKS + 200 * steps) == []


def test_a_condition_on_the_mark_price_does_not_look_at_the_last_price() -> None:
    exchange, listing = quoted(1)
    wish = condition("STOP_MARKET", BUY, MARK_TICKS + 100, working_type="MARK_PRICE")
    order = place_algo(exchange, wish)
    last(exchange, listing, MARK_TICKS + 200)
    assert order.status == "NEW"
    listing.mark_e8 = (MARK_TICKS + 100) * BTCUSDT.tick_e8 - 1
    last(exchange, listing, MARK_TICKS)
    assert order.status == "NEW"
    listing.mark_e8 += 1
    last(exchange, listing, MARK_TICKS)
    assert order.status == "FINISHED"


def test_a_stop_limit_order_rests_and_is_finished_when_its_order_is() -> None:
    exchange, listing = quoted(1)
    wish = condition("TAKE_PROFIT", BUY, MARK_TICKS - 50, price_ticks=MARK_TICKS - 60)
    order = place_algo(exchange, wish)
    exchange.drain()
    said = last(exchange, listing, MARK_TICKS - 50)
    assert said == ["algo TRIGGERING", "algo TRIGGERED", "NEW NEW"]
    assert order.child is not None
    assert last(exchange, listing, MARK_TICKS - 10) == []
    exchange.cancel(1, order.child, 3)
    exchange.algos.on_prices(3)
    assert told(exchange.drain()) == ["CANCELED CANCELED", "algo FINISHED"]


def test_what_would_fire_at_once_is_refused() -> None:
    exchange, _ = quoted(1)
    assert refused(exchange, "STOP_MARKET", BUY, MARK_TICKS) == -2021
    assert refused(exchange, "STOP_MARKET", SELL, MARK_TICKS) == -2021
    assert refused(exchange, "TAKE_PROFIT", BUY, MARK_TICKS + 1) == -2021
    assert refused(exchange, "TAKE_PROFIT", SELL, MARK_TICKS - 1) == -2021
    trail = {"callback_e4": 100}
    for side in (BUY, SELL):
        passed = MARK_TICKS + side
        assert refused(exchange, algo.TRAILING, side, activation_ticks=passed, **trail) == -2021
    assert not exchange.desks[1].algos.orders


def test_a_trailing_sell_waits_for_its_activation_and_falls_back_from_the_highest() -> None:
    exchange, listing = quoted(1)
    wish = condition(algo.TRAILING, SELL, callback_e4=10, activation_ticks=MARK_TICKS + 1_000)
    order = place_algo(exchange, wish)
    assert not order.active
    assert last(exchange, listing, MARK_TICKS - 5_000)[-1:] == ["algo NEW"]
    assert last(exchange, listing, MARK_TICKS + 999) == []
    assert last(exchange, listing, MARK_TICKS + 1_000) == ["algo NEW"]
    assert order.active
    last(exchange, listing, MARK_TICKS + 2_000)
    level = (MARK_TICKS + 2_000) * 9_990 // 10_000
    assert last(exchange, listing, level + 1) == []
    assert last(exchange, listing, level) == FIRED
    assert order.request.stop_ticks == level


def test_a_trailing_buy_without_activation_is_active_at_once() -> None:
    exchange, listing = quoted(1)
    order = place_algo(exchange, condition(algo.TRAILING, BUY, callback_e4=200))
    assert (order.active, order.request.activation_ticks) == (True, MARK_TICKS)
    last(exchange, listing, MARK_TICKS - 10_000)
    level = (MARK_TICKS - 10_000) * 102 // 100
    assert last(exchange, listing, level - 1) == []
    assert last(exchange, listing, level)[0] == "algo TRIGGERING"


def test_a_protected_order_waits_until_last_and_mark_price_agree() -> None:
    exchange, listing = quoted(1)
    wish = condition("STOP_MARKET", BUY, MARK_TICKS + 100, price_protect=True)
    order = place_algo(exchange, wish)
    exchange.drain()
    assert last(exchange, listing, MARK_TICKS * 105 // 100 + 1) == []
    assert order.status == "NEW"
    assert last(exchange, listing, MARK_TICKS * 105 // 100)[0] == "algo TRIGGERING"


def test_a_refused_order_tells_why_and_nothing_is_placed() -> None:
    exchange, listing = quoted(1)
    order = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 1, lots=100_000))
    reducing = place_algo(exchange, condition("STOP_MARKET", SELL, 1_000, reduce_only=True))
    exchange.drain()
    said = last(exchange, listing, MARK_TICKS + 1)
    assert said == ["algo TRIGGERING", "algo REJECTED"]
    assert order.refused == "Margin is insufficient."
    listing.mark_e8 = 1_000 * BTCUSDT.tick_e8
    assert last(exchange, listing, 1_000) == ["algo TRIGGERING", "algo REJECTED"]
    assert reducing.refused == "Reduce Only reject"
    assert not exchange.desks[1].orders


def test_a_closing_order_closes_whatever_is_held_and_the_other_expires_with_it() -> None:
    exchange, listing = quoted(1)
    place(exchange, request(BUY, 25))
    closing = {"close_position": True, "reduce_only": True, "lots": 0}
    stop = place_algo(exchange, condition("STOP_MARKET", SELL, MARK_TICKS - 9, **closing))
    profit = place_algo(exchange, condition("TAKE_PROFIT_MARKET", SELL, MARK_TICKS + 9, **closing))
    exchange.drain()
    place(exchange, request(BUY, 5))
    last(exchange, listing, MARK_TICKS - 9)
    assert stop.child is not None
    assert stop.child.filled_lots == 30
    assert (stop.status, profit.status) == ("FINISHED", "EXPIRED")
    assert exchange.desks[1].account.position("BTCUSDT").lots == 0


def test_a_closing_order_without_a_position_waits_and_expires_when_it_fires() -> None:
    exchange, listing = quoted(1)
    closing = {"close_position": True, "reduce_only": True, "lots": 0}
    order = place_algo(exchange, condition("STOP_MARKET", SELL, MARK_TICKS - 9, **closing))
    assert refused(exchange, "STOP_MARKET", SELL, MARK_TICKS - 99, **closing) == -4130
    assert refused(exchange, "STOP_MARKET", SELL, MARK_TICKS - 99, tif="GTE_GTC") == -4509
    assert last(exchange, listing, MARK_TICKS - 9)[-1] == "algo EXPIRED"
    assert (order.status, order.child) == ("EXPIRED", None)


def test_in_hedge_mode_a_closing_order_looks_at_its_own_leg() -> None:
    exchange, _ = quoted(1)
    exchange.desks[1].account.hedge = True
    exchange.desks[1].account.position("BTCUSDT", "LONG").lots = 7
    closing = {"close_position": True, "lots": 0}
    opens = {**closing, "position_side": "LONG"}
    assert refused(exchange, "STOP_MARKET", BUY, MARK_TICKS + 9, **opens) == -2022
    order = place_algo(exchange, condition("STOP_MARKET", SELL, MARK_TICKS - 9, **opens))
    short = {**closing, "position_side": "SHORT"}
    other = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9, **short))
    exchange.desks[1].account.position("BTCUSDT", "LONG").lots = 0
    exchange.algos.on_prices(2)
    assert (order.status, other.status) == ("EXPIRED", "NEW")


def test_an_order_with_an_end_expires_untriggered() -> None:
    exchange, listing = quoted(1)
    wish = condition("STOP", BUY, MARK_TICKS + 9, time_in_force="GTD", good_till_ms=700_000)
    order = place_algo(exchange, wish, tif="GTD")
    exchange.drain()
    assert last(exchange, listing, MARK_TICKS, now_ms=699_999) == []
    assert last(exchange, listing, MARK_TICKS + 9, now_ms=700_000) == ["algo EXPIRED"]
    assert order.child is None


def test_an_id_may_be_used_again_when_its_order_waits_no_longer() -> None:
    exchange, _ = quoted(1, 2)
    wish = condition("STOP_MARKET", BUY, MARK_TICKS + 9, client_id="same")
    first = place_algo(exchange, wish)
    place_algo(exchange, wish, account_id=2)
    with pytest.raises(Refusal, match="-4116"):
        place_algo(exchange, wish)
    exchange.algos.cancel(1, first, 2)
    with pytest.raises(Refusal, match="-2011"):
        exchange.algos.cancel(1, first, 2)
    assert exchange.desks[1].algos.by_client["same"] is first
    assert place_algo(exchange, wish).algo_id > first.algo_id


def test_an_account_may_have_two_hundred_untriggered_orders() -> None:
    exchange, _ = quoted(1, 2)
    for _ in range(200):
        place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9))
    assert refused(exchange, "STOP_MARKET", BUY, MARK_TICKS + 9) == -4045
    place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9), account_id=2)
    assert exchange.algos.cancel_algos(1, BTCUSDT, 2) == 200
    assert {order.status for order in exchange.desks[1].algos.orders.values()} == {"CANCELED"}
    assert exchange.algos.cancel_algos(2, None, 2, by_venue=True) == 1
    place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9))


def test_the_worth_and_the_limit_price_of_a_condition_have_bounds() -> None:
    exchange, _ = quoted(1)
    trigger = MARK_TICKS + 1_000
    assert refused(exchange, "STOP_MARKET", BUY, trigger, lots=0) == -4164
    top = trigger * 105 // 100
    assert refused(exchange, "STOP", BUY, trigger, price_ticks=top + 1) == -4183
    place_algo(exchange, condition("STOP", BUY, trigger, price_ticks=top))
    bottom = -(-trigger * 95 // 100)
    assert refused(exchange, "TAKE_PROFIT", SELL, trigger, price_ticks=bottom - 1) == -4184
    place_algo(exchange, condition("TAKE_PROFIT", SELL, trigger, price_ticks=bottom))


def test_countdown_and_cancel_all_leave_untriggered_orders_alone() -> None:
    exchange, _ = quoted(1)
    order = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9))
    exchange.set_countdown(1, BTCUSDT, 5)
    exchange.on_time(6)
    exchange.cancel_all(1, BTCUSDT, 6)
    assert order.status == "NEW"


def test_one_order_that_fires_may_fire_the_next_in_the_same_transaction() -> None:
    exchange, listing = quoted(1, 2)
    first = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 1, lots=30))
    second = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 2), account_id=2)
    exchange.house_take(listing, BUY, (MARK_TICKS + 1, 1), 1)
    exchange.algos.on_prices(2)
    assert (first.status, second.status) == ("FINISHED", "FINISHED")


def test_the_table_of_states_has_no_way_out_of_an_end() -> None:
    assert not TERMINAL & set(MOVES)
    assert {state for ends in MOVES.values() for state in ends} - set(MOVES) == set(TERMINAL)
    order = AlgoOrder(1, 1, condition("STOP", BUY, MARK_TICKS), "GTC", 1)
    with pytest.raises(ValueError, match="cannot go from NEW to FINISHED"):
        order.move("FINISHED", 2)


def test_a_desk_forgets_its_oldest_finished_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algo, "KEPT_MAX", 3)
    exchange, _ = quoted(1)
    kept = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9))
    for _ in range(5):
        order = place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 9))
        exchange.algos.cancel(1, order, 2)
    shelf = exchange.desks[1].algos
    assert len(shelf.orders) == len(shelf.by_client) == 3
    assert kept.algo_id in shelf.orders
    assert msgspec.structs.asdict(kept.request)["orig_kind"] == "STOP_MARKET"


def test_which_of_two_fires_first_does_not_depend_on_what_waited_before() -> None:
    fired = []
    for waited_before in (False, True):
        exchange, listing = quoted(1)
        tick_e8 = listing.symbol.tick_e8
        if waited_before:
            early = condition("STOP_MARKET", SELL, MARK_TICKS - 50, working_type="MARK_PRICE")
            exchange.algos.cancel(1, place_algo(exchange, early), 1)
        orders = [
            place_algo(exchange, condition("STOP_MARKET", BUY, MARK_TICKS + 50)),
            place_algo(
                exchange,
                condition("STOP_MARKET", SELL, MARK_TICKS - 50, working_type="MARK_PRICE"),
            ),
        ]
        listing.mark_e8 = (MARK_TICKS - 60) * tick_e8
        last(exchange, listing, MARK_TICKS + 60)
        children = [order.child for order in orders]
        fired.append([child.order_id for child in children if child is not None])
    assert len(fired[0]) == 2
    assert fired[0] == fired[1]
