"""The routes that only look: the live state, the logs, and whether all is well."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from dashboard import sentences
from dashboard.auth import Refusal
from dashboard.deps import Deps
from dashboard.stream import WATCHERS_MAX
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
    async def sse() -> Response:
        if pulse.watchers >= WATCHERS_MAX:
            raise Refusal(503, "TOO_MANY_WATCHERS", f"{WATCHERS_MAX} pages are open already.")
        return StreamingResponse(pulse.watch(), media_type="text/event-stream")

    @router.get("/api/logs")
    async def logs(
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LOG_LINES_MAX)] = LOG_LINES_MAX,
    ) -> Response:
        return Json({"logs": log_lines(view.house, limit, after)})

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
