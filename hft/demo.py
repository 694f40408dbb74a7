"""The demo's venue: the simulator as a child of its own, reached only through sockets."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import orjson

from hft.clock import Deadline
from hft.config import Keys, Settings, check_shards
from hft.errors import BootError, ConfigError, ExitCode

START_MAX_S = 20.0
STOP_MAX_S = 3.0
DEMO_PARAMETERS: dict[str, dict[str, object]] = {
    "PING_PONG": {"interval_ms": 5_000, "price_above": 0.0},
    "MOMENTUM": {"window": 100, "threshold": 1.0},
    "LIQUIDATION": {"price_threshold": 10.0, "volume_multiplier": 1.5},
}
"""Parameters that find work in the synthetic market, where a file's defaults would wait for
hours."""

REPLAY_PARAMETERS: dict[str, dict[str, object]] = {
    "PING_PONG": {"interval_ms": 1_000, "price_above": 0.0},
    "MOMENTUM": {"window": 100, "threshold": 0.0},
    "LIQUIDATION": {"price_threshold": 0.3, "volume_multiplier": 1.5},
}
"""Parameters for recordings, most of which are calm; MOMENTUM still waits for moves beyond fees."""


def demo_keys() -> Keys:
    """Make the keys of one demo; they open nothing but its own simulator."""
    return Keys(api_key=secrets.token_hex(32), secret_key=secrets.token_hex(32))


class Simulator:
    """The simulator process of one run of the house; `arguments` say which market it has.

    Without `keeps` its accounts and orders are gone when it dies.
    """

    def __init__(self, keys: Keys, arguments: list[str], log: Path, *, keeps: bool = False) -> None:
        self._keys = keys
        self._log = log
        self._arguments = arguments
        self.keeps = keeps
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""
        self._heard = False
        self.port = 0
        self.symbols: list[str] = []
        self.finished = False
        """The recording it replays has ended."""

    @property
    def replays(self) -> bool:
        """Say whether its market is a recording."""
        return "--replay" in self._arguments

    @property
    def pid(self) -> int:
        """Its pid; 0 before it was started."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it and wait for the line that says where it listens; a restart keeps the port.

        Raises:
            ConfigError: it refused its arguments, for example the recording.
            BootError: it did not come up.
        """
        command = [sys.executable, "-m", "hft.simulator", "--port", str(self.port)]
        command += ["--api-key", self._keys.api_key, "--api-secret", self._keys.secret_key]
        command += ["--parent-pid", str(os.getpid()), *self._arguments]
        self._heard = False
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        deadline = Deadline(START_MAX_S)
        while not self._heard:
            if self._process.poll() is not None:
                raise self._refused(self._process)
            if deadline.passed():
                raise BootError(f"the simulator said nothing within {START_MAX_S:.0f} s")
            select.select([self._process.stdout], [], [], 0.1)
            self.listen()

    def _refused(self, process: subprocess.Popen[bytes]) -> BootError | ConfigError:
        text = self._log.read_text(errors="replace").strip().removeprefix("simulator: ")
        if process.returncode == ExitCode.CONFIG_REFUSED:
            return ConfigError(text)
        return BootError(f"the simulator did not start: {text}")

    def descriptor(self) -> int:
        """What to wait on for its next word; -1 when it is not there."""
        if self._process is None or self._process.stdout is None or self._process.stdout.closed:
            return -1
        return self._process.stdout.fileno()

    def listen(self) -> None:
        """Take in what it has said since."""
        if self.descriptor() < 0:
            return
        try:
            self._said += os.read(self.descriptor(), 65536)
        except BlockingIOError:
            return
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            word = orjson.loads(line)
            if "port" in word:
                self.port, self._heard = int(word["port"]), True
                self.symbols = list(word.get("symbols", []))
            self.finished = self.finished or bool(word.get("finished"))

    def died(self) -> int | None:
        """Exit code once it is gone; None while it lives."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_MAX_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def demo_market(replay: Path | None, speed: float) -> list[str]:
    """Say on a simulator's command line which market the demo has."""
    return ["--replay", str(replay), "--speed", str(speed)] if replay else []


def demo_network(settings: Settings, simulator: Simulator) -> Settings:
    """Point the demo's settings at its simulator, with parameters that suit its market.

    It trades one symbol for each shard.

    Raises:
        ConfigError: the market has not so many symbols.
    """
    here = f"127.0.0.1:{simulator.port}"
    symbols = simulator.symbols
    suited = REPLAY_PARAMETERS if simulator.replays else DEMO_PARAMETERS
    network = msgspec.structs.replace(
        settings.network,
        rest_url=f"http://{here}",
        ws_url=f"ws://{here}",
        ws_api_url=f"ws://{here}/ws-fapi/v1",
    )
    traded = symbols[: settings.processes.shards] or ["BTCUSDT"]
    trading = msgspec.structs.replace(settings.trading, symbols=traded)
    strategy = {**suited, **settings.strategy}
    demo = msgspec.structs.replace(settings, network=network, trading=trading, strategy=strategy)
    check_shards("--shards", demo)
    return demo
