"""`hft stat`: the page's words in a terminal, of a living house, of a dead one, and of none."""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from hft.boot import LAST_RUN, segment_name
from hft.clock import Deadline, anchor_now, monotonic_ns
from hft.errors import BootError
from hft.events import Agreement, Hop, LatchReason, Level, OrderState
from hft.seats import Seat
from hft.stat.command import main
from hft.stat.screen import Size, page
from hft.stat.source import Source
from hft.state import blocks
from hft.state.blocks import Life, Mode
from hft.topology import House
from hft.units import NS_PER_S
from ringbuf.memory import segment_folder, unlink
from tests.dashboard.furniture import CATALOGUE, beat, furnish, halt, say, write
from tests.dashboard.test_order_story import HOPS, put

SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "SOLUSDT",
    "1000PEPEUSDT",
    "BNBUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "DOGEUSDT",
)
SIZES = [(80, 24), (80, 40), (100, 50), (160, 40), (220, 60), (60, 15)]


@pytest.fixture
def living(house: House) -> House:
    """A furnished house whose supervisor is this very process."""
    house.run[0]["supervisor_pid"] = os.getpid()
    return house


@pytest.fixture
def crowded() -> Iterator[House]:
    """A house with as many shards and symbols as there may be."""
    name = f"hft-test-stat-{os.getpid()}"
    house = House.create(name, anchor_now(), 4)
    furnish(house, symbols=SYMBOLS)
    house.run[0]["supervisor_pid"] = os.getpid()
    for seat in house.seats:
        beat(house, seat)
    yield house
    unlink(name)


def screen(source: Source, width: int = 100, height: int | None = None) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(page(source.look(), console, Size(width, height)))
    return console.export_text()


def dead_copy(house: House, folder: Path) -> Path:
    """Let every process have beaten for the last time when the run began, and keep the segment."""
    last_ns = house.anchor.monotonic_ns
    for vitals in house.vitals[:6]:
        vitals["heartbeat_ns"] = last_ns
    write(house.top[0], blocks.TOP, bid=1.0, ask=2.0, last=1.5, book_ns=last_ns - NS_PER_S)
    copy = folder / LAST_RUN
    shutil.copyfile(segment_folder() / house.segment.name, copy)
    return copy


def test_it_tells_what_the_page_tells_in_the_page_s_words(living: House) -> None:
    put(living, state=OrderState.ACCEPTED, hops=[HOPS[hop] for hop in Hop])
    say(living, "\x1b[2Jhello [bold]you[/bold]", Level.WARNING)
    source = Source(living.segment.name, CATALOGUE)
    text, told = screen(source), source.look()
    assert told["trading_sentence"] in text
    assert told["explain"]["sentence"] in text
    for words in ("DEMO", "MOMENTUM", "+42.50", "0.03 @ 61,702", "9,871.20", "agree", "execution"):
        assert words in text
    for gate in told["explain"]["gates"]:
        assert gate["label"] in text
    assert "BUY  0.01  BTCUSDT  MARKET" in text
    assert "?[2Jhello [bold]you[/bold]" in text, "what the log says is text, never markup or codes"
    assert "DEAD" not in text


def test_no_text_of_a_segment_reaches_the_terminal_as_a_command(living: House) -> None:
    living.run[0]["symbols"][0] = b"BTC\x1b[2JUSDT"
    say(living, "\x9b2J and\na second line")
    for width in (80, 200):
        text = screen(Source(living.segment.name, CATALOGUE), width)
        assert "BTC?[2JUSDT" in text
        assert "?2J and?a second line" in text
        assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_it_fits_every_terminal(living: House, width: int, height: int) -> None:
    for number in range(100):
        say(living, f"line {number} " + "x" * 150)
    halt(living, LatchReason.MAX_LOSS)
    text = screen(Source(living.segment.name, CATALOGUE), width, height)
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "HALTED" in text
    assert "+42.50" in text
    if height >= 24:
        assert "line 99" in text
        assert "execution" in text


def test_many_symbols_and_shards_leave_room_for_what_is_wrong(crowded: House) -> None:
    write(crowded.position[len(SYMBOLS) - 1], blocks.POSITION_BLOCK, agreement=Agreement.DISAGREED)
    beat(crowded, Seat.STRATEGY4, Life.STOPPED)
    say(crowded, "the last line")
    source = Source(crowded.segment.name, CATALOGUE)
    for width, height in SIZES[:2]:
        text = screen(source, width, height)
        assert f"{SYMBOLS[-1]}  " in text
        assert "DISAGREE" in text
        assert "strategy4 stopped" in text
        assert "the last line" in text
    assert f"Positions: 5 of {len(SYMBOLS)}" in screen(source, 80, 24)
    assert "Positions ─" in screen(source, 100)


def test_positions_that_differ_are_shown_three_ways(living: House) -> None:
    write(
        living.position[0],
        blocks.POSITION_BLOCK,
        position_lots=30,
        stream_lots=20,
        stream_ns=monotonic_ns(),
        rest_lots=10,
        rest_ns=monotonic_ns(),
        agreement=Agreement.DISAGREED,
    )
    text = screen(Source(living.segment.name, CATALOGUE))
    assert "DISAGREE" in text
    assert all(ways in text for ways in ("0.03", "0.02", "0.01"))


def test_a_kept_segment_is_dead_and_its_ages_stand_still(house: House, tmp_path: Path) -> None:
    copy = dead_copy(house, tmp_path)
    source = Source(copy, CATALOGUE)
    told = source.look()
    assert told["dead"] is True
    assert told["trading_state"] == "HALTED"
    assert {row["health"] for row in told["processes"]} == {"dead"}
    assert told["feed"]["age_ms"] == 1000.0, "by its last beat, not by now"
    assert told["logs"] == source.look()["logs"]
    assert "DEAD, last alive 20" in screen(source)
    assert source.look()["as_of_ms"] == told["as_of_ms"]


def test_a_killed_engine_s_segment_is_dead_where_it_lies(house: House) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    house.run[0]["supervisor_pid"] = child.pid
    house.run[0]["started_wall_ns"] += 60 * NS_PER_S
    source = Source(house.segment.name, CATALOGUE)
    assert source.look()["dead"] is False
    child.kill()
    child.communicate()
    assert source.look()["dead"] is True, "seen while looking on"


def test_another_process_with_the_supervisor_s_number_does_not_bring_it_back(house: House) -> None:
    house.run[0]["supervisor_pid"] = os.getpid()
    house.run[0]["started_wall_ns"] = 1
    assert Source(house.segment.name, CATALOGUE).look()["dead"] is True


def test_a_new_engine_in_the_same_place_is_taken_up(tmp_path: Path) -> None:
    name = segment_name(tmp_path)
    first = House.create(name, anchor_now())
    try:
        furnish(first)
        source = Source.of_folder(tmp_path, CATALOGUE)
        assert source.look()["mode"] == "DEMO"
        unlink(name)
        second = House.create(name, anchor_now())
        furnish(second, Mode.TESTNET)
        second.run[0]["session_epoch"], second.run[0]["supervisor_pid"] = 5, os.getpid()
        told = source.look()
        assert (told["mode"], told["dead"]) == ("TESTNET", False)
    finally:
        unlink(name)


def test_a_folder_without_a_segment_shows_the_last_run(house: House, tmp_path: Path) -> None:
    dead_copy(house, tmp_path)
    assert Source.of_folder(tmp_path, CATALOGUE).look()["dead"] is True


def test_a_segment_of_another_build_is_refused_in_a_sentence(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = dead_copy(house, tmp_path)
    with copy.open("r+b") as file:
        file.seek(16)
        file.write(b"\1\2\3\4\5\6\7\0")
    assert main(["--segment", str(copy)]) == 1
    error = capsys.readouterr().err
    assert "schema digest is" in error
    assert "no house that this build can read" in error


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 10_000])
def test_a_file_that_is_no_segment_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(BootError):
        Source(file, CATALOGUE)


def test_where_nothing_ran_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data-dir", str(tmp_path), "--once"]) == 1
    assert f"no engine runs in {tmp_path}" in capsys.readouterr().err
    assert main(["--segment", "hft-none-such"]) == 1
    assert main(["--nonsense"]) == 4
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "q ends it" in capsys.readouterr().out


def test_json_and_a_pipe_are_printed_once(
    living: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--segment", living.segment.name, "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert (told["mode"], told["dead"]) == ("DEMO", False)
    assert main(["--segment", living.segment.name]) == 0
    assert "MOMENTUM" in capsys.readouterr().out


def test_a_plain_terminal_is_printed_to_once_in_signs_it_has(living: House) -> None:
    outer, inner = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "hft", "stat", "--segment", living.segment.name]
    say(living, "café")
    process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment)
    shown, deadline = b"", Deadline(30)
    try:
        while process.poll() is None or select.select([outer], [], [], 0)[0]:
            assert not deadline.passed(), shown[-2000:]
            if select.select([outer], [], [], 0.05)[0]:
                shown += os.read(outer, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(outer)
        os.close(inner)
    assert process.returncode == 0
    assert shown.count(b"MOMENTUM") == 1
    assert b"\x1b" not in shown
    assert b"- Positions ---" in shown
    assert b"caf?" in shown


def test_a_config_file_with_a_mistake_hides_no_engine_from_who_says_where_it_is(
    living: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config.toml").write_text("nonsense = 1")
    monkeypatch.chdir(tmp_path)
    assert main(["--segment", living.segment.name, "--json"]) == 0
    assert "MOMENTUM" in capsys.readouterr().out
    assert main(["--json"]) == 4
    assert "nonsense" in capsys.readouterr().err


def test_live_it_draws_until_q_and_gives_the_terminal_back(living: House) -> None:
    outer, inner = pty.openpty()
    before = termios.tcgetattr(inner)
    shown, deadline = b"", Deadline(30)
    command = [sys.executable, "-m", "hft", "stat", "--segment", living.segment.name]
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf8"}
    process = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True
    )
    try:
        asked = False
        while process.poll() is None:
            assert not deadline.passed(), shown[-2000:]
            if select.select([outer], [], [], 0.05)[0]:
                shown += os.read(outer, 65536)
            # Drawn more than once: the second look came by itself.
            if not asked and shown.count(b"MOMENTUM") >= 2:
                # An arrow is three bytes, and none of them may stand in the way of the letter.
                os.write(outer, b"\x1b[Aq")
                asked = True
        assert asked
        assert process.returncode == 0
        assert termios.tcgetattr(inner) == before
    finally:
        process.kill()
        process.wait()
        os.close(outer)
        os.close(inner)
