"""The feed of the second of two shards."""

from __future__ import annotations

import numpy as np

from hft.clock import Deadline, monotonic_ns
from hft.config import Network
from hft.feed.agent import FeedAgent
from hft.seats import Seat
from ringbuf.parking import Parking
from tests.hft.feed.bench_room import book_ticker
from tests.hft.houses import new_context, new_house
from tests.hft.wire.local_server import LocalServer, server_frame


def test_a_feed_of_a_shard_asks_for_its_own_symbols_and_writes_to_its_own_ring() -> None:
    with (
        new_house("BTCUSDT", "ETHUSDT", "SOLUSDT", shards=2) as house,
        new_context(house, Seat.FEED2) as context,
        LocalServer() as venue,
    ):
        agent = FeedAgent(context, Network(ws_url=venue.url), house.symbols())
        agent.on_start()
        agent.do_work(monotonic_ns())
        ends = [venue.accept() for _ in range(2)]
        assert sorted(venue.paths) == [
            "/market/ws/ethusdt@aggTrade/ethusdt@markPrice@1s/ethusdt@forceOrder",
            "/public/ws/ethusdt@bookTicker",
        ]
        house.parked[Seat.STRATEGY2]["parked"] = 1
        public = ends[venue.paths.index("/public/ws/ethusdt@bookTicker")]
        public.sendall(server_frame(book_ticker("ETHUSDT", "2.5", "2.75")))
        deadline = Deadline(30)
        while not house.shards[1].market.depth():
            assert not deadline.passed()
            agent.do_work(monotonic_ns())
        assert int(house.shards[1].market.slots[0]["symbol"]) == 1
        assert house.shards[0].market.depth() == 0
        assert not house.shards[0].feed_link["frames"].any()
        assert [top.read() is not None for top in house.top[:3]] == [False, True, False]
        poller = Parking(np.zeros(1, np.uint64))
        poller.register(context.bells[Seat.STRATEGY2].fileno())
        assert poller.wait(0), "the strategy of the shard said that it sleeps"
        agent.on_close()
