"""Reading one market message without a parser, in a single compiled pass.

It knows flat objects of short keys in any order, bare or in the combined envelope, written without
spaces.  Whatever else it meets (escapes, exponents, long numbers, null, nested objects, unknown
events) it leaves alone: `scan` says UNKNOWN and the caller asks msgspec.  What it does accept,
msgspec reads alike.
"""

from __future__ import annotations

import numpy as np

from hft.events import MarketKind
from hft.feed.tokens import (
    DECIMALS_MAX,
    NOT_EXACT,
    QUOTE,
    UNKNOWN,
    name_at,
    name_words,
    number_at,
    pack,
    text_end,
    whole_at,
)
from hft.wire.loads import Int, byte_at, keep_number, number_in, word_at
from ringbuf.compiled import compiled, inlined, merged

_POWERS = np.array([10.0**power for power in range(DECIMALS_MAX + 1)])
_WHOLE, _TRUTH = 32, 33
"""In the place of decimals, above every one of them: a bare whole number; true or false."""
_COMMA, _COLON, _OPEN, _CLOSE, _BACKSLASH = 44, 58, 123, 125, 92
_FIRST_LETTER, _LAST_LETTER = 65, 122
_E, _S = ord("e"), ord("s")
_NAME_KEYS = (_E, _S)


def slot_of_letter(letter: str) -> int:
    """Where `scan` leaves the value of a one-letter key; its decimals are DECIMALS_AT further."""
    return ord(letter) - _FIRST_LETTER


def _mask(letters: str) -> int:
    return sum(1 << slot_of_letter(letter) for letter in letters)


FIELDS = 128
DECIMALS_AT = 64
KIND_AT = 60
SYMBOL_AT = 61
"""The three words of the symbol's name lie here."""

_AGG_TRADE, _BOOK_TICKER = name_words(b"aggTrade"), name_words(b"bookTicker")
_MARK_UPDATE = name_words(b"markPriceUpdate")
_TRADE, _BOOK_TOP = int(MarketKind.TRADE), int(MarketKind.BOOK_TOP)
_MARK = int(MarketKind.MARK_PRICE)
_PRICE, _QTY, _TRADE_ID = slot_of_letter("p"), slot_of_letter("q"), slot_of_letter("a")
_BID, _BID_QTY = slot_of_letter("b"), slot_of_letter("B")
_ASK, _ASK_QTY = slot_of_letter("a"), slot_of_letter("A")
_INDEX, _RATE = slot_of_letter("i"), slot_of_letter("r")
_SENT, _MATCHED, _BY_MAKER = slot_of_letter("E"), slot_of_letter("T"), slot_of_letter("m")
_TRADE_NEEDS, _BOOK_NEEDS, _MARK_NEEDS = _mask("espqaTm"), _mask("esbBaAT"), _mask("espirE")

_KEY_1, _KEY_1_MASK = pack(b'"\x00":'), pack(b"\xff\x00\xff\xff")
_KEY_2, _KEY_2_MASK = pack(b'"\x00\x00":'), pack(b"\xff\x00\x00\xff\xff")
_FAMILY, _FAMILY_MASK = pack(b'"st":'), pack(b"\xff" * 5)
_TRUE, _TRUE_MASK = pack(b"true"), pack(b"\xff" * 4)
_FALSE, _FALSE_MASK = pack(b"false"), pack(b"\xff" * 5)

_OTHER_KEY, _FAMILY_KEY = 0, 1
_THIS_FAMILY = 1
"""``st`` of USD-M contracts; the all-market streams carry COIN-M ones as well."""


@merged
def _kind(first: np.uint64, second: np.uint64, third: np.uint64) -> Int:
    if first == _AGG_TRADE[0] and second == _AGG_TRADE[1] and third == _AGG_TRADE[2]:
        return _TRADE
    if first == _BOOK_TICKER[0] and second == _BOOK_TICKER[1] and third == _BOOK_TICKER[2]:
        return _BOOK_TOP
    if first == _MARK_UPDATE[0] and second == _MARK_UPDATE[1] and third == _MARK_UPDATE[2]:
        return _MARK
    return UNKNOWN


@merged
def _key(at: Int) -> tuple[Int, Int]:
    """Read ``"k":``: the letter, or _FAMILY_KEY or _OTHER_KEY for two, and where the value is."""
    word = word_at(at)
    letter = np.int64((word >> np.uint64(8)) & np.uint64(0xFF))
    if letter < _FIRST_LETTER or letter > _LAST_LETTER or letter == _BACKSLASH:
        return UNKNOWN, at
    if word & _KEY_1_MASK == _KEY_1:
        return letter, at + 4
    if word & _FAMILY_MASK == _FAMILY:
        return _FAMILY_KEY, at + 5
    second = np.int64((word >> np.uint64(16)) & np.uint64(0xFF))
    if second < _FIRST_LETTER or second > _LAST_LETTER or second == _BACKSLASH:
        return UNKNOWN, at
    if word & _KEY_2_MASK != _KEY_2:
        return UNKNOWN, at
    return _OTHER_KEY, at + 5


@merged
def _value(at: Int) -> tuple[Int, Int, Int]:
    """Read one value: its mantissa, its form or decimals, the position behind.

    A quoted number tells its decimals, NOT_EXACT when it cannot be used or is another text; the
    position is UNKNOWN for what is neither text, whole number, true nor false.
    """
    if byte_at(at) == QUOTE:
        mantissa, decimals, at = number_at(at + 1)
        if byte_at(at) != QUOTE:
            decimals, at = NOT_EXACT, text_end(at)
        return mantissa, decimals, at + 1 if at != UNKNOWN else UNKNOWN
    word = word_at(at)
    if word & _TRUE_MASK == _TRUE:
        return 1, _TRUTH, at + 4
    if word & _FALSE_MASK == _FALSE:
        return 0, _TRUTH, at + 5
    number, at = whole_at(at)
    return number, _WHOLE, at


@merged
def _named(at: Int, key: Int, fields: Int) -> Int:
    """Read the event's name or its symbol's into `fields`; the position behind."""
    if byte_at(at) != QUOTE:
        return UNKNOWN
    first, second, third, at = name_at(at + 1)
    if key == _E:
        keep_number(fields, KIND_AT, _kind(first, second, third))
    else:
        keep_number(fields, SYMBOL_AT, np.int64(first))
        keep_number(fields, SYMBOL_AT + 1, np.int64(second))
        keep_number(fields, SYMBOL_AT + 2, np.int64(third))
    return at


@compiled
def _object(at: Int, fields: Int) -> tuple[Int, Int]:
    """Read the flat object that opens at `at` into `fields`: keys seen and the position behind.

    The position is UNKNOWN when the object is not of the known kind or a key comes twice.
    """
    seen = np.int64(0)
    byte = byte_at(at)
    if byte != _OPEN:
        return seen, UNKNOWN
    while byte != _CLOSE:
        # Here `at` is the opening brace or a comma.
        key, at = _key(at + 1)
        if key == UNKNOWN:
            return seen, UNKNOWN
        if key in _NAME_KEYS:
            at = _named(at, key, fields)
        else:
            mantissa, form, at = _value(at)
            if key > _FAMILY_KEY:
                keep_number(fields, key - _FIRST_LETTER, mantissa)
                keep_number(fields, DECIMALS_AT + key - _FIRST_LETTER, form)
            elif key == _FAMILY_KEY and (form != _WHOLE or mantissa != _THIS_FAMILY):
                return seen, UNKNOWN
        if at == UNKNOWN:
            return seen, UNKNOWN
        byte = byte_at(at)
        bit = np.int64(1) << (key - _FIRST_LETTER) if key > _FAMILY_KEY else np.int64(0)
        if seen & bit != 0 or (byte != _COMMA and byte != _CLOSE):
            return seen, UNKNOWN
        seen |= bit
    return seen, at + 1


_STREAM = tuple(pack(b'{"stream":"'[at : at + 8]) for at in (0, 8))
_THEN_DATA = pack(b'","data"')
_DATA = pack(b'{"data":')
_THEN_STREAM = tuple(pack(b',"stream":"'[at : at + 8]) for at in (0, 8))
_THREE_BYTES = pack(b"\xff" * 3)


@merged
def _stream_key_end(at: Int, first: np.uint64, second: np.uint64) -> Int:
    """Match the eleven bytes of a stream key and skip its name; the position of the end quote."""
    if word_at(at) != first or word_at(at + 8) & _THREE_BYTES != second:
        return UNKNOWN
    return text_end(at + 11)


@merged
def _message(at: Int, fields: Int) -> tuple[Int, Int]:
    """Read one bare or enveloped object: keys seen and the position behind."""
    if word_at(at) == _STREAM[0]:
        at = _stream_key_end(at, _STREAM[0], _STREAM[1])
        if at == UNKNOWN or word_at(at) != _THEN_DATA or byte_at(at + 8) != _COLON:
            return np.int64(0), UNKNOWN
        seen, at = _object(at + 9, fields)
        return seen, at + 1 if at != UNKNOWN and byte_at(at) == _CLOSE else UNKNOWN
    if word_at(at) == _DATA:
        seen, at = _object(at + 8, fields)
        if at != UNKNOWN:
            at = _stream_key_end(at, _THEN_STREAM[0], _THEN_STREAM[1])
        return seen, at + 2 if at != UNKNOWN and byte_at(at + 1) == _CLOSE else UNKNOWN
    return _object(at, fields)


@merged
def _form(fields: Int, slot: int) -> Int:
    return number_in(fields, DECIMALS_AT + slot)


@merged
def _as_promised(kind: Int, seen: Int, fields: Int) -> bool:
    """Say whether an event has all its values, each in the form the venue documents."""
    if kind == _TRADE:
        texts = _form(fields, _PRICE) | _form(fields, _QTY)
        wholes = _form(fields, _MATCHED) == _WHOLE and _form(fields, _TRADE_ID) == _WHOLE
        wholes = wholes and _form(fields, _BY_MAKER) == _TRUTH
        return bool(seen & _TRADE_NEEDS == _TRADE_NEEDS and 0 <= texts < _WHOLE and wholes)
    if kind == _BOOK_TOP:
        texts = _form(fields, _BID) | _form(fields, _BID_QTY)
        texts |= _form(fields, _ASK) | _form(fields, _ASK_QTY)
        whole, needs = _form(fields, _MATCHED), _BOOK_NEEDS
    else:
        texts = _form(fields, _PRICE) | _form(fields, _INDEX) | _form(fields, _RATE)
        whole, needs = _form(fields, _SENT), _MARK_NEEDS
    return bool(seen & needs == needs and 0 <= texts < _WHOLE and whole == _WHOLE)


@compiled
def scan(first: Int, last: Int, fields: Int) -> Int:
    """Read the message between two addresses into the FIELDS numbers at the address `fields`.

    Returns its `MarketKind`, the packed name of its symbol from SYMBOL_AT on and its
    numbers under `slot_of_letter`; UNKNOWN for what only msgspec can read, or should refuse.
    """
    keep_number(fields, KIND_AT, UNKNOWN)
    seen, at = _message(first, fields)
    kind: Int = number_in(fields, KIND_AT)
    if at != last or kind == UNKNOWN or not _as_promised(kind, seen, fields):
        return UNKNOWN
    return kind


@inlined
def decimal(fields: Int, slot: int) -> float:
    """Convert one value: both numbers are exact in float64, so the quotient is rounded once."""
    value: float = number_in(fields, slot) / _POWERS[_form(fields, slot)]
    return value
