"""How often execution looks, and how long it waits before it doubts."""

from __future__ import annotations

import msgspec

from hft.units import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S
_HOUR_NS = 60 * _MINUTE_NS


class Times(msgspec.Struct, frozen=True):
    """Spans in nanoseconds of the local clock."""

    keep_key_ns: int = 20 * _MINUTE_NS
    """Between two prolongations of the listen key, which lives an hour."""
    keep_key_again_ns: int = _MINUTE_NS
    """After a prolongation that failed."""
    rotate_ns: int = 23 * _HOUR_NS
    """Age at which the user stream's connection is replaced: the venue ends it after 24 hours."""
    overlap_ns: int = 5 * NS_PER_S
    """For which the old connection and the new one are both heard."""
    mute_ns: int = 2 * NS_PER_S
    """From what the venue acknowledged to the event about it."""
    silent_ns: int = 10 * _MINUTE_NS
    """Without a byte, pings included, which the venue sends every three minutes."""
    check_ns: int = 30 * NS_PER_S
    """Between two looks at positions, open orders and balance over REST."""
    check_after_fill_ns: int = NS_PER_S
    income_ns: int = 5 * _MINUTE_NS
    """Between two looks at the income ledger for funding that nothing else told of."""
    income_again_ns: int = _MINUTE_NS
    """The ledger may be late: what is wanted of it is looked for once more."""
    disagree_ns: int = NS_PER_S
    """For which figures may differ while word of the same thing is on its way."""
