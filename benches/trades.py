"""Market data made beforehand: a block of trades that is numbered anew each time round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benches.venue import text_frame

BLOCK = 10_000
FIRST_TRADE = 3_400_000_000
SYMBOL = "BTCUSDT"
BOOK_TOP = (
    b'{"e":"bookTicker","u":11730346419457,"s":"BTCUSDT","ps":"BTCUSDT","b":"60000.00","B":"5.923",'
    b'"a":"60000.10","A":"2.824","T":1791091007473,"E":1791091007473,"st":1}'
)
MARK = (
    b'{"e":"markPriceUpdate","E":1791091008000,"s":"BTCUSDT","p":"60000.05000000",'
    b'"i":"60001.10000000","P":"60000.90000000","r":"0.00010000","T":1791100800000,"st":1}'
)


def trade(trade_id: int, price: str, qty: str, symbol: str = SYMBOL) -> bytes:
    """One aggTrade as the venue writes it; the same length for numbers of the same length."""
    return (
        b'{"e":"aggTrade","E":1791391082024,"a":%010d,"s":"%b","p":"%b","q":"%b","nq":"%b",'
        b'"f":8154045700,"l":8154045704,"T":1791391081874,"m":true,"st":1}'
        % (trade_id, symbol.encode(), price.encode(), qty.encode(), qty.encode())
    )


def of_symbol(message: bytes, symbol: str) -> bytes:
    """The same message about another symbol."""
    return message.replace(SYMBOL.encode(), symbol.encode())


class TradeBlock:
    """Framed trades one after another without an end; their ids never skip a number.

    Every frame has the same length, so that a whole block gets its new ids in one strided write:
    2 ns per frame, where making a frame anew would take a microsecond.  The symbols, whose names
    are of one length, take turns, each with ids of its own; a block has `each` trades of every one.
    """

    def __init__(self, symbols: Sequence[str] = (SYMBOL,), each: int = BLOCK) -> None:
        frames = [
            text_frame(trade(FIRST_TRADE + at, f"600{at * 7 % 97:02d}.{at % 10}0", "0.016", symbol))
            for at in range(each)
            for symbol in symbols
        ]
        self._size = len(frames)
        self.frame_bytes = len(frames[0])
        raw = np.frombuffer(b"".join(frames), np.uint8).copy()
        self._rows = raw.reshape(self._size, self.frame_bytes)
        self._view = raw.data
        self._digits = frames[0].index(b'"a":') + 4
        self._head = len(str(FIRST_TRADE // each))
        self._at = 0
        self._block = FIRST_TRADE // each

    def take(self, count: int) -> memoryview:
        """The next frames, up to `count` and the end of the block; valid until the next call."""
        if self._at == self._size:
            self._at = 0
            self._block += 1
            head = np.frombuffer(b"%d" % self._block, np.uint8)
            self._rows[:, self._digits : self._digits + self._head] = head
        first = self._at
        self._at = min(self._size, first + count)
        return self._view[first * self.frame_bytes : self._at * self.frame_bytes]
