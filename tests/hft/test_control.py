from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from hft.clock import Deadline, sleep_s
from hft.control import ControlSocket, ControlUnreachable, Reply, ask, user_name


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
