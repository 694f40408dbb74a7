"""The supervisor's side of flatten: a child that works over REST, with the engine dead or alive."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import orjson

from hft.config import Network


class Flattening:
    """At most one flatten child at a time, and what it last said."""

    def __init__(self, data_dir: Path, config: Path | None, network: Network) -> None:
        self._data_dir = data_dir
        self._network = network
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""
        self._cancel_only = False
        self.state = "idle"
        self.message = ""

    def running(self) -> bool:
        """Say whether a flatten is under way."""
        return self._process is not None

    def start(self, *, cancel_only: bool = False) -> None:
        """Start it; one under way goes on, unless more is asked for than it does."""
        if self._process is not None:
            if cancel_only or not self._cancel_only:
                return
            # It only cancels, and now positions are to be closed; it holds nothing that gets lost.
            self._process.kill()
            self._process.wait()
            self.poll()
        self._cancel_only = cancel_only
        command = [sys.executable, "-m", "hft.flatten", "--yes", "--json", "--halted"]
        command += ["--data-dir", str(self._data_dir)]
        # The venue is the one this run began with, whatever has been written to the file since.
        command += ["--rest-url", self._network.rest_url]
        if self._network.ca_file:
            command += ["--ca-file", self._network.ca_file]
        if self._config:
            command += ["--config", str(self._config)]
        if cancel_only:
            # Positions are kept, and so is what protects them.
            command += ["--cancel-only", "--keep-stops"]
        self._said = b""
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
            )
        except OSError as problem:
            # No process, no descriptor: the house must live, for it holds the halt.
            why = f"the operating system refuses: {problem.strerror}"
            self.state, self.message = "failed", f"flatten could not be started: {why}"
            return
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self.state, self.message = "running", "flatten has started"

    def descriptor(self) -> int:
        """What to wait on for its next word; -1 when none is under way."""
        if self._process is None or self._process.stdout is None:
            return -1
        return self._process.stdout.fileno()

    def poll(self) -> bool:
        """Take in what it has said; True once, when it has ended."""
        if self._process is None or self._process.stdout is None:
            return False
        code = self._process.poll()
        with contextlib.suppress(BlockingIOError):
            self._said += os.read(self._process.stdout.fileno(), 65536)
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            self._hear(line)
        if code is None:
            return False
        self.state = "done" if code == 0 else "failed"
        if not self.message or self.message == "flatten has started":
            self.message = f"flatten ended with exit code {code}"
        self._process.stdout.close()
        self._process = None
        return True

    def _hear(self, line: bytes) -> None:
        try:
            word = orjson.loads(line)
            self.message = str(word["message"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.message = line.decode(errors="replace")
