from __future__ import annotations

from pathlib import Path

from hft.clock import monotonic_ns
from hft.events import LatchReason
from hft.latch import SupervisorLatch
from tests.hft.houses import new_house


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
