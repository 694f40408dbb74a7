"""What the compiled decoder and its slow path do with frames made by hand."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hft.binance.market_frames import BadFrame, ControlReply, MarketEvent, read_message
from hft.events import MarketFlag, MarketKind
from hft.feed.decode import PUBLISH_EVERY
from hft.wire.frames import Opcode
from ringbuf.layout import DROPPED, TAIL
from tests.hft.feed.bench_room import SYMBOLS, Bench, agg_trade, book_ticker, gaps, values
from tests.hft.wire.local_server import server_frame

QUIET = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BENCH = Bench()
"""One for all examples: making one costs more than reading a thousand frames."""


def through(message: bytes) -> list[tuple[object, ...]]:
    """What one text frame puts into the ring, as if it were the first of a connection."""
    BENCH.tables.rows["last_trade_id"] = 0
    BENCH.feed(server_frame(message))
    return values(BENCH.events())


def by_msgspec(message: bytes) -> list[tuple[object, ...]]:
    """What msgspec makes of it."""
    try:
        told = read_message(message)
    except BadFrame:
        return []
    if isinstance(told, ControlReply):
        return []
    return [row(event) for event in told if event.symbol in SYMBOLS]


def row(event: MarketEvent) -> tuple[object, ...]:
    numbers = event.price, event.qty, event.price2, event.qty2
    index = SYMBOLS.index(event.symbol)
    return (int(event.kind), index, event.venue_ms, *numbers, int(event.flags))


@QUIET
@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?\Z"))
@example("9007199254740991")
@example("9007199254740993")
@example("0.00000000000000000000001")
@example("123456789012345678.9")
@example("0.1")
@example("184467440737095516160.5")
def test_every_decimal_becomes_the_float_that_is_nearest_to_it(text: str) -> None:
    (event,) = through(book_ticker(bid=text))
    assert event[3] == float(text)


KEYS = st.permutations(list(json.loads(agg_trade(7)).items()))


@QUIET
@given(KEYS, st.booleans(), st.booleans())
def test_keys_may_come_in_any_order(
    items: list[tuple[str, object]], enveloped: bool, data_first: bool
) -> None:
    outer: dict[str, object] = dict(items)
    if enveloped:
        stream = {"stream": "btcusdt@aggTrade"}
        outer = {"data": outer, **stream} if data_first else {**stream, "data": outer}
    slow_before = BENCH.count("slow_frames")
    message = json.dumps(outer, separators=(",", ":")).encode()
    assert through(message) == by_msgspec(agg_trade(7))
    assert BENCH.count("slow_frames") == slow_before


ORIGINALS = (
    agg_trade(3478018549),
    b'{"stream":"btcusdt@aggTrade","data":' + agg_trade(5) + b"}",
    book_ticker(),
    b'{"data":' + book_ticker() + b',"stream":"x"}',
    b'{"e":"markPriceUpdate","E":1791391083000,"s":"BTCUSDT","p":"83436.10000000",'
    b'"ap":"83437.01830000","P":"83440.51270000","i":"83475.21934783","r":"-0.00004127",'
    b'"T":1791417600000,"st":1}',
)
PIECES = (b'"', b"\\", b"{", b"}", b",", b":", b"[", b"]", b"0", b"9", b".", b"-", b"e", b"E", b" ")
MORE_PIECES = (b"null", b"true", b'"a":', b'"e":"aggTrade"', b'"st":2', b"\x00", b"\x1f", b"\x80")
EDITS = st.lists(
    st.tuples(
        st.integers(0, 250),
        st.integers(0, 4),
        st.sampled_from(PIECES + MORE_PIECES) | st.binary(max_size=4),
    ),
    min_size=1,
    max_size=3,
)


@settings(QUIET, max_examples=500)
@given(st.sampled_from(ORIGINALS), EDITS)
def test_a_damaged_message_is_read_as_msgspec_reads_it_or_not_at_all(
    original: bytes, edits: list[tuple[int, int, bytes]]
) -> None:
    damaged = original
    for at, cut, piece in edits:
        damaged = damaged[:at] + piece + damaged[at + cut :]
    assert through(damaged) == by_msgspec(damaged)


@QUIET
@given(st.binary(max_size=300), st.binary(max_size=50))
def test_noise_neither_crashes_nor_writes(noise: bytes, tail: bytes) -> None:
    bench = BENCH
    bench.inbox.clear()
    tail_before = int(bench.ring.words[TAIL])
    bench.feed(noise)
    bench.feed(tail)
    assert int(bench.ring.words[TAIL]) == tail_before
    bench.inbox.clear()


def test_a_message_cut_short_does_not_borrow_from_what_lay_in_the_buffer() -> None:
    bench = Bench()
    whole = server_frame(book_ticker())
    bench.feed(whole)
    for size in range(len(book_ticker())):
        bench.inbox.clear()
        short = server_frame(book_ticker()[:size])
        bench.feed(short)
        assert len(bench.events()) == (1 if size == 0 else 0)
    assert bench.count("bad_frames") == len(book_ticker())


def test_slow_and_fast_frames_keep_their_order() -> None:
    bench = Bench()
    spaced = agg_trade(2).replace(b":", b": ").replace(b'"T"', b'"\\u0054"')
    forced = (
        b'{"e":"forceOrder","E":1,"o":{"s":"BTCUSDT","S":"SELL",'
        b'"q":"2","p":"3.5","ap":"3.6","T":9}}'
    )
    frames = (agg_trade(1), spaced, book_ticker(), forced, agg_trade(3))
    bench.feed(b"".join(map(server_frame, frames)))
    events = bench.events()
    kinds = [MarketKind(kind).name for kind in events["kind"]]
    assert kinds == ["TRADE", "TRADE", "BOOK_TOP", "LIQUIDATION", "TRADE"]
    assert list(events["seq"]) == [1, 2, 3, 4, 5]
    assert bench.count("slow_frames") == 2
    assert events["flags"][3] == MarketFlag.BUYER_IS_MAKER, "a long was liquidated"


def test_an_event_carries_when_it_was_received_and_when_it_was_decoded() -> None:
    bench = Bench()
    bench.feed(server_frame(agg_trade(1)), recv_ns=123_456, offset_ns=1 << 40)
    (event,) = bench.events()
    assert (event["recv_ns"], event["decoded_off_ns"]) == (123_456, (1 << 32) - 1)


def test_missing_trade_ids_flag_a_gap_and_repeated_ones_are_left_out() -> None:
    bench = Bench()
    bench.feed(b"".join(server_frame(agg_trade(i)) for i in (10, 11, 11, 10, 14, 15)))
    bench.feed(server_frame(agg_trade(3, "ETHUSDT")))
    events = bench.events()
    assert list(events["qty2"]) == [10, 11, 14, 15, 3]
    assert gaps(events) == [True, False, True, False, True], "the first of a symbol, and the hole"
    assert (bench.count("gaps"), bench.count("duplicates")) == (1, 2)


def test_a_full_ring_costs_events_and_numbers_and_the_next_one_says_so() -> None:
    bench = Bench(slots=4)
    bench.feed(b"".join(server_frame(agg_trade(i)) for i in range(1, 8)))
    first = bench.events()
    assert list(first["seq"]) == [1, 2, 3, 4]
    assert bench.count("dropped") == int(bench.ring.words[DROPPED]) == 3
    bench.feed(
        server_frame(book_ticker()) + server_frame(agg_trade(8)) + server_frame(agg_trade(9))
    )
    after = bench.events()
    assert list(after["seq"]) == [8, 9, 10]
    assert gaps(after) == [True, True, False], "whatever comes next, and the stream that lost"


def test_a_burst_larger_than_a_batch_arrives_whole() -> None:
    bench = Bench()
    count = 3 * PUBLISH_EVERY + 5
    taken = bench.feed(b"".join(server_frame(agg_trade(i)) for i in range(1, count + 1)))
    assert (taken.published, taken.touched) == (count, 1)
    assert list(bench.events()["qty2"]) == list(range(1, count + 1))


def test_a_fresh_process_goes_on_numbering_and_flags_its_first_event() -> None:
    bench = Bench()
    bench.feed(b"".join(server_frame(book_ticker()) for _ in range(3)))
    bench.restart()
    bench.feed(b"".join(server_frame(book_ticker()) for _ in range(2)))
    events = bench.events()
    assert list(events["seq"]) == [1, 2, 3, 4, 5]
    assert gaps(events) == [True, False, False, True, False]


def test_symbols_that_are_not_ours_and_coin_m_contracts_are_left_out() -> None:
    bench = Bench(symbols=("BTCUSDT", "币安人生USDT"))
    ours = agg_trade(4, "币安人生USDT")
    for message in (
        agg_trade(1, "DOGEUSDT"),
        agg_trade(1).replace(b'"st":1', b'"st":2'),
        book_ticker("BTCUSDT_261225"),
        ours,
    ):
        bench.feed(server_frame(message))
    events = bench.events()
    assert list(events["symbol"]) == [1]
    assert bench.count("frames") == 4
    assert bench.count("bad_frames") == 0


def test_control_frames_between_fragments_are_handed_out_and_the_message_is_whole() -> None:
    bench = Bench()
    message = agg_trade(1)
    stream = (
        server_frame(message[:50], final=False)
        + server_frame(b"are you there", opcode=Opcode.PING)
        + server_frame(message[50:90], opcode=Opcode.CONTINUATION, final=False)
        + server_frame(message[90:], opcode=Opcode.CONTINUATION)
        + server_frame(agg_trade(2))
    )
    taken = bench.feed(stream)
    assert [(c.opcode, c.payload) for c in taken.control] == [(Opcode.PING, b"are you there")]
    assert list(bench.events()["qty2"]) == [1, 2]


def test_a_whole_text_between_fragments_ends_the_connection_and_is_not_published() -> None:
    bench = Bench()
    begun = server_frame(agg_trade(2)[:50], final=False)
    taken = bench.feed(server_frame(agg_trade(1)) + begun + server_frame(agg_trade(3)))
    assert taken.broken is not None
    assert list(bench.events()["qty2"]) == [1]


def test_a_frame_larger_than_the_buffer_is_read_like_any_other() -> None:
    bench = Bench()
    padding = b'{"e":"aggTrade","x":"' + b"y" * 300_000 + b'",' + agg_trade(1)[16:]
    bench.feed(server_frame(agg_trade(0)) + server_frame(padding) + server_frame(agg_trade(2)))
    assert list(bench.events()["qty2"]) == [0, 1, 2]
    wide = b"\x81\x7f" + len(agg_trade(3)).to_bytes(8, "big") + agg_trade(3)
    bench.feed(wide + server_frame(agg_trade(4)))
    assert list(bench.events()["qty2"]) == [3, 4], "a short message with a 64-bit length"


@pytest.mark.parametrize(
    "broken",
    [
        b"\x81\x85abcdXXXXX",
        b"\xc1\x02{}",
        b"\x83\x02{}",
        b"\x89\x7e\x00\x80" + b"p" * 128,
        b"\x80\x02{}",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
    ],
    ids=["masked", "reserved bit", "unknown opcode", "long ping", "lone continuation", "huge"],
)
def test_a_broken_frame_ends_the_connection_after_what_came_before_it(broken: bytes) -> None:
    bench = Bench()
    taken = bench.feed(server_frame(agg_trade(1)) + broken + server_frame(agg_trade(2)))
    assert taken.broken is not None
    assert list(bench.events()["qty2"]) == [1]


def test_answers_and_unreadable_messages_are_told_apart() -> None:
    bench = Bench()
    bench.feed(server_frame(b'{"result":null,"id":1}'))
    assert bench.complaints == []
    bench.feed(server_frame(b'{"error":{"code":2,"msg":"Invalid request"},"id":1}'))
    bench.feed(server_frame(b"nonsense"))
    assert bench.complaints[0] == "the venue refused request 1: 2 Invalid request"
    assert "nonsense" in bench.complaints[1]
    assert (bench.count("bad_frames"), bench.count("slow_frames")) == (1, 2)


def test_the_top_of_a_row_holds_the_newest_of_each_kind() -> None:
    bench = Bench()
    mark = ORIGINALS[-1]
    bench.feed(server_frame(book_ticker()) + server_frame(mark) + server_frame(agg_trade(1)), 77)
    row = bench.tables.rows[0]
    assert (row["bid"], row["ask"], row["ask_qty"]) == (84788.2, 84788.3, 2.824)
    assert (row["mark"], row["index"], row["funding_rate"]) == (
        83436.1,
        83475.21934783,
        -0.00004127,
    )
    assert (row["last"], row["trade_ns"], row["book_ns"], row["mark_ns"]) == (83434.4, 77, 77, 77)
    assert not math.isnan(row["bid_qty"])
