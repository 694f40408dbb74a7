"""The pure part of faults: which strike, what becomes of a message, what a scenario file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from hft.errors import ConfigError
from hft.simulator.fault_kinds import (
    SCENARIOS,
    AnyFault,
    BookGap,
    Cut,
    Delay,
    Drop,
    Duplicate,
    GarbageFrame,
    LostFill,
    Reorder,
    Scenario,
    Stall,
    read_scenario,
)
from hft.simulator.fault_streams import StreamFaults, garbage_frame
from hft.simulator.faults import Armed, Faults, read_faults
from hft.simulator.hub import text_frame
from hft.simulator.refusals import Refusal

STREAM = "btcusdt@trade"
KEY = "a" * 64


class Listener:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.combined = False
        self.frames: list[bytes] = []
        self.ended = False

    def write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)

    def end(self) -> None:
        self.ended = True


class Wire:
    """Streams with faults, one listener, and a clock that the test moves."""

    def __init__(self, *faults: Any, seed: int = 1) -> None:
        self.now_ms = 0
        self.faults = Faults(seed)
        self.faults.add(Scenario(faults))
        self.streams = StreamFaults(self.faults, lambda: self.now_ms)
        self.listener = Listener()

    def say(self, *payloads: bytes, stream: str = STREAM) -> None:
        for payload in payloads:
            self.streams.send([self.listener], stream, payload)

    def event(self, kind: str, trade_id: int, symbol: str = "BTCUSDT") -> None:
        inner = {"s": symbol, "t": trade_id}
        event = {"e": kind, "o": inner} if kind == "ORDER_TRADE_UPDATE" else {"e": kind, **inner}
        self.say(json.dumps(event).encode(), stream=KEY)

    def pass_ms(self, amount_ms: int) -> None:
        self.now_ms += amount_ms
        self.streams.on_time(self.now_ms)

    @property
    def heard(self) -> list[bytes]:
        return [frame[2:] for frame in self.listener.frames]


def strikes(seed: int, number: int = 1) -> list[bool]:
    armed = Armed(number, Drop(probability=0.3), seed)
    return [armed.strikes() for _ in range(200)]


def test_the_same_seed_strikes_the_same_occurrences_and_another_seed_others() -> None:
    assert strikes(7) == strikes(7)
    assert strikes(7) != strikes(8)
    assert strikes(7, number=2) != strikes(7)
    assert 30 < sum(strikes(7)) < 90


def test_a_fault_lets_pass_what_it_must_and_strikes_no_more_than_it_may() -> None:
    armed = Armed(1, Drop(after=2, count=3), 1)
    assert [armed.strikes() for _ in range(7)] == [False, False, True, True, True, False, False]
    assert (armed.seen, armed.struck, armed.spent()) == (7, 3, True)


def test_an_untouched_stream_goes_through() -> None:
    wire = Wire(Drop(streams=("ethusdt@*",)), Drop(symbol="ETHUSDT"))
    wire.say(b"1", b"2")
    assert wire.heard == [b"1", b"2"]
    assert [row["seen"] for row in wire.faults.rows()] == [0, 0]


def test_a_drop_takes_as_many_in_a_row_as_it_says() -> None:
    wire = Wire(Drop(after=1, count=1, burst=2))
    wire.say(b"1", b"2", b"3", b"4")
    assert wire.heard == [b"1", b"4"]


def test_a_book_gap_takes_diff_depth_messages_only() -> None:
    wire = Wire(BookGap(burst=3, count=2))
    for stream in (STREAM, "btcusdt@depth5@100ms", "btcusdt@depth@100ms", "btcusdt@depth"):
        wire.say(b"1", b"2", b"3", stream=stream)
    assert wire.heard == [b"1", b"2", b"3", b"1", b"2", b"3"]


def test_a_duplicate_comes_again() -> None:
    wire = Wire(Duplicate(count=1, copies=2))
    wire.say(b"1", b"2")
    assert wire.heard == [b"1", b"1", b"1", b"2"]


def test_what_is_delayed_comes_later_and_its_stream_keeps_its_order() -> None:
    wire = Wire(Delay(count=1, delay_ms=100))
    wire.say(b"1", b"2")
    wire.say(b"other", stream="ethusdt@trade")
    wire.pass_ms(99)
    assert wire.heard == [b"other"]
    wire.pass_ms(1)
    wire.say(b"3")
    assert wire.heard == [b"other", b"1", b"2", b"3"]


def test_what_is_reordered_comes_after_the_next_or_when_none_comes_in_time() -> None:
    wire = Wire(Reorder(count=2, delay_ms=50))
    wire.say(b"1", b"2", b"3")
    assert wire.heard == [b"2", b"1", b"3"]
    late = Wire(Reorder(count=1, delay_ms=50))
    late.say(b"1")
    late.pass_ms(50)
    assert late.heard == [b"1"]


def test_a_stalled_stream_is_silent_for_its_time_and_the_others_are_not() -> None:
    wire = Wire(Stall(after=1, duration_ms=100))
    wire.say(b"1", b"2", b"3")
    wire.say(b"other", stream="ethusdt@trade")
    assert wire.streams.stalled() == [STREAM]
    wire.now_ms = 100
    wire.say(b"4")
    assert wire.heard == [b"1", b"other", b"4"]
    assert wire.streams.stalled() == []


def test_a_stall_without_end_lasts_until_the_faults_are_cleared() -> None:
    wire = Wire(Stall(streams=("user:*",)))
    wire.event("TRADE_LITE", 1)
    wire.now_ms = 10**9
    wire.event("ACCOUNT_UPDATE", 0)
    assert wire.heard == []
    assert wire.streams.stalled() == ["user"]
    wire.faults.clear()
    wire.streams.clear()
    wire.event("TRADE_LITE", 2)
    assert len(wire.heard) == 1


def test_clearing_sends_what_was_held_back() -> None:
    wire = Wire(Delay(count=1), Reorder(streams=("ethusdt@*",)))
    wire.say(b"1", b"2")
    wire.say(b"3", stream="ethusdt@trade")
    wire.faults.clear()
    wire.streams.clear()
    assert wire.heard == [b"1", b"2", b"3"]


def test_a_lost_fill_takes_both_its_messages_and_no_other() -> None:
    wire = Wire(LostFill(after=1, count=1))
    for trade_id in (5, 6, 7):
        wire.event("TRADE_LITE", trade_id)
        wire.event("ORDER_TRADE_UPDATE", 0)
        wire.event("ACCOUNT_UPDATE", 0)
        wire.event("ORDER_TRADE_UPDATE", trade_id)
    heard = [json.loads(payload) for payload in wire.heard]
    told = [event.get("o", event)["t"] for event in heard]
    assert told == [5, 0, 0, 5, 0, 0, 7, 0, 0, 7]
    row = wire.faults.rows()[0]
    assert (row["seen"], row["struck"]) == (3, 1)


def test_a_cut_writes_half_a_frame_and_ends_the_connection() -> None:
    wire = Wire(Cut())
    wire.say(b"0123456789")
    assert wire.listener.frames == [text_frame(b"0123456789")[:6]]
    assert wire.listener.ended


def test_garbage_comes_before_the_message_in_the_forms_that_were_chosen() -> None:
    wire = Wire(GarbageFrame(forms=("list", "half")))
    wire.say(*[b"abcdef"] * 40)
    assert set(wire.heard[::2]) == {b"[]", b"abc"}
    assert set(wire.heard[1::2]) == {b"abcdef"}
    assert garbage_frame("binary", b"")[0] == 0x82


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_packaged_scenario_is_read_by_its_name(path: Path) -> None:
    scenario = read_scenario(path.stem)
    assert scenario.faults
    assert scenario.about


def test_a_scenario_may_be_json_with_a_seed_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"seed": 9, "faults": [{"kind": "stall", "duration_ms": 5}]}')
    assert read_scenario(str(path)) == Scenario((Stall(duration_ms=5),), seed=9)
    assert read_scenario("on") == Scenario()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[[faults]]\nkind = "nonsense"\n', "nonsense"),
        ('[[faults]]\nkind = "drop"\ntypo = 1\n', "typo"),
        ('[[faults]]\nkind = "drop"\nprobability = 1.5\n', "probability"),
        ('[[faults]]\nkind = "drop"\nprobability = nan\n', "probability"),
        ('[[faults]]\nkind = "drop"\ncount = 0\n', "count"),
        ('[[faults]]\nkind = "garbage"\nforms = []\n', "forms"),
        ("faults = 3\n", "faults"),
        ("[[[", "mine.toml"),
        ("\udcff", "mine.toml"),
    ],
)
def test_wrong_words_in_a_scenario_are_refused_with_the_place(
    tmp_path: Path, text: str, word: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=word):
        read_scenario(str(path))


def test_a_scenario_that_is_not_there_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(ConfigError, match="lost_ack"):
        read_scenario("lost_akc")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nope",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kind":"drop","x":1}',
        b'{"kind":"drop","streams":["\\ud800"]}',
        b'{"kind":"delay","delay_ms":99999999999999999999999}',
        b'{"kind":"drop","probability":1e999}',
        b'{"kind":"drop","symbol":"btcusdt"}',
        b'{"faults":[],"seed":-1}',
        b'{"faults":1}',
    ],
)
def test_a_body_that_is_no_fault_is_a_refusal(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_faults(body)
    assert (refused.value.code, refused.value.status) == (-1130, 400)


def test_one_fault_is_disarmed_by_its_number() -> None:
    faults = Faults(1)
    first, second = faults.add(Scenario((Drop(), Cut())))
    assert (first.number, second.number) == (1, 2)
    assert faults.clear(1) == 1
    assert faults.clear(1) == 0
    assert [row["kind"] for row in faults.rows()] == ["cut"]
    assert faults.add(Scenario((Drop(),)))[0].number == 3


def test_every_kind_and_every_scenario_is_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
    kinds = [kind.__struct_config__.tag for kind in get_args(AnyFault)]
    assert len(kinds) == 18
    assert [kind for kind in kinds if f"| `{kind}` |" not in page] == []
    rows = [
        f"| `{path.stem}` | {read_scenario(path.stem).about} |" for path in SCENARIOS.glob("*.toml")
    ]
    assert [row for row in rows if row not in page] == []
