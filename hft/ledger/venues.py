"""Whose prices they are: the name under which candles are kept.

Accounts of one venue share its prices, but no two venues do, and a database may hold several.  The
testnet and the live venue are told apart by their host.  An exchange on this machine has no name of
its own and makes up its market, so what tells its runs apart is the account it gives out.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from hft.state.blocks import VENUE_NAME_MAX, Mode
from hft.topology import House


def venue_of(house: House, rest_url: str) -> str:
    """Name the venue of the run; empty until execution has met the account of an exchange here."""
    mode = int(house.run[0]["mode"])
    if mode in (Mode.LIVE, Mode.TESTNET):
        return (urlsplit(rest_url).hostname or "")[:VENUE_NAME_MAX]
    return bytes(house.identity[0]["account_epoch"]).decode()
