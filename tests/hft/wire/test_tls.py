from __future__ import annotations

import array
import fcntl
import ssl
import termios
import threading
from pathlib import Path

from hft.clock import Deadline
from hft.wire.connection import TLS_RECORD_BYTES, Connection, Dialler, receive_into
from tests.hft.wire.certificate import make_certificate, needs_openssl
from tests.hft.wire.local_server import LocalServer, server_frame
from tests.hft.wire.test_connection import closed_reason, receive_until

RECORD_OVERHEAD_BYTES = 22
"""Head, type and tag of a record of TLS 1.3; older ones have more."""


def dialled_over_tls(server: LocalServer, ca_file: str) -> tuple[object, object]:
    done = threading.Event()
    end: object = None
    dialler = Dialler(server.url, done.set, ca_file=ca_file)
    dialler.start()
    try:
        end = server.accept()
    except ssl.SSLError as problem:
        end = problem
    assert done.wait(30)
    return dialler.result(), end


@needs_openssl
def test_many_records_and_large_messages_are_read_to_the_last(tmp_path: Path) -> None:
    certificate, context = make_certificate(tmp_path)
    with LocalServer(context) as server:
        sock, end = dialled_over_tls(server, str(certificate))
        assert isinstance(sock, ssl.SSLSocket)
        assert isinstance(end, ssl.SSLSocket)
        connection = Connection(sock)
        messages = [bytes([65 + n]) * (n * 9_000) for n in range(12)]
        writer = threading.Thread(
            target=end.sendall, args=(b"".join(map(server_frame, messages)),), daemon=True
        )
        writer.start()
        assert receive_until(connection, len(messages)) == messages
        writer.join(10)
        connection.send_text(b"and back")
        assert len(end.recv(100)) == 2 + 4 + len(b"and back")
        end.close()
        assert "closed" in closed_reason(connection) or "broke" in closed_reason(connection)
        connection.close()


@needs_openssl
def test_what_one_record_holds_is_read_without_asking_the_kernel_again(tmp_path: Path) -> None:
    certificate, context = make_certificate(tmp_path)
    with LocalServer(context) as server:
        sock, end = dialled_over_tls(server, str(certificate))
        assert isinstance(sock, ssl.SSLSocket)
        assert isinstance(end, ssl.SSLSocket)
        end.sendall(b"x" * 10_000)
        view, got = memoryview(bytearray(65_536)), 0
        while got < 10_000:
            got += receive_into(sock, view[got:])
            assert sock.pending() == 0
        assert receive_into(sock, view) == 0
        sock.close()


@needs_openssl
def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    _, context = make_certificate(tmp_path)
    with LocalServer(context) as server:
        outcome, _ = dialled_over_tls(server, "")
        assert isinstance(outcome, ssl.SSLCertVerificationError)


@needs_openssl
def test_full_records_that_have_arrived_are_read_together(tmp_path: Path) -> None:
    certificate, context = make_certificate(tmp_path)
    with LocalServer(context) as server:
        sock, end = dialled_over_tls(server, str(certificate))
        assert isinstance(sock, ssl.SSLSocket)
        assert isinstance(end, ssl.SSLSocket)
        view, total = memoryview(bytearray(65_536)), 2 * TLS_RECORD_BYTES + 100
        end.sendall(b"go")
        deadline, waiting = Deadline(30), array.array("i", [0])
        while receive_into(sock, view) == 0:
            assert not deadline.passed()
        end.sendall(b"x" * total)
        while waiting[0] < total + 3 * RECORD_OVERHEAD_BYTES:
            assert not deadline.passed()
            fcntl.ioctl(sock.fileno(), termios.FIONREAD, waiting)
        assert receive_into(sock, view) == total
        end.close()
        sock.close()
