"""The routes: every stream the engine would listen to must show its first frame.

Some hosts accept a subscription on the wrong route and then stay silent, so an open connection
proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import websocket

from hft.binance import endpoints
from hft.binance.order_frames import OrderWriter, decode_reply
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.binance.signing import signer_of
from hft.clock import Deadline
from hft.config import Keys, Network
from hft.doctor.report import Finding, failed, noted, passed
from hft.errors import AuthError
from hft.feed.agent import link_plans
from hft.feed.link import LinkPlan

CONNECT_S = 5.0
_SUFFIX_OF = {"markPriceUpdate": "markPrice@1s"}
"""Streams whose events bear another name than they do."""
_BROKEN = (OSError, websocket.WebSocketException)
_FIX = "check [network] ws_url and ws_api_url, and that no proxy or firewall is between"
_MUTE_FIX = (
    "a stream is mute on the wrong route: ws_url must be the host alone, without /ws behind it; "
    "else the symbol is quiet (try --wait 60)"
)


class _Head(msgspec.Struct):
    e: str = ""
    s: str = ""


_read_head = msgspec.json.Decoder(_Head).decode
_Speak = Callable[[websocket.WebSocket], Finding]


def check_market(network: Network, symbols: Sequence[str], wait_s: float) -> list[Finding]:
    """Listen to both market routes at once, until every stream has spoken or the time is over."""
    plans = link_plans(network, symbols, range(len(symbols)))
    with ThreadPoolExecutor(len(plans)) as pool:
        heard = pool.map(lambda plan: _listen(plan, wait_s), plans)
        return [finding for findings in heard for finding in findings]


def check_session(rest: Rest, keys: Keys | None, network: Network) -> Finding:
    """Ask the WebSocket API for the time, and log on where the key can."""

    def speak(line: websocket.WebSocket) -> Finding:
        signer = signer_of(keys.secret_key) if keys else None
        logs_on = signer is not None and signer.logs_on
        if signer is not None and keys is not None and logs_on:
            line.send(OrderWriter(keys.api_key, signer, []).logon(1, rest.venue_ms()))
        else:
            line.send('{"id":1,"method":"time"}')
        reply = decode_reply(line.recv())
        if reply.status != 200:
            problem = f"the WebSocket API answers {reply.error.code}: {reply.error.msg}"
            return failed("orders", problem, "an Ed25519 key that the venue knows, or an HMAC key")
        done = "answers, and the session is logged on" if logs_on else "answers"
        return passed("orders", f"{network.ws_api_url} {done}")

    return _with_line("orders", network.ws_api_url, network.ca_file, speak)


def check_user_stream(rest: Rest, network: Network, speak: _Speak) -> Finding:
    """Open the account's own stream as the engine does; `speak` says what it must show."""
    try:
        url = endpoints.user_stream_url(network.ws_url, rest.listen_key())
    except (VenueError, VenueUnknown, AuthError) as problem:
        return failed("user stream", f"no listen key: {problem}", _FIX)
    return _with_line("user stream", url, network.ca_file, speak)


def answers_a_ping(line: websocket.WebSocket) -> Finding:
    """Show that the stream is open; it speaks when something happens to the account."""
    line.ping(b"doctor")
    deadline = Deadline(CONNECT_S)
    while not deadline.passed():
        opcode, frame = line.recv_data_frame(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_PONG and frame.data == b"doctor":
            return noted(
                "user stream",
                "open; it speaks when something happens to the account "
                "(--test-order makes something happen)",
            )
        if opcode == websocket.ABNF.OPCODE_TEXT:
            return passed("user stream", "open, and it speaks")
    return failed("user stream", "open, but a ping is not answered", _FIX)


def _listen(plan: LinkPlan, wait_s: float) -> list[Finding]:
    waiting = {stream.name for stream in plan.streams if stream.heard_field}
    may_be_silent = {stream.name for stream in plan.streams} - waiting
    heard: set[str] = set()

    def listen(line: websocket.WebSocket) -> Finding:
        deadline = Deadline(wait_s)
        while waiting - heard and not deadline.passed():
            line.settimeout(max(0.01, deadline.left_s()))
            heard.add(_stream_of(line.recv()))
        return passed(plan.name, f"{len(waiting)} streams have spoken")

    finding = _with_line(plan.name, plan.url, plan.ca_file, listen, silence_ends=True)
    if finding.fix:
        return [finding]
    mute = sorted(waiting - heard)
    findings = [
        failed(plan.name, f"{name} is mute: no frame in {wait_s:g} s", _MUTE_FIX) for name in mute
    ]
    spoke = sorted(waiting & heard)
    if spoke:
        findings.append(passed(plan.name, f"first frames of {', '.join(spoke)}"))
    quiet = sorted(may_be_silent - heard)
    if quiet:
        findings.append(noted(plan.name, f"silent, as they may be: {', '.join(quiet)}"))
    return findings


def _stream_of(message: str | bytes) -> str:
    try:
        head = _read_head(message)
    except msgspec.DecodeError:
        return ""
    return f"{head.s.lower()}@{_SUFFIX_OF.get(head.e, head.e)}"


def _with_line(
    topic: str, url: str, ca_file: str, speak: _Speak, *, silence_ends: bool = False
) -> Finding:
    """Connect, speak, close; the address is named without what follows its path."""
    place = url.partition("?")[0]
    line = websocket.WebSocket(sslopt={"ca_certs": ca_file} if ca_file else None)
    try:
        line.connect(url, timeout=CONNECT_S)  # type: ignore[no-untyped-call]
    except _BROKEN as problem:
        return failed(topic, f"{place} does not let us in: {_short(problem)}", _FIX)
    try:
        return speak(line)
    except (websocket.WebSocketTimeoutException, TimeoutError):
        if silence_ends:
            return passed(topic, "listened")
        return failed(topic, f"{place} is open and says nothing", _FIX)
    except (*_BROKEN, msgspec.DecodeError) as problem:
        return failed(topic, f"{place} broke off: {_short(problem)}", _FIX)
    finally:
        line.close()


def _short(problem: Exception) -> str:
    return f"{type(problem).__name__}: {str(problem).partition(' -+-+- ')[0]}"[:160]
