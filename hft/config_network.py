"""Which addresses belong to which venue, and how a half-filled [network] table is completed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from hft.config_reading import refuse
from hft.errors import ConfigError

VenueName = Literal["testnet", "mainnet", "custom"]


class Addresses(msgspec.Struct, frozen=True):
    """The three ways into a venue: requests, streams, and orders over a WebSocket."""

    rest_url: str
    ws_url: str
    ws_api_url: str


MAINNET = Addresses(
    "https://fapi.binance.com",
    "wss://fstream.binance.com",
    "wss://ws-fapi.binance.com/ws-fapi/v1",
)
TESTNET = Addresses(
    "https://demo-fapi.binance.com",
    "wss://fstream.binancefuture.com",
    "wss://testnet.binancefuture.com/ws-fapi/v1",
)
KNOWN = {"mainnet": MAINNET, "testnet": TESTNET}

# Several names answer for the test venue; they are one and the same behind.
_HOSTS: dict[str, VenueName] = {
    "fapi.binance.com": "mainnet",
    "fstream.binance.com": "mainnet",
    "ws-fapi.binance.com": "mainnet",
    "demo-fapi.binance.com": "testnet",
    "testnet.binancefuture.com": "testnet",
    "fstream.binancefuture.com": "testnet",
    "demo-fstream.binance.com": "testnet",
    "stream.binancefuture.com": "testnet",
}


def venue_of(url: str) -> VenueName:
    """Say which venue an address belongs to; anything not known is "custom"."""
    return _HOSTS.get(urlsplit(url).hostname or "", "custom")


def complete(path: Path, name: str, given: Addresses) -> Addresses:
    """Check the addresses, fill in those left empty, and write them in one form.

    Raises:
        ConfigError: an address is malformed, missing, or belongs to another venue than the rest.
    """
    rest_url = _checked(path, "rest_url", given.rest_url, ("http", "https"))
    ws_url = _checked(path, "ws_url", given.ws_url, ("ws", "wss")).removesuffix("/ws").rstrip("/")
    ws_api_url = _checked(path, "ws_api_url", given.ws_api_url, ("ws", "wss"))
    rest_url = rest_url or _default_rest_url(path, name, ws_url)
    ws_url = ws_url or _default_ws_url(rest_url)
    ws_api_url = ws_api_url or _default_ws_api_url(rest_url)
    complete_ones = Addresses(rest_url, ws_url, ws_api_url)
    _refuse_a_mixture(path, name, complete_ones)
    return complete_ones


def _checked(path: Path, key: str, url: str, schemes: tuple[str, str]) -> str:
    expected = f"an address like {schemes[1]}://host or {schemes[0]}://host:port"
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good:
        refuse(path, "network", key, url.partition("?")[0].rpartition("@")[2], expected)
    if parts.username or parts.password or parts.query or parts.fragment or " " in url:
        raise ConfigError(
            f"{path}: [network] {key} carries a user, a query or a space: expected {expected}."
        )
    return url.rstrip("/")


def _default_rest_url(path: Path, name: str, ws_url: str) -> str:
    if name in KNOWN and (not ws_url or venue_of(ws_url) == name):
        return KNOWN[name].rest_url
    if not ws_url:
        expected = '"testnet" or "mainnet", or rest_url and ws_url as well'
        refuse(path, "network", "name", name, expected)
    raise ConfigError(
        f"{path}: [network] rest_url is missing: expected the http address belonging to {ws_url}."
    )


def _default_ws_url(rest_url: str) -> str:
    """Streams of the same venue; one not known has them on the same host and port."""
    venue = venue_of(rest_url)
    return KNOWN[venue].ws_url if venue in KNOWN else _as_ws(rest_url)


def _default_ws_api_url(rest_url: str) -> str:
    venue = venue_of(rest_url)
    return KNOWN[venue].ws_api_url if venue in KNOWN else f"{_as_ws(rest_url)}/ws-fapi/v1"


def _as_ws(url: str) -> str:
    return "ws" + url.removeprefix("http")


def _refuse_a_mixture(path: Path, name: str, addresses: Addresses) -> None:
    """Prices of one venue and orders to another, or real money under a harmless name: refuse."""
    home = name if name in KNOWN else ""
    for key in ("rest_url", "ws_url", "ws_api_url"):
        url = getattr(addresses, key)
        venue = venue_of(url)
        if venue == "custom":
            continue
        home = home or venue
        if venue != home:
            refuse(path, "network", key, url, f"an address of {home}, like the rest of the table")
