"""The whole live engine, started as a user starts it, against a venue made for measuring."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from benches.report import WrongAnswer
from benches.rest import API_KEY, API_SECRET, rest_venue
from benches.tick_venue import Exchange, Slice
from benches.trades import SYMBOL
from benches.venue import certificate
from hft.boot import attach_for_look
from hft.clock import Deadline, sleep_s
from hft.control import ask
from hft.events import Denial, TradingState
from hft.topology import House

_BOOT_MAX_S = 120.0
_STOP_MAX_S = 30.0
_SHOWN_WITHIN_S = 2.0
_CONFIG = """
[network]
name = "bench"
rest_url = "{rest}"
ws_url = "{ws}"
ws_api_url = "{ws}/ws-fapi/v1"
ca_file = "{ca_file}"
[trading]
api_key = "{key}"
secret_key = "{secret}"
symbols = ["{symbol}"]
strategy = "MARKED_TRADE"
strategies_dirs = ["{strategies}"]
[risk]
max_orders_per_second = 100
feed_stale_ms = 60000
[processes]
idle = "{idle}"
"""


class Engine:
    """One running engine with its exchange."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], exchange: Exchange) -> None:
        self._folder = folder
        self.process = process
        self.exchange = exchange
        self.data_dir = folder / "data"

    @property
    def run(self) -> dict[str, Any]:
        """What the engine tells of itself in run.json."""
        told: dict[str, Any] = orjson.loads((self.data_dir / "run.json").read_bytes())
        return told

    def house(self) -> House:
        """Open its memory for a look."""
        return attach_for_look(str(self.run["segment"]))

    def said(self) -> str:
        """The end of what it printed."""
        return (self._folder / "out").read_text(errors="replace")[-600:]

    def serve_until(self, done: Callable[[], bool], what: str, seconds: float) -> None:
        """Be its venue until `done`.

        Raises:
            WrongAnswer: not in time, or the engine ended.
        """

        def look() -> bool:
            if self.process.poll() is not None:
                raise WrongAnswer(f"the engine ended before {what}: {self.said()}")
            return done()

        self.exchange.serve_until(look, f"{what}: {self.said()}", seconds)

    def start_trading(self) -> None:
        """Lift the halt every engine outside the demo begins with, and wait until it is fit."""
        reply = ask(self.data_dir / "control.sock", {"command": "start"})
        if not reply["ok"]:
            raise WrongAnswer(f"the engine refused to start: {reply}")
        self._look = self.house()
        account = self._look.account

        def active() -> bool:
            told = account.read()
            return told is not None and int(told[0]["trading_state"]) == TradingState.ACTIVE

        self.serve_until(active, "it may trade", _STOP_MAX_S)

    def drive(self, rate: int, seconds: float, every: int) -> Slice:
        """Send ticks and take orders back; what the risk gate refused must be all that is missing.

        Raises:
            WrongAnswer: an order is missing and the engine does not account for it.
        """
        before = self.denied()
        slice_ = self.exchange.drive(rate, seconds, every)
        deadline = Deadline(_SHOWN_WITHIN_S)
        while (denied := self.denied().total() - before.total()) < slice_.missing:
            if deadline.passed():
                raise WrongAnswer(f"{slice_.missing} orders never came, {denied} were denied")
            sleep_s(0.01)
        return slice_

    def denied(self) -> Counter[str]:
        """Intents refused so far, by the gate's reason, or for want of room before the gate."""
        told, verdict = self._look.account.read(), self._look.verdict.read()
        if told is None or verdict is None:
            return Counter()
        refused = Counter({why.name: int(told[0]["denied"][why]) for why in Denial})
        refused["NO_ROOM"] = int(verdict[0]["refused"])
        return refused

    def _announced(self) -> bool:
        return self.exchange.connected() and (self.data_dir / "run.json").exists()

    def wait_up(self) -> None:
        """Wait until every process runs and every connection is there."""
        self.serve_until(self._announced, "it is up", _BOOT_MAX_S)


@contextlib.contextmanager
def engine(*, tls: bool = False, idle: str = "auto") -> Iterator[Engine]:
    """Run an engine that may trade; nothing of it stays behind.

    Raises:
        WrongAnswer: it did not come up, or there is no openssl command for a TLS certificate.
    """
    with contextlib.ExitStack() as undo:
        made = undo.enter_context(certificate()) if tls else None
        if tls and made is None:
            raise WrongAnswer("there is no openssl command")
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        exchange = Exchange(made[1] if made else None)
        undo.callback(exchange.close)
        text = _CONFIG.format(
            rest=undo.enter_context(rest_venue(SYMBOL)),
            ws=exchange.listener.url,
            ca_file=made[0] if made else "",
            key=API_KEY,
            secret=API_SECRET,
            symbol=SYMBOL,
            strategies=Path(__file__).parent / "strategies",
            idle=idle,
        )
        (folder / "config.toml").write_text(text)
        process = start_engine(folder, "--config", str(folder / "config.toml"))
        undo.callback(stop_engine, process)
        running = Engine(folder, process, exchange)
        running.wait_up()
        running.start_trading()
        yield running


def start_engine(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start an engine whose data and output lie in `folder`; without a config it is the demo."""
    command = [sys.executable, "-m", "hft.supervisor", "--data-dir", str(folder / "data")]
    with (folder / "out").open("wb") as out:
        return subprocess.Popen(
            [*command, "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )


def stop_engine(process: subprocess.Popen[bytes]) -> None:
    """Stop an engine in order, or with force when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
