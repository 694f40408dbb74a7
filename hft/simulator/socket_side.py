"""A connection after its upgrade: messages in, pings and pongs, and how it ends."""

from __future__ import annotations

from typing import Protocol

from hft.simulator.frames import CLOSE, PING, TEXT, Frame, FrameError, FrameReader, farewell_of
from hft.simulator.lifetimes import GOING_AWAY, TOO_FAST, TOO_MANY_STREAMS, Lifetime, pong_frame
from hft.simulator.sides import WebSocketDoor
from hft.simulator.venue import Venue


class SocketLink(Protocol):
    """The connection below."""

    @property
    def address(self) -> str:
        """Where the client is."""

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message."""

    def write_frame(self, frame: bytes) -> None:
        """Write one frame."""

    def end(self) -> None:
        """Close once what was written has left."""

    def end_later(self) -> None:
        """Close soon, whether the client has heard why or not."""


class SocketSide:
    """One WebSocket."""

    def __init__(self, venue: Venue, link: SocketLink, door: WebSocketDoor) -> None:
        self._venue = venue
        self._link = link
        self._door: WebSocketDoor | None = door
        self._frames = FrameReader()
        self._life = Lifetime(
            venue.sockets_ms(), must_echo=door.must_echo, life_ms=venue.connection_life_ms
        )

    @property
    def door(self) -> WebSocketDoor | None:
        """What it leads to; None once it was told to go."""
        return self._door

    def receive(self, data: bytes) -> None:
        """Take in what a client sent."""
        try:
            for frame in self._frames.read(data):
                if self._door is None:
                    # It was told to go; only its own goodbye still matters.
                    if frame.opcode == CLOSE:
                        self._link.end()
                        return
                elif not self._take(frame, self._door):
                    return
        except FrameError as error:
            if self._door is None:
                self._link.end()
            else:
                self.cut(error.farewell)

    def _take(self, frame: Frame, door: WebSocketDoor) -> bool:
        """Deal with one frame; says whether to go on with the next."""
        if frame.opcode == CLOSE:
            self._link.write_frame(farewell_of(frame.payload))
            self._link.end()
            return False
        if self._keeps_pace(door, text=frame.opcode == TEXT):
            if frame.opcode == TEXT:
                self._link.respond_text(door, frame.text)
            elif frame.opcode == PING:
                self._link.write_frame(pong_frame(frame.payload))
            else:
                self._life.on_pong(frame.payload)
        return True

    def _keeps_pace(self, door: WebSocketDoor, *, text: bool) -> bool:
        """Cut off a client that says too much in a second; pieces of a message do not count."""
        venue = self._venue
        if not venue.limits.enforced:
            return True
        if door.keeps_pace(venue.sockets_ms(), text=text):
            return True
        venue.counts.throttled += 1
        venue.limits.strike_streams(self._link.address, venue.now_ms())
        self.cut(TOO_FAST)
        return False

    def is_overfull(self) -> bool:
        """Cut off a connection that follows too many streams; says whether it did."""
        if self._door is None or not self._venue.limits.enforced or not self._door.overfull():
            return False
        self.cut(TOO_MANY_STREAMS)
        return True

    def look_after(self, now_ms: int) -> None:
        """Ping the client, or end the connection when its time is over."""
        if self._door is None:
            return
        ending = self._life.ending(now_ms)
        if ending:
            self.cut(ending)
            return
        ping = self._life.ping(now_ms)
        if ping:
            self._link.write_frame(ping)

    def go_away(self) -> None:
        """Say that the venue is shutting down."""
        self._link.write_frame(GOING_AWAY)

    def cut(self, farewell: bytes) -> None:
        """Say why, and listen until the client has heard: closing at once might lose the word."""
        self._link.write_frame(farewell)
        self.close()
        self._link.end_later()

    def close(self) -> None:
        """Let go of what the connection held; twice is once."""
        if self._door is not None:
            self._door.close()
            self._door = None
