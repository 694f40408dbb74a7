"""Listen keys: start, extend and stop the user data stream."""

from __future__ import annotations

from hft.simulator.calls import KEYED, Call, Route


def start(call: Call) -> object:
    """Give the listen key of the account; the living one if there is one, extended."""
    return {"listenKey": call.venue.users.start(call.account_id, call.now_ms)}


def extend(call: Call) -> object:
    """Extend the listen key by its full life."""
    return {"listenKey": call.venue.users.extend(call.account_id, call.now_ms)}


def stop(call: Call) -> object:
    """End the user data stream."""
    call.venue.users.stop(call.account_id)
    return {}


ROUTES: dict[tuple[str, str], Route] = {
    ("POST", "/fapi/v1/listenKey"): Route(start, KEYED),
    ("PUT", "/fapi/v1/listenKey"): Route(extend, KEYED),
    ("DELETE", "/fapi/v1/listenKey"): Route(stop, KEYED),
}

METHODS: dict[str, Route] = {
    "userDataStream.start": Route(start, KEYED),
    "userDataStream.ping": Route(extend, KEYED),
    "userDataStream.stop": Route(stop, KEYED),
}
