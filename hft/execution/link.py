"""A WebSocket that is dialled again whenever it ends, with back-off."""

from __future__ import annotations

import socket

from hft.agent.contract import Context
from hft.units import NS_PER_S
from hft.wire.connection import (
    Backoff,
    Connection,
    ConnectionClosed,
    Dialler,
    Refusal,
    refusal_of,
)

DIAL_TIMEOUT_S = 5.0
KEEPALIVE_IDLE_S = 15
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_PROBES = 3


class Link:
    """One connection: down until a time, being dialled, or up."""

    def __init__(self, ctx: Context, name: str, ca_file: str) -> None:
        self._ctx = ctx
        self._name = name
        self._ca_file = ca_file
        self._backoff = Backoff()
        self._dialler: Dialler | None = None
        self.connection: Connection | None = None
        self._descriptor = -1
        self.retry_ns = 0
        self.problem = ""
        self.refusal = Refusal()
        """How the last attempt was refused."""

    @property
    def up(self) -> bool:
        """Say whether it is connected."""
        return self.connection is not None

    @property
    def dialling(self) -> bool:
        """Say whether an attempt is under way."""
        return self._dialler is not None

    def may_dial(self, now_ns: int) -> bool:
        """Say whether it is down and the time to wait is over."""
        return not self.up and not self.dialling and now_ns >= self.retry_ns

    def dial(self, url: str) -> None:
        """Begin to connect."""
        self._dialler = Dialler(url, self._ctx.wake_self, self._ca_file, DIAL_TIMEOUT_S)
        self._dialler.start()

    def poll(self, now_ns: int) -> bool:
        """Look after an attempt under way; True once, when it has come up."""
        if self._dialler is None:
            return False
        result = self._dialler.result()
        if result is None:
            return False
        self._dialler = None
        if isinstance(result, Exception):
            self.refusal = refusal_of(result)
            self.drop(now_ns, f"{type(result).__name__}: {result}")
            # The door says when it may be knocked at again.
            self.retry_ns += int(self.refusal.retry_after_s * NS_PER_S)
            return False
        _keep_alive(result)
        self.connection = Connection(result)
        self._descriptor = self.connection.fileno()
        self._ctx.parking.register(self._descriptor)
        self._backoff.reset()
        self._ctx.log.info(f"{self._name} is up")
        return True

    def receive(self, now_ns: int) -> list[bytes]:
        """Read what is there; a connection that ended is dropped, and shows in `up`."""
        if self.connection is None:
            return []
        try:
            return self.connection.receive()
        except ConnectionClosed as problem:
            self.drop(now_ns, str(problem))
            return []

    def drop(self, now_ns: int, why: str) -> None:
        """Close it and wait before the next attempt."""
        self.problem = why
        self.retry_ns = now_ns + int(self._backoff.next_s() * NS_PER_S)
        self._ctx.log.warning(f"{self._name} is down: {why}")
        self.close()

    def close(self) -> None:
        """Close it for good; harmless when it is not up."""
        if self._dialler is not None:
            self._dialler.abandon()
            self._dialler = None
        if self.connection is not None:
            self._ctx.parking.forget(self._descriptor)
            self.connection.close()
            self.connection = None


def _keep_alive(sock: socket.socket) -> None:
    """Let the kernel notice a peer that vanished without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
