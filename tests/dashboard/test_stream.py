from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import requests

from dashboard.stream import WATCHERS_MAX
from hft.clock import Deadline
from hft.topology import House
from tests.dashboard.furniture import Served, wait_for, write_account


@contextlib.contextmanager
def watching(served: Served) -> Iterator[Iterator[dict[str, Any]]]:
    """Open a stream; yields the statuses as they come."""
    with requests.get(served.url + "/api/sse", stream=True, timeout=5) as reply:
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        yield statuses(reply)


def statuses(reply: requests.Response) -> Iterator[dict[str, Any]]:
    for line in reply.iter_lines():
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def test_the_stream_delivers_the_status_twice_a_second(house: House, served: Served) -> None:
    with watching(served) as stream:
        deadline = Deadline(10)
        assert [status["total_pnl"] for status in islice(stream, 4)] == [42.5] * 4
        assert not deadline.passed()
        write_account(house, pnl_e8=-100_000_000)
        assert next(status for status in stream if status["total_pnl"] != 42.5)["total_pnl"] == -1


def test_watchers_share_one_look_and_leave_no_trace(served: Served) -> None:
    with watching(served) as first, watching(served) as second:
        next(first), next(second)
        wait_for(lambda: served.pulse.watchers == 2, "two watchers")
    wait_for(lambda: served.pulse.watchers == 0, "the watchers gone")


def test_there_is_an_end_to_how_many_may_watch(served: Served) -> None:
    with contextlib.ExitStack() as pages:
        streams = [pages.enter_context(watching(served)) for _ in range(WATCHERS_MAX)]
        for stream in streams:
            next(stream)
        reply = requests.get(served.url + "/api/sse", timeout=5)
        assert reply.status_code == 503
        assert reply.json()["code"] == "TOO_MANY_WATCHERS"


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
