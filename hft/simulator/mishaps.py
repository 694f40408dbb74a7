"""What a bug looks like from outside: the venue's own words, and a traceback on stderr, once."""

from __future__ import annotations

import sys
import traceback

from hft.simulator.refusals import Refusal, refusal
from hft.simulator.venue import Venue

INTERNAL_ERROR = 500


def report_mishap(venue: Venue, what: str, error: Exception) -> Refusal:
    """Write down that `what` failed in a way nobody foresaw; gives the refusal for the client.

    What the request changed before it failed stays changed: the client is told -1000, unknown.
    """
    venue.counts.mishaps += 1
    told = "".join(traceback.format_exception(error))
    sys.stderr.write(f"simulator: {what} failed\n{told}")
    sys.stderr.flush()
    unknown = refusal(-1000)
    return Refusal(unknown.code, unknown.text, INTERNAL_ERROR)
