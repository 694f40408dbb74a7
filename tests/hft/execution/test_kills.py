"""Execution killed with SIGKILL again and again while it trades."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from hft.clock import Deadline, sleep_s
from hft.events import FIRST_TERMINAL_STATE, Action, OrderType, Side

from .rig import Rig

ROOT = Path(__file__).resolve().parents[3]
KILLS = 3
WAIT_S = 20.0


class Child:
    """One life of execution."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        command = [sys.executable, "-m", "tests.hft.execution.child", rig.name, rig.venue.url]
        command.append(str(rig.countdown_ms))
        self.process = subprocess.Popen(command, cwd=ROOT)

    def wait_fit(self) -> None:
        deadline = Deadline(WAIT_S)
        while not (
            int(self.rig.house.vitals[3]["pid"]) == self.process.pid
            and self.rig.house.account.read() is not None
            and int(self.rig.account()["trading_state"]) == 0
        ):
            self.rig.others_live()
            self.rig.read()
            assert not deadline.passed(), self.rig.lines[-10:]
            assert self.process.poll() is None, self.rig.lines[-10:]
            sleep_s(0.002)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)


def push_something(rig: Rig, dice: random.Random, resting: list[int]) -> None:
    side = dice.choice([Side.BUY, Side.SELL])
    lots = dice.randint(1, 30)
    if dice.random() < 0.25:
        bid, ask = rig.venue.touch()
        price = round(bid * 0.99 if side > 0 else ask * 1.01, 1)
        resting.append(
            rig.push(side=side, qty=lots / 1000, order_type=OrderType.LIMIT, price=price)
        )
    elif resting and dice.random() < 0.3:
        rig.push(action=Action.CANCEL, target_ref=1000 + resting.pop())
    else:
        rig.push(side=side, qty=lots / 1000)


def test_killed_at_random_moments_the_books_still_equal_the_venues(rig: Rig) -> None:
    dice, resting = random.Random(11), list[int]()
    child = Child(rig)
    try:
        for _ in range(KILLS):
            child.wait_fit()
            for _ in range(dice.randint(3, 12)):
                push_something(rig, dice, resting)
                sleep_s(dice.random() * 0.004)
                rig.others_live()
                rig.read()
            child.kill()
            child = Child(rig)
        child.wait_fit()
        rig.push(action=Action.CANCEL_ALL)
        deadline = Deadline(WAIT_S)
        while int(rig.account()["open_orders"]) or rig.intents_waiting():
            rig.others_live()
            rig.read()
            assert not deadline.passed(), rig.lines[-10:]
            sleep_s(0.002)
    finally:
        child.kill()
    rig.read()
    rig.fills_and_position_agree()
    assert rig.venue.rest.open_orders("BTCUSDT") == []
    rows = rig.venue.rest.get("/fapi/v1/allOrders", {"symbol": "BTCUSDT"}, signed=True)
    names = rig.names_at_venue()
    assert len(names) == len(set(names)), "an order was sent twice"
    assert len(names) > 10
    by_id = {row["orderId"]: row for row in rows}
    spec_lot = 1000
    for row in rig.house.orders:
        if not row["intent_seq"]:
            continue
        assert row["state"] >= FIRST_TERMINAL_STATE
        venue_order = by_id.get(int(row["venue_order_id"]))
        if venue_order is not None:
            assert round(float(venue_order["executedQty"]) * spec_lot) == row["cum_qty_lots"]
