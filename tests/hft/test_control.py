from __future__ import annotations

import os
import resource
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hft.clock import Deadline, sleep_s
from hft.control import CONNECTIONS_MAX, ControlSocket, ControlUnreachable, Reply, ask, user_name


@pytest.fixture
def door(tmp_path: Path) -> Any:
    path = tmp_path / "control.sock"
    asked: list[dict[str, Any]] = []

    def handle(request: dict[str, Any], reply: Reply) -> None:
        asked.append(request)
        reply({"ok": True, "heard": request["command"]})

    control = ControlSocket(path, handle)
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            control.poll()
            sleep_s(0.001)

    server = threading.Thread(target=serve)
    server.start()
    yield path, asked
    ending.set()
    server.join()
    control.close()


def test_a_request_is_answered_and_the_socket_is_private(door: Any) -> None:
    path, asked = door
    assert path.stat().st_mode & 0o777 == 0o600
    assert ask(path, {"command": "start"}) == {"ok": True, "heard": "start"}
    assert asked == [{"command": "start", "user": user_name(os.getuid())}]


@pytest.mark.parametrize("line", [b"{]\n", b"[]\n", b'{"x": 1}\n', b'{"command": 5}\n', b"\xff\n"])
def test_what_is_no_request_is_refused_and_the_door_stays_open(door: Any, line: bytes) -> None:
    path, asked = door
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(path))
        raw.sendall(line)
        assert b'"BAD_REQUEST"' in raw.recv(4096)
    assert asked == []
    assert ask(path, {"command": "stop"})["ok"] is True


def test_an_endless_request_is_cut_off(door: Any) -> None:
    path, _ = door
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(path))
        assert _cut_off(raw)
    assert ask(path, {"command": "stop"})["ok"] is True


def test_however_many_connections_stay_open_a_new_one_is_answered_at_once(tmp_path: Path) -> None:
    """Each costs a descriptor, and a supervisor that runs out of them would end the house."""
    path, answers = tmp_path / "control.sock", []
    control = ControlSocket(path, lambda request, reply: answers.append((request, reply)))
    with ExitStack() as stack:
        stack.callback(control.close)
        waiting = _connect(stack, path)
        waiting.sendall(b'{"command": "set_strategy"}\n')
        control.poll()
        idle = []
        for _ in range(4 * CONNECTIONS_MAX):
            idle.append(_connect(stack, path))
            control.poll()
        assert len(control.descriptors()) <= CONNECTIONS_MAX + 1
        assert idle[0].recv(1) == b""
        idle[-1].sendall(b'{"command": "stop"}\n')
        control.poll()
        assert [request["command"] for request, _ in answers] == ["set_strategy", "stop"]
        for (_, reply), line in zip(answers, (waiting, idle[-1]), strict=True):
            reply({"ok": True})
            assert line.recv(100) == b'{"ok":true}\n'


def test_who_has_asked_is_answered_however_many_come_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    control = ControlSocket(path, lambda _request, reply: reply({"ok": True}))
    with ExitStack() as stack:
        stack.callback(control.close)
        stop = _connect(stack, path)
        control.poll()
        stop.sendall(b'{"command": "stop"}\n')
        for _ in range(2 * CONNECTIONS_MAX):
            _connect(stack, path)
            control._accept()
        assert stop.recv(100) == b'{"ok":true}\n'


def test_without_a_descriptor_left_nobody_is_let_in_and_nothing_ends(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    control = ControlSocket(path, lambda _request, reply: reply({"ok": True}))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(control.close)
        line = _connect(stack, path)
        line.sendall(b'{"command": "stop"}\n')
        resource.setrlimit(resource.RLIMIT_NOFILE, (line.fileno() + 1, hard))
        try:
            control.poll()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        control.poll()
        assert line.recv(100) == b'{"ok":true}\n'


def _connect(stack: ExitStack, path: Path) -> socket.socket:
    line = stack.enter_context(socket.socket(socket.AF_UNIX))
    line.settimeout(5)
    line.connect(str(path))
    return line


def _cut_off(raw: socket.socket) -> bool:
    deadline = Deadline(5)
    while not deadline.passed():
        try:
            raw.sendall(b"x" * 4096)
        except OSError:
            return True
    return False


def test_without_an_engine_the_client_says_so(tmp_path: Path) -> None:
    with pytest.raises(ControlUnreachable, match="no engine answers"):
        ask(tmp_path / "control.sock", {"command": "start"})
