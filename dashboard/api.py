"""The routes that only look: the live state, the trades, the logs, and whether all is well."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard.deps import Deps
from dashboard.describe import answers
from dashboard.examples import LEG, LINE, ORDER, POINT, STATUS, STREAM, SYSTEM
from dashboard.watching import EventStream, Watching
from hft.state.blocks import LOG_LINES_MAX
from hft.state.log_tail import log_lines

PAGE_MAX = 1000
STATUS_POINTS_MAX = 600


class Json(Response):
    """JSON as orjson writes it: NaN becomes null instead of breaking the reader."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write the content."""
        return orjson.dumps(content)


def read_routes(deps: Deps) -> APIRouter:
    """Build the routes over the live state and the log."""
    router = APIRouter(tags=["live"], default_response_class=Json)
    view, pulse = deps.view, deps.pulse

    @router.get("/api/status", summary="Everything the page shows live", responses=answers(STATUS))
    async def status() -> Response:
        """Money, position, trading state, verdict, processes, rings, newest log lines."""
        return Json(
            {
                **view.status(pulse.ticks_per_second),
                "pnl_history": pulse.history.points()[-STATUS_POINTS_MAX:],
            }
        )

    @router.get(
        "/api/sse",
        response_class=EventStream,
        summary="The status as a stream of changes",
        responses=answers(STREAM, "text/event-stream"),
    )
    async def sse(last_event_id: Annotated[str, Header(max_length=64)] = "") -> Response:
        """Server-sent events. `status` is the whole state, without what is unknown and with rows
        by name; `patch`, up to ten times a second, is a JSON merge patch (RFC 7396) against it,
        where null removes what has become unknown; `logs` has new lines only. `Last-Event-ID`
        resumes within ten seconds.
        """
        return Watching(pulse, last_event_id)

    @router.get("/api/logs", summary="Log lines by number", responses=answers({"logs": [LINE]}))
    async def logs(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LOG_LINES_MAX)] = LOG_LINES_MAX,
    ) -> Response:
        """Those after number `after`, oldest first; the newest 512 are kept."""
        return Json({"logs": log_lines(view.house, limit, after)})

    @router.get(
        "/api/orders",
        summary="The order table, newest first",
        responses=answers({"orders": [ORDER]}),
    )
    async def orders(limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100) -> Response:
        """Every order with each hop of its life, in nanoseconds since its market frame."""
        return Json({"orders": view.orders(limit)})

    @router.get(
        "/api/latency", summary="Percentiles of every leg", responses=answers({"legs": [LEG]})
    )
    async def latency() -> Response:
        """Count, mean, percentiles and longest of every stretch from tick to fill, in ns."""
        return Json({"legs": view.latency()})

    @router.get(
        "/api/system", summary="Processes, rings, connections, ledger", responses=answers(SYSTEM)
    )
    async def system() -> Response:
        """The machinery alone."""
        return Json(view.system())

    return router


def trade_routes(deps: Deps) -> APIRouter:
    """Build the routes over the database; each query runs in a worker thread."""
    router = APIRouter(prefix="/api", tags=["trades"], default_response_class=Json)
    view, trades, pulse = deps.view, deps.trades, deps.pulse

    @router.get(
        "/history",
        summary="Trades since the last clearing, newest first",
        responses=answers({"trades": [], "total": 0}),
    )
    async def history(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 200,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """With totals of all time and of today (UTC)."""
        return Json(await run_in_threadpool(trades.page, limit, offset))

    @router.get(
        "/pnl",
        summary="P&L by strategy and symbol",
        responses=answers({"session": [], "historical": []}),
    )
    async def pnl() -> Response:
        """P&L, fees, funding and net of this session and since the last clearing."""
        started_ms = int(view.reader.run()["started_ms"])
        return Json(await run_in_threadpool(trades.shares, started_ms))

    @router.get(
        "/pnl_series",
        summary="The P&L curve",
        responses=answers({"mode": "session", "points": [POINT]}),
    )
    async def pnl_series(
        mode: Literal["session", "historical"] = "session",
    ) -> Response:
        """Sampled total of this session, or the running net of every trade."""
        if mode == "session":
            return Json({"mode": mode, "points": pulse.history.points()})
        return Json({"mode": mode, "points": await run_in_threadpool(trades.series)})

    return router
