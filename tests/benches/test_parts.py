"""The parts a bench's answer depends on: numbered trades, unmasked frames, the order's price."""

from __future__ import annotations

import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from benches.memory import slope_mb
from benches.tick_venue import PRICES, Ticks, price_index
from benches.trades import BLOCK, FIRST_TRADE, TradeBlock
from benches.venue import Listener, Unmasker, text_frame
from hft.binance.market_frames import read_message
from hft.wire.connection import Dialler
from hft.wire.frames import Opcode, client_frame


def test_trade_ids_go_on_from_block_to_block() -> None:
    block, ids = TradeBlock(), []
    while len(ids) < 2 * BLOCK + 5:
        frames = bytes(block.take(3_333))
        for at in range(0, len(frames), block.frame_bytes):
            payload = frames[at + 4 : at + block.frame_bytes]
            ids.append(int(payload.partition(b'"a":')[2][:10]))
    assert ids == list(range(FIRST_TRADE, FIRST_TRADE + len(ids)))


def test_symbols_take_turns_and_the_ids_of_each_go_on_from_block_to_block() -> None:
    names = ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
    block, ids = TradeBlock(names, each=100), []
    while len(ids) < 2 * 300 + 7:
        frames = bytes(block.take(77))
        for at in range(0, len(frames), block.frame_bytes):
            (event,) = read_message(frames[at + 4 : at + block.frame_bytes])
            ids.append((event.symbol, int(event.qty2)))
    assert ids == [(names[at % 3], FIRST_TRADE + at // 3) for at in range(len(ids))]


def test_every_tick_carries_the_price_by_which_its_order_is_told() -> None:
    ticks = Ticks()
    for number in range(PRICES + 2):
        index, frame = ticks.next(marked=number % 2 == 0)
        (event,) = read_message(frame[4:])
        assert price_index(f"{event.price:.2f}") == index == number % PRICES
        assert event.qty == (0.017 if number % 2 == 0 else 0.016)


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_masked_frames_are_read_however_they_are_cut(messages: list[bytes], step: int) -> None:
    stream = b"".join(client_frame(Opcode.TEXT, message) for message in messages)
    reader, found = Unmasker(), []
    for at in range(0, len(stream), step):
        found += reader.read(stream[at : at + step])
    assert found == [(1, message) for message in messages]


def test_a_client_of_the_house_is_taken_in_and_hears() -> None:
    listener, done = Listener(), threading.Event()
    dialler = Dialler(f"{listener.url}/market/ws/x", done.set)
    dialler.start()
    path, end = listener.accept()
    end.sendall(text_frame(b"hello"))
    assert done.wait(20)
    theirs = dialler.result()
    assert isinstance(theirs, socket.socket)
    with theirs:
        theirs.settimeout(20)
        assert (path, theirs.recv(100)) == ("/market/ws/x", b"\x81\x05hello")
    listener.close()


def test_the_slope_leaves_the_warm_up_out() -> None:
    at_s = [float(10 * number) for number in range(40)]
    sizes = [100.0 * number for number in range(10)] + [2000.0 + 0.01 * s for s in at_s[10:]]
    assert abs(slope_mb(at_s, sizes) - 6.0) < 1e-6
