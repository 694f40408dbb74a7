"""The compiled decoder against msgspec, on what the real exchange sent."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator

import pytest

from hft.binance.market_frames import ControlReply, read_message
from hft.events import MarketKind
from tests.hft.feed.bench_room import SYMBOLS, Bench, values
from tests.hft.wire.local_server import server_frame
from tests.recordings import FOLDER, needs

NEEDED = needs("usdm")
RECORDINGS = ("btcusdt_20230405.dat.gz", "btcusdt_20240718.gz", "ethusdt_20240718.gz")


def recorded(name: str) -> Iterator[bytes]:
    with gzip.open(FOLDER / "usdm" / name) as lines:
        for line in lines:
            yield line.split(b" ", 1)[1].strip()


def as_agg_trade(message: bytes) -> bytes:
    """The recordings hold trades: give them the name and the key of an aggregate."""
    return message.replace(b'"e":"trade"', b'"e":"aggTrade"').replace(b'"t":', b'"a":')


def bare(message: bytes) -> bytes:
    return json.dumps(json.loads(message)["data"], separators=(",", ":")).encode()


def expected_of(messages: list[bytes]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    last_ids: dict[str, float] = {}
    for message in messages:
        told = read_message(message)
        assert not isinstance(told, ControlReply)
        for event in told:
            if event.kind == MarketKind.TRADE:
                if event.qty2 <= last_ids.get(event.symbol, 0):
                    continue
                last_ids[event.symbol] = event.qty2
            numbers = event.price, event.qty, event.price2, event.qty2
            index = SYMBOLS.index(event.symbol)
            found.append((int(event.kind), index, event.venue_ms, *numbers, int(event.flags)))
    return found


def decoded(messages: list[bytes], seed: int) -> tuple[Bench, list[tuple[object, ...]]]:
    """Send the frames in pieces cut anywhere; what came out of the ring."""
    chance = random.Random(seed)
    bench, found = Bench(), []
    stream = b"".join(server_frame(message) for message in messages)
    at = 0
    while at < len(stream):
        size = chance.choice((1, 2, 3, 50, 300, 2_000, 40_000))
        bench.feed(stream[at : at + size])
        at += size
        found += values(bench.events())
    assert bench.count("dropped") == 0
    assert bench.count("bad_frames") == 0
    assert bench.count("frames") == len(messages)
    return bench, found


@NEEDED
@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("form", ["enveloped", "bare"])
def test_every_recorded_message_arrives_once_in_order_with_exact_numbers(
    name: str, form: str
) -> None:
    messages = [
        as_agg_trade(message) for message in recorded(name) if b'"lastUpdateId"' not in message
    ]
    if form == "bare":
        messages = [bare(message) for message in messages]
    bench, found = decoded(messages, seed=len(name))
    expected = expected_of(messages)
    assert len(expected) > 5_000
    assert found == expected
    known = sum(1 for message in messages if b'"e":"depthUpdate"' not in message)
    assert bench.count("frames") - bench.count("slow_frames") == known, "the fast path knows these"


@NEEDED
def test_frames_of_2026_are_read_alike_by_both_ways() -> None:
    lines = (FOLDER / "frames" / "single_frames_2026.jsonl").read_bytes().splitlines()
    ours = [line for line in lines if b"STG" not in line and b"MANTA" not in line]
    bench, found = decoded(ours, seed=1)
    assert found == expected_of(ours)
    liquidations = sum(kind == MarketKind.LIQUIDATION for kind, *_ in found)
    assert liquidations == 2
    assert bench.count("slow_frames") == liquidations + 2, "two klines and depths are not ours"


@NEEDED
def test_every_frame_of_2026_may_be_cut_at_any_byte() -> None:
    lines = (FOLDER / "frames" / "single_frames_2026.jsonl").read_bytes().splitlines()
    cut_everywhere(line for line in lines if b"STG" not in line and b"MANTA" not in line)


@NEEDED
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", RECORDINGS)
def test_messages_from_all_over_a_recording_may_be_cut_at_any_byte(name: str) -> None:
    messages = [as_agg_trade(message) for message in recorded(name) if len(message) < 1_000]
    # All of them, at every byte, would take an hour.
    cut_everywhere(messages[:: len(messages) // 1_000])


def cut_everywhere(messages: Iterable[bytes]) -> None:
    bench = Bench()
    for message in messages:
        expected = expected_of([message])
        frame = server_frame(message)
        for cut in range(len(frame) + 1):
            bench.tables.rows["last_trade_id"] = 0
            bench.feed(frame[:cut])
            early = values(bench.events())
            bench.feed(frame[cut:])
            assert early + values(bench.events()) == expected
            assert early == (expected if cut == len(frame) else [])
    assert bench.count("bad_frames") == 0
