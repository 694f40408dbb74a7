"""The newest prices of the symbols, as the feed writes them."""

from __future__ import annotations

from typing import NamedTuple

from hft.state.blocks import TOP
from hft.units import E8
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of

_TOP = packer_of(TOP)


class Top(NamedTuple):
    """The prices of one symbol; `newest_ns` is 0 before the first."""

    bid: float
    ask: float
    last: float
    mark: float
    newest_ns: int

    def price_e8(self) -> int:
        """The mark price, or the middle before the first mark, in units of 1e-8; 0: none yet."""
        return round((self.mark or (self.bid + self.ask) / 2 or self.last) * E8)


_NO_TOP = Top(0.0, 0.0, 0.0, 0.0, 0)


def read_top(block: Snapshot) -> Top:
    """Read the prices of a symbol now."""
    value = block.read_bytes()
    if value is None:
        return _NO_TOP
    bid, _, ask, _, last, mark, _, _, book_ns, trade_ns, mark_ns, _, _ = _TOP.unpack(value)
    return Top(bid, ask, last, mark, max(book_ns, trade_ns, mark_ns))
