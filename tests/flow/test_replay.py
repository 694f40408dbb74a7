"""Recorded markets through the whole way: nothing lost, nothing doubled, nothing rounded."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.flow.engine import Engine, Venue, eventually, user_trades, write_config
from tests.flow.recordings import (
    REAL,
    expected_tops,
    expected_trades,
    messages,
    write_small,
)
from tests.recordings import FOLDER, missing

pytestmark = pytest.mark.flow

WITNESS = '''
"""Writes down everything it is shown; proves what reaches a strategy."""

import os
import struct

import msgspec
import numpy as np

NAME = "WITNESS"
COMPILED = False
STATE = np.dtype([("seen", "<i8")])
FILE = open(os.environ["HFT_TEST_WITNESS"], "ab", buffering=0)


class Params(msgspec.Struct, frozen=True):
    """Nothing to set."""

    unused: int = 0


def on_market(event, position, orders, params, state, out):
    FILE.write(
        struct.pack(
            "<QBBdddd", event.seq, event.kind, event.flags,
            event.price, event.qty, event.price2, event.qty2,
        )
    )
'''
_SEEN = struct.Struct("<QBBdddd")
TRADE, TOP, GAP_FLAG, MAKER_FLAG = 1, 2, 2, 1


def cases() -> list[tuple[str, float]]:
    return [("small", 4.0), *((name, 14.0) for name in REAL)]


@pytest.fixture(params=cases(), ids=lambda case: case[0])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, float]:
    name, speed = request.param
    if name == "small":
        return write_small(tmp_path / "small.gz"), speed
    path = FOLDER / "usdm" / name
    if not path.exists():
        pytest.skip(missing(f"usdm/{name}"))
    return path, speed


def test_every_recorded_trade_and_top_reaches_the_strategy_once_in_order_exactly(
    recording: tuple[Path, float],
    engine: Callable[..., Engine],
    venue: Callable[..., Venue],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, speed = recording
    seen = tmp_path / "witness.bin"
    monkeypatch.setenv("HFT_TEST_WITNESS", str(seen))
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "witness.py").write_text(WITNESS)
    exchange = venue("--replay", str(path), "--speed", str(speed))
    config = write_config(
        tmp_path,
        exchange,
        strategy="WITNESS",
        strategies_dirs=["strategies"],
        symbols=exchange.said["symbols"],
    )
    one = engine("--config", str(config)).wait_up()
    eventually(lambda: _finished(exchange), 240, "the recording's end")
    tops, trades = expected_tops(path), expected_trades(path)
    size = _SEEN.size
    eventually(lambda: _all_there(seen.read_bytes(), len(tops)), 20, "the last event")
    assert one.stop() == 0
    raw = seen.read_bytes()
    events = list(_SEEN.iter_unpack(raw[: len(raw) // size * size]))
    sequence = [event[0] for event in events]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence))), "a number is missing"
    assert [event for event in events if event[2] & GAP_FLAG] == _first_of_each_link(events)
    assert [event[3:7] for event in events if event[1] == TOP] == tops
    maker = [m["m"] for m in messages(path) if m.get("e") == "trade" and _in_book(m)]
    ours = [(e[3], e[4], bool(e[2] & MAKER_FLAG)) for e in events if e[1] == TRADE]
    theirs = [(price, qty, side) for (price, qty), side in zip(trades, maker, strict=True)]
    assert _runs(ours) == _runs(theirs)


def _first_of_each_link(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What nobody can know to be whole: the first book top and the first trade."""
    first_top = next(event for event in events if event[1] == TOP)
    first_trade = next(event for event in events if event[1] == TRADE)
    return sorted((first_top, first_trade))


def _in_book(message: dict[str, object]) -> bool:
    return message.get("X") not in ("INSURANCE_FUND", "ADL")


def _runs(trades: Iterable[tuple[float, float, bool]]) -> list[tuple[float, bool, int]]:
    """Quantity in thousandths of every run of one price and side: blind to how it was batched."""
    return [
        (price, side, sum(int(qty * 1000 + 0.5) for _, qty, _ in run))
        for (price, side), run in groupby(trades, key=lambda trade: (trade[0], trade[2]))
    ]


def _all_there(raw: bytes, tops: int) -> bool:
    whole = raw[: len(raw) // _SEEN.size * _SEEN.size]
    return sum(1 for event in _SEEN.iter_unpack(whole) if event[1] == TOP) >= tops


def _finished(exchange: Venue) -> bool:
    state = requests.get(f"{exchange.url}/sim/state", timeout=5).json()
    return bool(state["market"]["finished"])


@pytest.mark.parametrize("name", ["LIQUIDATION", "PING_PONG"])
def test_the_main_job_runs_on_a_recording_and_every_fill_stood_in_its_book(
    name: str, engine: Callable[..., Engine], tmp_path: Path
) -> None:
    path = FOLDER / "usdm" / REAL[1]
    if not path.exists():
        path = write_small(tmp_path / "small.gz", 6000)
    one = engine("--replay", str(path), "--speed", "10", "--strategy", name).wait_up()
    run = one.run
    url, key, secret = run["rest_url"], run["api_key"], run["api_secret"]
    one.wait_trades(1, 60)
    fills = user_trades(url, key, secret, "BTCUSDT")
    stood = {price for top in expected_tops(path) for price in (top[0], top[2])}
    stood |= {
        float(level[0])
        for message in messages(path)
        if message.get("e") == "depthUpdate"
        for level in (*message["b"], *message["a"])
    }
    assert fills
    assert not [fill for fill in fills if float(fill["price"]) not in stood]
    assert one.wait(120) == 0, "it ends with the recording"
