"""From the log rings to the daily file and the tail the page shows."""

from __future__ import annotations

import json
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hft.clock import Anchor, monotonic_ns
from hft.events import LOG, Level, Role
from hft.ledger.log_file import LogFile, iso_utc
from hft.state.blocks import LOG_LINES_MAX
from hft.topology import RINGS
from tests.hft.ledger.world import World, drain, has_news, turn_until

MIDNIGHT_NS = 1_763_769_600 * 1_000_000_000
"""2025-11-22T00:00:00Z."""


def record(ns: int, text: str, count: int = 0) -> np.void:
    raw = text.encode()
    made = np.zeros(1, LOG)
    made[0] = (ns, count, Level.WARNING, Role.FEED, len(raw), 0, raw)
    return made[0]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_is_one_json_object_with_utc_time_level_role_and_text(tmp_path: Path) -> None:
    file = LogFile(tmp_path, Anchor(monotonic_ns=0, wall_ns=MIDNIGHT_NS))
    file.append([record(1_500, 'said "hello"\nand é'), record(2_500, "next", count=4)])
    assert lines(tmp_path / "hft-2025-11-22.jsonl") == [
        {
            "ts": "2025-11-22T00:00:00.000001Z",
            "level": "WARNING",
            "role": "feed",
            "text": 'said "hello"\nand é',
        },
        {
            "ts": "2025-11-22T00:00:00.000002Z",
            "level": "WARNING",
            "role": "feed",
            "text": "next",
            "dropped": 4,
        },
    ]
    file.close()


def test_a_new_day_starts_a_new_file(tmp_path: Path) -> None:
    file = LogFile(tmp_path, Anchor(monotonic_ns=10, wall_ns=MIDNIGHT_NS))
    file.append([record(9, "old"), record(10, "new")])
    file.append([record(11, "newer")])
    file.close()
    assert [line["text"] for line in lines(tmp_path / "hft-2025-11-21.jsonl")] == ["old"]
    assert [line["text"] for line in lines(tmp_path / "hft-2025-11-22.jsonl")] == ["new", "newer"]


def test_a_disk_that_fills_up_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = LogFile(tmp_path, Anchor(monotonic_ns=0, wall_ns=MIDNIGHT_NS))
    file.append([record(1, "first")])
    whole = FileIO.write

    class Full(FileIO):
        def write(self, text: Any) -> int:
            return whole(self, text[:10])

    full = Full(tmp_path / "hft-2025-11-22.jsonl", "ab")
    file.close()
    file._file, file._day = full, "2025-11-22"
    with pytest.raises(OSError, match="only 10 of"):
        file.append([record(2, "second")])
    file.close()
    file.append([record(2, "second")])
    file.close()
    found = [line["text"] for line in lines(tmp_path / "hft-2025-11-22.jsonl")]
    assert found == ["first", "second"]


def test_times_keep_their_microseconds() -> None:
    assert iso_utc(MIDNIGHT_NS + 999_999_999) == "2025-11-22T00:00:00.999999Z"


def test_every_process_is_heard_and_the_tail_counts(world: World) -> None:
    logs = {role: world.log(role) for role in Role if role != Role.LEDGER}
    with world.ledger() as ledger:
        for at in range(300):
            for log in logs.values():
                log.info(f"line {at}")
        drain(ledger)
    heard = world.log_lines()
    for role in logs:
        texts = [line["text"] for line in heard if line["role"] == role.name.lower()]
        assert texts == [f"line {at}" for at in range(300)]
    written = int(world.house.log_tail_head[0]["written"])
    assert written == len(heard) == 1500
    newest = world.house.log_tail[(written - 1) % LOG_LINES_MAX]
    assert bytes(newest["text"]) == b"line 299"


def test_lines_of_one_burst_are_in_the_order_of_their_time(world: World) -> None:
    feed, execution = world.log(Role.FEED), world.log(Role.EXECUTION)
    for at in range(20):
        (feed if at % 2 else execution).info(str(at))
    with world.ledger() as ledger:
        drain(ledger)
    assert [line["text"] for line in world.log_lines()] == [str(at) for at in range(20)]


def test_log_lines_wait_for_the_file_and_the_tail_does_not(world: World) -> None:
    logs = world.folder / "logs"
    with world.ledger() as ledger:
        turn_until(ledger, lambda: not has_news(ledger))
        logs.rmdir()
        logs.write_text("in the way")
        world.log(Role.FEED).info("held back")
        turn_until(ledger, lambda: ledger.status.errors >= 2)
        assert bytes(world.house.log_tail[0]["text"]) == b"held back"
        assert world.house.log_ring(Role.FEED).depth() == 1
        logs.unlink()
        logs.mkdir()
        drain(ledger)
    texts = [line["text"] for line in world.log_lines()]
    assert texts[0] == "held back"
    assert any("writing the log file works again" in text for text in texts)


def test_closing_writes_the_lines_that_came_last(world: World) -> None:
    with world.ledger() as ledger:
        ledger.do_work(monotonic_ns())
        world.log(Role.SUPERVISOR).info("after the last cycle")
    assert [line["text"] for line in world.log_lines()] == ["after the last cycle"]
    assert all(world.house.rings[ring.name].depth() == 0 for ring in RINGS)
