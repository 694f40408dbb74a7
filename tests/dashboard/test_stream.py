from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.connection import Connection
from dashboard.patch import Told, known, merge_patch
from dashboard.stream import KEPT_S, Pulse
from dashboard.view import View
from dashboard.watching import WATCHERS_MAX
from hft.clock import Deadline, anchor_now
from hft.topology import House
from ringbuf.memory import unlink
from tests.dashboard.furniture import (
    CATALOGUE,
    STRATEGIES,
    Served,
    furnish,
    reader_of,
    say,
    wait_for,
    write_account,
)

Event = tuple[str, str, Any]
"""Name, id (empty where it has none), data."""


@contextlib.contextmanager
def watching(served: Served, last_event_id: str = "") -> Iterator[Iterator[Event]]:
    """Open a stream; yields the events as they come."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    url = served.url + "/api/sse"
    with requests.get(url, stream=True, timeout=5, headers=headers) as reply:
        assert reply.status_code == 200, reply.text
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        yield events(reply.iter_lines(chunk_size=1))


def events(lines: Iterator[bytes]) -> Iterator[Event]:
    """Read server-sent events, as a browser does."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().partition(": ")
        if name:
            fields[name] = value
        elif fields:
            if "event" in fields:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7396 spells it out in section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def states(stream: Iterator[Event]) -> Iterator[dict[str, Any]]:
    """The state after every event that changes it."""
    state: dict[str, Any] = {}
    for name, _, data in stream:
        if name == "status":
            state = data
        elif name == "patch":
            state = merged(state, data)
        else:
            continue
        yield state


def plain_pulse(house: House) -> Pulse:
    """A pulse nobody serves: the test beats it."""
    pulse = Pulse(View(reader_of(house), [CATALOGUE.specs[name] for name in STRATEGIES]))
    pulse.watchers = 1
    return pulse


LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.floats(width=16) | st.sampled_from("ab")
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=12,
)
STATES = st.dictionaries(st.sampled_from("abcd"), TREES)


@settings(max_examples=300, deadline=None)
@given(st.lists(STATES, min_size=1, max_size=8))
def test_the_first_state_and_every_patch_give_the_newest_state(sequence: list[Any]) -> None:
    known_states = [known(state) for state in sequence]
    page = json.loads(json.dumps(known_states[0]))
    for before, after in pairwise(known_states):
        patch = merge_patch(before, after)
        page = merged(page, json.loads(json.dumps(patch)))
        # As text, where true and 1 differ.
        assert _text(page) == _text(after)
        assert (patch == {}) == (_text(before) == _text(after))


@settings(max_examples=300, deadline=None)
@given(st.lists(STATES, min_size=1, max_size=8))
def test_what_is_told_is_what_was_last_taken_up_however_members_come_and_go(
    sequence: list[Any],
) -> None:
    told, page = Told(), {}
    for state in sequence:
        patch = told.take(dict.fromkeys("abcd") | state)
        page = merged(page, json.loads(json.dumps(patch)))
        assert _text(page) == _text(told.state) == _text(known(state))


def _text(state: Any) -> str:
    # 1.0 and 1 are the same number to a page.
    return json.dumps(_numbers(state), sort_keys=True)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return value + 0.0 if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_a_state_on_its_way_holds_no_null_outside_lists() -> None:
    told = known(
        {"a": None, "b": float("nan"), "c": {"d": None, "e": 0}, "f": [None, float("inf")]}
    )
    assert told == {"c": {"e": 0}, "f": [None, None]}


def test_gates_travel_by_name_with_their_place_in_the_order(served: Served) -> None:
    explain = requests.get(served.url + "/api/explain", timeout=5).json()
    with watching(served) as stream:
        gates = next(states(stream))["explain"]["gates"]
    told = sorted(gates.values(), key=lambda gate: int(gate["place"]))
    assert [gate["place"] for gate in told] == list(range(len(explain["gates"])))
    assert [gate["name"] for gate in told] == [gate["name"] for gate in explain["gates"]]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_watchers_that_missed_any_number_of_looks_end_up_with_the_same_state(
    data: st.DataObject,
) -> None:
    with contextlib.ExitStack() as undo:
        house = undo.enter_context(_a_house())
        pulse = plain_pulse(house)
        pages: list[tuple[int, int, Any]] = []
        for beat in range(40):
            write_account(house, pnl_e8=data.draw(st.integers(-3, 3)) * 100_000_000)
            if data.draw(st.booleans()):
                say(house, f"line {beat}")
            pulse.look()
            if not pages:
                pages = [(pulse.number, pulse.line, _read(pulse.whole(), {}))] * 3
            for index, (number, line, state) in enumerate(pages):
                if data.draw(st.integers(0, index)) == 0:
                    caught_up = _read(pulse.since(number, line), state)
                    pages[index] = (pulse.number, pulse.line, caught_up)
        for number, line, state in pages:
            assert _text(_read(pulse.since(number, line), state)) == _text(
                json.loads(json.dumps(pulse.state))
            )


@contextlib.contextmanager
def _a_house() -> Iterator[House]:
    name = f"hft-test-stream-{os.getpid()}"
    house = House.create(name, anchor_now())
    try:
        furnish(house)
        yield house
    finally:
        unlink(name)


def _read(written: bytes, state: Any) -> Any:
    for name, _, data in events(iter(written.splitlines())):
        state = data if name == "status" else merged(state, data) if name == "patch" else state
    return state


def test_a_change_is_told_ten_times_a_second_and_only_the_change(
    house: House, served: Served
) -> None:
    with watching(served) as stream:
        name, event_id, first = next(stream)
        assert (name, event_id) == ("status", "")
        assert first["total_pnl"] == 42.5
        assert first["symbols"]["BTCUSDT"]["position"] == 0.03
        assert first["processes"]["execution"]["health"] == "ok"
        assert set(first["rings"]) >= {"market", "intents"}
        assert set(first["feed"]["links"]) == {"public", "market"}
        name, event_id, _ = next(stream)
        assert (name, event_id.partition("-")[0]) == ("logs", str(served.pulse.epoch))
        deadline = Deadline(5)
        write_account(house, pnl_e8=-100_000_000)
        patch = next(data for name, _, data in stream if "total_pnl" in data)
        assert not deadline.passed()
        assert patch["total_pnl"] == -1
        assert "mode" not in patch
        assert "symbols" not in patch or "position" not in patch["symbols"]["BTCUSDT"]


def test_what_becomes_unknown_disappears(house: House, served: Served) -> None:
    with watching(served) as stream:
        told = states(stream)
        assert "mark" in next(told)["symbols"]["BTCUSDT"]
        house.spec[0]["tick_e8"] = 0
        gone = next(state for state in told if "price_decimals" not in state["symbols"]["BTCUSDT"])
        assert gone["total_pnl"] == 42.5


def test_nothing_changed_is_told_as_a_heartbeat(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulse = plain_pulse(house)
    still = pulse.view.status(0.0)
    monkeypatch.setattr(pulse.view, "status", lambda *_, **__: dict(still))
    pulse.look()
    first = pulse.number
    now_ns = pulse._told_ns
    monkeypatch.setattr("dashboard.stream.monotonic_ns", lambda: now_ns + 499_000_000)
    pulse.look()
    assert pulse.number == first
    monkeypatch.setattr("dashboard.stream.monotonic_ns", lambda: now_ns + 500_000_000)
    pulse.look()
    [(name, event_id, data)] = events(iter(pulse.since(first, 0).splitlines()))
    assert (name, event_id, data) == (
        "patch", f"{pulse.epoch}-{first + 1}", {"beat": first + 1}
    )  # fmt: skip


def test_a_page_that_was_away_gets_what_it_missed_and_nothing_else(
    house: House, served: Served
) -> None:
    say(house, "before")
    with watching(served) as other:
        next(other)
        with watching(served) as stream:
            last = next(event_id for _, event_id, _ in stream if event_id)
        write_account(house, pnl_e8=700_000_000)
        say(house, "while away")
        next(data for name, _, data in other if name == "patch" and data.get("total_pnl") == 7)
        names, lines, pnl = set(), [], []
        with watching(served, last) as again:
            while not (lines and 7 in pnl):
                name, _, data = next(again)
                names.add(name)
                lines += [line["text"] for line in data.get("lines", ())]
                pnl.append(data.get("total_pnl"))
        assert "status" not in names
        assert lines == ["while away"]


def test_an_id_that_is_not_ours_or_too_old_begins_anew(house: House, served: Served) -> None:
    epoch = served.pulse.epoch
    for stale in (
        "1-1",
        f"{epoch}-999999",
        f"{epoch}-",
        f"{epoch}--1",
        "x",
        f"{epoch}-" + "9" * 40,
    ):
        with watching(served, stale) as stream:
            assert next(stream)[0] == "status", stale
    pulse = plain_pulse(house)
    for _ in range(round(KEPT_S / 0.1) + 2):
        write_account(house, pnl_e8=pulse.number)
        pulse.look()
    assert pulse.resumes(f"{pulse.epoch}-1") is None
    assert pulse.resumes(f"{pulse.epoch}-3") == 3
    assert pulse.since(1, 0).startswith(b"event: status\n")
    assert pulse.since(3, 0).count(b"event: patch\n") == pulse.number - 3


def test_log_lines_come_once_each(house: House, served: Served) -> None:
    for number in range(3):
        say(house, f"early {number}")
    with watching(served) as stream:
        lines: list[str] = []
        for name, _, data in stream:
            if name == "logs":
                lines += [line["text"] for line in data["lines"]]
                if len(lines) == 3:
                    say(house, "late")
                if "late" in lines:
                    break
    assert lines == ["early 0", "early 1", "early 2", "late"]


def test_the_house_is_looked_at_once_however_many_watch(
    house: House, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    real = served.pulse.look

    def look() -> None:
        looks.append(1)
        real()

    monkeypatch.setattr(served.pulse, "look", look)
    with contextlib.ExitStack() as pages:
        streams = [pages.enter_context(watching(served)) for _ in range(20)]
        for stream in streams:
            next(stream)
        looks.clear()
        before = served.pulse._beats
        wait_for(lambda: served.pulse._beats >= before + 5, "five beats")
        assert len(looks) <= served.pulse._beats - before + 1
    wait_for(lambda: served.pulse.watchers == 0, "the watchers gone")
    looks.clear()
    before = served.pulse._beats
    wait_for(lambda: served.pulse._beats >= before + 5, "five beats")
    assert looks == []


def test_there_is_an_end_to_how_many_may_watch(served: Served) -> None:
    assert WATCHERS_MAX >= 64
    with contextlib.ExitStack() as pages:
        streams = [pages.enter_context(watching(served)) for _ in range(WATCHERS_MAX)]
        for stream in streams:
            next(stream)
        reply = requests.get(served.url + "/api/sse", timeout=5)
        assert reply.status_code == 503
        assert reply.json()["code"] == "TOO_MANY_WATCHERS"
    wait_for(lambda: served.pulse.watchers == 0, "the watchers gone")
    with watching(served) as stream:
        next(stream)


def test_a_frozen_browser_is_cut_off_and_delays_nobody(
    house: House, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "stuck_s", 0.5)
    monkeypatch.setattr("dashboard.process.SEND_BUFFER_BYTES", 4096)
    served = serve(house)
    with frozen(served), watching(served) as stream:
        wait_for(lambda: served.pulse.watchers == 2, "two watchers")
        next(stream)
        text, said = "x" * 200, 0
        deadline = Deadline(20)
        while served.pulse.watchers == 2:
            # Lines by the dozen fill every buffer on the way to who does not read.
            assert not deadline.passed(), "the frozen browser was never cut off"
            for _ in range(100):
                said += 1
                say(house, text)
            next(data for name, _, data in stream if name == "logs")
        write_account(house, pnl_e8=900_000_000)
        prompt = Deadline(2)
        next(data for name, _, data in stream if data.get("total_pnl") == 9)
        assert not prompt.passed()


@contextlib.contextmanager
def frozen(served: Served) -> Iterator[socket.socket]:
    """A browser that asks for the stream and never reads."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", served.port))
        line.sendall(b"GET /api/sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield line


def test_a_browser_that_thaws_gets_the_newest_state(
    house: House, serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.process.SEND_BUFFER_BYTES", 4096)
    monkeypatch.setattr("dashboard.stream.KEPT_S", 1)
    served = serve(house)
    with frozen(served) as line, watching(served) as stream:
        wait_for(lambda: served.pulse.watchers == 2, "two watchers")
        next(stream)
        start = served.pulse.number
        while served.pulse.number < start + 30:
            for _ in range(60):
                say(house, "y" * 200)
            next(data for name, _, data in stream if name == "logs")
        write_account(house, pnl_e8=1_100_000_000)
        line.settimeout(5)
        told = states(events(_lines_of(line)))
        assert next(state for state in told if state["total_pnl"] == 11)["mode"] == "DEMO"


def _lines_of(line: socket.socket) -> Iterator[bytes]:
    with line.makefile("rb") as file:
        while file.readline().strip():
            pass
        rest = b""
        while size := int(file.readline(), 16):
            *lines, rest = (rest + file.read(size)).split(b"\n")
            file.readline()
            yield from lines


def test_a_server_that_stops_ends_its_streams_at_once(served: Served) -> None:
    with watching(served) as stream:
        next(stream)
        deadline = Deadline(3)
        served.stop()
        with contextlib.suppress(
            requests.ConnectionError, requests.exceptions.ChunkedEncodingError
        ):
            list(stream)
        assert not deadline.passed()
