"""The kinds of fault the venue can be told to commit, and the files they are read from.

Every kind has `probability` (of each occurrence), `after` (occurrences it lets pass first), `count`
(how often it strikes at most; null is without end) and `symbol` (null is every symbol).
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import orjson

from hft.errors import ConfigError

SCENARIOS = Path(__file__).with_name("scenarios")
NEW_ORDERS = ("POST /fapi/v1/order", "order.place")
USER_EVENTS = "user:*"
"""How the events of user data streams are named where a market stream has its name."""

NUMBER_MAX = 1_000_000_000
FAULTS_MAX = 100

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
Signed = Annotated[int, msgspec.Meta(ge=-NUMBER_MAX, le=NUMBER_MAX)]
SymbolName = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9_]{1,32}$")]
Patterns = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Garbage = Literal["html", "half", "unknown", "list", "empty", "binary"]
Failure = Literal[
    "unavailable", "internal", "throttled", "bus", "timeout",
    "bad_gateway", "gateway_timeout", "forbidden", "late", "late_to_match",
]  # fmt: skip
GARBAGE: tuple[Garbage, ...] = ("html", "half", "unknown", "list", "empty")


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """What all kinds share."""

    probability: Share = 1.0
    after: Whole = 0
    count: Positive | None = None
    symbol: SymbolName | None = None


class RequestFault(Fault, frozen=True, kw_only=True):
    """Strikes requests: patterns of `METHOD /path` (REST) or of a WebSocket API method."""

    requests: Patterns = NEW_ORDERS


class LostAck(RequestFault, frozen=True, kw_only=True, tag="lost_ack"):
    """The request is carried out and no reply comes.

    `then` is what the client sees: silence, the end of the connection, or half a reply and the end.
    Over REST silence lasts until the client gives the connection up.
    """

    then: Literal["silence", "close", "cut"] = "silence"


class UnknownStatus(RequestFault, frozen=True, kw_only=True, tag="unknown_status"):
    """The reply says that nobody knows; `executed` says what is true, null tosses a coin."""

    executed: bool | None = None
    status: Literal[503, 408] = 503


class TooMany(RequestFault, frozen=True, kw_only=True, tag="too_many"):
    """The request is refused for its rate (429) or the address is banned (418).

    `code` -1015 says that it is one order too many of the account.
    So are all that match until `retry_after_s` is over; they count as the same strike.
    """

    requests: Patterns = ("*",)
    status: Literal[429, 418] = 429
    code: Literal[-1003, -1015] = -1003
    retry_after_s: Positive = 2


class HttpError(RequestFault, frozen=True, kw_only=True, tag="http_error"):
    """The server fails, with one of its other answers.

    `executed` says whether the request was carried out all the same, null tosses a coin; those
    answers that say it failed for sure (unavailable, internal, throttled, forbidden) tell the
    truth.  The throttle of the venue strikes new orders that do not reduce a position alone, and
    pages of a gateway (bad_gateway, gateway_timeout, forbidden) come over REST alone.
    """

    error: Failure = "unavailable"
    executed: bool | None = False


class SlowReply(RequestFault, frozen=True, kw_only=True, tag="slow_reply"):
    """The request is carried out at once and its reply comes `delay_ms` later.

    What else its connection is to be told waits behind it, in order.  With `carried_out` "late" the
    request itself takes so long to arrive: the market has moved on when it is matched.
    """

    delay_ms: Positive = 2_000
    carried_out: Literal["at_once", "late"] = "at_once"


class StreamFault(Fault, frozen=True, kw_only=True):
    """Strikes messages of streams whose names match; user events are `user:ORDER_TRADE_UPDATE`."""

    streams: Patterns = ("*",)


class Stall(StreamFault, frozen=True, kw_only=True, tag="stall"):
    """The stream of the struck message falls silent and its connection stays up.

    What it would have said in `duration_ms` is lost; 0 lasts until the faults are cleared.
    """

    count: Positive | None = 1
    duration_ms: Whole = 0


class Cut(StreamFault, frozen=True, kw_only=True, tag="cut"):
    """Half of the message's frame is sent, and the connections that wanted it end."""

    count: Positive | None = 1


class Duplicate(StreamFault, frozen=True, kw_only=True, tag="duplicate"):
    """The message comes again, `copies` times."""

    copies: Positive = 1


class Drop(StreamFault, frozen=True, kw_only=True, tag="drop"):
    """The message and those behind it on its stream are lost, `burst` in all."""

    burst: Positive = 1


class Delay(StreamFault, frozen=True, kw_only=True, tag="delay"):
    """The message comes `delay_ms` later, and its stream keeps its order behind it."""

    delay_ms: Positive = 500


class Reorder(StreamFault, frozen=True, kw_only=True, tag="reorder"):
    """The message comes after the next one of its stream, or after `delay_ms` where none comes."""

    delay_ms: Positive = 1_000


class LostFill(StreamFault, frozen=True, kw_only=True, tag="lost_fill"):
    """A fill is booked, and neither its TRADE_LITE nor its ORDER_TRADE_UPDATE is sent."""

    streams: Patterns = ("user:TRADE_LITE", "user:ORDER_TRADE_UPDATE")


class GarbageFrame(StreamFault, frozen=True, kw_only=True, tag="garbage"):
    """A frame that is no message of the venue comes before the message; `forms` may be chosen."""

    forms: Annotated[tuple[Garbage, ...], msgspec.Meta(min_length=1)] = GARBAGE


class BookGap(StreamFault, frozen=True, kw_only=True, tag="book_gap"):
    """`burst` messages of a diff depth stream are lost, so that `pu` no longer meets `u`."""

    streams: Patterns = ("*@depth", "*@depth@*")
    burst: Positive = 1


class TimedFault(Fault, frozen=True, kw_only=True):
    """Strikes by itself; each second is an occurrence."""

    count: Positive | None = 1


class ListenKeyDeath(TimedFault, frozen=True, kw_only=True, tag="listen_key_death"):
    """Every listen key dies; `silent` without the event that says so."""

    silent: bool = False


class Disconnect(TimedFault, frozen=True, kw_only=True, tag="disconnect"):
    """Open WebSocket connections of one sort end, with or without a close frame.

    `user` are those that follow a listen key, `session` those of the WebSocket API.
    """

    connections: Literal["user", "market", "session", "all"] = "all"
    close_frame: bool = True


class ClockStep(TimedFault, frozen=True, kw_only=True, tag="clock_step"):
    """The clock that judges timestamps, and that requests are told, is off for a while."""

    step_ms: Signed = 10_000
    duration_ms: Positive = 5_000


class PartialFills(Fault, frozen=True, kw_only=True, tag="partial_fills"):
    """What a user's order would trade at once comes in up to `pieces` matches of random sizes."""

    pieces: Annotated[int, msgspec.Meta(ge=2, le=100)] = 4


AnyFault = (
    LostAck | UnknownStatus | TooMany | HttpError | SlowReply | Stall | Cut | Duplicate | Drop
    | Delay | Reorder | LostFill | GarbageFrame | BookGap | ListenKeyDeath | Disconnect
    | ClockStep | PartialFills
)  # fmt: skip


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of faults; `seed` null takes the seed of the run."""

    faults: Annotated[tuple[AnyFault, ...], msgspec.Meta(max_length=FAULTS_MAX)] = ()
    seed: Whole | None = None
    about: str = ""


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """Say whether a name matches one of some patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_scenario(where: str) -> Scenario:
    """Read a TOML or JSON file, or a packaged scenario by its name; `on` is an empty one.

    Raises:
        ConfigError: there is none, or its words are wrong.
    """
    if where == "on":
        return Scenario()
    packaged = SCENARIOS / f"{where}.toml"
    path = packaged if packaged.is_file() else Path(where)
    try:
        data = path.read_bytes()
        words = (
            orjson.loads(data) if path.suffix == ".json" else tomllib.loads(data.decode("utf-8"))
        )
        return msgspec.convert(words, Scenario)
    except OSError as error:
        names = ", ".join(sorted(known.stem for known in SCENARIOS.glob("*.toml")))
        raise ConfigError(
            f"--faults {where}: {error.strerror}; give a file, on, or one of {names}"
        ) from None
    except ValueError as error:
        raise ConfigError(f"--faults {where}: {error}") from None
