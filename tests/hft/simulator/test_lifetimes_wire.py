from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import websocket
from websocket import ABNF

from hft.simulator.lifetimes import (
    LIFE_MAX_MS,
    PING_INTERVAL_MS,
    PONG_MAX_MS,
    PONG_TIMEOUT,
    Lifetime,
)
from hft.simulator.limits import BAN_FIRST_MS, STRIKES_MAX
from hft.simulator.user_streams import LISTEN_KEY_LIFE_MS

from .clocked import START_MS, Clocked, clocked
from .wire import eventually, receive

KEY = "/fapi/v1/listenKey"
SESSION = "/ws-fapi/v1"


@pytest.fixture
def venue() -> Iterator[Clocked]:
    with clocked() as running:
        yield running


def frame(link: websocket.WebSocket) -> tuple[int, bytes]:
    """Receive one frame as it is, and answer nothing."""
    got = link.recv_frame()
    return int(got.opcode), bytes(got.data)


def ends_with(link: websocket.WebSocket, code: int, reason: str) -> None:
    assert frame(link) == (ABNF.OPCODE_CLOSE, code.to_bytes(2, "big") + reason.encode())
    link.send_close()
    assert link.sock is not None
    assert link.sock.recv(1) == b""


def settle(link: websocket.WebSocket) -> None:
    """Return when the venue has taken everything that was sent on this stream connection."""
    link.send('{"method":"GET_PROPERTY","params":["combined"],"id":1}')
    assert receive(link)["id"] == 1


def test_a_listen_key_lives_an_hour_after_its_last_extension(venue: Clocked) -> None:
    key = venue.raw("POST", KEY).json()["listenKey"]
    for method in ("PUT", "POST"):
        venue.now_ms += LISTEN_KEY_LIFE_MS - 1_000
        assert venue.raw(method, KEY).json() == {"listenKey": key}
    venue.now_ms += LISTEN_KEY_LIFE_MS - 1_000
    with venue.socket(f"/private/ws?listenKey={key}") as link:
        venue.signed("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=9)
        assert receive(link)["e"] == "ACCOUNT_CONFIG_UPDATE"
        venue.now_ms += 1_000
        said = json.loads(link.recv())
        assert (said["e"], said["listenKey"]) == ("listenKeyExpired", key)
        dead = venue.raw("PUT", KEY)
        assert dead.status_code == 400
        assert dead.json()["code"] == -1125
        fresh = venue.raw("POST", KEY).json()["listenKey"]
        assert fresh != key
        venue.signed("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7)
        # The socket stays open, and says nothing of the account any more.
        settle(link)


@pytest.mark.parametrize("path", ["/market/ws", SESSION])
def test_a_silent_client_is_pinged_after_3_minutes_and_dropped_10_later(
    venue: Clocked, path: str
) -> None:
    with venue.socket(path) as link:
        venue.now_ms += PING_INTERVAL_MS
        assert frame(link) == (ABNF.OPCODE_PING, str(venue.now_ms).encode())
        venue.now_ms += PONG_MAX_MS - 1_000
        assert frame(link)[0] == ABNF.OPCODE_PING
        venue.now_ms += 1_000
        ends_with(link, 1008, "Pong timeout")


def test_a_client_that_answers_stays_and_leaves_after_24_hours(venue: Clocked) -> None:
    with venue.socket("/market/ws") as link:
        while venue.now_ms < START_MS + 4 * PONG_MAX_MS:
            venue.now_ms += PONG_MAX_MS
            opcode, payload = frame(link)
            assert opcode == ABNF.OPCODE_PING
            link.pong(payload.decode())
            settle(link)
        venue.now_ms = START_MS + LIFE_MAX_MS - 1_000
        opcode, payload = frame(link)
        link.pong(payload.decode())
        settle(link)
        venue.now_ms += 1_000
        ends_with(link, 1001, "")


def test_only_an_echo_answers_a_ping_of_the_websocket_api() -> None:
    for must_echo in (True, False):
        life = Lifetime(0, must_echo=must_echo)
        assert life.ping(PING_INTERVAL_MS - 1) == b""
        assert life.ping(PING_INTERVAL_MS)
        life.on_pong(b"unasked")
        over_ms = PING_INTERVAL_MS + PONG_MAX_MS
        assert life.ending(over_ms) == (PONG_TIMEOUT if must_echo else b"")


def test_the_answer_to_the_latest_ping_answers_those_before() -> None:
    life = Lifetime(0, must_echo=True)
    first, second, third = (life.ping(n * PING_INTERVAL_MS)[2:] for n in (1, 2, 3))
    life.on_pong(second)
    life.on_pong(first)
    assert life.ending(2 * PING_INTERVAL_MS + PONG_MAX_MS) == b""
    assert life.ending(3 * PING_INTERVAL_MS + PONG_MAX_MS) == PONG_TIMEOUT
    life.on_pong(third)
    assert life.ending(3 * PING_INTERVAL_MS + PONG_MAX_MS) == b""


def test_the_eleventh_message_within_a_second_ends_the_connection(venue: Clocked) -> None:
    with venue.socket("/public/ws") as link:
        for _ in range(2):
            for _ in range(10):
                settle(link)
            venue.now_ms += 1_000
        for _ in range(4):
            settle(link)
            link.pong("")
        venue.now_ms += 999
        link.ping("a")
        assert frame(link) == (ABNF.OPCODE_PONG, b"a")
        settle(link)
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        ends_with(link, 1008, "Too many requests")


def test_a_flood_is_told_why_it_ends(venue: Clocked) -> None:
    with venue.socket("/public/ws") as link:
        for _ in range(2_000):
            link.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        for _ in range(10):
            assert frame(link)[0] == ABNF.OPCODE_TEXT
        ends_with(link, 1008, "Too many requests")


def test_a_client_that_does_not_hear_why_is_dropped_all_the_same(venue: Clocked) -> None:
    with venue.socket("/public/ws") as link:
        for _ in range(11):
            link.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        eventually(lambda: venue.venue.counts.connections == 0)


def test_sessions_may_ask_as_fast_as_their_weight_allows_but_not_ping(venue: Clocked) -> None:
    with venue.socket(SESSION) as link:
        for _ in range(30):
            link.send('{"id":7,"method":"ping"}')
            assert receive(link)["status"] == 200
        for _ in range(5):
            link.ping("a")
            assert frame(link)[0] == ABNF.OPCODE_PONG
        link.ping("a")
        ends_with(link, 1008, "Too many requests")


def test_who_is_cut_off_again_and_again_gets_no_stream_for_a_while(venue: Clocked) -> None:
    for _ in range(STRIKES_MAX + 1):
        with venue.socket("/public/ws") as link:
            for _ in range(11):
                link.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
            while frame(link)[0] != ABNF.OPCODE_CLOSE:
                pass
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        venue.socket("/public/ws").__enter__()
    assert refused.value.status_code == 418
    assert venue.raw("GET", "/fapi/v1/ping").status_code == 200
    venue.now_ms += BAN_FIRST_MS
    with venue.socket("/public/ws") as link:
        settle(link)


def test_a_connection_follows_1024_streams_and_no_more(venue: Clocked) -> None:
    names = [f"s{number}usdt@trade" for number in range(1024)]
    with venue.socket("/public/ws") as link:
        link.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        assert receive(link) == {"result": None, "id": 1}
        link.send(json.dumps({"method": "SUBSCRIBE", "params": names[:9], "id": 2}))
        assert receive(link) == {"result": None, "id": 2}
        link.send(json.dumps({"method": "SUBSCRIBE", "params": ["more@trade"], "id": 3}))
        ends_with(link, 1008, "Too many streams")
    # In an address there is room for short names alone.
    short = "/".join(f"{number:x}@t" for number in range(1025))
    with venue.socket(f"/public/stream?streams={short}") as link:
        ends_with(link, 1008, "Too many streams")
    eventually(lambda: venue.venue.counts.stream_connections == 0)
    assert not venue.venue.hub.has_market_listeners()
