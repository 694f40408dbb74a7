"""The venue's clock against ours, from timed questions, with how far it may be off."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hft.units import NS_PER_MS

# The venue cuts its clock to whole milliseconds: the true time lies up to one later.
_HALF_MS_NS = NS_PER_MS // 2


class ClockOffset(msgspec.Struct, frozen=True):
    """Venue time minus ours in nanoseconds; the truth lies within `error_ns` (-1: not measured)."""

    offset_ns: int
    error_ns: int

    def to_venue_ms(self, local_wall_ns: int) -> int:
        """Turn a reading of our wall clock into venue milliseconds."""
        return (local_wall_ns + self.offset_ns) // NS_PER_MS


def best_offset(samples: Sequence[tuple[int, int, int]]) -> ClockOffset:
    """Choose the sample with the shortest round trip.

    A sample is our wall clock when the question left (ns), the round trip (ns) and the venue's
    answer (ms).  It was given somewhere inside the round trip; the middle is off by half at most.
    """
    sent_wall_ns, round_trip_ns, server_ms = min(samples, key=lambda sample: sample[1])
    middle_ns = sent_wall_ns + round_trip_ns // 2
    answered_ns = server_ms * NS_PER_MS + _HALF_MS_NS
    return ClockOffset(answered_ns - middle_ns, round_trip_ns // 2 + _HALF_MS_NS)
