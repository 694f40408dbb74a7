"""Sending and receiving from compiled code, over real sockets."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from hft.wire.bare_socket import receive_now, send_now
from ringbuf.compiled import compiled


@compiled
def send(descriptor: int, address: int, size: int) -> int:
    return send_now(descriptor, address, size)


@compiled
def receive(descriptor: int, address: int, size: int) -> int:
    return receive_now(descriptor, address, size)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_is_sent_arrives(pair: tuple[socket.socket, socket.socket]) -> None:
    data = np.arange(200, dtype=np.uint8)
    assert send(pair[0].fileno(), data.ctypes.data + 10, 100) == 100
    assert pair[1].recv(1000) == bytes(range(10, 110))


def test_a_full_buffer_takes_a_part_and_then_says_so_without_waiting(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    data = np.zeros(1 << 24, dtype=np.uint8)
    assert 0 < send(pair[0].fileno(), data.ctypes.data, len(data)) < len(data)
    while (sent := send(pair[0].fileno(), data.ctypes.data, 4096)) > 0:
        pass
    assert sent == -errno.EAGAIN


def test_an_end_that_is_gone_is_an_errno_and_no_signal(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    data = np.zeros(8, dtype=np.uint8)
    pair[1].close()
    assert send(pair[0].fileno(), data.ctypes.data, 8) == -errno.EPIPE
    assert send(9999, data.ctypes.data, 8) == -errno.EBADF


def test_what_comes_is_received_as_far_as_there_is_room(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    data = np.zeros(100, dtype=np.uint8)
    assert receive(pair[0].fileno(), data.ctypes.data, 50) == -errno.EAGAIN
    pair[1].sendall(bytes(range(80)))
    assert receive(pair[0].fileno(), data.ctypes.data + 10, 50) == 50
    assert bytes(data) == bytes(10) + bytes(range(50)) + bytes(40)
    assert receive(pair[0].fileno(), data.ctypes.data, 50) == 30
    pair[1].close()
    assert receive(pair[0].fileno(), data.ctypes.data, 50) == 0
