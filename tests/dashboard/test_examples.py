"""What `/docs` shows as answers is held against real answers of a house with orders and trades."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import insert

from dashboard.auth import OPEN_PATHS
from hft.clock import monotonic_ns, wall_ms
from hft.ledger.database import open_database, writing
from hft.ledger.schema import checked
from hft.preview.run import preview
from hft.state.blocks import Leg
from hft.state.histogram import bin_of
from hft.strategy.build import build
from hft.strategy.load import make_params
from hft.strategy.params import values_of
from hft.topology import House
from hft.units import NS_PER_MS
from tests.dashboard.furniture import CATALOGUE, Served, say, write_account
from tests.dashboard.many_trades import ACCOUNT, WEEK_MS, fill_with_trades
from tests.dashboard.test_market import Keeper
from tests.dashboard.test_order_story import EPOCH, put
from tests.hft.ledger.market import a_top, a_trade
from tests.hft.preview.tape import fill_tape, house_of, wandering
from tests.hft.tuning_rig import tuning_rig

JSON = "application/json"
ASKED = {
    "/api/orders/{key}": f"/api/orders/{EPOCH}-7",
    "/api/pnl_series": "/api/pnl_series?mode=historical&points=4",
    "/api/order_marks": "/api/order_marks?symbol=BTCUSDT",
    "/api/ticks": "/api/ticks?symbol=BTCUSDT",
    "/api/candles": "/api/candles?symbol=BTCUSDT",
    "/api/export": "/api/export?what=trades",
}
CHANGED = {
    "/api/params": {"values": {"window": 60}},
    "/api/limits": {"values": {"max_position": 0.25}},
    "/api/params/preview": {"values": {"window": 60}},
    "/api/params/undo": {},
    "/api/limits/undo": {},
}
SHORTENED = {"/api/status", "/api/system"}
"""Answers too long to be shown with all they tell."""
OPEN_KEYS = {"counts_before", "counts_after", "minute", "hour", "session", "hops_ns", "hops"}
"""Objects whose keys are codes that happened to be counted, or hops that happened to be taken."""


@pytest.fixture
def busy(house: House, place: str, served: Served, tmp_path: Path) -> Iterator[Served]:
    """A dashboard that has something to tell on every route."""
    now_ms = wall_ms()
    fill_with_trades(place, 400, now_ms)
    engine = open_database(place)
    with writing(engine) as connection:
        read = {"symbol": "", "since_ms": now_ms - WEEK_MS, "income_ms": now_ms}
        connection.execute(insert(checked), {"account_epoch": ACCOUNT, **read})
    engine.dispose()
    house.run[0]["started_wall_ns"] -= WEEK_MS * NS_PER_MS
    keeper = Keeper(house, place)
    keeper.hear(a_trade(10, 60_000.1), a_top(1, 60_000.0, 60_000.1), a_trade(60_020, 60_000.0))
    keeper.close()
    put(house)
    say(house, "MOMENTUM: warm")
    leg = house.latency[Leg.TICK_TO_TRADE]
    leg["count"], leg["sum_ns"], leg["max_ns"] = 1, 91_000, 91_000
    leg["bins"][bin_of(91_000)] = 1
    folder = tmp_path / "supervisor"
    folder.mkdir()
    with tuning_rig(folder) as rig:

        def answer(request: dict[str, Any]) -> dict[str, Any]:
            if request["command"] == "preview":
                return previewed()
            return rig.ask(**request)

        served.supervisor.commands = answer
        yield served


def previewed() -> dict[str, Any]:
    """What the process of a preview answers, without a process: nobody may fork beside threads."""
    house, spec = house_of(), CATALOGUE.specs["PING_PONG"]
    fill_tape(house, wandering(500))
    old = values_of(make_params(spec, {}))
    values = old, {**old, "interval_ms": 100}
    began_ns = monotonic_ns()
    found = preview(house, (spec, build(spec, plain=True)), *values, 2.0)
    return {"ok": True, **found, "took_ms": (monotonic_ns() - began_ns) / 1e6}


def examples(served: Served) -> dict[tuple[str, str], tuple[str, Any]]:
    """Media type and example of every answer, by method and path."""
    schema = requests.get(served.url + "/api/openapi.json", timeout=5).json()
    found = {}
    for path, of in schema["paths"].items():
        for method, route in of.items():
            [(media_type, content)] = route["responses"]["200"]["content"].items()
            found[method, path] = media_type, content["example"]
    return found


def mate_of(row: Any, real: list[Any]) -> Any:
    """The real row that an example's row stands for."""
    if not isinstance(row, Mapping):
        return real[0]
    named = (each for each in real if each.get("name") == row.get("name"))
    return next(named, real[0])


def differences(
    example: Any, real: Any, where: str, name: str = "", *, whole: bool = True
) -> list[str]:
    """Say where an example has another shape than a real answer; a real null fits everything.

    The description holds no null, so where the real answer has one, the example may have nothing.
    A list may be shorter than the real one, except a row of another one; a member is held against
    the real one of its name, or the first.
    An object may lack keys only when the example is not the `whole` answer.
    """
    if real is None:
        return []
    if isinstance(example, Mapping):
        if not isinstance(real, Mapping):
            return [f"{where}: an object instead of {real!r}"]
        if name in OPEN_KEYS:
            return []
        known = {key for key, value in real.items() if value is not None}
        odd = [f"{where}.{key}: not in the example" for key in known - example.keys() if whole]
        odd += [f"{where}.{key}: in the example only" for key in example.keys() - real.keys()]
        return odd + [
            line
            for key in example.keys() & real.keys()
            for line in differences(example[key], real[key], f"{where}.{key}", key, whole=whole)
        ]
    if isinstance(example, list):
        if not isinstance(real, list):
            return [f"{where}: a list instead of {real!r}"]
        if example and not real:
            return [f"{where}: nothing to hold its members against"]
        is_row = where.endswith("[]")
        if is_row and len(example) != len(real):
            return [f"{where}: {len(example)} instead of {len(real)} places"]
        mates = real if is_row else [mate_of(row, real) for row in example]
        pairs = zip(example, mates, strict=False)
        return [
            line
            for row, mate in pairs
            for line in differences(row, mate, f"{where}[]", whole=whole)
        ]
    numbers = (int, float)
    alike = isinstance(example, type(real)) or (
        isinstance(example, numbers) and isinstance(real, numbers)
    )
    return [] if alike else [f"{where}: {example!r} instead of {real!r}"]


def test_every_example_has_the_shape_of_a_real_answer(busy: Served) -> None:
    shown = examples(busy)
    asked = [("post", path) for path in CHANGED if not path.endswith("undo")]
    asked += [key for key, (kind, _) in shown.items() if key[0] == "get" and kind == JSON]
    asked += [("post", path) for path in CHANGED if path.endswith("undo")]
    odd = []
    for method, path in asked:
        where = busy.url + ASKED.get(path, path)
        reply = requests.request(method, where, json=CHANGED.get(path), timeout=20)
        assert reply.status_code == 200, f"{path}: {reply.text}"
        example, real, whole = shown[method, path][1], reply.json(), path not in SHORTENED
        odd += differences(example, real, f"{method} {path}", whole=whole)
    assert odd == []
    assert len(asked) > 25


def test_the_example_of_a_download_is_a_part_of_its_columns(busy: Served) -> None:
    media_type, example = examples(busy)["get", "/api/export"]
    assert media_type == "text/csv"
    real = requests.get(busy.url + ASKED["/api/export"], timeout=20).text
    columns = [text.partition("\n")[0].strip().split(",") for text in (example, real)]
    assert set(columns[0]) <= set(columns[1])


def test_what_is_missing_is_shown_as_a_real_answer_tells_it(served: Served, house: House) -> None:
    write_account(house, reconciled=0)
    real = requests.get(served.url + "/readyz", timeout=5)
    told = responses_of(served, "get", "/readyz")[str(real.status_code)]
    assert real.status_code == 503
    assert differences(told["content"][JSON]["example"], real.json(), "readyz") == []


def test_every_refusal_a_caller_meets_is_described(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.export_routes.write_parquet", no_room)
    said = {"ok": False, "code": "NOT_FLAT", "message": "Close the position first."}
    served.supervisor.answers |= {"set_strategy": said, "start": said}
    order, config = ("post", "/api/control"), ("post", "/api/config")
    strategy, export = ("post", "/api/strategy"), ("get", "/api/export")
    met: list[tuple[tuple[str, str], int, dict[str, Any]]] = [
        (order, 400, {"json": {"command": "FLATTEN"}}),
        (order, 409, {"json": {"command": "START"}}),
        (order, 415, {"data": "command=STOP"}),
        (order, 403, {"json": {}, "headers": {"Origin": "null"}}),
        (config, 400, {"data": "[" * 16_000, "headers": {"Content-Type": JSON}}),
        (config, 413, {"json": {"max_loss": "1" * 20_000}}),
        (config, 422, {"json": {"max_loss": -1}}),
        (strategy, 409, {"json": {"strategy": "PING_PONG"}}),
        (export, 422, {"params": {"what": "secrets"}}),
        (export, 507, {"params": {"what": "trades", "format": "parquet"}}),
        (("get", "/api/orders/{key}"), 404, {}),
        (("get", "/api/calendar"), 422, {"params": {"zone": "Nowhere"}}),
    ]
    for (method, path), status, sent in met:
        where = served.url + path.replace("{key}", "1-1")
        reply = requests.request(method, where, timeout=5, **sent)
        assert reply.status_code == status, (path, reply.text)
        assert reply.json().keys() == {"ok", "code", "message"}, path
        told = responses_of(served, method, path)[str(status)]
        assert told["content"][JSON]["schema"]["$ref"].endswith("/Refused"), (path, status)
    wrong = requests.request("PUT", served.url + "/healthz", json={}, timeout=5)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")


def test_the_lock_is_described(served: Served) -> None:
    schema = requests.get(served.url + "/api/openapi.json", timeout=5).json()
    [scheme] = schema["components"]["securitySchemes"]
    for path, of in schema["paths"].items():
        for route in of.values():
            assert (route.get("security") == [{}, {scheme: []}]) is (path not in OPEN_PATHS), path


def no_room(*_anything: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def responses_of(served: Served, method: str, path: str) -> dict[str, Any]:
    schema = requests.get(served.url + "/api/openapi.json", timeout=5).json()
    return dict(schema["paths"][path][method]["responses"])


@pytest.mark.parametrize(
    ("example", "real", "found"),
    [
        ({"a": 1}, {"a": 2.5}, 0),
        ({"a": 1}, {"b": 1}, 2),
        ({"a": "1"}, {"a": 1}, 1),
        ({"a": [{"b": 1}]}, {"a": [{"c": 1}, {"b": 1}]}, 2),
        ({"a": [[1, 2]]}, {"a": [[1, 2, 3]]}, 1),
        ({"a": [1]}, {"a": []}, 1),
        ({"a": [[1, "x"]]}, {"a": [[1, 2], [3, 4]]}, 1),
        ({"a": []}, {"a": {}}, 1),
        ({}, {"a": {"b": 1}}, 1),
        ({}, {"a": None}, 0),
        ({"a": 1}, {"a": None}, 0),
        ({"minute": {"ENTER": 1}}, {"minute": {}}, 0),
    ],
)
def test_another_shape_is_found(example: Any, real: Any, found: int) -> None:
    assert len(differences(example, real, "")) == found
