"""The preview: the real strategies over records made by hand, against an assumed exchange."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
import pytest

from hft.clock import Deadline
from hft.events import MARKET, Side, Verdict
from hft.preview.compare import SAME_WITHIN_NS, compare
from hft.preview.market import Market, recent_market
from hft.preview.run import judge, terms_of
from hft.preview.trial import Lane, Placed, Trial
from hft.state import blocks
from hft.state.tape import READABLE
from hft.strategy.agent import warm
from hft.strategy.build import Burst, build
from hft.strategy.load import StrategySpec, discover, make_params, read
from hft.strategy.params import values_of
from hft.topology import House
from hft.units import E8
from tests.hft.preview.tape import Tape, fill_tape, house_of, wandering

NAMES = ("LIQUIDATION", "MOMENTUM", "PING_PONG")
OTHER: dict[str, dict[str, object]] = {
    "LIQUIDATION": {"price_threshold": 20.0},
    "MOMENTUM": {"threshold": 12.0},
    "PING_PONG": {"interval_ms": 20_000},
}


@cache
def compiled(name: str) -> tuple[StrategySpec, Burst]:
    spec = discover().select(name)
    return spec, warm(spec)


def values(spec: StrategySpec, **given: object) -> dict[str, Any]:
    return values_of(make_params(spec, given))


def preview(
    records: Any,
    strategy: tuple[StrategySpec, Burst],
    other: Mapping[str, object],
    house: House | None = None,
    **given: object,
) -> dict[str, Any]:
    old = values(strategy[0], **given)
    house = house or house_of()
    return judge(house, strategy, [records], (old, {**old, **other}), Deadline(60))


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_tape_is_previewed_in_well_under_a_second(name: str) -> None:
    strategy, records = compiled(name), wandering(65_536)
    preview(records[:4096], strategy, OTHER[name])
    began_s = getrusage(RUSAGE_SELF).ru_utime
    told = preview(records, strategy, OTHER[name])
    took_s = getrusage(RUSAGE_SELF).ru_utime - began_s
    assert took_s < 0.8, f"{took_s:.3f} s of this process; 0.2 s on a quiet machine"
    assert told["events"] == 65_536
    assert told["added"] or told["removed"], "other values change something here"
    assert told["before"] == told["kept"] + told["removed_count"]
    assert told["after"] == told["kept"] + told["added_count"]
    assert told["counts_before"] != told["counts_after"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_values_place_the_same_orders(name: str) -> None:
    told = preview(wandering(20_000), compiled(name), {})
    assert told["before"] > 0
    assert (told["kept"], told["changed"], told["added"], told["removed"]) == (
        told["before"], 0, [], [],
    )  # fmt: skip
    assert told["counts_before"] == told["counts_after"]
    assert told["net_before"] == told["net_after"]


def test_uncompiled_the_strategy_says_the_same() -> None:
    spec, burst = compiled("MOMENTUM")
    records = wandering(3000)
    fast = preview(records, (spec, burst), OTHER["MOMENTUM"], window=200)
    slow = preview(records, (spec, build(spec, plain=True)), OTHER["MOMENTUM"], window=200)
    assert fast == slow
    assert fast["before"] > 0


def test_when_the_time_is_over_both_runs_have_decided_on_the_same_records() -> None:
    spec, _ = compiled("MOMENTUM")
    old = values(spec, window=10)
    plain = (spec, build(spec, plain=True))
    records = wandering(65_536)
    told = judge(house_of(), plain, [records], (old, old), Deadline(0.05))
    assert 0 < told["events"] < 65_536
    assert told["events"] % 1024 == 0
    assert f"after {told['events']:,} of 65,536 events" in told["assumes"]
    assert told["counts_before"] == told["counts_after"]


def test_nothing_recorded_is_an_empty_preview() -> None:
    told = preview(np.zeros(0, MARKET), compiled("MOMENTUM"), {})
    assert (told["events"], told["before"], told["from_ms"]) == (0, 0, None)


def test_every_shard_decides_on_its_own_symbols() -> None:
    house = house_of("BTCUSDT", "ETHUSDT", shards=2)
    tapes = [Tape(200), Tape(200)]
    for _ in range(100):
        for symbol, tape in enumerate(tapes):
            tape.trade(60_000.0, symbol=symbol)
    spec, burst = compiled("PING_PONG")
    old = values(spec, interval_ms=1000)
    records = [tape.records() for tape in tapes]
    told = judge(house, (spec, burst), records, (old, values(spec)), Deadline(60))
    assert told["events"] == 200
    assert {row["symbol"] for row in told["removed"]} == {"BTCUSDT", "ETHUSDT"}
    assert told["counts_before"][Verdict.ENTER.name] == told["before"] == 2 * 20


# The exchange.


ORDERS = """
from typing import Annotated
import msgspec
from hft.strategy.api import (
    IntentFlag, MarketKind, Side, Status, TimeInForce, Verdict, cancel, limit, market, state_dtype,
    stop_market, verdict,
)
NAME = "ONE_ORDER"
COMPILED = False
class Params(msgspec.Struct, frozen=True):
    kind: int = 0
    price: float = 0.0
    qty: float = 0.01
STATE = state_dtype(("sent", "<i8"), ("reports", "<i8"), ("last", "<i8"), ("fill", "<f8"))
def on_market(event, position, orders, params, state, out):
    if state.sent == 0:
        state.sent = 1
        if params.kind == 0:
            market(out, event, Side.BUY, params.qty)
        elif params.kind == 1:
            limit(out, event, Side.BUY, params.price, params.qty)
        elif params.kind == 2:
            limit(out, event, Side.BUY, params.price, params.qty, TimeInForce.IOC)
        elif params.kind == 3:
            market(out, event, Side.SELL, params.qty, IntentFlag.REDUCE_ONLY)
        elif params.kind == 4:
            stop_market(out, event, Side.BUY, params.price, params.qty)
        elif params.kind == 5:
            row = limit(out, event, Side.BUY, params.price, params.qty)
            out.order_ref[row] = 4711
        elif params.kind == 6:
            for _ in range(8):
                market(out, event, Side.BUY, params.qty)
        else:
            row = limit(out, event, Side.BUY, params.price, params.qty)
            out.side[row], out.order_type[row] = (0, 1) if params.kind == 7 else (1, 77)
    elif state.sent == 1 and params.kind == 5:
        state.sent = 2
        cancel(out, 4711)
def on_report(report, position, orders, params, state, out):
    state.reports += 1
    state.last = report.status
    if report.last_qty_lots:
        state.fill = report.last_price_ticks / 10.0
"""


@pytest.fixture(scope="module")
def one_order(tmp_path_factory: pytest.TempPathFactory) -> tuple[StrategySpec, Burst]:
    path: Path = tmp_path_factory.mktemp("strategies") / "one_order.py"
    path.write_text(ORDERS)
    spec = read(path)
    return spec, build(spec)


def run_one(
    strategy: tuple[StrategySpec, Burst], tape: Tape, house: House | None = None, **given: object
) -> tuple[Trial, Any]:
    """Run a strategy that sends one order at the first record; returns the run and its STATE."""
    house, records = house or house_of(round_trip_ms=5), tape.records()
    lane = Lane(house, 0, Market(records, range(1)), terms_of(house))
    trial = Trial(lane, strategy, make_params(strategy[0], given))
    trial.run(0, len(records))
    return trial, trial._desk.state[0]


def status(state: Any) -> tuple[int, int]:
    return int(state["reports"]), int(state["last"])


ACCEPTED, FILLED, CANCELLED, EXPIRED, REJECTED, DENIED = 1, 3, 4, 6, 7, 8


def test_a_market_order_fills_at_the_touch_of_the_moment_it_arrives(one_order: Any) -> None:
    tape = Tape(2).book(100.0, 100.1).book(101.0, 101.1).book(102.0, 102.1)
    for _ in range(3):
        tape.book(109.0, 109.1)
    # Sent at 0 ms and 5 ms on its way: the records of 2 and 4 ms came before it, that of 6 did not.
    trial, state = run_one(one_order, tape, kind=0)
    assert status(state) == (2, FILLED)
    assert state["fill"] == 102.1
    assert trial.net_e8(len(tape.records())) == round((109.05 - 102.1) * 1e6) - 51_050


def test_a_resting_order_fills_at_its_own_price_when_the_market_trades_through(
    one_order: Any,
) -> None:
    tape = Tape(10).book(100.0, 100.1).trade(100.0).trade(99.5).trade(99.5)
    _, state = run_one(one_order, tape, kind=1, price=99.5)
    assert status(state) == (1, ACCEPTED), "touched is not traded through"
    trial, state = run_one(one_order, tape.trade(99.4).trade(99.4), kind=1, price=99.5)
    assert status(state) == (2, FILLED)
    assert state["fill"] == 99.5
    assert trial.net_e8(5) == round(0.55 * 1e6) - 19_900, "the maker's fee, the book's middle"


def test_what_crosses_the_touch_on_arrival_takes(one_order: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).book(100.0, 100.1).book(100.0, 100.1)
    _, state = run_one(one_order, tape, kind=1, price=105.0)
    assert (status(state), state["fill"]) == ((2, FILLED), 100.1)


def test_orders_that_cannot_be_are_ended_as_the_venue_would(one_order: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).book(100.0, 100.1).book(100.0, 100.1)
    assert status(run_one(one_order, tape, kind=2, price=99.0)[1]) == (2, EXPIRED)
    assert status(run_one(one_order, tape, kind=3)[1]) == (1, REJECTED)
    trial, state = run_one(one_order, tape, kind=0, qty=0.2)
    assert (status(state), trial.denied) == ((1, DENIED), 1), "larger than max_order_size"
    assert status(run_one(one_order, tape, kind=0, qty=0.0001)[1]) == (1, DENIED)


def test_a_stop_waits_for_its_price(one_order: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).trade(100.0).trade(104.9).book(105.0, 105.1).trade(105.0)
    _, state = run_one(one_order, tape, kind=4, price=105.0)
    assert status(state) == (1, ACCEPTED), "the report comes with the next record"
    _, state = run_one(one_order, tape.trade(90.0), kind=4, price=105.0)
    assert (status(state), state["fill"]) == ((2, FILLED), 105.1)


def test_a_cancel_ends_what_rests(one_order: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).trade(100.0).trade(100.0).trade(90.0).trade(90.0)
    _, state = run_one(one_order, tape, kind=5, price=99.0)
    assert status(state) == (2, CANCELLED)


def test_orders_on_their_way_count_against_the_largest_position(one_order: Any) -> None:
    """As in the gate: two that do not fit together are not both sent."""
    house, tape = house_of(round_trip_ms=5), Tape(1).book(100.0, 100.1).book(100.0, 100.1)
    limits = np.frombuffer(bytearray(house.limits.read_bytes() or b""), blocks.LIMITS)
    limits["max_position_e8"] = E8 // 20
    house.limits.write_bytes(limits.tobytes())
    trial, _ = run_one(one_order, tape, house=house, kind=6)
    assert (len(trial.placed), trial.denied) == (8, 3), "0.05 holds five of 0.01"


def test_an_order_that_only_reduces_is_not_larger_than_any_other_may_be(one_order: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).book(100.0, 100.1)
    assert status(run_one(one_order, tape, kind=3, qty=0.2)[1]) == (1, DENIED)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": 7, "price": 99.0},
        {"kind": 8, "price": 99.0},
        {"kind": 1, "price": 1e300},
        {"kind": 1, "price": 99.0, "qty": 1e300},
    ],
)
def test_words_that_no_exchange_knows_are_denied_and_listed(one_order: Any, given: Any) -> None:
    tape = Tape(10).book(100.0, 100.1).book(100.0, 100.1).book(100.0, 100.1)
    trial, state = run_one(one_order, tape, **given)
    assert (status(state), trial.denied) == ((1, DENIED), 1)
    told = preview(tape.records(), one_order, {"qty": 0.02}, **given)
    assert told["before"] == told["after"] == 1
    assert len(preview(tape.records(), one_order, given)["added"]) == 1


# Pairing.


def placed(ns: int, side: int = Side.BUY, qty: float = 1.0) -> Placed:
    return Placed(ns, 0, side, 1, 0.0, qty, 0)


def test_orders_are_paired_by_time_side_and_kind_and_each_once() -> None:
    found = compare([placed(0), placed(10)], [placed(5), placed(20, qty=2.0), placed(30)])
    assert (found.kept, found.changed) == (2, 1)
    assert [order.ns for order in found.added] == [30]
    found = compare([placed(0, Side.SELL)], [placed(0)])
    assert (found.kept, len(found.added), len(found.removed)) == (0, 1, 1)
    assert compare([placed(0)], [placed(SAME_WITHIN_NS)]).kept == 1
    assert compare([placed(0)], [placed(SAME_WITHIN_NS + 1)]).kept == 0


# Where the records come from.


def test_every_shard_is_handed_its_own_records_of_the_tape_oldest_first() -> None:
    house = house_of("BTCUSDT", "ETHUSDT", "SOLUSDT", shards=2)
    assert [len(records) for records in recent_market(house)] == [0, 0]
    records = wandering(READABLE + 300)
    records["symbol"] = records["seq"] % 3
    fill_tape(house, records)
    ours, others = recent_market(house)
    assert (set(ours["symbol"]), set(others["symbol"])) == ({0, 2}, {1})
    assert len(ours) + len(others) == READABLE
    newest = records[300:]
    assert ours["seq"].tolist() == newest["seq"][newest["symbol"] != 1].tolist()
