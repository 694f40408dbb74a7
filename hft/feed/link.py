"""One connection to the venue's streams and its life: dial, listen, notice silence, dial again."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from hft.agent.contract import Context
from hft.clock import monotonic_ns
from hft.feed.inbox import NOTHING, Inbox, Taken
from hft.feed.rows import Tables
from hft.state.blocks import FEED_LINK
from hft.units import NS_PER_S
from hft.wire.connection import (
    Backoff,
    ConnectionClosed,
    Dialler,
    receive_into,
    send_at_once,
)
from hft.wire.frames import (
    CloseCode,
    Opcode,
    ProtocolError,
    client_frame,
    close_payload,
    close_reason,
)

SILENCE_MAX_NS = 10 * NS_PER_S
"""A link that has spoken and then brings no message for so long is dead: the venue never rests."""
FIRST_FRAME_NS = 15 * NS_PER_S
"""How long a stream may take to its first frame; doubled after each time one stayed mute."""
FIRST_FRAME_MAX_NS = 300 * NS_PER_S
_CHECK_EVERY_NS = NS_PER_S // 4
_COMPLAINTS_MAX = 3
"""Unreadable messages that are logged per connection; all of them are counted."""

_FIELDS = FEED_LINK.names or ()
_BYTES_IN, _LAST_RECV = _FIELDS.index("bytes_in"), _FIELDS.index("last_recv_ns")


class Stream(msgspec.Struct, frozen=True):
    """One subscription: its name at the venue and where its newest receipt can be seen."""

    name: str
    symbol: int
    heard_field: str
    """The row's field with the time of the newest value; empty for a stream that may be silent."""


class LinkPlan(msgspec.Struct, frozen=True):
    """What one link subscribes to."""

    name: str
    url: str
    ca_file: str
    streams: Sequence[Stream]
    gap_field: str
    """The row's field that makes the next event of this link's kind carry GAP."""


class Link:
    """Keeps one connection, and reads what it brings into the market ring.

    `counters` is the link's record in the state segment, `receipt` its part of what compiled code
    receives on waking.
    """

    def __init__(
        self,
        context: Context,
        plan: LinkPlan,
        tables: Tables,
        counters: npt.NDArray[np.void],
        receipt: npt.NDArray[np.void],
    ) -> None:
        self._context = context
        self._plan = plan
        self._tables = tables
        self._counters = counters
        # The same words as plain integers: a field of a numpy record costs ten times as much.
        self._words = counters.view(np.int64).data
        self._inbox = Inbox(tables, counters, self._complain, receipt)
        self._backoff = Backoff()
        self._dialler: Dialler | None = None
        self._sock: socket.socket | None = None
        self._descriptor = -1
        self._more = self._plain = False
        self._dial_at_ns = 0
        self._heard_ns = 0
        self._check_at_ns = 0
        self._unheard: list[Stream] = []
        self._connected_ns = 0
        self._first_frame_ns = FIRST_FRAME_NS
        self._complaints = 0
        counters[0]["connected"] = 0

    def work(self, now_ns: int, ready: list[int]) -> Taken | None:
        """Do what can be done now; what was taken from the socket, None when it had nothing.

        `ready` are the descriptors that can be read.
        """
        if self._sock is None:
            self._try_to_connect(now_ns)
            return None
        taken = None
        try:
            if self._inbox.received() != NOTHING:
                taken = self._finish()
                self._answer(taken)
            elif self._more or self._descriptor in ready:
                room = self._inbox.room()
                got = receive_into(self._sock, room)
                # Where the room was too small, TLS may hold more that the kernel knows nothing of.
                self._more = got == len(room)
                if got:
                    taken = self._take(got, now_ns)
                    self._answer(taken)
            if now_ns >= self._check_at_ns:
                self._check(now_ns)
            if self._plain:
                self._inbox.arm(self._descriptor)
        except ConnectionClosed as problem:
            self._hang_up(CloseCode.NORMAL)
            self._dial_again(str(problem), now_ns)
        except ProtocolError as problem:
            self._hang_up(problem.code)
            self._dial_again(str(problem), now_ns)
        return taken

    def close(self) -> None:
        """Say goodbye and stop; harmless in every state."""
        if self._dialler is not None:
            self._dialler.abandon()
            self._dialler = None
        self._hang_up(CloseCode.NORMAL)

    def _try_to_connect(self, now_ns: int) -> None:
        if self._dialler is None:
            if now_ns >= self._dial_at_ns:
                plan = self._plan
                self._dialler = Dialler(plan.url, self._context.wake_self, plan.ca_file)
                self._dialler.start()
            return
        outcome = self._dialler.result()
        if outcome is None:
            return
        self._dialler = None
        if isinstance(outcome, Exception):
            # A refused handshake's text goes on with the whole answer behind this mark.
            reason = str(outcome).partition(" -+-+-")[0]
            self._dial_again(f"cannot connect: {reason}", now_ns)
        else:
            self._begin(outcome, now_ns)

    def _begin(self, sock: socket.socket, now_ns: int) -> None:
        # The first frames may have come in one TLS record with the handshake's answer.
        self._sock, self._descriptor, self._more = sock, sock.fileno(), True
        self._plain = not isinstance(sock, ssl.SSLSocket)
        self._inbox.clear()
        self._complaints = 0
        self._connected_ns = self._heard_ns = now_ns
        self._unheard = [stream for stream in self._plan.streams if stream.heard_field]
        self._check_at_ns = now_ns + _CHECK_EVERY_NS
        # What was missed while away is unknown, and so is how the venue numbers from here on.
        self._tables.rows[self._plan.gap_field] = 1
        if self._plan.gap_field == "trade_gap":
            self._tables.rows["last_trade_id"] = 0
        counters = self._counters[0]
        counters["connected"] = 1
        counters["connects"] += 1
        self._context.parking.register(self._descriptor)
        self._context.log.info(f"{self._plan.name} stream connected")

    def _finish(self) -> Taken:
        """Read on behind what was received and decoded on waking."""
        got = self._inbox.received()
        if got <= 0:
            why = os.strerror(-got) if got else "the other side closed the connection"
            raise ConnectionClosed(why if not got else f"the connection broke: {why}")
        taken, recv_ns = self._inbox.finish()
        self._note(taken, got, recv_ns)
        return taken

    def _take(self, got: int, now_ns: int) -> Taken:
        taken = self._inbox.take(got, now_ns, monotonic_ns() - now_ns)
        self._note(taken, got, now_ns)
        return taken

    def _note(self, taken: Taken, got: int, now_ns: int) -> None:
        if taken.frames:
            if not self._has_spoken():
                # Only now: a venue that takes us in and throws us out is not dialled at once.
                self._backoff.reset()
            self._heard_ns = now_ns
        self._words[_BYTES_IN] += got
        self._words[_LAST_RECV] = now_ns

    def _answer(self, taken: Taken) -> None:
        assert self._sock is not None
        for message in taken.control:
            if message.opcode == Opcode.PING:
                send_at_once(self._sock, client_frame(Opcode.PONG, message.payload))
            elif message.opcode == Opcode.CLOSE:
                code, text = close_reason(message.payload)
                raise ConnectionClosed(f"the venue said goodbye: {code} {text}".rstrip())
        if taken.broken is not None:
            raise taken.broken

    def _check(self, now_ns: int) -> None:
        self._check_at_ns = now_ns + _CHECK_EVERY_NS
        silent_ns = now_ns - self._heard_ns
        if self._has_spoken() and silent_ns > SILENCE_MAX_NS:
            raise ConnectionClosed(f"nothing came for {silent_ns / NS_PER_S:.0f} s")
        if self._unheard:
            self._check_first_frames(now_ns)

    def _has_spoken(self) -> bool:
        return self._heard_ns > self._connected_ns

    def _check_first_frames(self, now_ns: int) -> None:
        rows, since_ns = self._tables.rows, self._connected_ns
        self._unheard = [s for s in self._unheard if rows[s.symbol][s.heard_field] < since_ns]
        if not self._unheard:
            self._first_frame_ns = FIRST_FRAME_NS
            return
        # One quiet symbol must not cost the others a gap every few seconds, a dead link must.
        wait_ns = self._first_frame_ns if self._has_spoken() else FIRST_FRAME_NS
        if now_ns - since_ns > wait_ns:
            self._give_up_on_mute_streams(wait_ns)

    def _give_up_on_mute_streams(self, waited_ns: int) -> None:
        for stream in self._unheard:
            seconds = waited_ns // NS_PER_S
            self._context.log.error(f"stream {stream.name} is mute: no frame in {seconds} s")
        self._counters[0]["mute_streams"] += len(self._unheard)
        self._first_frame_ns = min(2 * waited_ns, FIRST_FRAME_MAX_NS)
        raise ConnectionClosed("streams stayed mute")

    def _complain(self, text: str) -> None:
        self._complaints += 1
        if self._complaints <= _COMPLAINTS_MAX:
            self._context.log.warning(f"{self._plan.name} stream: {text}")

    def _dial_again(self, reason: str, now_ns: int) -> None:
        wait_s = self._backoff.next_s()
        self._dial_at_ns = now_ns + int(wait_s * NS_PER_S)
        self._context.log.warning(
            f"{self._plan.name} stream: {reason}; dialling again in {wait_s:g} s"
        )

    def _hang_up(self, code: CloseCode) -> None:
        if self._sock is None:
            return
        sock, self._sock = self._sock, None
        self._inbox.clear()
        self._counters[0]["connected"] = 0
        self._context.parking.forget(self._descriptor)
        # Courtesy only: a connection that cannot carry it is closed all the same.
        with contextlib.suppress(ConnectionClosed):
            send_at_once(sock, client_frame(Opcode.CLOSE, close_payload(code)))
        sock.close()
