"""Clients that only listen: every message is taken out of its frame, and none may be missing."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Sequence

from benches.exchange_load import PATIENCE_S, RECEIVE_BYTES, split_frames
from benches.report import WrongAnswer, expect
from hft.clock import Deadline, monotonic_ns


class Ear:
    """One stream client: reads every message whole and wants its number to be the next."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.count = 0
        self.first_ns = self.last_ns = 0
        self._held = bytearray()
        self._next = 0

    def take(self) -> None:
        """Take in messages.

        Raises:
            WrongAnswer: one is missing or came out of turn.
        """
        data = self.link.recv(RECEIVE_BYTES)
        if not data:
            raise WrongAnswer("the exchange closed a stream")
        self._held += data
        for payload in split_frames(self._held):
            at = payload.index(b'"t":') + 4
            number = int(payload[at : payload.index(b",", at)])
            if self.count:
                expect("number of a trade", number, self._next)
            self._next = number + 1
            self.count += 1
        self.last_ns = monotonic_ns()
        self.first_ns = self.first_ns or self.last_ns


def listen(links: Sequence[socket.socket], each: int) -> float:
    """Receive `each` messages on every link; gives messages per second over all of them."""
    ears = [Ear(link) for link in links]
    with selectors.DefaultSelector() as watched:
        for ear in ears:
            watched.register(ear.link, selectors.EVENT_READ, ear)
        deadline = Deadline(PATIENCE_S)
        while watched.get_map():
            for key, _ in watched.select(1):
                key.data.take()
                if key.data.count >= each:
                    watched.unregister(key.fileobj)
            if deadline.passed():
                raise WrongAnswer(f"{[ear.count for ear in ears]} messages instead of {each} each")
    took_ns = max(ear.last_ns for ear in ears) - min(ear.first_ns for ear in ears)
    return sum(ear.count for ear in ears) * 1e9 / took_ns
