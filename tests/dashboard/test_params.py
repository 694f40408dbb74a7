"""Parameters, limits and changes over HTTP, with the supervisor's real commands behind the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dashboard.access import CHANGES_SPAN_S
from dashboard.floods import Flood
from hft.changes import Change, line_of
from hft.events import Notice
from hft.ledger.database import open_database
from hft.ledger.house_store import store_events
from hft.topology import House
from tests.dashboard.furniture import Served
from tests.hft.tuning_rig import Rig, tuning_rig

WHO = "page 127.0.0.1 (ann)"


@pytest.fixture
def served(house: House, serve: Callable[..., Served]) -> Served:
    """A dashboard that takes as many changes as one test sends at once."""
    return serve(house, changes=Flood(1_000, 1_000, CHANGES_SPAN_S))


@pytest.fixture
def rig(tmp_path: Path, served: Served) -> Iterator[Rig]:
    """A supervisor whose commands answer what the page asks."""
    folder = tmp_path / "supervisor"
    folder.mkdir()
    with tuning_rig(folder) as made:
        served.supervisor.commands = lambda request: made.ask(**request)
        yield made


def get(served: Served, path: str) -> dict[str, Any]:
    reply = requests.get(served.url + path, timeout=5)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def post(served: Served, path: str, body: object) -> requests.Response:
    return requests.post(served.url + path, json=body, timeout=5)


def test_a_form_is_filled_changed_and_taken_back(served: Served, rig: Rig) -> None:
    form = get(served, "/api/params")
    assert form["strategy"] == "MOMENTUM"
    assert {field["name"] for field in form["fields"]} == {
        "window", "threshold", "cooldown_ms", "qty",
    }  # fmt: skip
    reply = post(served, "/api/params", {"strategy": "MOMENTUM", "values": {"window": 60}})
    assert reply.status_code == 200, reply.text
    assert rig.in_force()["window"] == 60
    undo = get(served, "/api/params")["undo"]
    assert undo["who"] == WHO
    reply = post(served, "/api/params/undo", {"change": undo["change"]})
    assert reply.status_code == 200, reply.text
    assert rig.in_force()["window"] == 40
    assert get(served, "/api/params")["undo"] is None
    reply = post(served, "/api/params/undo", {})
    assert (reply.status_code, reply.json()["code"]) == (409, "NO_UNDO")


def test_limits_are_filled_changed_and_taken_back(served: Served, rig: Rig) -> None:
    assert len(get(served, "/api/limits")["fields"]) == 21
    values = {"max_position": 0.25, "on_trip": "flatten"}
    assert post(served, "/api/limits", {"values": values}).status_code == 200
    assert rig.limit("max_position_e8") == 25_000_000
    undone = requests.post(
        served.url + "/api/limits/undo", headers={"Content-Type": "application/json"}, timeout=5
    )
    assert undone.status_code == 200, undone.text
    assert rig.limit("max_position_e8") == 50_000_000
    assert post(served, "/api/config", {"max_loss": 5}).status_code == 200
    assert rig.limit("max_loss_e8") == 500_000_000


NO_VALUES = (
    '{"values": {"window": 1, "max_position": -1}}',
    '{"values": {"window": 1e400}}',
    '{"values": {"window": NaN}}',
    '{"values": {"window": 123456789012345678901234567890}}',
    '{"values": {"window": null}}',
    '{"values": {"window": [1]}}',
    '{"values": {}}',
    '{"values": 5}',
    '{"window": 5}',
    "[]",
    "{",
)


def test_what_is_no_value_is_refused_and_changes_nothing(served: Served, rig: Rig) -> None:
    for path in ("/api/params", "/api/limits", "/api/params/preview"):
        for body in NO_VALUES:
            kind = {"Content-Type": "application/json"}
            reply = requests.post(served.url + path, data=body, headers=kind, timeout=5)
            assert reply.status_code == 422, f"{path} {body}: {reply.text}"
            assert reply.json()["ok"] is False
            assert reply.json()["message"]
    assert rig.lines() == []


def test_changes_of_this_run_come_from_memory_and_earlier_ones_from_the_database(
    served: Served, rig: Rig, place: str
) -> None:
    engine = open_database(place)
    old = Change(5, "terminal (bob)", "risk", "max_position", 1.0, 0.5)
    lines = {
        (1, 5): line_of(old),
        (1, 6): "the loss limit is reached: -12.00 of -10.00",
        (77, 7): "MOMENTUM.window 1 → 2, by this run itself (x)",
    }
    rows = [
        {
            "ts_ms": ms, "ns": ms, "session_epoch": session, "seat": "supervisor",
            "level": "WARNING", "kind": Notice.LIMITS_CHANGED.name, "text": text,
        }
        for (session, ms), text in lines.items()
    ]  # fmt: skip
    store_events(engine, rows)
    engine.dispose()
    assert post(served, "/api/params", {"values": {"window": 60}}).status_code == 200
    found = get(served, "/api/changes")["changes"]
    assert [(row["who"], row["name"], row["from"], row["to"]) for row in found] == [
        (WHO, "window", 40, 60),
        ("terminal (bob)", "max_position", 1.0, 0.5),
    ]
    assert len(get(served, "/api/changes?limit=1")["changes"]) == 1
    served.supervisor.reachable = False
    assert [row["name"] for row in get(served, "/api/changes")["changes"]] == [
        "window",
        "max_position",
    ]


def test_without_an_engine_there_is_no_form(served: Served) -> None:
    served.supervisor.reachable = False
    reply = requests.get(served.url + "/api/params", timeout=5)
    assert (reply.status_code, reply.json()["code"]) == (503, "ENGINE_UNREACHABLE")


def test_a_preview_is_passed_on_as_the_supervisor_gives_it(served: Served) -> None:
    told = {"ok": True, "events": 7, "added": [], "counts_before": {"ENTER": 1}}
    served.supervisor.answers["preview"] = told
    reply = post(served, "/api/params/preview", {"values": {"qty": 0.5}})
    assert reply.json() == told
    assert served.supervisor.asked == [
        {"command": "preview", "values": {"qty": 0.5}, "by": "page 127.0.0.1"}
    ]
    failed = {"ok": False, "code": "PREVIEW_FAILED", "message": "it did not come back"}
    served.supervisor.answers["preview"] = failed
    reply = post(served, "/api/params/preview", {"values": {"qty": 0.5}})
    assert (reply.status_code, reply.json()) == (422, failed)
