"""Who may come in: the key, its rights, the time and the signature, in the venue's order."""

from __future__ import annotations

from collections.abc import Mapping

from hft.simulator.calls import SIGNED, Route, check_time
from hft.simulator.keys import Credentials
from hft.simulator.refusals import refusal
from hft.simulator.venue import Venue

_TRADING = frozenset({"place", "cancel", "modify"})


def trades(label: str, route: Route) -> bool:
    """Say whether a call needs a key that may trade.

    Of REST those are the signed calls that change something, of the WebSocket API the methods
    `place`, `cancel` and `modify`; `label` is the HTTP method, or the method's name.
    """
    if route.security != SIGNED:
        return False
    if label.isupper():
        return label != "GET"
    return label.rpartition(".")[2] in _TRADING


class Doorman:
    """Checks keys and signatures for both doors."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def known(self, api_key: str, address: str, *, trading: bool) -> Credentials:
        """Find who comes with a key from an address.

        Raises:
            Refusal: -2014 it cannot be a key; -2015 unknown, or not for this call or address.
        """
        known = self._venue.credentials_of(api_key)
        if (trading and not known.can_trade) or not known.is_welcome(address):
            raise refusal(-2015)
        return known

    def check_time(self, params: Mapping[str, str], now_ms: int) -> None:
        """Check timestamp and recvWindow.

        Raises:
            Refusal: -1102, -1130 or -1021.
        """
        check_time(params, self._venue.said_ms(now_ms))

    def check_signature(self, known: Credentials, payload: bytes, signature: bytes) -> None:
        """Check what was signed.

        Raises:
            Refusal: -1102 there is no signature, -1022 it is not the payload's.
        """
        if not signature:
            raise refusal(-1102, "signature")
        if not known.is_signed(payload, signature):
            raise refusal(-1022)
