"""The lock on the door: logging in, what a stranger may see, and how often anyone may try."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from dashboard.access import CHANGES_EACH, WRONG_EACH, Access
from dashboard.floods import ADDRESSES_MAX, Flood
from dashboard.sessions import LIFE_MS, SESSIONS_MAX, Sessions
from hft.state.blocks import Mode
from hft.topology import House
from hft.units import NS_PER_S
from tests.dashboard.furniture import Served, furnish, say, wait_for

TOKEN = "a-token-only-the-owner-knows"
NAME = "hft.example.org"
STOP = {"command": "STOP"}
TRICKS = (
    "//api/status",
    "/static/../api/status",
    "/static/%2e%2e/api/status",
    "/api/status/",
    "/API/status",
    "/./api/status",
    "/healthz/../api/status",
)
OPEN = ("/", "/healthz", "/api/session", "/static/icon.svg")


@pytest.fixture
def guarded(empty_house: House, serve: Callable[..., Served]) -> Served:
    """A live engine on the loopback: looking is free, orders need the token."""
    furnish(empty_house, Mode.LIVE)
    return serve(empty_house, token=TOKEN)


@pytest.fixture
def locked(house: House, serve: Callable[..., Served]) -> Served:
    """A demo that a proxy serves to others: everything needs the token."""
    return serve(house, token=TOKEN, names=(NAME,))


def log_in(served: Served, **headers: str) -> requests.Response:
    url = served.url + "/api/login"
    return requests.post(url, json={"token": TOKEN}, headers=headers, timeout=5)


def session_of(served: Served) -> dict[str, str]:
    """Log in; gives the cookie as a browser sends it."""
    return log_in(served).cookies.get_dict()  # type: ignore[no-any-return]


def order(served: Served, command: str = "STOP", **more: object) -> requests.Response:
    body = {"command": command, "confirm": True}
    return requests.post(served.url + "/api/control", json=body, timeout=5, **more)  # type: ignore[arg-type]


def get_routes(served: Served) -> list[str]:
    """Every address that answers GET, with something in place of what stands in braces."""
    auth = {"Authorization": f"Bearer {TOKEN}"}
    schema = requests.get(served.url + "/api/openapi.json", timeout=5, headers=auth).json()
    paths = [path.split("{")[0] for path, of in schema["paths"].items() if "get" in of]
    assert len(paths) > 10
    return [*paths, "/docs", "/api/openapi.json", "/metrics"]


def test_logging_in_gives_a_cookie_no_script_and_no_other_site_can_use(guarded: Served) -> None:
    reply = log_in(guarded)
    assert reply.status_code == 200
    cookie = reply.headers["Set-Cookie"].lower()
    name = f"hft-{guarded.port}="
    for wanted in (name, "httponly", "samesite=strict", "path=/", f"max-age={LIFE_MS // 1000}"):
        assert wanted in cookie
    assert "secure" not in cookie
    assert TOKEN not in reply.headers["Set-Cookie"] + reply.text
    assert order(guarded).status_code == 401
    assert order(guarded, cookies=reply.cookies).status_code == 200
    assert order(guarded, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_behind_tls_the_cookie_never_travels_in_the_open(locked: Served) -> None:
    for headers in (
        {"X-Forwarded-Proto": "https"},
        {"Host": NAME, "Origin": f"https://{NAME}"},
    ):
        assert "; secure" in log_in(locked, **headers).headers["Set-Cookie"].lower()


def test_a_cookie_that_is_missing_wrong_forged_or_ended_opens_nothing(guarded: Served) -> None:
    [(name, good)] = session_of(guarded).items()
    forged = (
        "", "x", TOKEN, good[:-1], good + "x", good.swapcase(), f"{good}, {good}", '"', "é" * 20
    )  # fmt: skip
    for secret in forged:
        headers = {"Cookie": f"{name}={secret}".encode()}
        assert order(guarded, headers=headers).status_code == 401, secret
    twice = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=5)
    twice.putrequest("DELETE", "/api/history")
    twice.putheader("Cookie", f"{name}={good}")
    twice.putheader("Cookie", f"{name}=other")
    twice.endheaders()
    assert twice.getresponse().status == 401
    twice.close()
    assert guarded.supervisor.asked == []
    ended = requests.post(guarded.url + "/api/logout", json={}, cookies={name: good}, timeout=5)
    assert f'{name}=""' in ended.headers["Set-Cookie"]
    assert order(guarded, cookies={name: good}).status_code == 401


def test_a_session_expires_and_outlives_a_restart_and_an_end_does_too(tmp_path: Path) -> None:
    clock = [1_000_000]
    path = tmp_path / "dashboard.sessions"
    sessions = Sessions(path, lambda: clock[0])
    first, second = sessions.begin(), sessions.begin()
    assert path.stat().st_mode & 0o777 == 0o600
    assert first not in path.read_text()
    sessions.end(first)
    again = Sessions(path, lambda: clock[0])
    assert not again.knows(first)
    assert again.knows(second)
    clock[0] += LIFE_MS
    assert not again.knows(second)
    path.write_text("{broken")
    assert not Sessions(path, lambda: clock[0]).knows(second)


def test_another_token_ends_the_sessions_the_old_one_opened(tmp_path: Path) -> None:
    path = tmp_path / "dashboard.sessions"
    secret = Sessions(path, token=TOKEN).begin()
    assert Sessions(path, token=TOKEN).knows(secret)
    assert not Sessions(path, token="another").knows(secret)


def test_a_disk_that_takes_nothing_keeps_nobody_out_and_brings_nobody_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "dashboard.sessions"
    sessions = Sessions(path)
    ended = sessions.begin()
    # A folder in the place of the new file: nothing can be written there.
    path.with_name(f"{path.name}.new").mkdir()
    sessions.end(ended)
    late = sessions.begin()
    assert (sessions.knows(ended), sessions.knows(late)) == (False, True)
    assert not Sessions(path).knows(ended)
    assert "sessions last until the next restart only" in caplog.text


def test_logging_in_to_one_engine_does_not_log_out_of_another(
    empty_house: House, serve: Callable[..., Served]
) -> None:
    furnish(empty_house, Mode.LIVE)
    one, other = (serve(empty_house, token=TOKEN) for _ in range(2))
    # As a browser does it, a session keeps the cookies of a machine together, whatever the port.
    with requests.Session() as browser:
        for served in (one, other):
            assert browser.post(served.url + "/api/login", json={"token": TOKEN}, timeout=5).ok
        for served in (one, other):
            assert browser.post(served.url + "/api/control", json=STOP, timeout=5).ok
        assert browser.post(one.url + "/api/logout", json={}, timeout=5).ok
        assert browser.post(one.url + "/api/control", json=STOP, timeout=5).status_code == 401
        assert browser.post(other.url + "/api/control", json=STOP, timeout=5).ok


def test_there_is_an_end_to_how_many_sessions_are_open() -> None:
    clock = [0]
    sessions = Sessions(None, lambda: clock[0])
    secrets = []
    for _ in range(SESSIONS_MAX + 1):
        clock[0] += 1
        secrets.append(sessions.begin())
    assert [sessions.knows(secret) for secret in secrets] == [False, *[True] * SESSIONS_MAX]


def test_a_stranger_at_a_locked_door_sees_nothing_on_any_route(locked: Served) -> None:
    for path in get_routes(locked):
        reply = requests.get(locked.url + path, timeout=5, allow_redirects=False)
        assert (reply.status_code == 200) is (path in OPEN), path
        assert path in OPEN or reply.json()["code"] == "TOKEN_NEEDED", path
    for path in OPEN:
        assert requests.get(locked.url + path, timeout=5).status_code == 200, path
    told = requests.get(locked.url + "/api/session", timeout=5).json()
    assert told == {"needs_token": True, "locked": True, "known": False, "mode": None}
    for trick in TRICKS:
        line = http.client.HTTPConnection("127.0.0.1", locked.port, timeout=5)
        line.request("GET", trick, headers={"Host": "localhost"})
        answer = line.getresponse()
        assert answer.status in (400, 401, 404), trick
        assert b"MOMENTUM" not in answer.read()
        line.close()
    assert order(locked).status_code == 401
    session = session_of(locked)
    assert requests.get(locked.url + "/api/status", cookies=session, timeout=5).ok
    told = requests.get(locked.url + "/api/session", cookies=session, timeout=5).json()
    assert told == {"needs_token": True, "locked": True, "known": True, "mode": "DEMO"}


def test_a_session_that_ends_takes_its_streams_with_it(locked: Served) -> None:
    ended, kept = (session_of(locked) for _ in range(2))
    url = locked.url + "/api/sse"
    with (
        requests.get(url, cookies=ended, stream=True, timeout=5) as one,
        requests.get(url, cookies=kept, stream=True, timeout=5) as other,
    ):
        wait_for(lambda: locked.pulse.watchers == 2, "both streams")
        requests.post(locked.url + "/api/logout", json={}, cookies=ended, timeout=5)
        wait_for(lambda: locked.pulse.watchers == 1, "the end of the stream whose session ended")
        assert b"event: status" in one.content
        assert next(other.iter_content(64))
    assert requests.get(url, cookies=ended, timeout=5).status_code == 401


def test_a_page_others_can_reach_must_have_a_token() -> None:
    for host, names in (("0.0.0.0", ()), ("192.168.1.5", ()), ("::", ()), ("127.0.0.1", (NAME,))):
        with pytest.raises(ValueError, match="needs a token"):
            Access(host, "", names)
        assert Access(host, TOKEN, names).locked
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        assert not Access(host).locked
    assert Access("127.0.0.1", TOKEN, (NAME,)).knows_host(NAME)
    assert not Access("127.0.0.1", TOKEN, (NAME,)).knows_host(f"evil.{NAME}")


def test_wrong_tokens_are_listened_to_a_few_times_a_minute(
    guarded: Served, caplog: pytest.LogCaptureFixture
) -> None:
    session = session_of(guarded)
    url = guarded.url + "/api/login"
    codes = [
        requests.post(url, json={"token": f"guess {number}"}, timeout=5).status_code
        for number in range(WRONG_EACH + 3)
    ]
    assert codes == [401] * WRONG_EACH + [429] * 3
    told = [record.getMessage() for record in caplog.records if record.name == "dashboard"]
    assert told == ["a wrong token was shown to the page from 127.0.0.1"] * WRONG_EACH
    # Not even the right one is listened to: otherwise guessing would go on.
    assert log_in(guarded).status_code == 429
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert order(guarded, headers=bearer).status_code == 429
    # Who has a session is not kept from stopping the house by somebody else's guesses.
    assert order(guarded, cookies=session).status_code == 200


def test_guesses_as_bearer_count_as_well(guarded: Served) -> None:
    wrong = {"Authorization": "Bearer guess"}
    codes = [order(guarded, headers=wrong).status_code for _ in range(WRONG_EACH + 1)]
    assert codes == [401] * WRONG_EACH + [429]


def test_tries_come_back_with_time_and_addresses_are_forgotten() -> None:
    clock = [NS_PER_S]
    flood = Flood(2, 3, 10.0, lambda: clock[0])

    def tries(address: str) -> bool:
        allowed = flood.allows(address)
        if allowed:
            flood.spend(address)
        return allowed

    assert [tries("a"), tries("a"), tries("a")] == [True, True, False]
    assert [tries("b"), tries("b")] == [True, False], "all together have three"
    clock[0] += 5 * NS_PER_S
    assert [tries("a"), tries("a")] == [True, False]
    for number in range(ADDRESSES_MAX * 2):
        flood.allows(str(number))
    assert len(flood._buckets) == ADDRESSES_MAX


def test_a_flood_of_changes_is_refused_and_stop_and_flatten_never_are(served: Served) -> None:
    url = served.url + "/api/config"
    codes = [
        requests.post(url, json={"max_loss": 5}, timeout=5).status_code
        for _ in range(CHANGES_EACH + 5)
    ]
    assert codes.count(429) >= 3
    assert codes[:CHANGES_EACH] == [200] * CHANGES_EACH
    assert [order(served, "STOP").status_code for _ in range(30)] == [200] * 30
    assert order(served, "FLATTEN").status_code == 200


def test_a_flood_of_stops_is_answered_and_asks_the_supervisor_twice_at_most(
    served: Served,
) -> None:
    gate = threading.Event()
    served.supervisor.waits["stop"] = gate
    with ThreadPoolExecutor(24) as hands:
        replies = [hands.submit(order, served, "STOP") for _ in range(24)]
        wait_for(lambda: len(served.supervisor.asked) == 1, "the first is being asked")
        assert order(served, "FLATTEN").status_code == 200, "the other is not held up"
        gate.set()
        assert [reply.result().status_code for reply in replies] == [200] * 24
    stops = [asked for asked in served.supervisor.asked if asked["command"] == "stop"]
    assert 1 <= len(stops) < 24


def test_a_stop_that_comes_after_a_start_is_asked_after_it(served: Served) -> None:
    gate = threading.Event()
    served.supervisor.waits["stop"] = gate
    with ThreadPoolExecutor(2) as hands:
        first = hands.submit(order, served, "STOP")
        wait_for(lambda: len(served.supervisor.asked) == 1, "the first stop is being asked")
        assert order(served, "START").status_code == 200
        second = hands.submit(order, served, "STOP")
        gate.set()
        assert (first.result().status_code, second.result().status_code) == (200, 200)
    assert [asked["command"] for asked in served.supervisor.asked] == ["stop", "start", "stop"]


def test_no_route_tells_a_secret(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (TOKEN, "database-PASSWORD-7", "api-key-SECRET-8")
    monkeypatch.setenv("HFT_API_KEY", secrets[2])
    monkeypatch.setenv("HFT_SECRET_KEY", secrets[2])
    place = f"postgresql://hft:{secrets[1]}@127.0.0.1:1/hft"
    say(house, "a line")
    served = Served(house, place, token=TOKEN, names=(NAME,))
    try:
        cookies = session_of(served)
        [session] = cookies.values()
        for path in get_routes(served):
            if path == "/api/sse":
                continue
            reply = requests.get(served.url + path, cookies=cookies, timeout=10)
            whole = reply.text + str(reply.headers)
            for secret in (*secrets, session):
                assert secret not in whole, (path, secret)
        stream = served.pulse.whole().decode()
        assert not [secret for secret in (*secrets, session) if secret in stream]
    finally:
        served.close()
