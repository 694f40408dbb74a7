"""SHA-256 and HMAC-SHA256 from compiled code, so that an order is signed without the interpreter.

FIPS 180-4 for the hash, RFC 2104 for the HMAC.  `hashlib` is faster on long texts; an order is
four blocks, and a call from cold caches into the interpreter's objects costs more than all of them.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ringbuf.compiled import compiled

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]

BLOCK_BYTES = 64
STATE_WORDS = 8
SCRATCH_WORDS = 64
"""What the message schedule of one block needs."""
DIGEST_TEXT_BYTES = 64
"""A digest in hexadecimal."""

_PADDING_BEGINS = 0x80
_LENGTH_BYTES = 8


def _fractions(power: float, count: int) -> list[int]:
    """First 32 bits of the fractional parts of the roots of the first primes, exactly."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    root = round(1 / power)
    return [_root(prime << (32 * root), root) & 0xFFFFFFFF for prime in primes]


def _root(value: int, degree: int) -> int:
    """Whole part of a root, by bisection."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high - 1:
        middle = (low + high) // 2
        if middle**degree <= value:
            low = middle
        else:
            high = middle
    return low


_ROUND = np.array(_fractions(1 / 3, SCRATCH_WORDS), dtype=np.uint32)
_FIRST = np.array(_fractions(1 / 2, STATE_WORDS), dtype=np.uint32)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


class KeySchedule(NamedTuple):
    """The two halves of HMAC after the blocks that are the same for every message."""

    inner: Words
    """State after the inner key block and the whole blocks of the constant beginning."""
    outer: Words
    rest: bytes
    """What of the constant beginning did not fill a block."""
    before: int
    """Bytes the inner state has taken in."""


def key_schedule(secret: bytes, beginning: bytes = b"") -> KeySchedule:
    """Prepare HMAC for messages that all begin with `beginning`."""
    key = hashlib.sha256(secret).digest() if len(secret) > BLOCK_BYTES else secret
    block = key.ljust(BLOCK_BYTES, b"\0")
    whole = len(beginning) // BLOCK_BYTES * BLOCK_BYTES
    inner = bytes(byte ^ 0x36 for byte in block) + beginning[:whole]
    outer = bytes(byte ^ 0x5C for byte in block)
    return KeySchedule(_absorb(inner), _absorb(outer), beginning[whole:], BLOCK_BYTES + whole)


def _absorb(text: bytes) -> Words:
    state, scratch = _FIRST.copy(), np.zeros(SCRATCH_WORDS, np.uint32)
    data = np.frombuffer(text, dtype=np.uint8).copy()
    for at in range(0, len(text), BLOCK_BYTES):
        compress(state, data, at, scratch)
    return state


@compiled
def compress(state: Words, data: Bytes, at: int, schedule: Words) -> None:
    """Take the 64 bytes of `data` from `at` on into `state`; `schedule` is scratch memory."""
    for index in range(16):
        begin = at + 4 * index
        schedule[index] = (
            (np.uint32(data[begin]) << np.uint32(24))
            | (np.uint32(data[begin + 1]) << np.uint32(16))
            | (np.uint32(data[begin + 2]) << np.uint32(8))
            | np.uint32(data[begin + 3])
        )
    for index in range(16, 64):
        w15, w2 = np.uint32(schedule[index - 15]), np.uint32(schedule[index - 2])
        s0 = (
            np.uint32(w15 >> 7 | w15 << 25) ^ np.uint32(w15 >> 18 | w15 << 14) ^ np.uint32(w15 >> 3)
        )
        s1 = np.uint32(w2 >> 17 | w2 << 15) ^ np.uint32(w2 >> 19 | w2 << 13) ^ np.uint32(w2 >> 10)
        schedule[index] = np.uint32(schedule[index - 16] + s0 + schedule[index - 7] + s1)
    a, b, c, d = state[0], state[1], state[2], state[3]
    e, f, g, h = state[4], state[5], state[6], state[7]
    for index in range(64):
        s1 = (
            np.uint32(e >> 6 | e << 26) ^ np.uint32(e >> 11 | e << 21) ^ np.uint32(e >> 25 | e << 7)
        )
        choice = np.uint32((e & f) ^ (~e & g))
        first = np.uint32(h + s1 + choice + _ROUND[index] + schedule[index])
        s0 = (
            np.uint32(a >> 2 | a << 30)
            ^ np.uint32(a >> 13 | a << 19)
            ^ np.uint32(a >> 22 | a << 10)
        )
        majority = np.uint32((a & b) ^ (a & c) ^ (b & c))
        second = np.uint32(s0 + majority)
        h, g, f, e = g, f, e, np.uint32(d + first)
        d, c, b, a = c, b, a, np.uint32(first + second)
    state[0] = np.uint32(state[0] + a)
    state[1] = np.uint32(state[1] + b)
    state[2] = np.uint32(state[2] + c)
    state[3] = np.uint32(state[3] + d)
    state[4] = np.uint32(state[4] + e)
    state[5] = np.uint32(state[5] + f)
    state[6] = np.uint32(state[6] + g)
    state[7] = np.uint32(state[7] + h)


@compiled
def _pad(data: Bytes, size: int, before: int) -> int:
    """Write the padding of a message of `before` + `size` bytes behind it; the padded size."""
    padded = (size + _LENGTH_BYTES + BLOCK_BYTES) // BLOCK_BYTES * BLOCK_BYTES
    data[size] = _PADDING_BEGINS
    for index in range(size + 1, padded - _LENGTH_BYTES):
        data[index] = 0
    bits = (before + size) * 8
    for index in range(_LENGTH_BYTES):
        data[padded - 1 - index] = (bits >> (8 * index)) & 0xFF
    return padded


@compiled
def sign(keys: Words, before: int, data: Bytes, size: int, work: Words) -> None:
    """Sign ``data[:size]`` in place: the digest's hexadecimal text then lies in ``data[:64]``.

    `keys` holds the inner and the outer state of a `KeySchedule` one after the other, `before` is
    its count; `data` must have room for two more blocks.  `work` is scratch memory for a state and
    a message schedule.
    """
    state, schedule = work[:STATE_WORDS], work[STATE_WORDS:]
    for index in range(STATE_WORDS):
        state[index] = keys[index]
    for at in range(0, _pad(data, size, before), BLOCK_BYTES):
        compress(state, data, at, schedule)
    for index in range(STATE_WORDS):
        for part in range(4):
            data[4 * index + part] = (state[index] >> np.uint32(24 - 8 * part)) & 0xFF
    for index in range(STATE_WORDS):
        state[index] = keys[STATE_WORDS + index]
    _pad(data, 4 * STATE_WORDS, BLOCK_BYTES)
    compress(state, data, 0, schedule)
    for index in range(STATE_WORDS):
        for part in range(8):
            nibble = (state[index] >> np.uint32(28 - 4 * part)) & 0xF
            data[8 * index + part] = _HEX[nibble]


def pack_keys(schedule: KeySchedule) -> Words:
    """Lay both states of a schedule one after the other, as `sign` wants them."""
    return np.concatenate((schedule.inner, schedule.outer))
