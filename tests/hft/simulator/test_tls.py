from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket
from cryptography import x509

from hft.binance.rest import Rest
from hft.config import Keys
from hft.simulator.__main__ import main
from hft.simulator.tls import default_folder
from hft.wire.connection import Dialler

from .wire import API_KEY, API_SECRET, WAIT_S, Simulator, running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "tls"


@pytest.fixture(scope="module")
def simulator(folder: Path) -> Iterator[Simulator]:
    names = "demo-fapi.localhost,10.1.2.3"
    with running("--tls", "--tls-dir", str(folder), "--tls-names", names) as started:
        # Or a bundle that the machine's environment names would count for more.
        started.session.trust_env = False
        started.session.verify = started.line["ca_file"]
        yield started


def test_the_first_line_tells_what_to_trust(simulator: Simulator, folder: Path) -> None:
    assert simulator.url == f"https://127.0.0.1:{simulator.line['port']}"
    assert simulator.line["ca_file"] == str(folder / "ca.pem")
    for name, mode in (("ca.pem", 0o644), ("ca-key.pem", 0o600)):
        assert stat.S_IMODE((folder / name).stat().st_mode) == mode
    assert sorted(os.listdir(folder)) == ["ca-key.pem", "ca.pem"]


def test_requests_trusts_the_file_and_nobody_does_without(simulator: Simulator) -> None:
    assert simulator.get("/fapi/v1/ping") == {}
    assert simulator.ok("GET", "/fapi/v3/balance")[0]["asset"] == "USDT"
    by_name = f"https://localhost:{simulator.line['port']}/fapi/v1/ping"
    assert simulator.session.get(by_name, timeout=WAIT_S).json() == {}
    with requests.Session() as stranger, pytest.raises(requests.exceptions.SSLError):
        stranger.get(simulator.url + "/fapi/v1/ping", timeout=WAIT_S)


def test_the_environment_may_name_the_file_too(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", simulator.line["ca_file"])
    with requests.Session() as stranger:
        assert stranger.get(simulator.url + "/fapi/v1/ping", timeout=WAIT_S).json() == {}


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "demo-fapi.localhost", "10.1.2.3"])
def test_the_certificate_holds_for_every_name_asked_for(simulator: Simulator, name: str) -> None:
    context = ssl.create_default_context(cafile=simulator.line["ca_file"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", simulator.line["port"]), WAIT_S) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        link.sendall(b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        data = b""
        while chunk := link.recv(65_536):
            data += chunk
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")


def test_another_name_is_not_believed(simulator: Simulator) -> None:
    context = ssl.create_default_context(cafile=simulator.line["ca_file"])
    with (
        socket.create_connection(("127.0.0.1", simulator.line["port"]), WAIT_S) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="fapi.binance.com")


def test_plain_http_gets_nowhere(simulator: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.line["port"]), WAIT_S) as raw:
        raw.sendall(b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not raw.recv(4_096).startswith(b"HTTP/1.1 200")


def test_streams_and_sessions_run_over_wss(simulator: Simulator) -> None:
    trusting = {"ca_certs": simulator.line["ca_file"]}
    url = simulator.url.replace("https", "wss")
    for path, asked in (
        ("/public/ws", {"method": "LIST_SUBSCRIPTIONS", "id": 1}),
        ("/ws-fapi/v1", {"method": "ping", "id": 1}),
    ):
        link = websocket.create_connection(url + path, timeout=WAIT_S, sslopt=trusting)
        link.send(json.dumps(asked))
        assert json.loads(link.recv())["id"] == 1
        link.close()


def test_our_own_client_trusts_it_by_its_ca_file(simulator: Simulator) -> None:
    ca_file = simulator.line["ca_file"]
    rest = Rest(simulator.url, Keys(API_KEY, API_SECRET), ca_file=ca_file)
    try:
        assert rest.get("/fapi/v1/time", {})["serverTime"] > 0
    finally:
        rest.close()
    dialled = threading.Event()
    url = simulator.url.replace("https", "wss") + "/public/ws"
    for trusted, kind in ((ca_file, ssl.SSLSocket), ("", ssl.SSLCertVerificationError)):
        dialled.clear()
        dialler = Dialler(url, dialled.set, trusted)
        dialler.start()
        assert dialled.wait(WAIT_S)
        assert isinstance(dialler.result(), kind)
        dialler.abandon()


def test_the_authority_is_kept_and_the_certificate_made_anew(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with running("--tls", "--tls-dir", str(tmp_path)) as simulator:
            port = simulator.line["port"]
            served = ssl.get_server_certificate(
                ("127.0.0.1", port), ca_certs=simulator.line["ca_file"]
            )
            seen.append(((tmp_path / "ca.pem").read_bytes(), served))
    assert seen[0][0] == seen[1][0]
    assert seen[0][1] != seen[1][1]
    told = x509.load_pem_x509_certificate(seen[0][1].encode())
    life = told.not_valid_after_utc - told.not_valid_before_utc
    assert life.days <= 398


def test_a_damaged_authority_is_told_and_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ca.pem", "ca-key.pem"):
        (tmp_path / name).write_text("nonsense")
    assert main(["--port", "0", "--tls", "--tls-dir", str(tmp_path)]) == 3
    assert "ca.pem" in capsys.readouterr().err
    assert (tmp_path / "ca.pem").read_text() == "nonsense"


def test_what_needs_tls_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for word, value in (("--tls-dir", "x"), ("--tls-names", "a")):
        assert main(["--port", "0", word, value]) == 4
        assert "--tls" in capsys.readouterr().err
    assert main(["--port", "0", "--connections-max", "0"]) == 4


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder().is_relative_to(tmp_path) or "Library" in default_folder().parts
