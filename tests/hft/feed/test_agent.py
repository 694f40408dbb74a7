"""The feed agent against a venue over real sockets; only the clock it is handed is ours."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hft.agent.contract import Context
from hft.clock import Deadline, monotonic_ns
from hft.config import Network
from hft.events import MarketKind, Role
from hft.feed.agent import MARKET_LINK, PUBLIC, FeedAgent, hot_functions, warm
from hft.feed.link import FIRST_FRAME_NS, SILENCE_MAX_NS
from hft.feed.receive import BROKEN
from hft.state.blocks import FEED_LINK
from hft.topology import House
from ringbuf.compiled import signature_count
from ringbuf.parking import Parking
from ringbuf.spsc import Consumer
from tests.hft.feed.bench_room import agg_trade, book_ticker, gaps
from tests.hft.houses import new_context, new_house
from tests.hft.wire.certificate import make_certificate, needs_openssl
from tests.hft.wire.local_server import LocalServer, server_frame

S = 1_000_000_000
MARK = b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"1.5","i":"1.25","r":"0.0001"}'


class World:
    """A house, a venue, and the feed between them; `now_ns` runs ahead where a test says so.

    With `on_waking` the feed sleeps as a parked process does, and receives before it is asked.
    """

    def __init__(
        self, house: House, context: Context, venue: LocalServer, *, on_waking: bool = False
    ) -> None:
        self.on_waking = on_waking
        self.house, self.context, self.venue = house, context, venue
        self.ahead_ns = 0
        self.consumer = Consumer(house.market)
        self.log = Consumer(house.log_ring(Role.FEED))
        self.start_agent()

    def start_agent(self) -> None:
        network = Network(ws_url=self.venue.url)
        self.agent = FeedAgent(self.context, network, self.house.symbols())
        self.agent.on_start()
        self.context.parking.watch(self.agent.inlets(), self.agent.duty())

    def work_until(self, done: Callable[[], bool]) -> None:
        deadline = Deadline(30)
        while not done():
            assert not deadline.passed(), self.said()
            self.agent.do_work(monotonic_ns() + self.ahead_ns)
            if self.on_waking:
                self.context.parking.sleep(1)
            else:
                self.context.parking.wait(1)
            self.context.bells[Role.FEED].silence()
        if self.on_waking:
            self.agent.do_work(monotonic_ns() + self.ahead_ns)

    def accept(self) -> tuple[socket.socket, socket.socket]:
        """Accept both links: the public one first, whichever came first."""
        self.agent.do_work(monotonic_ns() + self.ahead_ns)
        ends = {}
        for _ in range(2):
            end = self.venue.accept()
            ends[self.venue.paths[-1].split("/")[1]] = end
        self.work_until(lambda: bool(self.house.feed_link["connected"].all()))
        return ends["public"], ends["market"]

    def send(self, end: socket.socket, *messages: bytes) -> None:
        """Send frames and let the feed read them to the last."""
        counted = self.frames() + len(messages)
        end.sendall(b"".join(map(server_frame, messages)))
        self.work_until(lambda: self.frames() >= counted)

    def frames(self) -> int:
        return int(self.house.feed_link["frames"].sum())

    def said(self) -> list[str]:
        count = self.log.waiting()
        return [bytes(record["text"]).decode() for record in self.log.copy(count)]

    def count(self, link: int, name: str) -> int:
        return int(self.house.feed_link[link][name])


@pytest.fixture(params=[False, True], ids=["asked", "on-waking"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with (
        new_house("BTCUSDT", "ETHUSDT") as house,
        new_context(house, Role.FEED) as context,
        LocalServer() as venue,
    ):
        world = World(house, context, venue, on_waking=request.param)
        yield world
        world.agent.on_close()
        del world.consumer, world.log


def test_each_link_asks_its_route_for_its_streams(world: World) -> None:
    world.accept()
    assert sorted(world.venue.paths) == [
        "/market/ws/btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@forceOrder"
        "/ethusdt@aggTrade/ethusdt@markPrice@1s/ethusdt@forceOrder",
        "/public/ws/btcusdt@bookTicker/ethusdt@bookTicker",
    ]


def test_events_reach_the_ring_and_the_top_blocks_and_the_strategy_is_woken(world: World) -> None:
    public, market = world.accept()
    world.context.house.parked[Role.STRATEGY]["parked"] = 1
    world.send(public, book_ticker(), book_ticker("ETHUSDT", "2.5", "2.75"))
    world.send(market, agg_trade(1), MARK)
    events = world.consumer.copy(4)
    assert [MarketKind(kind).name for kind in events["kind"]] == [
        "BOOK_TOP", "BOOK_TOP", "TRADE", "MARK_PRICE",
    ]  # fmt: skip
    assert gaps(events) == [True, True, True, False]
    top, other = (world.house.top[symbol].read() for symbol in (0, 1))
    assert top is not None
    assert other is not None
    assert (top[0]["bid"], top[0]["last"], top[0]["mark"]) == (84788.2, 83434.4, 1.5)
    assert (other[0]["bid"], other[0]["ask"], other[0]["trade_ns"]) == (2.5, 2.75, 0)
    vitals = world.house.vitals[Role.FEED]
    assert (vitals["events_in"], vitals["events_out"]) == (4, 4)
    poller = Parking(np.zeros(1, np.uint64))
    poller.register(world.context.bells[Role.STRATEGY].fileno())
    assert poller.wait(0), "the strategy said that it sleeps"


@needs_openssl
def test_frames_that_share_a_tls_record_with_the_handshake_are_read_at_once(
    tmp_path: Path,
) -> None:
    certificate, tls = make_certificate(tmp_path)
    first = server_frame(book_ticker())
    with (
        new_house("BTCUSDT") as house,
        new_context(house, Role.FEED) as context,
        LocalServer(tls) as venue,
    ):
        network = Network(ws_url=venue.url, ca_file=str(certificate))
        agent = FeedAgent(context, network, house.symbols())
        agent.on_start()
        agent.do_work(monotonic_ns())
        ends = [venue.accept(first), venue.accept(first)]
        deadline = Deadline(30)
        while house.feed_link["frames"].sum() < len(ends):
            assert not deadline.passed()
            agent.do_work(monotonic_ns())
        agent.on_close()


def test_a_ping_is_answered_and_a_goodbye_is_followed_by_a_new_connection(world: World) -> None:
    public, _ = world.accept()
    public.sendall(server_frame(b"1791391082024", opcode=9))
    world.work_until(lambda: world.count(PUBLIC, "bytes_in") > 0)
    pong = public.recv(100)
    assert pong[:2] == b"\x8a\x8d"
    world.send(public, book_ticker(), book_ticker())
    public.sendall(server_frame((1001).to_bytes(2, "big") + b"24 hours", opcode=8))
    world.work_until(lambda: world.count(PUBLIC, "connected") == 0)
    assert "public stream: the venue said goodbye: 1001 24 hours; dialling again in 0.1 s" in (
        world.said()
    )
    world.ahead_ns += S // 10
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    again = world.venue.accept()
    world.work_until(lambda: world.count(PUBLIC, "connected") == 1)
    world.send(again, book_ticker(), book_ticker())
    assert gaps(world.consumer.copy(4)) == [True, False, True, False]
    assert world.count(PUBLIC, "connects") == 2
    assert world.count(MARKET_LINK, "connects") == 1


def test_trade_ids_may_start_anew_after_a_reconnection_but_the_gap_is_flagged(
    world: World,
) -> None:
    _, market = world.accept()
    world.send(market, agg_trade(100), agg_trade(101))
    market.close()
    world.work_until(lambda: world.count(MARKET_LINK, "connected") == 0)
    world.ahead_ns += S // 10
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    again = world.venue.accept()
    world.work_until(lambda: world.count(MARKET_LINK, "connected") == 1)
    world.send(again, agg_trade(7), agg_trade(8))
    events = world.consumer.copy(4)
    assert list(events["qty2"]) == [100, 101, 7, 8]
    assert gaps(events) == [True, False, True, False]
    assert world.count(MARKET_LINK, "gaps") == 0


def test_a_link_that_falls_silent_is_dialled_anew(world: World) -> None:
    public, _ = world.accept()
    world.send(public, book_ticker(), book_ticker("ETHUSDT"))
    world.ahead_ns += S
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    assert world.count(PUBLIC, "connected") == 1
    world.ahead_ns += SILENCE_MAX_NS
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    assert world.count(PUBLIC, "connected") == 0
    assert any("public stream: nothing came for 11 s" in text for text in world.said())


def test_a_stream_that_was_acknowledged_and_stays_mute_is_an_error_with_its_name(
    world: World,
) -> None:
    public, market = world.accept()
    world.send(public, book_ticker(), book_ticker("ETHUSDT"))
    world.send(market, agg_trade(1), agg_trade(1, "ETHUSDT"), MARK)
    world.ahead_ns += FIRST_FRAME_NS // 2 + S
    world.send(market, agg_trade(2))
    world.ahead_ns += FIRST_FRAME_NS // 2 + S
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    assert world.count(MARKET_LINK, "mute_streams") == 1
    assert "stream ethusdt@markPrice@1s is mute: no frame in 15 s" in world.said()
    assert world.count(MARKET_LINK, "connected") == 0


def test_a_link_that_never_speaks_names_every_stream_it_waited_for(world: World) -> None:
    world.accept()
    world.ahead_ns += FIRST_FRAME_NS + S
    world.agent.do_work(monotonic_ns() + world.ahead_ns)
    assert (world.count(PUBLIC, "mute_streams"), world.count(MARKET_LINK, "mute_streams")) == (2, 4)
    assert not world.house.feed_link["connected"].any()


def test_a_venue_that_throws_us_out_at_once_is_dialled_less_and_less_often(world: World) -> None:
    public, _ = world.accept()
    for wait in ("0.1", "0.2", "0.4"):
        public.sendall(server_frame((1008).to_bytes(2, "big"), opcode=8))
        world.work_until(lambda: world.count(PUBLIC, "connected") == 0)
        assert f"dialling again in {wait} s" in world.said()[-1]
        world.ahead_ns += S
        world.agent.do_work(monotonic_ns() + world.ahead_ns)
        public = world.venue.accept()
        world.work_until(lambda: world.count(PUBLIC, "connected") == 1)


def test_a_venue_that_is_not_there_is_dialled_again_and_again(world: World) -> None:
    world.venue.__exit__(None, None, None)
    world.work_until(lambda: sum("cannot connect" in text for text in world.said()) >= 4)
    waits = [text.rsplit(" ", 2)[-2] for text in world.said() if "public" in text]
    assert waits[:2] == ["0.1", "0.2"]


def test_a_fresh_process_keeps_the_tops_and_the_numbers_of_the_one_before(world: World) -> None:
    public, market = world.accept()
    world.send(public, book_ticker(), book_ticker())
    world.send(market, agg_trade(1))
    world.agent.on_close()
    world.start_agent()
    _, market = world.accept()
    world.send(market, agg_trade(2))
    events = world.consumer.copy(4)
    assert list(events["seq"]) == [1, 2, 3, 4]
    assert gaps(events)[-1]
    top = world.house.top[0].read()
    assert top is not None
    assert top[0]["bid"] == 84788.2, "no trade takes the book back"


def test_nothing_is_compiled_after_the_warm_up(world: World) -> None:
    warm()
    before = [signature_count(function) for function in hot_functions()]
    assert all(before)
    public, market = world.accept()
    world.send(public, book_ticker(), b"nonsense")
    world.send(market, agg_trade(1), MARK, agg_trade(2).replace(b":", b": "))
    assert [signature_count(function) for function in hot_functions()] == before
    assert world.house.feed_link.dtype == FEED_LINK


def test_draining_closes_both_links(world: World) -> None:
    public, market = world.accept()
    assert world.agent.drain(monotonic_ns())
    assert public.recv(100)[:1] == b"\x88"
    assert market.recv(100)[:1] == b"\x88"
    assert not world.house.feed_link["connected"].any()
    assert world.agent.inlets() == ()


def test_a_fault_in_the_decoder_on_waking_ends_the_process() -> None:
    with (
        new_house("BTCUSDT") as house,
        new_context(house, Role.FEED) as context,
        LocalServer() as venue,
    ):
        world = World(house, context, venue, on_waking=True)
        world.accept()
        world.agent._receipts[0]["got"] = 5
        world.agent._receipts[0]["stop"] = BROKEN
        with pytest.raises(RuntimeError, match="the decoder failed in compiled code"):
            world.agent.do_work(monotonic_ns())
        world.agent.on_close()
