"""The venue's market messages, typed: the complete reader behind the feed's compiled one.

Unknown keys and unknown events are ignored, as the venue adds both without notice.  What a message
must have and what a number may look like is checked; `BadFrame` says what was wrong.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

import msgspec

from hft.events import MarketFlag, MarketKind

_COIN_M = 2
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)

Whole = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
TradeId = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
"""A MARKET event holds it as a float64, exact below 2**53; and one so far ahead would make every
later trade look old."""


class BadFrame(ValueError):
    """A message that is not JSON, or not what its event's name promises; the text says where."""


class MarketEvent(msgspec.Struct, frozen=True):
    """What a MARKET record will hold, before it has a number: fields as in `hft.events.MARKET`."""

    kind: MarketKind
    symbol: str
    venue_ms: int
    price: float
    qty: float
    price2: float = 0.0
    qty2: float = 0.0
    flags: int = 0


class ControlReply(msgspec.Struct, frozen=True):
    """The answer to SUBSCRIBE and the like; `code` is None when it was accepted."""

    id: int | str | None
    code: int | None
    message: str


class _AggTrade(msgspec.Struct, tag_field="e", tag="aggTrade"):
    s: str
    p: str
    q: str
    a: TradeId
    T: Whole
    m: bool
    st: int = 1

    def event(self) -> MarketEvent:
        flags = MarketFlag.BUYER_IS_MAKER if self.m else 0
        price, qty = _number(self.p), _number(self.q)
        return MarketEvent(
            MarketKind.TRADE, self.s, self.T, price, qty, qty2=float(self.a), flags=flags
        )


class _BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker"):
    s: str
    b: str
    B: str
    a: str
    A: str
    T: Whole
    st: int = 1

    def event(self) -> MarketEvent:
        bid, ask = (_number(self.b), _number(self.B)), (_number(self.a), _number(self.A))
        return MarketEvent(MarketKind.BOOK_TOP, self.s, self.T, *bid, *ask)


class _MarkPrice(msgspec.Struct, tag_field="e", tag="markPriceUpdate"):
    s: str
    p: str
    E: Whole
    i: str = "0"
    r: str = "0"
    st: int = 1

    def event(self) -> MarketEvent:
        # Dated contracts have no funding: their rate is an empty text.
        rate, index = _number(self.r or "0"), _number(self.i or "0")
        return MarketEvent(MarketKind.MARK_PRICE, self.s, self.E, _number(self.p), rate, index)


class _Liquidated(msgspec.Struct):
    s: str
    S: str
    q: str
    p: str
    ap: str
    T: Whole
    st: int = 1


class _ForceOrder(msgspec.Struct, tag_field="e", tag="forceOrder"):
    o: _Liquidated

    @property
    def st(self) -> int:
        return self.o.st

    def event(self) -> MarketEvent:
        o = self.o
        flags = MarketFlag.BUYER_IS_MAKER if o.S == "SELL" else 0
        price, qty, limit = _number(o.ap), _number(o.q), _number(o.p)
        return MarketEvent(MarketKind.LIQUIDATION, o.s, o.T, price, qty, limit, flags=flags)


_Known = _AggTrade | _BookTicker | _MarkPrice | _ForceOrder


class _Error(msgspec.Struct):
    code: int
    msg: str = ""


_NOTHING = msgspec.Raw()


class _Outer(msgspec.Struct):
    """Whatever may lie on the outside: an envelope, an event, an answer."""

    data: msgspec.Raw = _NOTHING
    e: str = ""
    error: _Error | None = None
    code: int | None = None
    msg: str = ""
    id: int | str | None = None


_outer = msgspec.json.Decoder(_Outer).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_known = msgspec.json.Decoder(_Known).decode
_KNOWN_EVENTS = frozenset({"aggTrade", "bookTicker", "markPriceUpdate", "forceOrder"})


def read_message(payload: bytes | msgspec.Raw) -> list[MarketEvent] | ControlReply:
    """Read one text message: the market events in it, none for events that are not ours to know.

    Events of COIN-M contracts, which the all-market streams carry too, are left out.

    Raises:
        BadFrame: it cannot be read.
    """
    try:
        if bytes(payload[:1]) == b"[":
            return [event for raw in _array(payload) for event in _events(_outer(raw), raw)]
        outer = _outer(payload)
        if bytes(outer.data):
            return _envelope(outer.data)
        if outer.e:
            return _events(outer, payload)
        return _reply(outer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise BadFrame(str(problem)) from problem


def _envelope(data: msgspec.Raw) -> list[MarketEvent]:
    if bytes(data)[:1] == b"[":
        return [event for raw in _array(data) for event in _events(_outer(raw), raw)]
    return _events(_outer(data), data)


def _events(outer: _Outer, payload: bytes | msgspec.Raw) -> list[MarketEvent]:
    if outer.e not in _KNOWN_EVENTS:
        return []
    message = _known(payload)
    return [] if message.st == _COIN_M else [message.event()]


def _reply(outer: _Outer) -> ControlReply:
    if outer.error is not None:
        return ControlReply(outer.id, outer.error.code, outer.error.msg)
    if outer.code is not None:
        return ControlReply(outer.id, outer.code, outer.msg)
    if outer.id is None:
        raise BadFrame("neither an event nor an answer")
    return ControlReply(outer.id, None, "")


def _number(text: str) -> float:
    if not _PLAIN_NUMBER.fullmatch(text):
        raise BadFrame(f"not a number: {text[:40]!r}")
    value = float(text)
    if not math.isfinite(value):
        raise BadFrame(f"beyond every float: {text[:40]!r}")
    return value
