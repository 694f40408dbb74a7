"""The routes that only look: the live state, the trades, the logs, and whether all is well."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard import sentences
from dashboard.deps import Deps
from dashboard.watching import Watching
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
    router = APIRouter(default_response_class=Json)
    view, pulse = deps.view, deps.pulse

    @router.get("/api/status")
    async def status() -> Response:
        return Json(
            {
                **view.status(pulse.ticks_per_second),
                "pnl_history": pulse.history.points()[-STATUS_POINTS_MAX:],
            }
        )

    @router.get("/api/sse")
    async def sse(last_event_id: Annotated[str, Header(max_length=64)] = "") -> Response:
        return Watching(pulse, last_event_id)

    @router.get("/api/logs")
    async def logs(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LOG_LINES_MAX)] = LOG_LINES_MAX,
    ) -> Response:
        return Json({"logs": log_lines(view.house, limit, after)})

    @router.get("/api/orders")
    async def orders(limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100) -> Response:
        return Json({"orders": view.orders(limit)})

    @router.get("/api/latency")
    async def latency() -> Response:
        return Json({"legs": view.latency()})

    @router.get("/api/system")
    async def system() -> Response:
        return Json(view.system())

    @router.get("/healthz")
    async def healthz() -> Response:
        return Json({"ok": True})

    @router.get("/readyz")
    async def readyz() -> Response:
        missing, halted = view.not_ready(), view.halted()
        answer = {
            "ok": not missing,
            "halted": halted,
            "message": sentences.readiness(missing, halted=halted),
            "missing": missing,
        }
        return Json(answer, 503 if missing else 200)

    return router


def trade_routes(deps: Deps) -> APIRouter:
    """Build the routes over the database; each query runs in a worker thread."""
    router = APIRouter(prefix="/api", default_response_class=Json)
    view, trades, pulse = deps.view, deps.trades, deps.pulse

    @router.get("/history")
    async def history(
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 200,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        return Json(await run_in_threadpool(trades.page, limit, offset))

    @router.get("/pnl")
    async def pnl() -> Response:
        started_ms = int(view.reader.run()["started_ms"])
        return Json(await run_in_threadpool(trades.shares, started_ms))

    @router.get("/pnl_series")
    async def pnl_series(
        mode: Literal["session", "historical"] = "session",
    ) -> Response:
        if mode == "session":
            return Json({"mode": mode, "points": pulse.history.points()})
        return Json({"mode": mode, "points": await run_in_threadpool(trades.series)})

    return router
