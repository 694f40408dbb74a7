"""The sockets of the house: dialled by websocket-client, then read and written raw, unblocking.

`Dialler` does in a short-lived thread what blocks (DNS, TCP, proxy, TLS, handshake) and hands over
the connected socket.  `Connection` is an established WebSocket for low rates; the feed reads its
sockets itself through `receive_into`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from typing import NamedTuple

import websocket

from hft.clock import Deadline
from hft.wire.frames import (
    CloseCode,
    FrameReader,
    Opcode,
    ProtocolError,
    client_frame,
    close_payload,
    close_reason,
)

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
DIAL_TIMEOUT_S = 10.0
RECEIVE_BYTES = 1 << 16
RECEIVES_MAX = 16
TLS_RECORD_BYTES = 1 << 14
"""The most that one TLS record carries."""

_NOTHING_THERE = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ConnectionClosed(Exception):
    """The connection is of no more use; the text says who ended it and why.

    `written` is False only where it is certain that not one byte of the frame at hand was handed
    to the kernel: then it may be sent by another way without being sent twice.
    """

    def __init__(self, text: str, *, written: bool = True) -> None:
        super().__init__(text)
        self.written = written


class Refusal(NamedTuple):
    """How a handshake was refused: the HTTP status, 0 for none, and for how long to stay away."""

    status: int = 0
    retry_after_s: float = 0.0


def refusal_of(problem: Exception) -> Refusal:
    """Read what a failed attempt to connect says."""
    if not isinstance(problem, websocket.WebSocketBadStatusException):
        return Refusal()
    headers = {name.lower(): value for name, value in (problem.resp_headers or {}).items()}
    wait = str(headers.get("retry-after", ""))
    return Refusal(problem.status_code, float(wait) if wait.isdecimal() else 0.0)


class Backoff:
    """How long to wait before dialling again: 100 ms doubling to 5 s, anew after a success."""

    def __init__(self, first_s: float = BACKOFF_FIRST_S, most_s: float = BACKOFF_MAX_S) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Say how many seconds to wait now, and double them for the next time."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._most_s)
        return wait_s

    def reset(self) -> None:
        """Begin at the shortest wait again."""
        self._next_s = self._first_s


class Dialler:
    """One attempt to connect, made in a daemon thread of its own.

    `on_done` is called from that thread once `result` has something; it may only ring a bell.
    `ca_file` names the certificate authorities to trust instead of the machine's.  Every step of
    the attempt may take `timeout_s`, all of them together three times that.
    """

    def __init__(
        self,
        url: str,
        on_done: Callable[[], None],
        ca_file: str = "",
        timeout_s: float = DIAL_TIMEOUT_S,
    ) -> None:
        self.url = url
        self._on_done = on_done
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._abandoned = False
        self._result: socket.socket | Exception | None = None
        self._deadline = Deadline(3 * timeout_s)

    def start(self) -> None:
        """Begin to dial."""
        self._deadline = Deadline(3 * self._timeout_s)
        threading.Thread(target=self._dial, name="dialler", daemon=True).start()

    def result(self) -> socket.socket | Exception | None:
        """Look for the outcome: the connected non-blocking socket, the failure, None: not yet."""
        with self._lock:
            if self._result is None and not self._abandoned and self._deadline.passed():
                self._abandoned = True
                self._result = TimeoutError(f"no connection within {3 * self._timeout_s:g} s")
            return self._result

    def abandon(self) -> None:
        """Lose interest: what the attempt still brings is closed.

        A socket that `result` has handed over already is closed as well.
        """
        with self._lock:
            self._abandoned = True
            if isinstance(self._result, socket.socket):
                self._result.close()
            self._result = None

    def _dial(self) -> None:
        outcome: socket.socket | Exception
        try:
            outcome = _connect(self.url, self._ca_file, self._timeout_s)
        except Exception as problem:  # noqa: BLE001  Handed to the caller, who knows what to do.
            outcome = problem
        with self._lock:
            unwanted = self._abandoned
            if not unwanted:
                self._result = outcome
                # Under the lock: whoever has abandoned it may close what this rings.
                self._on_done()
        if unwanted and isinstance(outcome, socket.socket):
            outcome.close()


def _connect(url: str, ca_file: str, timeout_s: float) -> socket.socket:
    client = websocket.WebSocket(sslopt={"ca_certs": ca_file} if ca_file else None)
    client.connect(url, timeout=timeout_s)  # type: ignore[no-untyped-call]
    sock = client.sock
    assert sock is not None
    # From here on the socket is ours alone.  The handshake reads byte by byte, so nothing of the
    # first frames can be left behind in websocket-client; if that changes, better fail than lose.
    held = client.frame_buffer.recv_buffer
    if held:
        sock.close()
        raise ProtocolError(f"websocket-client kept {len(held)} pieces of the stream")
    _tune(sock)
    return sock


def _tune(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_QUICKACK"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def receive_into(sock: socket.socket, view: memoryview) -> int:
    """Read what is there now into `view` and return how many bytes; 0: nothing at the moment.

    With TLS one record is read, then what its decryption left over; another only behind a full
    one, which is seldom the last: asking once more until it refuses costs 9 microseconds.

    Raises:
        ConnectionClosed: the peer closed, or the connection broke.
    """
    try:
        got = sock.recv_into(view)
        if got and isinstance(sock, ssl.SSLSocket):
            got = _receive_more(sock, view, got)
    except _NOTHING_THERE:
        return 0
    except (OSError, ValueError) as problem:
        raise ConnectionClosed(f"the connection broke: {problem}") from problem
    if not got:
        raise ConnectionClosed("the other side closed the connection")
    return got


def _receive_more(sock: ssl.SSLSocket, view: memoryview, last: int) -> int:
    got = last
    try:
        while got < len(view) and (last == TLS_RECORD_BYTES or sock.pending() > 0):
            last = sock.recv_into(view[got:])
            got += last
    except _NOTHING_THERE:
        return got
    return got


def send_at_once(sock: socket.socket, frame: bytes | memoryview) -> None:
    """Hand a whole frame to the kernel, without waiting.

    Raises:
        ConnectionClosed: the connection broke, or the peer has not read for so long that frames
            fill our buffers; half a frame cannot be taken back, so it is over either way.
    """
    try:
        sent = sock.send(frame)
    except _NOTHING_THERE as problem:
        # TLS may have handed a part of its record to the kernel before it asked us to wait.
        part_left = isinstance(sock, ssl.SSLSocket)
        raise ConnectionClosed("the other side does not read", written=part_left) from problem
    except (OSError, ValueError) as problem:
        raise ConnectionClosed(f"the connection broke: {problem}") from problem
    if sent != len(frame):
        raise ConnectionClosed("the other side does not read")


class Connection:
    """An established WebSocket on a non-blocking socket, for requests and events at low rates.

    Call `receive` once before waiting for the descriptor for the first time: with TLS the first
    frames may have come in one record with the handshake's answer, and the kernel holds nothing.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._reader = FrameReader()
        self._view = memoryview(bytearray(RECEIVE_BYTES))
        self._ended = ""
        self.bytes_in = 0

    def fileno(self) -> int:
        """The descriptor to wait on; -1 once closed."""
        return self._sock.fileno()

    def receive(self) -> list[bytes]:
        """Read what is there and return the complete text messages, in order; pings are answered.

        Raises:
            ConnectionClosed: it ended; only after the messages before the end were returned.
        """
        messages: list[bytes] = []
        try:
            for _ in range(RECEIVES_MAX):
                if self._ended:
                    break
                got = receive_into(self._sock, self._view)
                self.bytes_in += got
                self._take(got, messages)
                if got < RECEIVE_BYTES:
                    break
        except (ConnectionClosed, ProtocolError) as problem:
            self._end(problem)
        if self._ended and not messages:
            raise ConnectionClosed(self._ended, written=False)
        return messages

    def send_text(self, payload: bytes) -> None:
        """Write one text message, at once.

        Raises:
            ConnectionClosed: it was not written whole; `written`: whether any of it may have left.
        """
        self.send_frame(client_frame(Opcode.TEXT, payload))

    def plain_descriptor(self) -> int:
        """The descriptor that whole frames may be written to directly; -1 with TLS or once ended.

        Whoever writes there tells `give_up` when a frame did not go whole.
        """
        return -1 if self._ended or isinstance(self._sock, ssl.SSLSocket) else self._sock.fileno()

    def give_up(self, sent_bytes: int) -> None:
        """End it after a frame did not leave whole: so many bytes did, or minus an errno.

        Raises:
            ConnectionClosed: always; `written`: whether any of the frame may have left.
        """
        reason = os.strerror(-sent_bytes) if sent_bytes < 0 else f"only {sent_bytes} bytes left"
        self._ended = self._ended or f"a frame could not be sent: {reason}"
        raise ConnectionClosed(self._ended, written=sent_bytes > 0)

    def send_frame(self, frame: bytes | memoryview) -> None:
        """Write one frame that is complete and masked, at once.

        Raises:
            ConnectionClosed: it was not written whole; `written`: whether any of it may have left.
        """
        if self._ended:
            raise ConnectionClosed(self._ended, written=False)
        try:
            send_at_once(self._sock, frame)
        except ConnectionClosed as problem:
            self._ended = self._ended or str(problem)
            raise

    def close(self) -> None:
        """Say goodbye when that is still possible, and close the socket; twice is harmless."""
        if not self._ended:
            self._ended = "closed by us"
            self._say_goodbye(CloseCode.NORMAL)
        self._sock.close()

    def _take(self, got: int, messages: list[bytes]) -> None:
        for message in self._reader.read(self._view[:got]):
            if message.opcode == Opcode.TEXT:
                messages.append(message.payload)
            elif message.opcode == Opcode.PING:
                send_at_once(self._sock, client_frame(Opcode.PONG, message.payload))
            elif message.opcode == Opcode.CLOSE:
                code, text = close_reason(message.payload)
                self._say_goodbye(CloseCode.NORMAL)
                raise ConnectionClosed(f"the other side said goodbye: {code} {text}".rstrip())

    def _end(self, problem: ConnectionClosed | ProtocolError) -> None:
        self._ended = str(problem)
        if isinstance(problem, ProtocolError):
            self._say_goodbye(problem.code)

    def _say_goodbye(self, code: CloseCode) -> None:
        # Courtesy only: a connection that cannot carry it is closed all the same.
        with contextlib.suppress(ConnectionClosed):
            send_at_once(self._sock, client_frame(Opcode.CLOSE, close_payload(code)))
