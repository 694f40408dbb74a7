"""Replies of a server that fails, and replies that are late."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec
import orjson

from hft.simulator.fault_kinds import Failure, HttpError
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.rest import Reply

LATE_MAX_REPLIES = 1_000
"""Replies that wait behind a late one; a client that asks on and on is cut off."""

UNAVAILABLE = "Service Unavailable."
INTERNAL = "Internal error; unable to process your request. Please try again."
BUS = "An unexpected response was received from the message bus. Execution status unknown."
BACKEND_TIMEOUT = (
    "Timeout waiting for response from backend server. "
    "Send status unknown; execution status unknown."
)

FAILURES: dict[Failure, Refusal] = {
    "unavailable": Refusal(-1001, UNAVAILABLE, 503),
    "internal": Refusal(-1001, INTERNAL, 503),
    "throttled": refusal(-1008),
    "bus": Refusal(-1006, BUS, 500),
    "timeout": Refusal(-1007, BACKEND_TIMEOUT, 408),
    "late": refusal(-1021),
    "late_to_match": refusal(-5028),
}
PAGES: dict[Failure, tuple[int, str]] = {
    "bad_gateway": (502, "502 Bad Gateway"),
    "gateway_timeout": (504, "504 Gateway Time-out"),
    "forbidden": (403, "403 Forbidden"),
}
"""What a gateway says in front of the venue; its body is no JSON."""
FAILED_FOR_SURE = frozenset(
    {"unavailable", "internal", "throttled", "forbidden", "late", "late_to_match"}
)

THROTTLED_REQUESTS = frozenset(
    {
        "POST /fapi/v1/order",
        "POST /fapi/v1/order/test",
        "POST /fapi/v1/batchOrders",
        "order.place",
    }
)

Params = dict[str, object]


def may_strike(fault: HttpError, label: str, params: Callable[[], Params]) -> bool:
    """Say whether a failure can befall a request: pages want HTTP, the throttle spares reducers."""
    if fault.error in PAGES:
        return " /" in label
    if fault.error == "throttled":
        return label in THROTTLED_REQUESTS and not _reduces(params())
    return True


def failure_reply(fault: HttpError) -> Reply:
    """Give the reply of a failure over REST."""
    if fault.error in PAGES:
        status, words = PAGES[fault.error]
        body = f"<html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
        return Reply(status, body.encode(), content_type="text/html")
    refused = FAILURES[fault.error]
    return Reply(refused.status, orjson.dumps(refused.body()))


class ReplyQueue:
    """Replies of one connection on their way out: a late one holds up those behind it."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()

    def put(self, write: Callable[[], None]) -> None:
        """Write a reply, at once if none waits before it."""
        if self._waiting:
            self._waiting.append(_Waiting(write, due=True))
        else:
            write()

    def put_late(self, write: Callable[[], None], delay_ms: int) -> None:
        """Write a reply in `delay_ms`, and what comes after it then."""
        late = _Waiting(write, due=False)
        self._waiting.append(late)
        # The loop counts whole milliseconds and cuts off the rest: late is never early.
        asyncio.get_running_loop().call_later((delay_ms + 1) / 1_000, self._release, late)

    def overfull(self) -> bool:
        """Say whether more waits than may."""
        return len(self._waiting) > LATE_MAX_REPLIES

    def _release(self, late: _Waiting) -> None:
        late.due = True
        while self._waiting and self._waiting[0].due:
            self._waiting.popleft().write()


class _Waiting(msgspec.Struct):
    write: Callable[[], None]
    due: bool


def _reduces(params: Params) -> bool:
    """Say whether an order, or every order of a batch, reduces a position."""
    batch = params.get("batchOrders")
    if isinstance(batch, str):
        try:
            batch = orjson.loads(batch)
        except orjson.JSONDecodeError:
            # The door says what is wrong with it.
            return False
    if isinstance(batch, list):
        return all(isinstance(order, dict) and _reduces(order) for order in batch)
    words = {name: str(value).upper() for name, value in params.items()}
    if "TRUE" in (words.get("closePosition"), words.get("reduceOnly")):
        return True
    leg_and_side = (words.get("positionSide"), words.get("side"))
    return leg_and_side in (("LONG", "SELL"), ("SHORT", "BUY"))
