"""The pieces of JSON text a market message is made of, read eight bytes at a time.

Positions are addresses (see `hft.wire.loads`).  Every step forward looks for something definite, so
it ends at the latest at the zero byte which the caller keeps behind the received bytes; a hostile
message can make it stop early but not run away.  It may look `GUARD_BYTES` beyond that byte.
"""

from __future__ import annotations

import numpy as np

from hft.wire.loads import Int, byte_at, trailing_zeros, word_at
from ringbuf.compiled import inlined, merged

UNKNOWN = -1
GUARD_BYTES = 64

DECIMALS_MAX = 22
"""10**22 is the last power of ten that float64 holds exactly."""
DIGITS_MAX = 18
EXACT_MAX = 1 << 53
NOT_EXACT = -1
_WHOLE_POWERS = np.array([10**power for power in range(9)], dtype=np.int64)

WORD_BYTES = 8
NAME_WORDS = 3

QUOTE = 34
_POINT, _MINUS, _ZERO = 46, 45, 48


def pack(text: bytes) -> np.uint64:
    """Pack up to eight bytes into a word as `word_at` reads them."""
    return np.uint64(int.from_bytes(text, "little"))


def name_words(name: bytes) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Pack a name of up to 24 bytes, eight to a word, as `name_at` packs what it reads.

    Raises:
        ValueError: the name is longer.
    """
    if len(name) > WORD_BYTES * NAME_WORDS:
        raise ValueError(f"a name of at most {WORD_BYTES * NAME_WORDS} bytes: {name!r}")
    return pack(name[:8]), pack(name[8:16]), pack(name[16:])


_LOW_BITS, _HIGH_BITS = pack(b"\x01" * 8), pack(b"\x80" * 8)
_QUOTES, _BACKSLASHES, _SPACES = pack(b'"' * 8), pack(b"\\" * 8), pack(b" " * 8)
_ZEROS, _ABOVE_NINE = pack(b"0" * 8), pack(b"\x76" * 8)
_ALL_BITS, _NO_BITS = pack(b"\xff" * 8), np.uint64(0)
_FOURS = np.uint64(0x000000FF000000FF)
_LOW_FACTORS, _HIGH_FACTORS = np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)


@inlined
def _zero_bytes(word: np.uint64) -> np.uint64:
    """Mark the zero bytes by their high bit; exact up to and including the first of them."""
    return (word - _LOW_BITS) & ~word & _HIGH_BITS


@merged
def _digits(at: Int) -> tuple[Int, Int]:
    """Read up to eight digits: their value and how many they are."""
    digits = word_at(at) ^ _ZEROS
    others = (digits + _ABOVE_NINE | digits) & _HIGH_BITS
    count = trailing_zeros(others) >> 3
    if count == 0:
        return np.int64(0), 0
    # Leading zeros in front make it eight; then pairs, fours and eights are joined by products.
    digits = digits << np.uint64(64 - 8 * count)
    digits = digits * np.uint64(10) + (digits >> np.uint64(8))
    low = (digits & _FOURS) * _LOW_FACTORS
    high = ((digits >> np.uint64(16)) & _FOURS) * _HIGH_FACTORS
    return np.int64((low + high) >> np.uint64(32)), count


@merged
def _run(at: Int, before: Int) -> tuple[Int, Int]:
    """Read all digits there are, behind the number `before`: the number and the position behind."""
    value, count = _digits(at)
    number = before * _WHOLE_POWERS[count] + value
    at += count
    while count == 8:
        value, count = _digits(at)
        number = number * _WHOLE_POWERS[count] + value
        at += count
    return number, at


@merged
def number_at(at: Int) -> tuple[Int, Int, Int]:
    """Read ``[-]digits[.digits]``: mantissa, decimals (NOT_EXACT: leave it), position behind."""
    negative = byte_at(at) == _MINUS
    first = at + 1 if negative else at
    mantissa, at = _run(first, 0)
    digits: Int = at - first
    decimals: Int = 0
    if byte_at(at) == _POINT and digits > 0:
        point = at + 1
        mantissa, at = _run(point, mantissa)
        decimals = at - point
        digits = digits + decimals if decimals > 0 else 0
    if digits == 0 or digits > DIGITS_MAX or mantissa >= EXACT_MAX:
        decimals = NOT_EXACT
    return (-mantissa if negative else mantissa), decimals, at


@merged
def whole_at(at: Int) -> tuple[Int, Int]:
    """Read digits that are not part of a text: the number, position behind; UNKNOWN for others."""
    number, end = _run(at, 0)
    size = end - at
    padded = byte_at(at) == _ZERO and size > 1
    if size == 0 or size > DIGITS_MAX or padded or number >= EXACT_MAX:
        return number, UNKNOWN
    return number, end


@inlined
def _text_stops(word: np.uint64) -> np.uint64:
    """Mark quotes and what a plain text does not hold: backslashes, controls, other than ASCII."""
    marks = _zero_bytes(word ^ _QUOTES) | _zero_bytes(word ^ _BACKSLASHES)
    return marks | ((word - _SPACES) | word) & _HIGH_BITS


@merged
def text_end(at: Int) -> Int:
    """Find the closing quote of a plain text; UNKNOWN when it is not plain or never ends."""
    ends = _text_stops(word_at(at))
    while ends == _NO_BITS:
        at += WORD_BYTES
        ends = _text_stops(word_at(at))
    end = at + (trailing_zeros(ends) >> 3)
    return end if byte_at(end) == QUOTE else UNKNOWN


@merged
def _name_part(at: Int) -> tuple[np.uint64, Int]:
    """Read up to eight bytes of a name: the packed bytes, and how many before its end."""
    word = word_at(at)
    size = trailing_zeros(_zero_bytes(word ^ _QUOTES) | _zero_bytes(word)) >> 3
    if size == 0:
        return _NO_BITS, 0
    return word & (_ALL_BITS >> np.uint64(64 - 8 * size)), size


@merged
def name_at(at: Int) -> tuple[np.uint64, np.uint64, np.uint64, Int]:
    """Pack the text at `at`; the position behind its quote, UNKNOWN when it is too long.

    A name with an escape or a control character packs into words that no table holds.
    """
    second, third = _NO_BITS, _NO_BITS
    first, size = _name_part(at)
    at += size
    if size == WORD_BYTES:
        second, size = _name_part(at)
        at += size
        if size == WORD_BYTES:
            third, size = _name_part(at)
            at += size
    return first, second, third, at + 1 if byte_at(at) == QUOTE else UNKNOWN
