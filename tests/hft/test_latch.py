from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from hft import day as days
from hft import latch as latches
from hft.agent.log import Log
from hft.clock import monotonic_ns, wall_ms
from hft.day import DayBook
from hft.events import LatchReason, MeasuredFrom, OnTrip, Role
from hft.latch import SupervisorLatch
from hft.state.blocks import ACCOUNT
from hft.state.decision import Trip
from hft.state.trips import write_trip
from hft.topology import House
from hft.tripping import TripFlatten
from ringbuf.doorbell import Doorbell
from ringbuf.spsc import packer_of
from tests.hft.houses import new_house

TRIP = Trip(LatchReason.DRAWDOWN, -120, -100, MeasuredFrom.PEAK, 5_000, 65_000)


def trip(house: House, on_trip: OnTrip) -> None:
    """Do what execution does when a breaker trips."""
    words, now_ns = house.latch_gate[0], monotonic_ns()
    write_trip(words, TRIP, on_trip, now_ns)
    word = "reduce" if on_trip is OnTrip.REDUCE else "halt"
    words[f"{word}_reason"], words[f"{word}_ns"] = TRIP.reason, now_ns


def test_a_halt_holds_until_somebody_resumes_and_each_word_keeps_one_writer(
    tmp_path: Path,
) -> None:
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, tmp_path / "latch.json")
        latch.begin(halted=True)
        assert latch.halted()
        assert latch.reason() is LatchReason.START_UP
        latch.resume()
        assert not latch.halted()
        house.latch_gate[0]["halt_reason"] = LatchReason.MAX_LOSS
        house.latch_gate[0]["halt_ns"] = monotonic_ns()
        assert latch.halted()
        assert latch.reason() is LatchReason.MAX_LOSS
        latch.resume()
        assert not latch.halted()
        assert int(house.latch_gate[0]["halt_ns"]) > 0, "who halted when stays on record"


def test_the_next_run_remembers_why_it_was_halted(tmp_path: Path) -> None:
    path = tmp_path / "latch.json"
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, path)
        latch.resume()
        house.latch_gate[0]["halt_reason"] = LatchReason.MAX_LOSS
        house.latch_gate[0]["halt_ns"] = monotonic_ns()
        latch.save()
    with new_house("BTCUSDT") as house:
        again = SupervisorLatch(house, path)
        again.begin(halted=True)
        assert again.reason() is LatchReason.MAX_LOSS


def test_a_torn_latch_file_reads_as_a_halt_by_a_person(tmp_path: Path) -> None:
    path = tmp_path / "latch.json"
    path.write_text('{"halted": tr')
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, path)
        latch.begin(halted=True)
        assert latch.reason() is LatchReason.PERSON


def test_the_file_keeps_which_rule_tripped_what_it_measured_and_since_when(tmp_path: Path) -> None:
    path = tmp_path / "latch.json"
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, path)
        latch.resume()
        trip(house, OnTrip.REDUCE)
        assert latch.save()
        assert not latch.halted()
        said = latch.sentence()
        assert said.startswith("only smaller positions pass: the drawdown from")
        assert "from the session's best moment (1970-01-01 00:00:05)" in said
        kept = orjson.loads(path.read_bytes())
        assert (kept["reduce"], kept["trip"]["rule"], kept["trip"]["measured"]) == (
            True,
            "DRAWDOWN",
            -120,
        )
    with new_house("BTCUSDT") as house:
        again = SupervisorLatch(house, path)
        again.begin(halted=True)
        found = again.trip()
        assert found is not None
        assert found[:2] == (TRIP, OnTrip.REDUCE)
        assert again.sentence().removeprefix("halted") == said.removeprefix(
            "only smaller positions pass"
        )
        again.resume()
        assert again.trip() is None
        assert orjson.loads(path.read_bytes())["trip"] is None


class Child:
    """A flatten child that ends when it is told to."""

    def __init__(self) -> None:
        self.started, self.state, self.message = 0, "idle", "said"

    def running(self) -> bool:
        return self.state == "running"

    def start(self) -> None:
        self.started += 1
        self.state = "running"


def test_a_flatten_is_started_once_for_a_trip_and_goes_on_after_a_restart_until_it_is_done(
    tmp_path: Path,
) -> None:
    path, child = tmp_path / "latch.json", Child()
    with new_house("BTCUSDT") as house:
        bell = Doorbell(house.parked_words(Role.LEDGER))
        log = Log(Role.SUPERVISOR, house.log_ring(Role.SUPERVISOR), bell)
        latch = SupervisorLatch(house, path)
        latch.resume()
        flatten = TripFlatten(latch, child, log)  # type: ignore[arg-type]
        flatten.poll()
        assert child.started == 0
        trip(house, OnTrip.FLATTEN)
        for _ in range(3):
            flatten.poll()
        assert child.started == 1
        latch.save()
        bell.close()
    with new_house("BTCUSDT") as house:
        bell = Doorbell(house.parked_words(Role.LEDGER))
        log = Log(Role.SUPERVISOR, house.log_ring(Role.SUPERVISOR), bell)
        latch = SupervisorLatch(house, path)
        latch.begin(halted=True)
        child.state = "idle"
        flatten = TripFlatten(latch, child, log)  # type: ignore[arg-type]
        flatten.poll()
        assert child.started == 2, "the one of the dead house may not have got to its end"
        child.state = "done"
        flatten.poll()
        latch.save()
        bell.close()
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, path)
        latch.begin(halted=True)
        child.state = "idle"
        TripFlatten(latch, child, log).poll()  # type: ignore[arg-type]
        assert child.started == 2, "what a person opened by hand since is left alone"


def test_the_day_goes_on_in_the_next_run_with_what_is_unrealised_counted_once(
    tmp_path: Path,
) -> None:
    path, today = tmp_path / "day.json", wall_ms() // 86_400_000
    with new_house("BTCUSDT") as house:
        book = DayBook(house, path)
        book.begin()
        assert int(house.run[0]["day"]) == 0
        told = {"day": today, "day_pnl_e8": -70, "unrealised_e8": -20}
        values = [told.get(name, 0) for name in ACCOUNT.names or () if name != "denied"]
        house.account.write_values(packer_of(ACCOUNT), [*values, *[0] * 64])
        house.identity[0]["account_epoch"] = b"one"
        book.keep()
    with new_house("BTCUSDT") as house:
        DayBook(house, path).begin()
        run = house.run[0]
        assert (int(run["day"]), bytes(run["day_account"])) == (today, b"one")
        # Its own P&L begins at -20 by the open position: the day stands at -70 still.
        assert -20 - int(run["day_base_e8"]) == -70


def test_a_disk_that_takes_nothing_is_told_and_tried_again_and_ends_no_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latches, "_AGAIN_AFTER_NS", 0)
    monkeypatch.setattr(days, "KEEP_EVERY_NS", 0)
    blocked = [tmp_path / "latch.json.tmp", tmp_path / "day.json.tmp"]
    with new_house("BTCUSDT") as house:
        latch = SupervisorLatch(house, tmp_path / "latch.json")
        latch.begin(halted=False)
        book = DayBook(house, tmp_path / "day.json")
        account = np.zeros(1, ACCOUNT)
        account["day"], house.identity[0]["account_epoch"] = 5, b"one"
        house.account.write_bytes(account.tobytes())
        for each in blocked:
            each.mkdir()
        latch.halt(LatchReason.PERSON)
        book.keep()
        assert latch.halted()
        assert latch.trouble == f"{tmp_path / 'latch.json'} cannot be written: Is a directory"
        assert book.trouble
        assert not latch.save(), "it did not change"
        for each in blocked:
            each.rmdir()
        latch.save()
        book.keep()
        assert latch.trouble == book.trouble == ""
    with new_house("BTCUSDT") as house:
        again = SupervisorLatch(house, tmp_path / "latch.json")
        again.begin(halted=True)
        assert again.reason() is LatchReason.PERSON
        DayBook(house, tmp_path / "day.json").begin()
        assert int(house.run[0]["day"]) == 5
