"""The venue over HTTP, for an engine under measurement: the simulator's answers without its market.

A process of its own that only wakes up when asked, so that it takes nothing from what is measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from benches.pair import FORK
from hft.simulator.rest import Request, RestDoor
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue

API_KEY, API_SECRET = "k" * 64, "s" * 64


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    door: RestDoor
    lock: Lock

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        key = self.headers.get("X-MBX-APIKEY", "")
        with self.lock:
            reply = self.door.answer(Request(self.command, path, query.encode(), body, key))
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  The library's names.

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  The library's name.
        """Say nothing."""


@contextlib.contextmanager
def rest_venue(symbol: str) -> Iterator[str]:
    """Answer REST requests on a free local port; gives the address."""
    venue = Venue([KNOWN[symbol]], Credentials(API_KEY, API_SECRET))
    handler = type("Handler", (_Handler,), {"door": RestDoor(venue), "lock": Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    process = FORK.Process(target=server.serve_forever, daemon=True)
    process.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    server.socket.close()
    try:
        yield address
    finally:
        process.kill()
        process.join()
        process.close()
