"""Frames and messages no honest venue sends: never a crash, never a slot that msgspec would not."""

from __future__ import annotations

import pytest

from hft.wire.frames import FRAGMENTS_MAX, MESSAGE_BYTES_MAX, CloseCode, Opcode
from tests.fuzz.judge import Judge
from tests.fuzz.mutate import SEEDS
from tests.hft.feed.bench_room import Bench, agg_trade, book_ticker
from tests.hft.wire.local_server import server_frame

JUDGE = Judge()
"""One for all: what it holds from one input does not reach the next."""
GOOD = server_frame(agg_trade(1))

SMALL = (126, 65_535, 65_536, MESSAGE_BYTES_MAX)
HUGE = (MESSAGE_BYTES_MAX + 1, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1)


@pytest.mark.parametrize("length", SMALL + HUGE)
@pytest.mark.parametrize("first", [0x81, 0x01, 0x82, 0x80], ids=hex)
def test_a_length_that_nothing_follows_waits_or_ends_and_writes_nothing(
    length: int, first: int
) -> None:
    frame = bytes((first, 0x7F)) + length.to_bytes(8, "big") + agg_trade(2)
    assert len(JUDGE.stream(GOOD + frame, [len(GOOD) + 3])) == 1


@pytest.mark.parametrize("length", HUGE)
def test_a_length_beyond_every_message_is_refused_before_it_is_held(length: int) -> None:
    bench = Bench()
    taken = bench.feed(GOOD + b"\x81\x7f" + length.to_bytes(8, "big"))
    assert taken.broken is not None
    assert taken.broken.code == CloseCode.TOO_BIG
    assert len(bench.events()) == 1


@pytest.mark.parametrize(
    ("length", "size"),
    [
        (b"\x80", 0),
        (b"\xfd", 125),
        (b"\xfe\x00\x7e", 126),
        (b"\xfe\xff\xff", 65_535),
        (b"\xff\x00\x00\x00\x00\x00\x01\x00\x00", 65_536),
    ],
    ids=["empty", "short", "16 bits", "longest of 16 bits", "64 bits"],
)
def test_a_masked_frame_of_any_size_ends_the_connection(length: bytes, size: int) -> None:
    bench = Bench()
    taken = bench.feed(GOOD + b"\x81" + length + b"mask" + b"x" * size + GOOD)
    assert taken.broken is not None
    assert len(bench.events()) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_message_in_fragments_of_any_size_is_the_message(seed: bytes) -> None:
    whole = JUDGE.message(seed)
    for size in (1, 2, 7, 64):
        parts = [seed[at : at + size] for at in range(0, len(seed), size)]
        frames = [
            server_frame(
                part,
                opcode=Opcode.CONTINUATION if number else Opcode.TEXT,
                final=number == len(parts) - 1,
            )
            for number, part in enumerate(parts)
        ]
        assert JUDGE.stream(b"".join(frames), [5, 1, 90]) == whole
        assert JUDGE.stream(server_frame(b"", opcode=Opcode.PING).join(frames), [50]) == whole


def test_fragments_without_an_end_are_refused() -> None:
    bench = Bench()
    taken = bench.feed(GOOD + b"\x01\x00" + b"\x00\x01x" * FRAGMENTS_MAX)
    assert taken.broken is not None
    assert taken.broken.code == CloseCode.TOO_BIG
    assert len(bench.events()) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_frames_cut_at_any_byte_are_read_alike(seed: bytes) -> None:
    stream = GOOD + server_frame(seed) + server_frame(book_ticker())
    whole = JUDGE.stream(stream, [])
    for cut in range(len(stream)):
        assert JUDGE.stream(stream, [cut]) == whole


BAD_TEXTS = (
    b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe", b"\xe5\xb8",
    b"\x00", b"\x1f", b"\\", b"\\u", b"\\u12", b"\\ud800", b"\\ud800\\u0061", b"\\q",
    b"\\u0000", b"\\u00e9", b"\\n",
)  # fmt: skip
TEXT_PLACES = (b"aggTrade", b"BTCUSDT", b"83434.40", b"0.016", b'"E"', b'"nq"', b'"st"')


@pytest.mark.parametrize("bad", BAD_TEXTS)
@pytest.mark.parametrize("place", TEXT_PLACES)
def test_bad_utf8_controls_and_escapes_are_left_to_msgspec(bad: bytes, place: bytes) -> None:
    message = agg_trade(3)
    at = message.index(place) + place.startswith(b'"')
    for shift in range(len(place.strip(b'"')) + 1):
        JUDGE.message(message[: at + shift] + bad + message[at + shift :])
        JUDGE.message(message[: at + shift] + bad + message[at + shift + 1 :])


NUMBERS = (
    "1" * 40, "9" * 40, "0" * 40, "-" + "9" * 40, "0." + "1" * 40, "0." + "0" * 40,
    "1" * 20 + "." + "1" * 20, "999999999999999999", "1000000000000000000",
    "1e5", "1E5", "1e+5", "1e-5", "1e400", "1e-400", "1e", "e1", "1.e1", "1.5e3", "0e0", "-1e-1",
    "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "0.0000000000000000000001", "0.00000000000000000000001", "-0", "-0.0", "00", "01", "-01",
    "", "-", ".", "-.", "1.", ".1", "--1", "+1", "1-", "1..2", "1.2.3", " 1", "1 ", "1_0", "0x1",
    "NaN", "nan", "Infinity", "-Infinity", "inf", "null", "true", "[]", "{}", "１",
)  # fmt: skip
QUOTED = (b'"p":"83434.40"', b'"q":"0.016"', b'"nq":"0.016"')
BARE = (b'"a":7', b'"T":1791391081874', b'"E":1791391082024', b'"f":8154045700')
OTHERS = (b'"m":true', b'"st":1')


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_any_form_is_msgspecs_number_or_none(number: str) -> None:
    message, text = agg_trade(7), number.encode()
    for old in (*QUOTED, *BARE, *OTHERS):
        key = old[: old.index(b":") + 1]
        for value in (text, b'"' + text + b'"'):
            JUDGE.message(message.replace(old, key + value))
    for old in (b'"b":"84788.20"', b'"A":"2.824"', b'"T":1791091007473'):
        key = old[: old.index(b":") + 1]
        for value in (text, b'"' + text + b'"'):
            JUDGE.message(book_ticker().replace(old, key + value))


@pytest.mark.parametrize("depth", [1, 2, 8, 100, 1_000, 10_000, 60_000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"x":', b"}"), (b'{"data":', b"}"), (b'{"stream":"x","data":', b"}")],
)
def test_nesting_of_any_depth_is_survived(depth: int, opening: bytes, closing: bytes) -> None:
    message = agg_trade(1)
    value = opening * depth + b"1" + closing * depth
    JUDGE.message(opening * depth)
    JUDGE.message(opening * depth + message + closing * depth)
    JUDGE.message(message[:-1] + b',"x":' + value + b"}")
    JUDGE.message(b'{"x":' + value + b"," + message[1:])
    JUDGE.message(message.replace(b'"p":"83434.40"', b'"p":' + value))


KEYS = (b"e", b"s", b"p", b"q", b"a", b"T", b"m", b"st")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_missing_or_comes_twice_is_msgspecs_to_judge(key: bytes) -> None:
    message = agg_trade(9)
    JUDGE.message(message.replace(b'"%b":' % key, b'"zz":'))
    for value in (b"1", b'"1"', b'"bookTicker"', b'"ETHUSDT"', b"null", b"true", b"2"):
        pair = b'"%b":%b' % (key, value)
        JUDGE.message(b"{" + pair + b"," + message[1:])
        JUDGE.message(message[:-1] + b"," + pair + b"}")


@pytest.mark.parametrize("absurd", [1 << 53, (1 << 63) - 1, 1 << 63, 10**40])
def test_a_trade_id_no_float_can_hold_is_refused_and_later_trades_still_count(absurd: int) -> None:
    bench = Bench()
    bench.feed(b"".join(server_frame(agg_trade(i)) for i in (10, absurd, 11)))
    assert list(bench.events()["qty2"]) == [10, 11]
    assert (bench.count("bad_frames"), bench.count("duplicates")) == (1, 0)
