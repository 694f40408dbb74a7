"""Every packaged scenario over real sockets: it strikes what it says, and the venue outlives it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
import websocket

from hft.clock import Deadline, wall_ms
from hft.simulator.fault_kinds import SCENARIOS, read_scenario

from .wire import API_KEY, Simulator, eventually, running, sign

FILES = sorted(SCENARIOS.glob("*.toml"))
STRIKES = "test_every_scenario_strikes_and_the_venue_outlives_it"
STRIKES_WAIT_S = 30.0
TOGETHER = 8
REPLY_WAIT_S = 0.3
SYMBOLS = ("BTCUSDT", "ETHUSDT")
KINDS = ("bookTicker", "trade", "aggTrade", "depth", "depth@100ms", "markPrice@1s")
STREAMS = "/".join(f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in KINDS)


class Traffic:
    """A careless client: orders over both doors, streams; whatever fails is opened again."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._session = requests.Session()
        self._links: dict[str, websocket.WebSocket] = {}
        self._orders = 0

    def step(self) -> None:
        """Do a little of everything."""
        self._request("GET", "/fapi/v1/ping", {})
        self._request("POST", "/fapi/v1/order", self._order())
        self._read("market", f"/stream?streams={STREAMS}")
        key = self._request("POST", "/fapi/v1/listenKey", {})
        self._read("user", f"/private/ws?listenKey={(key or {}).get('listenKey', '')}")
        self._ask_session()

    def close(self) -> None:
        self._session.close()
        for link in self._links.values():
            link.close()

    def _order(self) -> dict[str, Any]:
        self._orders += 1
        side = "BUY" if self._orders % 2 else "SELL"
        return {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.010"}

    def _request(self, method: str, path: str, params: dict[str, Any]) -> Any:
        text = "&".join(f"{name}={value}" for name, value in params.items())
        text += f"&timestamp={wall_ms()}" if params else ""
        url = f"{self._simulator.url}{path}?{text}" + (f"&signature={sign(text)}" if text else "")
        headers = {"X-MBX-APIKEY": API_KEY}
        try:
            return self._session.request(method, url, timeout=REPLY_WAIT_S, headers=headers).json()
        except (requests.RequestException, ValueError):
            self._session.close()
            self._session = requests.Session()
            return None

    def _ask_session(self) -> None:
        params: dict[str, Any] = {"apiKey": API_KEY, "timestamp": wall_ms(), **self._order()}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = sign(text)
        message = json.dumps({"id": self._orders, "method": "order.place", "params": params})
        self._read("session", "/ws-fapi/v1", message)

    def _read(self, name: str, path: str, message: str = "") -> None:
        """Read what there is on a connection, opened if there is none."""
        try:
            link = self._links.get(name) or self._open(name, path)
            if message:
                link.send(message)
            for _ in range(50):
                link.recv()
        except websocket.WebSocketTimeoutException:
            return
        except (websocket.WebSocketException, OSError, ValueError):
            link = self._links.pop(name, None)
            if link is not None:
                link.shutdown()

    def _open(self, name: str, path: str) -> websocket.WebSocket:
        url = self._simulator.url.replace("http", "ws") + path
        link = self._links[name] = websocket.create_connection(url, timeout=0.02)
        return link


@contextlib.contextmanager
def traffic(simulator: Simulator) -> Iterator[Traffic]:
    one = Traffic(simulator)
    try:
        yield one
    finally:
        one.close()


def armed(simulator: Simulator) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = simulator.get("/sim/state")["faults"]["armed"]
    return rows


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[dict[Path, Future[None]]]:
    """Every scenario that is asked for, some at a time: they mostly wait."""
    asked = [
        item.callspec.params["path"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == STRIKES
    ]
    with ThreadPoolExecutor(TOGETHER) as pool:
        yield {path: pool.submit(play, path) for path in asked}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_scenario_strikes_and_the_venue_outlives_it(
    runs: dict[Path, Future[None]], path: Path
) -> None:
    runs[path].result()


def play(path: Path) -> None:
    """Run one scenario until each of its faults has struck."""
    scenario = read_scenario(path.stem)
    with running("--seed", "3", "--faults", path.stem) as simulator:
        assert simulator.get("/sim/state")["faults"]["about"] == scenario.about
        for row, fault in zip(armed(simulator), scenario.faults, strict=True):
            fields = json.loads(msgspec.json.encode(fault))
            assert {name: row[name] for name in fields} == fields
        deadline = Deadline(STRIKES_WAIT_S)
        with traffic(simulator) as client:
            while not all(row["struck"] for row in armed(simulator)):
                assert not deadline.passed(), armed(simulator)
                client.step()
        simulator.raw("DELETE", "/sim/faults")
        assert armed(simulator) == []
        eventually(lambda: simulator.raw("GET", "/fapi/v1/ping").status_code == 200)
        simulator.flatten()


@pytest.fixture(scope="module")
def told() -> Iterator[Simulator]:
    with running("--faults", "on") as simulator:
        yield simulator


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_scenario_may_be_posted_to_a_running_venue(told: Simulator, path: Path) -> None:
    scenario = read_scenario(path.stem)
    reply = told.raw("POST", "/sim/faults", data=msgspec.json.encode(scenario))
    assert reply.status_code == 200, reply.text
    kinds = [row["kind"] for row in reply.json()["added"]]
    assert kinds == [row["kind"] for row in armed(told)]
    assert kinds == [fault.__struct_config__.tag for fault in scenario.faults]
    assert told.get("/sim/faults")["about"] == scenario.about
    assert told.raw("DELETE", "/sim/faults").json() == {"cleared": len(kinds)}
