"""Messages as the venue sends them, and what a hostile hand makes of them."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.hft.feed.bench_room import agg_trade, book_ticker
from tests.hft.wire.local_server import server_frame

MARK_PRICE = (
    b'{"e":"markPriceUpdate","E":1791391083000,"s":"BTCUSDT","p":"83436.10000000",'
    b'"ap":"83437.01830000","P":"83440.51270000","i":"83475.21934783","r":"-0.00004127",'
    b'"T":1791417600000,"st":1}'
)
FORCE_ORDER = (
    b'{"e":"forceOrder","E":1791391082024,"o":{"s":"ETHUSDT","S":"SELL","o":"LIMIT","f":"IOC",'
    b'"q":"2.1","p":"3.5","ap":"3.6","X":"FILLED","l":"2.1","z":"2.1","T":1791391082020,"st":1}}'
)
SEEDS = (
    agg_trade(3478018549),
    book_ticker(),
    MARK_PRICE,
    FORCE_ORDER,
    b'{"stream":"btcusdt@aggTrade","data":' + agg_trade(5, "ETHUSDT") + b"}",
    b'{"data":' + book_ticker("XRPUSDT") + b',"stream":"xrpusdt@bookTicker"}',
    b"[" + MARK_PRICE + b"," + MARK_PRICE + b"]",
    agg_trade(6).replace(b'"st":1', b'"st":2'),
    b'{"result":null,"id":1}',
    b'{"error":{"code":2,"msg":"Invalid request"},"id":1}',
)
PIECES = (
    *(bytes((byte,)) for byte in b'"\\{}[],:.-+eE0189 \n\x00\x1f\x7f\x80\xc0\xff'),
    b'"a":', b'"st":2', b'"st":1', b'"e":"aggTrade"', b'"s":"BTCUSDT"', b'"m":true',
    b"null", b"false", b"NaN", b"Infinity", b"1e5", b"1E-400", b"1e400", b"-0", b"00", b"0.", b".5",
    b'""', b"{}", b"[]", b"[" * 40, b'{"x":' * 40, b'{"data":', b'"stream":"', b"\xef\xbb\xbf",
    b"9" * 18, b"9" * 19, b"9" * 40, b"0" * 40, b"9007199254740993", b"9223372036854775808",
    b"18446744073709551616", b"0." + b"0" * 22 + b"1", b"0." + b"0" * 23 + b"1",
    b"\\u0061", b"\\u0000", b"\\ud800", b'\\"', b"\\\\",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf",
)  # fmt: skip
Change = Callable[[random.Random, bytes], bytes]


def _place(chance: random.Random, text: bytes) -> int:
    return chance.randrange(len(text) + 1)


def _insert(chance: random.Random, text: bytes) -> bytes:
    at = _place(chance, text)
    return text[:at] + chance.choice(PIECES) + text[at:]


def _overwrite(chance: random.Random, text: bytes) -> bytes:
    at, piece = _place(chance, text), chance.choice(PIECES)
    return text[:at] + piece + text[at + chance.choice((1, len(piece))) :]


def _flip(chance: random.Random, text: bytes) -> bytes:
    if not text:
        return text
    at = chance.randrange(len(text))
    return text[:at] + bytes((text[at] ^ 1 << chance.randrange(8),)) + text[at + 1 :]


def _more_digits(chance: random.Random, text: bytes) -> bytes:
    """Change or lengthen a number, or move its point, so that it mostly stays one."""
    places = [at for at, byte in enumerate(text) if byte in b"0123456789."]
    if not places:
        return text
    at, size = chance.choice(places), chance.choice((0, 0, 1, 1, 2, 6, 12, 20))
    more = b"".join(chance.choice((b"0", b"9", b"%d" % chance.randrange(10))) for _ in range(size))
    return text[:at] + more + text[at + chance.choice((0, 1)) :]


def _cut(chance: random.Random, text: bytes) -> bytes:
    at = _place(chance, text)
    return text[:at] + text[at + chance.choice((1, 2, 5, 30, len(text))) :]


def _repeat(chance: random.Random, text: bytes) -> bytes:
    at, size = _place(chance, text), chance.choice((1, 8, 20, 60))
    return text[:at] + text[at : at + size] * 2 + text[at + size :]


def _another_value(chance: random.Random, text: bytes) -> bytes:
    """Put something else where the value of a key stands."""
    at = text.find(b'":', _place(chance, text))
    if at < 0:
        return text
    ends = [end for end in (text.find(b",", at), text.find(b"}", at)) if end >= 0]
    piece = chance.choice(PIECES)
    value = piece if chance.random() < 0.5 else b'"' + piece + b'"'
    return text[: at + 2] + value + text[min(ends, default=len(text)) :]


def _keys_moved(chance: random.Random, text: bytes) -> bytes:
    """Leave out, repeat or exchange what stands between two commas."""
    parts = text.split(b",")
    first, second = chance.randrange(len(parts)), chance.randrange(len(parts))
    way = chance.randrange(3)
    if way == 0:
        del parts[first]
    elif way == 1:
        parts.insert(first, parts[second])
    else:
        parts[first], parts[second] = parts[second], parts[first]
    return b",".join(parts)


_CHANGES: tuple[Change, ...] = (
    _insert, _overwrite, _flip, _more_digits, _more_digits, _cut, _repeat, _another_value,
    _keys_moved,
)  # fmt: skip


def mutated(chance: random.Random, text: bytes) -> bytes:
    """Change a text in one to four ways."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        text = chance.choice(_CHANGES)(chance, text)
    return text


def hostile_message(chance: random.Random) -> bytes:
    """A message that is nearly one of the venue's."""
    return mutated(chance, chance.choice(SEEDS))


def hostile_stream(chance: random.Random) -> bytes:
    """Some frames, some of them with a damaged message, then damaged as a whole now and then."""
    frames = []
    for _ in range(chance.randrange(1, 8)):
        message = chance.choice(SEEDS) if chance.random() < 0.6 else hostile_message(chance)
        frames.append(_framed(chance, message))
    stream = b"".join(frames)
    return _flip(chance, stream) if chance.random() < 0.3 else stream


def _framed(chance: random.Random, message: bytes) -> bytes:
    way = chance.randrange(8)
    if way == 0:
        at = _place(chance, message)
        ping = b"\x89\x02hi" if chance.random() < 0.5 else b""
        rest = message[at:]
        return server_frame(message[:at], final=False) + ping + b"\x80" + server_frame(rest)[1:]
    if way == 1:
        return b"\x81\x7f" + len(message).to_bytes(8, "big") + message
    if way == 2:
        head = chance.choice((0x88, 0x8A, 0x82, 0xC1, 0x01, chance.randrange(256)))
        return bytes((head,)) + server_frame(message)[1:]
    if way == 3:
        huge = chance.choice((0xFFFF, 1 << 22, (1 << 22) + 1, 1 << 31, 1 << 63, (1 << 64) - 1))
        return b"\x81\x7f" + huge.to_bytes(8, "big") + message
    if way == 4:
        return b"\x81" + bytes((0x80 | min(len(message), 125),)) + b"mask" + message
    return server_frame(message)
