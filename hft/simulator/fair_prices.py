"""Mark and index price of a market that the house makes."""

from __future__ import annotations

from hft.simulator.desk import Listing


def set_prices(listing: Listing, index_e8: int) -> None:
    """Set the index, and as mark price the middle one of book, index and last trade."""
    tick_e8 = listing.symbol.tick_e8
    bid, _, ask, _ = listing.book.top()
    listing.index_e8 = index_e8
    middle_e8 = (bid + ask) * tick_e8 // 2 if bid and ask else index_e8
    last_e8 = listing.last_ticks * tick_e8 or middle_e8
    listing.mark_e8 = sorted((middle_e8, index_e8, last_e8))[1]
