"""The same road as people build it first: a client library, a JSON decoder, a loop in Python."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import websocket

from benches.pair import EVENT, FORK, PACKER, shared_rings
from benches.report import WrongAnswer
from benches.trades import FIRST_TRADE, TradeBlock
from benches.venue import Listener
from hft.clock import monotonic_ns
from ringbuf.spsc import Consumer, Producer, Ring

SLOTS = 4096
_PATIENCE_S = 60.0


class Trade(msgspec.Struct):
    """What a typed decoder reads of an aggTrade."""

    s: str
    a: int
    p: str
    q: str
    T: int
    m: bool


decode = msgspec.json.Decoder(Trade).decode


def pour(listener: Listener, count: int) -> None:
    """Take one client in and write it `count` trades, as fast as it reads."""
    _, end = listener.accept()
    end.settimeout(_PATIENCE_S)
    trades = TradeBlock()
    while count:
        frames = trades.take(min(count, 256))
        end.sendall(frames)
        count -= len(frames) // trades.frame_bytes


def messages(url: str, count: int) -> Iterator[str | bytes]:
    """Receive text messages as most programs do."""
    client = websocket.create_connection(url)
    for _ in range(count):
        yield client.recv()
    client.close()


def receive(url: str, ring: Ring, count: int) -> None:
    """Receive, decode and pass on."""
    producer = Producer(ring)
    for text in messages(url, count):
        trade = decode(text)
        price, qty = float(trade.p), float(trade.q)
        values = (trade.a, int(price * 100), int(qty * 1000), trade.T, trade.m, 0, 0, 0)
        while not producer.offer(PACKER, values):
            continue  # Full: the consumer is faster on average.


def naive_rate(count: int) -> float:
    """Ticks per second through three processes, the last of which decides in Python.

    Raises:
        WrongAnswer: a trade is missing or out of order.
    """
    listener = Listener()
    with shared_rings(1, SLOTS) as (ring,):
        processes = [
            FORK.Process(target=pour, args=(listener, count)),
            FORK.Process(target=receive, args=(listener.url, ring, count)),
        ]
        for process in processes:
            process.start()
        try:
            good, took_ns = _decide(ring, count)
        finally:
            for process in processes:
                process.kill()
                process.join()
                process.close()
            listener.close()
    if good != count:
        raise WrongAnswer(f"{good} of {count} trades came in order")
    return count * 1e9 / took_ns


def _decide(ring: Ring, count: int) -> tuple[int, int]:
    consumer, good, seen, buys, started_ns = Consumer(ring), 0, 0, 0, 0
    assert EVENT.itemsize == PACKER.size
    while seen < count:
        for _ in range(consumer.waiting()):
            trade_id, price = consumer.peek(PACKER)[:2]
            consumer.release()
            started_ns = started_ns or monotonic_ns()
            good += trade_id == FIRST_TRADE + seen
            buys += price == 0
            seen += 1
    took_ns = monotonic_ns() - started_ns
    del consumer
    return good, took_ns
