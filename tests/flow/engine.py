"""The engine and the simulator as a user starts them: processes, sockets, files; nothing inside."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from hft.clock import Deadline, sleep_s, wall_ms

T = TypeVar("T")
BOOT_MAX_S = 120.0


ASK_VENUE_S = 0.25
"""Between questions to a venue that keeps its limits, the demo's."""


def eventually(
    look: Callable[[], T | None], seconds: float, what: str, *, pause_s: float = 0.02
) -> T:
    """Look until something truthy is there; fail with `what` when the time is over."""
    deadline = Deadline(seconds)
    while True:
        found = look()
        if found:
            return found
        if deadline.passed():
            raise AssertionError(f"not within {seconds:g} s: {what}")
        sleep_s(pause_s)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Engine:
    """One `python -m hft.supervisor`, from its first line to its exit code."""

    def __init__(self, data_dir: Path, *arguments: str, cwd: Path | None = None) -> None:
        self.data_dir = data_dir
        self.output = data_dir.parent / f"{data_dir.name}.out"
        self._out = self.output.open("wb")
        command = [sys.executable, "-m", "hft.supervisor", "--data-dir", str(data_dir)]
        if "--port" not in arguments:
            command += ["--port", "0"]
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            cwd=cwd or data_dir.parent,
            start_new_session=True,
        )

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_up(self, seconds: float = BOOT_MAX_S) -> Engine:
        def announced() -> bool:
            code = self.process.poll()
            assert code is None, f"the engine ended with {code}:\n{self.text()}"
            return "dashboard http" in self.text()

        eventually(announced, seconds, f"the address line\n{self.text()}")
        return self

    @property
    def run(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run.json").read_bytes())

    def pid(self, role: str) -> int:
        return int(self.run["pids"][role])

    def get(self, path: str) -> Any:
        reply = requests.get(self.run["dashboard_url"].rstrip("/") + path, timeout=5)
        reply.raise_for_status()
        return reply.json()

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        base = self.run["dashboard_url"].rstrip("/")
        token = self.data_dir / "dashboard.token"
        headers = {"Origin": base}
        if token.exists():
            headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        return requests.post(base + path, json=body, headers=headers, timeout=20)

    def start_trading(self) -> None:
        reply = self.post("/api/control", {"command": "START"})
        assert reply.status_code == 200, reply.text

    def trade_count(self) -> int:
        return int(self.get("/api/status")["trade_count"])

    def wait_trades(self, more_than: int, seconds: float) -> int:
        def traded() -> int:
            try:
                count = self.trade_count()
            except (requests.RequestException, OSError):
                return 0
            return count if count > more_than else 0

        return eventually(traded, seconds, f"more than {more_than} trades\n{self.text()[-2000:]}")

    def kill(self, role: str) -> int:
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, seconds: float = 30.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        code = self.process.wait(seconds)
        self._out.close()
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._out.close()


class Venue:
    """One `python -m hft.simulator` started by hand, and signed questions to it."""

    KEY, SECRET = "k" * 64, "s" * 64

    def __init__(self, folder: Path, *arguments: str, port: int = 0) -> None:
        self._errors = (folder / "simulator.err").open("ab")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hft.simulator", "--port", str(port)),
                *("--limits", "off"),
                *("--api-key", self.KEY, "--api-secret", self.SECRET, *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (folder / "simulator.err").read_text()
        self.said = json.loads(line)
        self.port = int(self.said["port"])
        self.url = f"http://127.0.0.1:{self.port}"

    def signed(self, path: str, method: str = "GET", **parameters: object) -> Any:
        return signed(self.url, self.KEY, self.SECRET, path, method, **parameters)

    def user_trades(self, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
        """Every fill of the account, oldest first, over all pages."""
        return user_trades(self.url, self.KEY, self.SECRET, symbol)

    def position_text(self, symbol: str = "BTCUSDT") -> str:
        rows = self.signed("/fapi/v2/positionRisk", symbol=symbol)
        return str(next(row["positionAmt"] for row in rows if row["positionSide"] == "BOTH"))

    def open_orders(self, symbol: str = "BTCUSDT") -> list[dict[str, Any]]:
        return list(self.signed("/fapi/v1/openOrders", symbol=symbol))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()


def signed(
    url: str, key: str, secret: str, path: str, method: str = "GET", **parameters: object
) -> Any:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    query += f"{'&' if query else ''}recvWindow=10000&timestamp={wall_ms()}"
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    full = f"{url}{path}?{query}&signature={signature}"
    reply = requests.request(method, full, headers={"X-MBX-APIKEY": key}, timeout=10)
    assert reply.status_code == 200, f"{path}: {reply.status_code} {reply.text}"
    return reply.json()


def user_trades(url: str, key: str, secret: str, symbol: str) -> list[dict[str, Any]]:
    trades: list[dict[str, Any]] = []
    next_id = 0
    while True:
        page = signed(
            url, key, secret, "/fapi/v1/userTrades", symbol=symbol, fromId=next_id, limit=1000
        )
        trades += page
        if len(page) < 1000:
            return trades
        next_id = page[-1]["id"] + 1


def write_config(folder: Path, venue: Venue, extra: str = "", **trading: object) -> Path:
    """A config file for a simulator started by hand."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in trading.items()]
    path = folder / "config.toml"
    path.write_text(
        f"""
[network]
name = "local"
rest_url = "{venue.url}"
ws_url = "ws://127.0.0.1:{venue.port}/ws"
[trading]
api_key = "{Venue.KEY}"
secret_key = "{Venue.SECRET}"
{chr(10).join(lines)}
{extra}
"""
    )
    return path


def segments() -> set[str]:
    """Names of the engine's segments that exist right now."""
    folder = Path("/dev/shm")
    if not folder.is_dir():
        return set()
    return {entry.name for entry in folder.iterdir() if entry.name.startswith("hft-")}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
