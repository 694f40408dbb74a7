"""What a hostile page, a rebound name or a curious user may try, and what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import stat
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import requests
from starlette.types import Message, Receive, Scope, Send

from dashboard.access import Access, token_at
from dashboard.auth import BODY_BYTES_MAX, Guard
from dashboard.connection import Connection
from hft.clock import Deadline
from hft.errors import BootError
from hft.state.blocks import Mode
from hft.topology import House
from tests.dashboard.furniture import Served, furnish, say, wait_for

TOKEN = "a-token-only-the-owner-knows"
STOP = {"command": "STOP"}
FOREIGN_HOSTS = (
    "evil.example",
    "evil.example:3000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.7",
    "[2001:db8::1]:3000",
    "",
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "null",
    "http://127.0.0.1:1",
    "https://localhost.evil.example",
)


@pytest.fixture
def guarded(empty_house: House, serve: Callable[..., Served]) -> Served:
    """The dashboard of a live engine, which wants its token."""
    furnish(empty_house, Mode.LIVE)
    return serve(empty_house, token=TOKEN)


def post(served: Served, headers: dict[str, str], path: str = "/api/control") -> requests.Response:
    return requests.post(served.url + path, json=STOP, headers=headers, timeout=5)


def test_a_rebound_name_gets_nothing(served: Served) -> None:
    for host, path in product(FOREIGN_HOSTS, ("/", "/api/status", "/api/sse", "/static/icon.svg")):
        reply = requests.get(served.url + path, headers={"Host": host}, timeout=5)
        assert reply.status_code == 403, (host, path)
        assert "MOMENTUM" not in reply.text


def test_the_names_of_this_machine_are_answered(served: Served) -> None:
    for host in ("localhost:3000", "127.0.0.1", "[::1]:8080", "LOCALHOST"):
        assert requests.get(served.url + "/", headers={"Host": host}, timeout=5).ok, host


def test_two_hosts_are_one_too_many(served: Served) -> None:
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    line.putrequest("GET", "/api/status", skip_host=True)
    line.putheader("Host", "localhost")
    line.putheader("Host", "evil.example")
    line.endheaders()
    assert line.getresponse().status in (400, 403)
    line.close()


def test_another_site_cannot_give_orders(served: Served) -> None:
    for origin in FOREIGN_ORIGINS:
        assert post(served, {"Origin": origin}).status_code == 403, origin
    assert served.supervisor.asked == []
    assert post(served, {"Origin": served.url}).status_code == 200


def test_another_site_cannot_hold_a_stream_open(served: Served) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"Sec-Fetch-Site": site}
        reply = requests.get(served.url + "/api/sse", headers=headers, timeout=5)
        assert reply.status_code == 403


def test_a_form_of_another_site_is_no_order(served: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        headers = {"Content-Type": kind}
        url = served.url + "/api/control"
        reply = requests.post(url, data='{"command": "STOP"}', headers=headers, timeout=5)
        assert reply.status_code == 415
    assert served.supervisor.asked == []


def test_outside_the_demo_an_order_needs_the_token(guarded: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"},
                    {"Authorization": TOKEN}, {"Authorization": "Bearer é"}):  # fmt: skip
        sent = {name: text.encode("latin-1") for name, text in headers.items()}
        reply = post(guarded, sent)  # type: ignore[arg-type]
        assert reply.status_code == 401, headers
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in reply.text
    assert requests.delete(guarded.url + "/api/history", timeout=5).status_code == 401
    assert guarded.supervisor.asked == []
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert post(guarded, right).status_code == 200
    assert requests.delete(guarded.url + "/api/history", headers=right, timeout=5).ok


def test_looking_needs_no_token_and_never_tells_it(guarded: Served) -> None:
    for path in ("/", "/api/status", "/api/system", "/api/openapi.json", "/api/logs"):
        reply = requests.get(guarded.url + path, timeout=5)
        assert reply.status_code == 200
        assert TOKEN not in reply.text


def test_a_body_too_large_is_refused_whole_or_in_pieces(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    url = served.url + "/api/control"
    whole = requests.post(url, data=b" " * (BODY_BYTES_MAX + 1), headers=headers, timeout=5)
    assert whole.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1000 + 1):
            yield b" " * 1000

    assert requests.post(url, data=pieces(), headers=headers, timeout=5).status_code == 413
    assert served.supervisor.asked == []


def test_a_body_that_never_comes_does_not_hold_the_server(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
        line.sendall(
            b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n"
        )
        assert requests.get(served.url + "/healthz", timeout=5).ok


def test_every_answer_forbids_what_a_page_does_not_need(served: Served) -> None:
    replies = [
        requests.get(served.url + path, timeout=5)
        for path in ("/", "/api/status", "/static/js/main.js", "/nothing", "/static/../app.py")
    ]
    replies.append(post(served, {"Origin": "http://evil.example"}))
    for reply in replies:
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "camera=()" in reply.headers["Permissions-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in reply.headers
    assert replies[3].status_code == 404
    assert replies[4].status_code == 404


def test_what_breaks_is_told_to_the_log_alone(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_anything: object) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr(served.view, "system", broken)
    reply = requests.get(served.url + "/api/system", timeout=5)
    assert (reply.status_code, reply.json()["code"]) == (500, "BROKEN")
    assert "secret" not in reply.text + str(reply.headers)
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    wait_for(lambda: "a secret of the machine" in caplog.text, "the log")


def test_what_the_house_tells_is_kept_in_no_cache(served: Served) -> None:
    for path in ("/api/status", "/metrics", "/readyz", "/docs", "/nothing"):
        assert requests.get(served.url + path, timeout=5).headers["Cache-Control"] == "no-store"


def test_only_the_static_folder_is_served(served: Served) -> None:
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "js/../../app.py"):
        line.request("GET", f"/static/{path}", headers={"Host": "localhost"})
        reply = line.getresponse()
        assert reply.status == 404, path
        reply.read()
    line.close()


def test_the_page_holds_no_inline_script_and_no_foreign_address(served: Served) -> None:
    page = requests.get(served.url + "/", timeout=5).text
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page
    scripts = page.count("<script src=") + page.count('<script type="module" src=')
    assert page.count("<script") == scripts
    assert 'src="http' not in page


def test_the_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.token"
    token = token_at(path)
    assert len(token) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert token_at(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("")
    assert token_at(path) not in ("", token)


@pytest.mark.parametrize("content", [b"caf\xc3\xa9-token\n", b"\xff\xfe\0", b"two words", b"a\0b"])
def test_a_token_that_nobody_could_show_is_refused_in_a_sentence(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "dashboard.token"
    path.write_bytes(content)
    with pytest.raises(BootError, match="holds no token"):
        token_at(path)


def test_a_page_bound_to_every_address_answers_to_numbers_not_to_names() -> None:
    everywhere = Access("0.0.0.0", TOKEN)
    assert everywhere.knows_host("192.168.1.5:3000")
    assert everywhere.knows_host("localhost")
    assert not everywhere.knows_host("evil.example:3000")
    assert Access("192.168.1.5", TOKEN).knows_host("192.168.1.5:3000")
    assert not Access("127.0.0.1").knows_host("192.168.1.5:3000")


def test_headers_that_never_end_are_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "headers_wait_s", 0.3)
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
        line.sendall(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100) == b""
    assert requests.get(served.url + "/healthz", timeout=5).ok


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nX-Long: ",
        b"GET /",
        # A trailer behind a body that nobody reads: the answer has long been given.
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    ],
    ids=["header", "address", "trailer"],
)
def test_a_head_or_a_trailer_without_an_end_is_cut_off_before_it_fills_the_memory(
    served: Served, begun: bytes
) -> None:
    deadline = Deadline(5)
    line = socket.create_connection(("127.0.0.1", served.port), timeout=5)
    with line, contextlib.suppress(ConnectionError):
        line.sendall(begun)
        while True:
            line.sendall(b"x" * 65536)
            assert not deadline.passed(), "it is still being listened to"
    assert requests.get(served.url + "/healthz", timeout=5).ok


def test_the_rest_of_a_body_nobody_waits_for_comes_soon_or_not_at_all(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "headers_wait_s", 0.3)
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 200 ")
        line.sendall(b"x")
        with contextlib.suppress(ConnectionResetError):
            assert line.recv(100) == b""


def test_a_second_request_does_not_spare_a_reader_who_takes_nothing(
    house: House, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "stuck_s", 0.3)
    monkeypatch.setattr("dashboard.process.SEND_BUFFER_BYTES", 4096)
    served = serve(house)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(5)
        line.connect(("127.0.0.1", served.port))
        path = b"/static/vendor/swagger-ui/swagger-ui-bundle.js"
        large = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path
        line.sendall(large)
        wait_for(lambda: any(each.flow.write_paused for each in served.connections), "a pause")
        line.sendall(large)
        wait_for(lambda: not served.connections, "the cut")


def test_a_request_whose_sender_left_in_the_middle_orders_nothing() -> None:
    handled: list[Scope] = []

    async def order(scope: Scope, _receive: Receive, _send: Send) -> None:
        handled.append(scope)

    async def ask(*messages: Message) -> None:
        left = list(messages)

        async def receive() -> Message:
            return left.pop(0)

        async def send(message: Message) -> None:
            raise AssertionError(f"nobody is there to be told {message}")

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/api/control", "headers": headers}
        await Guard(order, Access())(scope, receive, send)

    half = {"type": "http.request", "body": b'{"command": "STOP"} ', "more_body": True}
    asyncio.run(ask(half, {"type": "http.disconnect"}))
    assert handled == []
    asyncio.run(ask(half, {"type": "http.request", "body": b" ", "more_body": False}))
    assert len(handled) == 1


def test_json_that_is_deep_or_long_is_refused_in_a_sentence(served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    deep, long = "[" * 16_000, '{"max_loss": 1' + "0" * 16_000 + "}"
    half = '{"command": "\\ud800"}'
    for path, body in product(("/api/config", "/api/control", "/api/params"), (deep, long, half)):
        reply = requests.post(served.url + path, data=body, headers=headers, timeout=5)
        assert reply.status_code in (400, 422), (path, body[:20])
        assert reply.json()["ok"] is False
    assert served.supervisor.asked == []


def test_a_body_that_trickles_is_refused_in_time(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.auth.BODY_WAIT_S", 0.3)
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
        line.sendall(
            b"POST /api/control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 20\r\n\r\n{"comm'
        )
        assert line.recv(100).startswith(b"HTTP/1.1 408 ")
    assert served.supervisor.asked == []


def test_more_connections_than_any_page_needs_are_closed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.connection.CONNECTIONS_MAX", 8)
    with contextlib.ExitStack() as lines:
        for _ in range(8):
            lines.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=5))
        ninth = lines.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=5))
        with contextlib.suppress(ConnectionResetError):
            assert ninth.recv(100) == b""
    # Those that have left make room.
    wait_for(lambda: _answers(served), "an answer")


def _answers(served: Served) -> bool:
    try:
        return requests.get(served.url + "/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_a_length_and_pieces_at_once_smuggle_nothing(served: Served) -> None:
    inner = b"POST /api/control HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for lengths in (
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(inner),
        b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(inner),
    ):
        with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
            line.sendall(
                b"POST /api/control HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\n" + lengths + b"\r\n" + inner
            )
            assert line.recv(100).split()[1] in (b"400", b"413", b"422")
    assert served.supervisor.asked == []


def test_text_from_outside_is_never_told_as_html(house: House, served: Served) -> None:
    house.run[0]["symbols"][0] = b"<img src=x>"
    say(house, "<script>alert(1)</script>")
    for path in ("/api/status", "/api/logs", "/metrics"):
        reply = requests.get(served.url + path, timeout=5)
        assert reply.headers["Content-Type"].split(";")[0] in ("application/json", "text/plain")
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert b"<script>alert(1)</script>" in served.pulse.whole()
