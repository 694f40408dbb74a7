"""The venue's clock against our wall clock, with how far it may be off."""

from __future__ import annotations

import msgspec

from hft.units import NS_PER_MS


class ClockOffset(msgspec.Struct, frozen=True):
    """Venue time minus ours in nanoseconds; the truth lies within `error_ns` (-1: not measured)."""

    offset_ns: int
    error_ns: int

    def to_venue_ms(self, local_wall_ns: int) -> int:
        """Turn a reading of our wall clock into venue milliseconds."""
        return (local_wall_ns + self.offset_ns) // NS_PER_MS
